module CondEmbed.Tests.ConfigTests

open System
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open CondEmbed.Images
open CondEmbed.Datasets

let private applied settings config =
    match Settings.apply settings config with
    | Ok config -> config
    | Error problems -> failtest (problems |> List.map string |> String.concat "; ")

let private refused settings =
    match Settings.apply settings Config.standard with
    | Ok _ -> failtest "the settings were taken"
    | Error problems -> problems

/// Another value of the same kind, as text.
let private another key (value: string) =
    let setting = Settings.all |> List.find (fun setting -> setting.Key = key)

    match setting.Constraint with
    | Constraint.OneOf names -> names |> List.find ((<>) value)
    | _ ->

        match Boolean.TryParse value, Double.TryParse(value, Globalization.CultureInfo.InvariantCulture) with
        | (true, flag), _ -> if flag then "false" else "true"
        | _, (true, number) -> Settings.text (box (number + 1.0))
        | _ -> value + "x"

let private textTests =
    testList
        "settings as text"
        [ testCase "every setting has a key in snake case and says what it means" (fun () ->
              for key, meaning in Settings.keys do
                  Expect.isTrue (key |> Seq.forall (fun c -> Char.IsAsciiLetterLower c || c = '_')) key
                  Expect.isNotEmpty meaning key

              Expect.equal (Settings.keyOf "PerClass") "per_class" "PerClass"
              Expect.equal (Settings.keyOf "Lr") "lr" "Lr")

          testCase "a whole config goes to text and back" (fun () ->
              let unusual =
                  { Config.photographs with
                      LossSettings = NamedNumbers(Map [ "alpha", 0.1; "beta", 50.0 ])
                      LevelLoss = "supcon"
                      LevelLossSettings = NamedNumbers(Map [ "temperature", 1e-3 ])
                      Data = "a folder, with = and #" }

              for config in [ Config.standard; Config.photographs; unusual ] do
                  Expect.equal (applied (Settings.toPairs config) Config.standard) config "config")

          for key, value in Settings.toPairs Config.standard do
              testCase $"'{key}' alone is changed by its key" (fun () ->
                  let changed = another key value
                  let config = applied [ key, changed ] Config.standard

                  let differences = List.except (Settings.toPairs Config.standard) (Settings.toPairs config)

                  Expect.equal differences [ key, changed ] "what changed")

          testCase "no size is so large that its bytes overflow" (fun () ->
              let keys change = change Config.standard |> ConfigValidation.problems |> List.map _.Key
              Expect.equal (keys (fun c -> { c with Size = 99999; Resize = 0 })) [ "size" ] "size"
              Expect.equal (keys (fun c -> { c with Resize = 100000 })) [ "resize" ] "resize"
              Expect.equal (keys (fun c -> { c with Size = 4096; Resize = 0; Batch = 64 })) [ "batch" ] "batch")

          testCase "no number that nothing is computed with is a setting" (fun () ->
              let numbers = [ nan; infinity; -infinity; 1e39; -1e300; -0.0 ]
              let problemsOf config = ConfigValidation.problems config |> List.map _.Key

              for setting in Settings.all |> List.filter (fun setting -> setting.Type = SettingType.Number) do
                  for number in numbers do
                      let config, unread = Settings.overlay [ setting.Key, Settings.text number ] Config.standard
                      Expect.isEmpty unread $"{setting.Key} = {number} is read"
                      Expect.contains (problemsOf config) setting.Key $"{setting.Key} = {number}"

              for number in numbers do
                  let settings = NamedNumbers(Map [ "base", number ])
                  Expect.contains (problemsOf { Config.standard with LossSettings = settings }) "loss_settings.base" $"base = {number}"

                  Expect.contains
                      (problemsOf { Config.standard with LevelLossSettings = settings })
                      "level_loss_settings.base"
                      $"base = {number}"

              for text in
                  [ "triplet(margin=NaN)"
                    "triplet(margin=-0)"
                    "triplet(margin=1e39)"
                    "0 * triplet"
                    "1e999 * triplet + nca" ] do
                  Expect.contains (problemsOf { Config.standard with Loss = text; Levels = 0 }) "loss" text
                  Expect.contains (problemsOf { Config.standard with LevelLoss = text }) "level_loss" text)

          testCase "no batch of one class is taken or advised" (fun () ->
              let said batch sampler =
                  [ for problem in
                        ConfigValidation.problems
                            { Config.standard with Batch = batch; PerClass = 4; Sampler = sampler; CategoriesPerBatch = 1 } ->
                        string problem ]

              for sampler in [ Choices.Sampler.MPerClass; Choices.Sampler.CategoryBalanced; Choices.Sampler.Hierarchical ] do
                  Expect.stringContains
                      (String.concat "" (said 4 sampler))
                      "has only one class, and so no negatives: take at least 8"
                      (Choices.word sampler)

                  Expect.stringContains (String.concat "" (said 6 sampler)) "the nearest is 8" (Choices.word sampler)
                  Expect.isEmpty (said 8 sampler) (Choices.word sampler))

          testProperty "numbers keep every digit" (fun (FsCheck.NormalFloat number) ->
              let config = { Config.standard with Lr = number }
              (applied (Settings.toPairs config) Config.standard).Lr = number)

          testCase "of two values the later one wins; a loss's settings add up" (fun () ->
              let config = applied [ "steps", "5"; "loss_settings.alpha", "1"; "steps", "7"; "loss_settings.beta", "2" ] Config.standard

              Expect.equal config.Steps 7 "steps"
              Expect.equal config.LossSettings (NamedNumbers(Map [ "alpha", 1.0; "beta", 2.0 ])) "loss settings")

          testCase "an unknown key suggests the nearest, unless none is near" (fun () ->
              let message key = (refused [ key, "1" ]).Head.Message
              Expect.stringContains (message "per_clas") "did you mean 'per_class'?" "a letter missing"
              Expect.stringContains (message "Embeding") "did you mean 'embedding'?" "case"
              Expect.stringContains (message "loss_setings.alpha") "there is no such setting" "a table"
              Expect.isFalse ((message "zzzzzz").Contains "did you mean") "nothing near")

          testCase "everything that is wrong is reported at once, by key" (fun () ->
              let problems =
                  refused
                      [ "steps", "many"
                        "lr", "0,5"
                        "residual", "yes"
                        "stepz", "1"
                        "loss_settings", "1"
                        "loss_settings.alpha", "x"
                        "batch", "12.5" ]

              Expect.equal
                  [ for problem in problems -> problem.Key ]
                  [ "steps"; "lr"; "residual"; "stepz"; "loss_settings"; "loss_settings.alpha"; "batch" ]
                  "keys"

              let message i = problems[i].Message
              Expect.stringContains (message 0) "'many' is not a whole number" "steps"
              Expect.stringContains (message 1) "with a point" "lr"
              Expect.stringContains (message 2) "true or false" "residual"
              Expect.stringContains (message 3) "'steps'" "stepz"
              Expect.stringContains (message 4) "loss_settings.alpha=2" "the whole table")

          testCase "the descriptions name every encoder, pooling and loss" (fun () ->
              let meaning key = Settings.keys |> List.find (fst >> (=) key) |> snd

              for key, names in
                  [ "encoder", Encoders.All.names
                    "pooling", [ for name, _, _ in Encoders.All.poolings -> name ]
                    "loss", All.names ] do
                  for name in names do
                      Expect.stringContains (meaning key) name key) ]

