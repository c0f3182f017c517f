/// Which settings are sound, and what follows from them.
module CondEmbed.Tests.ConfigTests

open System
open Expecto
open CondEmbed
open CondEmbed.Interop
open CondEmbed.Options
open CondEmbed.Losses
open CondEmbed.Tests.ConfigTextTests
open CondEmbed.Tests.Support
open CondEmbed.Images
open CondEmbed.Datasets

let private problemsOf change = ConfigValidation.problems (change Config.standard)

let private unsound: (string * (Config -> Config)) list =
    [ "encoder", (fun c -> { c with Encoder = "resnet51" })
      "pooling", (fun c -> { c with Pooling = "sum" })
      "pooling", (fun c -> { c with Pooling = "class" })
      "size", (fun c -> { c with Encoder = "vit-s16"; Size = 100 })
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
      "level_form", (fun c -> { c with LevelForm = Choices.LevelForm.Group; Residual = false })
      "level_form", (fun c -> { c with LevelForm = Choices.LevelForm.Cosine; Pooling = "gem" })
      "level_form",
      (fun c ->
          { c with
              LevelForm = Choices.LevelForm.Cosine
              Pooling = "mean"
              Levels = 2
              LevelTokens = Choices.LevelTokens.Stages })
      "residual", (fun c -> { c with LevelForm = Choices.LevelForm.Group; Pooling = "mean" })
      "residual", (fun c -> { c with LevelForm = Choices.LevelForm.SecondHead })
      "level_position", (fun c -> { c with LevelForm = Choices.LevelForm.Cosine; Pooling = "mean"; LevelPosition = Positions.Code.Sine })
      "level_values", (fun c -> { c with LevelForm = Choices.LevelForm.Cosine; Pooling = "mean"; LevelValues = Choices.LevelValues.Head })
      "level_query", (fun c -> { c with LevelForm = Choices.LevelForm.Group; Pooling = "mean"; Residual = false; Levels = 2 })
      "level_width", (fun c -> { c with LevelWidth = 64 })
      "level_width",
      (fun c ->
          { c with
              LevelForm = Choices.LevelForm.Group
              Residual = false
              LevelWidth = 64
              LevelSimilarity = Hierarchy.Agreement.OneSided })
      "level_width",
      (fun c ->
          { c with
              LevelForm = Choices.LevelForm.SecondHead
              Residual = false
              LevelWidth = 64
              LevelSimilarity = Hierarchy.Agreement.OneSided })
      "head_start", (fun c -> { c with HeadStart = Choices.HeadStart.Pca })
      "head_start", (fun c -> { c with HeadStart = Choices.HeadStart.Pca; HeadNorm = false; Pooling = "mean"; Embedding = 256 })
      "head_start", (fun c -> { c with HeadStart = Choices.HeadStart.Pca; Embedding = 0; Levels = 0 })
      "feature_distillation", (fun c -> { c with FeatureDistillation = -1.0 })
      "feature_distillation", (fun c -> { c with FeatureDistillation = 1.0; Embedding = 0; Levels = 0 })
      "feature_distillation_temperature", (fun c -> { c with FeatureDistillationTemperature = 0.0 })
      "feature_distillation_start", (fun c -> { c with FeatureDistillationStart = 1.5 })
      "average", (fun c -> { c with Average = 1.0 })
      "level_average", (fun c -> { c with LevelAverage = Conditional.Average.Queries; Residual = false })
      "level_average", (fun c -> { c with LevelAverage = Conditional.Average.Queries; Average = 0.9; Residual = true })
      "similarity_mixup", (fun c -> { c with SimilarityMixup = true; Loss = "proxy-anchor" })
      "similarity_mixup", (fun c -> { c with SimilarityMixup = true; Loss = "hyperbolic"; LevelLoss = "supcon" })
      "similarity_mixup", (fun c -> { c with SimilarityMixup = true; LevelPairs = 4 })
      "unfreeze", (fun c -> { c with Unfreeze = "layer3*" })
      "unfreeze", (fun c -> { c with Unfreeze = "layer3*@0.2,@0.5" })
      "unfreeze", (fun c -> { c with Unfreeze = "layer3*@1" })
      "level_temperature", (fun c -> { c with LevelTemperature = 0.0 })
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
      "level_loss", (fun c -> { c with Loss = "hyperbolic" })
      "level_loss", (fun c -> { c with Loss = "supcon + proxy-anchor" })
      "level_loss", (fun c -> { c with Loss = "proxy-anchor"; LevelLoss = "soft-triple" })
      "level_pairs", (fun c -> { c with Loss = "proxy-anchor"; LevelPairs = 4 })
      "level_block", (fun c -> { c with Loss = "proxy-anchor"; LevelBlock = 4 })
      "level_similarity", (fun c -> { c with Loss = "proxy-anchor"; LevelSimilarity = Hierarchy.Agreement.OneSided })
      "distillation", (fun c -> { c with Loss = "proxy-anchor"; Distillation = 1.0 })
      "level_width",
      (fun c -> { c with Loss = "proxy-anchor"; LevelForm = Choices.LevelForm.SecondHead; Residual = false; LevelWidth = 64 })
      "level_askers", (fun c -> { c with LevelAskers = 0 })
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
      "micro_batch", (fun c -> { c with MicroBatch = 16 })
      "micro_batch", (fun c -> { c with MicroBatch = -1 })
      "per_class", (fun c -> { c with PerClass = 1 })
      "size", (fun c -> { c with Size = 8 }) ]

