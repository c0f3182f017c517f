/// Small steps of training that together use everything that can be trained with. The tests run each while torch's default device holds no data; `gpu` compares each
/// between two devices.
module CondEmbed.Checks.Cases

open CondEmbed
open CondEmbed.Losses

type Case = { Group: string; Name: string; Config: Config }

let private tiny = { Config.standard with Embedding = 8; Heads = 2; Size = 32; Clip = 1.0 }

let private group name (cases: (string * Config) list) = [ for case, config in cases -> { Group = name; Name = case; Config = config } ]

let private encoders = group "encoders" [ for encoder in Encoders.All.names -> encoder, { tiny with Encoder = encoder } ]

/// The encoder alone computes in bfloat16, so devices agree to some digits only.
let private bfloat16 =
    group
        "bfloat16"
        [ for encoder in [ "small"; "vit-s16" ] -> encoder, { tiny with Encoder = encoder; Precision = Choices.Precision.Bfloat16 } ]

let private settings =
    group
        "settings"
        [ for pooling in [ "class"; "gem" ] do
              $"vit-s16, pooling {pooling}", { tiny with Encoder = "vit-s16"; Pooling = pooling }
          for pooling, _, _ in Layers.poolings do
              for norm in [ false; true ] do
                  $"pooling {pooling}, head_norm {norm}", { tiny with Pooling = pooling; HeadNorm = norm }
          "freeze_norm", { tiny with FreezeNorm = true }
          "memory, and a sum of losses",
          { tiny with Memory = 100; MemoryStart = 0; Loss = "multi-similarity + 0.5 * margin"; LevelLoss = "supcon" }
          "similarity_mixup", { tiny with SimilarityMixup = true; Memory = 100; MemoryStart = 0 }
          "micro_batch", { tiny with MicroBatch = 2; FreezeNorm = true }
          "average, feature_distillation", { tiny with Average = 0.9; FeatureDistillation = 1.0; FeatureDistillationStart = 0.1 }
          for optimiser in [ Choices.Optimiser.Adamw; Choices.Optimiser.Sgd ] do
              for clip in [ 0.0; 0.001 ] do
                  $"optimiser {Choices.word optimiser}, clip {clip}", { tiny with Optimiser = optimiser; Clip = clip } ]

let private levels =
    let two = { tiny with Levels = 2 }
    let mean = { two with Pooling = "mean" }

    group
        "levels"
        [ for levels in 0..2 do
              for residual in [ false; true ] do
                  for shared in [ false; true ] do
                      $"{levels}, residual {residual}, shared {shared}",
                      { tiny with Levels = levels; Residual = residual; SharedLevels = shared }
          "values of the head", { mean with LevelValues = Choices.LevelValues.Head; HeadNorm = false }
          "values of a head with a norm", { mean with LevelValues = Choices.LevelValues.Head }
          "unconditional query, one-sided, norm, sine",
          { two with
              LevelQuery = Hierarchy.Query.Unconditional
              LevelSimilarity = Hierarchy.Agreement.OneSided
              LevelAfter = Level.After.Norm
              LevelPosition = Positions.Code.Sine }
          "feed-forward, learned positions, stages",
          { two with
              LevelAfter = Level.After.FeedForward
              LevelPosition = Positions.Code.Learned
              LevelTokens = Choices.LevelTokens.Stages
              Levels = 3 }
          "the last level alone, warm-up, distillation",
          { two with
              LevelLossOn = Choices.LevelLossOn.Last
              LevelWarmUp = 0.5
              Distillation = 1.0
              LevelGradients = Choices.LevelGradients.Levels }
          "group, an unrelated image asks, on negatives",
          { mean with
              LevelForm = Choices.LevelForm.Group
              LevelQuery = Hierarchy.Query.Shuffled
              LevelOn = Conditional.On.Negatives
              Residual = false }
          "cosine, the image asks itself, on positives",
          { mean with
              LevelForm = Choices.LevelForm.Cosine
              LevelQuery = Hierarchy.Query.Own
              LevelOn = Conditional.On.Positives }
          "group as a wide teacher",
          { mean with
              LevelForm = Choices.LevelForm.Group
              LevelWidth = 24
              LevelAfter = Level.After.Norm
              LevelQuery = Hierarchy.Query.Unconditional
              Distillation = 50.0
              DistillationTemperature = 1.0
              Residual = false }
          "second head", { two with LevelForm = Choices.LevelForm.SecondHead; LevelWidth = 24; Residual = false }
          "nearest pairs", { two with LevelPairs = 1 }
          "blocks", { two with LevelBlock = 2; LevelPairs = 2; Distillation = 0.5 }
          "averages of the weights ask", { tiny with Average = 0.9; LevelAverage = Conditional.Average.QueriesAndKeys; Residual = false } ]

let private losses =
    group
        "losses"
        [ for loss in All.names do
              let made = All.ofText loss 2 8
              let alone = { tiny with Loss = loss; Levels = 0 }
              loss, alone

              if (Loss.notForLevels made).IsNone || Loss.isOnProxies made then
                  $"{loss}, on levels", { alone with Levels = 1; LevelAskers = 2 }
              else
                  $"{loss}, beside levels", { alone with Levels = 1; LevelLoss = "multi-similarity" } ]

let private miners =
    group
        "miners"
        [ for miner in Part.names Miners.all -> miner, { tiny with Loss = $"triplet(miner={miner})"; Levels = 0 }
          for reducer in Part.names Reducers.all -> $"reducer {reducer}", { tiny with Loss = $"triplet(reducer={reducer})" } ]

/// All, group by group.
let all = encoders @ bfloat16 @ settings @ levels @ losses @ miners

/// The names of the groups.
let groups = all |> List.map _.Group |> List.distinct
