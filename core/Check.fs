/// Everything that can be wrong with settings.
module CondEmbed.Check

open System

let private problem key message = { Key = key; Message = message }

let private demand ok key message = [ if not ok then problem key message ]

let private oneOf names key value =
    [ if not (List.contains value names) then
          let all = String.concat ", " names
          problem key $"'{value}' is none of {all}{Names.nearest names value}" ]

let private within low high key (value: float) =
    demand (value >= low && value <= high) key $"is {Settings.text value}; it must lie within {Settings.text low} and {Settings.text high}"

let private atLeast (low: int) key value = demand (value >= low) key $"is {value}; it must be at least {low}"

let private lossProblems key settingsKey text settings =
    match Losses.All.read text (Config.asValues settings) with
    | Ok _ -> []
    | Error problems ->
        [ for setting, message in problems ->
              match setting with
              | Some setting -> { Key = $"{settingsKey}.{setting}"; Message = message }
              | None -> { Key = key; Message = message } ]

/// Why a loss of the settings is not one that a test accepts; None if it is, or cannot be read.
let private refusal (test: Losses.Loss -> string option) (text, settings) =
    let settings = Config.asValues settings

    match Losses.All.read text settings with
    | Ok _ -> test (Losses.All.make text settings 2 2)
    | Error _ -> None

/// A batch must divide into the groups that its sampler makes.
let private batchProblems (c: Config) =
    let group, what =
        match c.Sampler with
        | "plain" -> 1, ""
        | "hierarchical"
        | "category-balanced" ->
            c.PerClass * c.CategoriesPerBatch,
            $"per_class {c.PerClass} times categories_per_batch {c.CategoriesPerBatch}, which is {c.PerClass * c.CategoriesPerBatch}"
        | _ -> c.PerClass, $"per_class {c.PerClass}"

    if group < 1 || c.Batch % group = 0 then
        []
    else
        let below, above = c.Batch / group * group, (c.Batch / group + 1) * group
        let hint = if below > 0 then $"the nearest are {below} and {above}" else $"the nearest is {above}"
        [ { Key = "batch"; Message = $"{c.Batch} is not a multiple of {what}: {hint}" } ]

/// What does not go with the encoder.
let private encoderProblems (c: Config) =
    match Encoders.All.tryBuild c.Encoder { Config.encoderOptions c with Size = 224 } with
    | None -> []
    | Some encoder ->
        let down = c.Size / encoder.Multiple * encoder.Multiple

        [ if c.Size % encoder.Multiple <> 0 then
              { Key = "size"
                Message =
                  $"the encoder '{c.Encoder}' reads pictures in squares of {encoder.Multiple} px, and {c.Size} is no multiple of that: the nearest are {down} and {down + encoder.Multiple}" }
          if c.Pooling = "class" && not encoder.HasToken then
              { Key = "pooling"
                Message = $"the encoder '{c.Encoder}' has no class token: pool its map, as by mean or gem" } ]