let private problemsOf change = ConfigValidation.problems (change Config.standard)

let private unsound: (string * (Config -> Config)) list =
    [ "train_share", (fun c -> { c with TrainShare = 1.0 })
      "validation_share", (fun c -> { c with ValidationShare = -0.1 })
      "encoder", (fun c -> { c with Encoder = "resnet51" })
      "pooling", (fun c -> { c with Pooling = "sum" })
      "pooling", (fun c -> { c with Pooling = "class" })
      "size", (fun c -> { c with Encoder = "vit-s16"; Size = 100; Resize = 0 })
      "embedding", (fun c -> { c with Embedding = -8; Levels = 0 })
      "levels", (fun c -> { c with Levels = -1 })
      "heads", (fun c -> { c with Heads = 3 })
      "heads", (fun c -> { c with Heads = 0 })
      "level_weight", (fun c -> { c with LevelWeight = nan })
      "level_values", (fun c -> { c with LevelValues = Choices.LevelValues.Head })
      "level_values", (fun c -> { c with LevelValues = Choices.LevelValues.Head; Pooling = "mean-max" })
      "level_values", (fun c -> { c with LevelValues = Choices.LevelValues.Head; Pooling = "gem"; HeadNorm = false })
      "level_values",
      (fun c ->
          { c with
              LevelValues = Choices.LevelValues.Head
              Pooling = "mean"
              HeadNorm = false
              Levels = 2
              LevelTokens = Choices.LevelTokens.Stages })
      "level_query",
      (fun c ->
          { c with
              LevelQuery = Hierarchy.Query.Unconditional
              Levels = 2
              Residual = false
              LevelLossOn = Choices.LevelLossOn.Last })
      "level_tokens", (fun c -> { c with LevelTokens = Choices.LevelTokens.Stages; Levels = 4 })
      "level_tokens", (fun c -> { c with LevelTokens = Choices.LevelTokens.Stages; Levels = 2; SharedLevels = true })
      "level_tokens", (fun c -> { Config.startFor "vit-s16" with LevelTokens = Choices.LevelTokens.Stages; Levels = 2 })
      "level_warm_up", (fun c -> { c with LevelWarmUp = 1.1 })
      "level_pairs", (fun c -> { c with LevelPairs = -1 })
      "level_block", (fun c -> { c with LevelBlock = -1 })
      "level_lr_factor", (fun c -> { c with LevelLrFactor = -1.0 })
      "unconditional_weight", (fun c -> { c with UnconditionalWeight = -1.0 })
      "unconditional_weight", (fun c -> { c with UnconditionalWeight = 0.0; LevelWeight = 0.0 })
      "unconditional_weight", (fun c -> { c with UnconditionalWeight = 0.0; LevelGradients = Choices.LevelGradients.Levels })
      "unconditional_weight", (fun c -> { c with UnconditionalWeight = 0.0; Levels = 0 })
      "distillation", (fun c -> { c with Distillation = -1.0 })
      "distillation", (fun c -> { c with Distillation = 1.0; LevelWeight = 0.0 })
      "distillation_temperature", (fun c -> { c with DistillationTemperature = 0.0 })
      "loss", (fun c -> { c with Loss = "softmax" })
      "loss_settings.gamma", (fun c -> { c with LossSettings = NamedNumbers(Map [ "gamma", 1.0 ]) })
      "level_loss", (fun c -> { c with LevelLoss = "proxy-anchor" })
      "level_loss", (fun c -> { c with Loss = "proxy-anchor" })
      "level_loss_settings.gamma", (fun c -> { c with LevelLoss = "supcon"; LevelLossSettings = NamedNumbers(Map [ "gamma", 1.0 ]) })
      "lr", (fun c -> { c with Lr = 0.0 })
      "lr", (fun c -> { c with Lr = infinity })
      "weight_decay", (fun c -> { c with WeightDecay = -1.0 })
      "momentum", (fun c -> { c with Momentum = 1.0 })
      "warm_up", (fun c -> { c with WarmUp = 1.5 })
      "decay_every", (fun c -> { c with DecayEvery = 0.0 })
      "clip", (fun c -> { c with Clip = -1.0 })
      "steps", (fun c -> { c with Steps = 0 })
      "epochs", (fun c -> { c with Epochs = -1.0 })
      "batch", (fun c -> { c with Batch = 130 })
      "per_class", (fun c -> { c with PerClass = 1 })
      "size", (fun c -> { c with Size = 8 })
      "resize", (fun c -> { c with Resize = 32 })
      "scale_min", (fun c -> { c with ScaleMin = 0.0 })
      "scale_max", (fun c -> { c with ScaleMax = 0.5 })
      "scale_max", (fun c -> { c with Augment = Choices.Augment.Crop })
      "flip", (fun c -> { c with Flip = 2.0 })
      "hue", (fun c -> { c with Hue = 0.6 })
      "threads", (fun c -> { c with Threads = -1 })
      "save_every", (fun c -> { c with SaveEvery = -1 }) ]

