/// Settings as text: keys, words and numbers, there and back.
module CondEmbed.Tests.ConfigTextTests

open System
open Expecto
open CondEmbed
open CondEmbed.Options
open CondEmbed.Losses
open CondEmbed.Tests.Support
open CondEmbed.Images
open CondEmbed.Datasets

let private applied settings config =
    match Settings.apply settings config with
    | Ok config -> config
    | Error problems -> failtest (problems |> List.map string |> String.concat "; ")

/// Every setting of the core and of the host.
let declared = Settings.all @ Settings.declaredBy typeof<HostSettings>

/// The usual settings with those of the given ones that can be read, and what is wrong with the others.
let overlaid given =
    let start = RunSettings.StartFor "small"
    let unread = Settings.write given [ box start.Core; box start.Host ]
    start, unread

/// The problems of settings that cannot be taken.
let refused settings =
    match overlaid settings with
    | _, [] -> failtest "the settings were taken"
    | _, problems -> problems

/// Another value of the same kind, as text.
let private another key (value: string) =
    let setting = declared |> List.find (fun setting -> setting.Key = key)

    match setting.Constraint with
    | Constraint.OneOf names -> names |> List.find ((<>) value)
    | _ ->

        match Boolean.TryParse value, Double.TryParse(value, Globalization.CultureInfo.InvariantCulture) with
        | (true, flag), _ -> if flag then "false" else "true"
        | _, (true, number) -> Settings.text (box (number + 1.0))
        | _ -> value + "x"

let tests =
    testList
        "settings as text"
        [ testCase "every setting has a key in snake case and says what it means" (fun () ->
              for setting in declared do
                  Expect.isTrue (setting.Key |> Seq.forall (fun c -> Char.IsAsciiLetterLower c || c = '_')) setting.Key
                  Expect.isNotEmpty setting.Meaning setting.Key

              Expect.equal (Settings.keyOf "PerClass") "per_class" "PerClass"
              Expect.equal (Settings.keyOf "Lr") "lr" "Lr")

          testCase "a whole config goes to text and back" (fun () ->
              let unusual =
                  { Config.photographs with
                      LossSettings = NamedNumbers(Map [ "alpha", 0.1; "beta", 50.0 ])
                      LevelLoss = "supcon"
                      LevelLossSettings = NamedNumbers(Map [ "temperature", 1e-3 ]) }

              for config in [ Config.standard; Config.photographs; unusual ] do
                  Expect.equal (applied (Settings.toPairs config) Config.standard) config "config"

              let start = HostSettings.StartFor "vit-s16"
              start.Data <- "a folder, with = and #"
              Expect.equal (applied (Settings.toPairs start) (HostSettings.StartFor "small")) start "the host's")

          for pair in RunSettings.StartFor("small").Pairs() do
              testCase $"'{pair.Key}' alone is changed by its key" (fun () ->
                  let changed = another pair.Key pair.Value
                  let settings, unread = overlaid [ pair.Key, changed ]
                  Expect.isEmpty unread "it is read"

                  let differences =
                      [ for now, before in Seq.zip (settings.Pairs()) (RunSettings.StartFor("small").Pairs()) do
                            if now <> before then now.Key, now.Value ]

                  Expect.equal differences [ pair.Key, changed ] "what changed")

          testCase "no size is so large that its bytes overflow" (fun () ->
              let keys change = change Config.standard |> ConfigValidation.problems |> List.map _.Key
              Expect.equal (keys (fun c -> { c with Size = 99999 })) [ "size" ] "size"
              Expect.equal (keys (fun c -> { c with Size = 4096; Batch = 64 })) [ "batch" ] "batch")

          testCase "no number that nothing is computed with is a setting" (fun () ->
              let numbers = [ nan; infinity; -infinity; 1e39; -1e300; -0.0 ]
              let problemsOf config = ConfigValidation.problems config |> List.map _.Key

              for setting in declared |> List.filter (fun setting -> setting.Type = SettingType.Number) do
                  for number in numbers do
                      let settings, unread = overlaid [ setting.Key, Settings.text number ]
                      Expect.isEmpty unread $"{setting.Key} = {number} is read"
                      Expect.contains [ for problem in settings.Problems() -> problem.Key ] setting.Key $"{setting.Key} = {number}"

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

                  for batch in [ 3; 6 ] do
                      Expect.stringContains
                          (String.concat "" (said batch sampler))
                          "two classes or more are wanted, so the least is 8"
                          (Choices.word sampler)

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
              Expect.stringContains (message "lrr") "did you mean 'lr'?" "a short one"

              for far in [ "zzzzzz"; "out"; "xy" ] do
                  Expect.isFalse ((message far).Contains "did you mean") $"nothing near {far}")

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
              let meaning key = (Settings.all |> List.find (fun setting -> setting.Key = key)).Meaning

              for key, names in
                  [ "encoder", Encoders.All.names
                    "pooling", [ for name, _, _ in Encoders.All.poolings -> name ]
                    "loss", All.names ] do
                  for name in names do
                      Expect.stringContains (meaning key) name key) ]