/// What is wrong with the levels and their terms.
let private levelProblems (c: Config) =
    let words =
        [ oneOf [ "own"; "head" ] "level_values" c.LevelValues
          oneOf [ "previous"; "unconditional" ] "level_query" c.LevelQuery
          oneOf [ "nothing"; "norm"; "feed-forward" ] "level_after" c.LevelAfter
          oneOf [ "none"; "sine"; "learned" ] "level_position" c.LevelPosition
          oneOf [ "last"; "stages" ] "level_tokens" c.LevelTokens
          oneOf [ "mutual"; "one-sided" ] "level_similarity" c.LevelSimilarity
          oneOf [ "every"; "last" ] "level_loss_on" c.LevelLossOn
          oneOf [ "all"; "levels" ] "level_gradients" c.LevelGradients
          within 0.0 1e6 "level_weight" c.LevelWeight
          within 0.0 1.0 "level_warm_up" c.LevelWarmUp
          atLeast 0 "level_pairs" c.LevelPairs
          atLeast 0 "level_block" c.LevelBlock
          within 0.0 1e6 "unconditional_weight" c.UnconditionalWeight
          within 0.0 1e6 "distillation" c.Distillation
          within 1e-3 1e3 "distillation_temperature" c.DistillationTemperature ]

    let stages =
        match Encoders.All.tryBuild c.Encoder { Config.encoderOptions c with Size = 224 } with
        | Some encoder -> 1 + encoder.EarlierChannels.Length
        | None -> c.Levels

    let together =
        [ demand
              (c.Embedding <> 0)
              "embedding"
              "is 0, the pooled features themselves, in which levels have no weights: give it a width, or set levels to 0"
          demand (c.Embedding % max 1 c.Heads = 0) "heads" $"{c.Heads} heads do not divide an embedding of {c.Embedding}"
          demand
              (c.LevelValues <> "head" || c.Pooling = "mean")
              "level_values"
              $"'head' needs a head that is linear in each token, and pooling '{c.Pooling}' is not: set pooling to mean, the one that is, or level_values to own"
          demand
              (c.LevelValues <> "head" || c.LevelTokens <> "stages" || c.Levels < 2)
              "level_values"
              "'head' projects tokens of the last stage alone: set level_tokens to last, or level_values to own"
          demand
              (c.LevelTokens <> "stages" || c.Levels <= stages)
              "level_tokens"
              $"'stages' gives each of {c.Levels} levels a stage, and the encoder '{c.Encoder}' has {stages}: set levels to {stages} or less, or level_tokens to last"
          demand
              (c.LevelTokens <> "stages" || c.Levels < 2 || not c.SharedLevels)
              "level_tokens"
              "'stages' have different channels, so levels cannot share their weights: set shared_levels to false, or level_tokens to last"
          demand
              (c.LevelLossOn <> "last" || c.Levels < 2 || c.Residual || c.SharedLevels || c.LevelQuery = "previous")
              "level_query"
              "with 'unconditional', residual false and level_loss_on last, the levels before the last count for nothing: change one of the three"
          demand
              (c.Distillation = 0.0 || c.LevelWeight > 0.0)
              "distillation"
              "the levels teach only what their own loss taught them: give level_weight more than 0 (level_gradients = levels keeps that loss from the encoder)" ]

    let othersTrain = c.Levels > 0 && (c.LevelGradients = "all" && c.LevelWeight > 0.0 || c.Distillation > 0.0)

    let unconditional =
        demand
            (c.UnconditionalWeight <> 0.0 || othersTrain)
            "unconditional_weight"
            "is 0, and no other term trains the encoder: raise it, or have levels with a level_weight and level_gradients all, or distillation"

    unconditional :: words @ (if c.Levels > 0 && c.Heads > 0 then together else [])