/// Words that are none of the choices of a setting.
let private unknownWords =
    [ "split", "random"
      "level_values", "shared"
      "level_query", "next"
      "level_after", "batch-norm"
      "level_position", "cosine"
      "level_tokens", "first"
      "level_similarity", "both"
      "level_loss_on", "first"
      "level_gradients", "none"
      "optimiser", "adam"
      "schedule", "linear"
      "filter", "nearest"
      "augment", "mixup"
      "surround", "mirror" ]

let private checkTests =
    testList
        "check"
        [ testCase "the standard settings and those of every encoder are sound" (fun () ->
              for config in Config.standard :: Config.photographs :: List.map Config.startFor Encoders.All.names do
                  Expect.isEmpty (ConfigValidation.problems config) config.Encoder)

          for i, (key, change) in List.indexed unsound do
              testCase $"case {i + 1}: {key} is named alone" (fun () ->
                  Expect.equal [ for problem in problemsOf change -> problem.Key ] [ key ] "keys")

          for key, word in unknownWords do
              testCase $"'{word}' is refused by {key} alone, with its choices" (fun () ->
                  let problems = refused [ key, word ]
                  Expect.equal [ for problem in problems -> problem.Key ] [ key ] "keys"
                  Expect.stringContains problems.Head.Message $"'{word}' is not one of " "the choices")

          testCase "all that is wrong is reported at once" (fun () ->
              let problems = problemsOf (fun c -> { c with Encoder = "resnet51"; Batch = 130; Lr = -1.0; Flip = 2.0 })

              Expect.equal [ for problem in problems -> problem.Key ] [ "encoder"; "lr"; "batch"; "flip" ] "keys"
              let text = problems |> List.map string |> String.concat "\n"

              for part in [ "did you mean 'resnet50'?"; "the nearest are 128 and 132"; "must be above 0"; "within 0 and 1" ] do
                  Expect.stringContains text part "the fix")

          testCase "what does not matter is not checked: heads without levels, steps with epochs" (fun () ->
              Expect.isEmpty (problemsOf (fun c -> { c with Levels = 0; Heads = 3 })) "heads"
              Expect.isEmpty (problemsOf (fun c -> { c with Steps = 0; Epochs = 2.0 })) "steps"

              Expect.isEmpty (problemsOf (fun c -> { c with Levels = 0; Loss = "proxy-anchor" })) "proxies") ]