/// The keys of what is wrong with settings of the host.
let private hostProblems change =
    let settings = RunSettings.StartFor "small"
    change settings.Host
    [ for problem in settings.Problems() -> problem.Key ]

let private unsoundOfHost: (string * (HostSettings -> unit)) list =
    [ "train_share", (fun h -> h.TrainShare <- 1.0)
      "validation_share", (fun h -> h.ValidationShare <- -0.1)
      "layout", (fun h -> h.Layout <- "cubes")
      "resize", (fun h -> h.Resize <- 32)
      "resize", (fun h -> h.Resize <- 100000)
      "scale_min", (fun h -> h.ScaleMin <- 0.0)
      "scale_max", (fun h -> h.ScaleMax <- 0.5)
      "scale_max", (fun h -> h.Augment <- Augmentation.Crop)
      "flip", (fun h -> h.Flip <- 2.0)
      "hue", (fun h -> h.Hue <- 0.6)
      "threads", (fun h -> h.Threads <- -1)
      "save_every", (fun h -> h.SaveEvery <- -1) ]

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
                  Expect.isEmpty (ConfigValidation.problems config) config.Encoder

              for encoder in Encoders.All.names do
                  Expect.isEmpty (RunSettings.StartFor(encoder).Problems()) encoder)

          for i, (key, change) in List.indexed unsoundOfHost do
              testCase $"case {i + 1} of the host: {key} is named alone" (fun () -> Expect.equal (hostProblems change) [ key ] "keys")

          for i, (key, change) in List.indexed unsound do
              testCase $"case {i + 1}: {key} is named alone" (fun () ->
                  Expect.equal [ for problem in problemsOf change -> problem.Key ] [ key ] "keys")

          for key, word in unknownWords do
              testCase $"'{word}' is refused by {key} alone, with its choices" (fun () ->
                  let problems = refused [ key, word ]
                  Expect.equal [ for problem in problems -> problem.Key ] [ key ] "keys"
                  Expect.stringContains problems.Head.Message $"'{word}' is not one of " "the choices")

          testCase "all that is wrong is reported at once" (fun () ->
              let start = RunSettings.StartFor "small"
              start.Host.Flip <- 2.0
              let settings = RunSettings({ start.Core with Encoder = "resnet51"; Batch = 130; Lr = -1.0 }, start.Host)
              let problems = List.ofSeq (settings.Problems())
              Expect.equal [ for problem in problems -> problem.Key ] [ "encoder"; "lr"; "batch"; "flip" ] "keys"
              let text = problems |> List.map _.Value |> String.concat "\n"

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

          testCase "levels of a resnet are cosine attention on negatives, unless a setting is given that other forms have" (fun () ->
              let levels (given: (string * string) list) =
                  let settings = RunSettings.Resolve [ for key, value in ("encoder", "resnet18") :: given -> Given(key, key, value) ]
                  Choices.word settings.Core.LevelForm, Choices.word settings.Core.LevelOn

              for given in [ []; [ "pooling", "mean" ]; [ "residual", "false" ]; [ "level_weight", "3" ] ] do
                  Expect.equal (levels given) ("cosine", "negatives") $"{given}"

              for key, value in [ "pooling", "gem"; "residual", "true"; "heads", "4"; "level_values", "head"; "level_form", "group" ] do
                  let form = if key = "level_form" then value else "projections"
                  Expect.equal (levels [ key, value ]) (form, "all") $"{key} = {value}"
                  Expect.equal (levels [ key, value; "level_on", "positives" ]) (form, "positives") "as given"

              Expect.equal (levels [ "level_form", "cosine"; "level_on", "all" ]) ("cosine", "all") "both given"
              Expect.equal (levels [ "encoder", "vit-s16" ]) ("projections", "all") "a transformer"
              Expect.equal (levels [ "encoder", "small"; "level_form", "cosine"; "pooling", "mean" ]) ("cosine", "all") "the small network")

          testCase "test images are resized by 8 / 7 from 96 px on, unless a size is given" (fun () ->
              let resize size resize =
                  let start = RunSettings.StartFor "small"
                  start.Host.Resize <- resize
                  RunSettings({ start.Core with Size = size }, start.Host).ShortSide

              Expect.equal [ resize 64 0; resize 96 0; resize 224 0; resize 224 300 ] [ 64; 109; 256; 300 ] "sizes")

          testCase "the levels take their own loss if one is given" (fun () ->
              let config = { Config.standard with LossSettings = NamedNumbers(Map [ "alpha", 3.0 ]) }

              Expect.equal (Config.levelLossOf config) ("multi-similarity", config.LossSettings) "the same"
              let own = { config with LevelLoss = "supcon" }
              Expect.equal (Config.levelLossOf own) ("supcon", NamedNumbers.Empty) "its own") ]

let tests = testList "Config" [ ConfigTextTests.tests; checkTests; derived ]