/// Everything that is wrong with the settings, at once; empty when they are sound.
let problems (c: Config) : Problem list =
    List.concat
        [ oneOf [ "auto"; "hash"; "first-half" ] "split" c.Split
          within 0.01 0.99 "train_share" c.TrainShare
          within 0.0 0.9 "validation_share" c.ValidationShare
          oneOf [ "auto"; "folder"; "cub"; "cars"; "sop"; "in-shop"; "table" ] "layout" c.Layout
          oneOf Encoders.All.names "encoder" c.Encoder
          oneOf [ for name, _, _ in Encoders.All.poolings -> name ] "pooling" c.Pooling
          encoderProblems c
          atLeast 0 "embedding" c.Embedding
          within 0.0 16.0 "levels" (float c.Levels)
          atLeast 1 "heads" c.Heads
          List.concat (levelProblems c)
          lossProblems "loss" "loss_settings" c.Loss c.LossSettings
          // Without a loss of their own the levels' settings are numbers for the loss, which has been looked at.
          lossProblems "level_loss" "level_loss_settings" (fst (Config.levelLossOf c)) c.LevelLossSettings
          |> List.filter (fun problem -> c.LevelLoss <> "" || problem.Key <> "level_loss")
          (match refusal Losses.Loss.notForLevels (Config.levelLossOf c) with
           | Some why when c.Levels > 0 ->
               let loss = fst (Config.levelLossOf c)

               [ problem
                     "level_loss"
                     $"the loss '{loss}' {why}, so it cannot score conditional levels: set level_loss (as in multi-similarity), or levels to 0" ]
           | _ -> [])
          (match refusal Losses.Loss.notForMemory (c.Loss, c.LossSettings) with
           | Some why when c.Memory > 0 ->
               [ problem "memory" $"the loss '{c.Loss}' {why}, so it cannot use a memory: take another loss, or memory 0" ]
           | _ -> [])
          atLeast 0 "memory" c.Memory
          (if c.Memory > 0 then demand (c.Memory >= c.Batch) "memory" $"is {c.Memory}, less than a batch of {c.Batch}" else [])
          atLeast 0 "memory_start" c.MemoryStart
          within 0.0 1e6 "memory_weight" c.MemoryWeight
          oneOf [ "adamw"; "sgd" ] "optimiser" c.Optimiser
          demand (c.Lr > 0.0 && Double.IsFinite c.Lr) "lr" $"is {Settings.text c.Lr}; it must be above 0"
          within 0.0 1e6 "head_lr_factor" c.HeadLrFactor
          within 0.0 1e6 "level_lr_factor" c.LevelLrFactor
          within 0.0 1e6 "proxy_lr_factor" c.ProxyLrFactor
          within 0.0 1e3 "weight_decay" c.WeightDecay
          within 0.0 0.9999 "momentum" c.Momentum
          oneOf [ "cosine"; "step"; "constant" ] "schedule" c.Schedule
          within 0.0 1.0 "warm_up" c.WarmUp
          within 0.001 1.0 "decay_every" c.DecayEvery
          within 0.0 1e9 "clip" c.Clip
          (if c.Epochs > 0.0 then [] else atLeast 1 "steps" c.Steps)
          within 0.0 1e6 "epochs" c.Epochs
          atLeast 2 "batch" c.Batch
          atLeast 2 "per_class" c.PerClass
          oneOf [ "m-per-class"; "hierarchical"; "category-balanced"; "plain" ] "sampler" c.Sampler
          atLeast 1 "categories_per_batch" c.CategoriesPerBatch
          atLeast 1 "batches_per_combination" c.BatchesPerCombination
          batchProblems c
          atLeast 16 "size" c.Size
          (if c.Resize = 0 then
               []
           else
               demand (c.Resize >= c.Size) "resize" $"is {c.Resize}, less than size {c.Size}: the crop would reach outside")
          oneOf [ "bilinear"; "bicubic" ] "filter" c.Filter
          oneOf [ "crop"; "shift"; "none" ] "augment" c.Augment
          within 0.01 10.0 "scale_min" c.ScaleMin
          demand (c.ScaleMax >= c.ScaleMin) "scale_max" $"is {Settings.text c.ScaleMax}, less than scale_min {Settings.text c.ScaleMin}"
          (if c.Augment = "crop" then within 0.01 1.0 "scale_max" c.ScaleMax else within 0.01 10.0 "scale_max" c.ScaleMax)
          oneOf [ "edge"; "white"; "black" ] "surround" c.Surround
          within 0.0 1.0 "shift" c.Shift
          within 0.0 180.0 "rotate" c.Rotate
          within 0.0 1.0 "flip" c.Flip
          within 0.0 1.0 "brightness" c.Brightness
          within 0.0 1.0 "contrast" c.Contrast
          within 0.0 1.0 "saturation" c.Saturation
          within 0.0 0.5 "hue" c.Hue
          within 0.0 1.0 "grey" c.Grey
          within 0.0 1.0 "erase" c.Erase
          atLeast 0 "threads" c.Threads
          atLeast 0 "workers" c.Workers
          atLeast 0 "evaluate_every" c.EvaluateEvery
          (let words = if c.RecallAt.Trim() = "" then 0 else c.RecallAt.Split(',').Length

           demand
               ((Config.recallAtOf c).Length = words)
               "recall_at"
               $"'{c.RecallAt}' is not a list of whole numbers of at least 1, as in 1,10,100")
          atLeast 0 "save_every" c.SaveEvery ]