let private derived =
    testList
        "derived values"
        [ testCase "epochs become steps by images and batch; without epochs the steps hold" (fun () ->
              let config = { Config.standard with Batch = 100; Steps = 7 }

              Expect.equal (Config.stepsOf 1000 config) 7 "steps"
              Expect.equal (Config.stepsOf 1000 { config with Epochs = 3.0 }) 30 "three epochs"
              Expect.equal (Config.stepsOf 10 { config with Epochs = 0.5 }) 1 "never none")

          testCase "test pictures are resized by 8 / 7 from 96 px on, unless a size is given" (fun () ->
              let resize size resize = Config.resizeOf { Config.standard with Size = size; Resize = resize }

              Expect.equal [ resize 64 0; resize 96 0; resize 224 0; resize 224 300 ] [ 64; 109; 256; 300 ] "sizes")

          testCase "the levels take their own loss if one is given" (fun () ->
              let config = { Config.standard with LossSettings = NamedNumbers(Map [ "alpha", 3.0 ]) }

              Expect.equal (Config.levelLossOf config) ("multi-similarity", config.LossSettings) "the same"
              let own = { config with LevelLoss = "supcon" }
              Expect.equal (Config.levelLossOf own) ("supcon", NamedNumbers.Empty) "its own") ]

let tests = testList "Config" [ textTests; checkTests; derived ]
