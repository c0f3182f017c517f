/// Checks of settings, all at once.
module CondEmbed.ConfigValidation

let private problem key message = { Key = key; Message = message }

let private demand ok key message = [ if not ok then problem key message ]

let private unfreezeProblems (c: Config) =
    match Groups.readBeginnings c.Unfreeze with
    | Ok _ -> []
    | Error part ->
        [ problem
              "unfreeze"
              $"'{part}' is not a pattern with the share of the steps, 0 or more and less than 1, after which it is trained, such as layer4*@0.2" ]

/// What is wrong with each setting by itself. With a length in epochs, the steps are not used.
let private ownProblems (c: Config) = Settings.refused c |> List.filter (fun problem -> problem.Key <> "steps" || c.Epochs <= 0.0)

let private lossProblems key settingsKey text settings =
    match Losses.All.read text (Config.asValues settings) with
    | Ok _ -> []
    | Error problems ->
        [ for setting, message in problems ->
              match setting with
              | Some setting -> { Key = $"{settingsKey}.{setting}"; Message = message }
              | None -> { Key = key; Message = message } ]

/// A loss of the settings; None if it cannot be read.
let private made (text, settings) =
    let settings = Config.asValues settings

    match Losses.All.read text settings with
    | Ok _ -> Some(Losses.All.make text settings 2 2)
    | Error _ -> None

/// A batch must divide evenly into the groups that its sampler makes.
let private batchProblems (c: Config) =
    let group, what =
        match c.Sampler with
        | Choices.Sampler.Plain -> 1, ""
        | Choices.Sampler.Hierarchical
        | Choices.Sampler.CategoryBalanced ->
            c.PerClass * c.CategoriesPerBatch,
            $"per_class {c.PerClass} times categories_per_batch {c.CategoriesPerBatch}, which is {c.PerClass * c.CategoriesPerBatch}"
        | Choices.Sampler.MPerClass -> c.PerClass, $"per_class {c.PerClass}"

    // A single class has no negatives.
    let least = if not c.Sampler.IsPlain && group < 2 * c.PerClass then 2 * group else group

    if group < 1 then
        []
    elif c.Batch % group <> 0 then
        let below, above = c.Batch / group * group, (c.Batch / group + 1) * group
        let hint = if below >= least then $"the nearest are {below} and {above}" else $"the nearest is {max least above}"
        [ { Key = "batch"; Message = $"{c.Batch} is not a multiple of {what}: {hint}" } ]
    else
        demand (c.Batch >= least) "batch" $"{c.Batch} with {what} has only one class, and so no negatives: take at least {least}"

/// Pixels of a side: far more than any network here is meant for, and few enough that no number of bytes overflows.
[<Literal>]
let LargestSize = 4096

/// Why the head cannot start as principal directions.
let private headProblems (c: Config) (encoder: Encoders.Encoder) =
    let pooled = Encoders.All.pooledFeatures c.Pooling encoder |> Option.defaultValue encoder.Channels

    [ if c.HeadStart.IsPca then
          if c.Embedding = 0 then
              problem "head_start" "'pca' starts a linear layer, and embedding 0 has none: it is the pooled features already"
          elif c.HeadNorm then
              problem
                  "head_start"
                  "'pca' begins with the pooled features, which a BatchNorm before the embedding changes: set head_norm to false, or head_start to random"
          elif c.Embedding > pooled then
              problem
                  "head_start"
                  $"'pca' finds at most as many directions as there are pooled features, {pooled}: set embedding to that or less" ]

/// Why the encoder cannot see a few images of a batch at a time.
let private microProblems (c: Config) (encoder: Encoders.Encoder) =
    let frozen = Encoders.Trunk.depth (Groups.freezes (Groups.frozen c.Freeze)) encoder

    let trained =
        match List.skip frozen encoder.Stages with
        | [] when frozen = 0 -> encoder.Features.Specs
        | stages -> stages |> List.collect _.Specs

    let takesStatistics = not c.FreezeNorm && trained |> List.exists (fun spec -> spec.Role = Statistic)

    demand
        (c.MicroBatch <= 0 || c.MicroBatch >= c.Batch || not takesStatistics)
        "micro_batch"
        $"{c.MicroBatch} images at a time give the BatchNorms of '{c.Encoder}' other statistics than the whole batch: set freeze_norm to true, or micro_batch to 0"

/// What does not fit the encoder.
let private encoderProblems (c: Config) =
    match Encoders.All.tryBuild c.Encoder { Config.encoderOptions c with Size = 224 } with
    | None -> []
    | Some encoder ->
        let down = c.Size / encoder.Multiple * encoder.Multiple

        [ if c.Size % encoder.Multiple <> 0 then
              { Key = "size"
                Message =
                  $"the encoder '{c.Encoder}' reads images in squares of {encoder.Multiple} px, and {c.Size} is not a multiple of {encoder.Multiple}: the nearest are {down} and {down + encoder.Multiple}" }
          if c.Pooling = "class" && not encoder.HasToken then
              { Key = "pooling"
                Message = $"the encoder '{c.Encoder}' has no class token: pool its map, for example with mean or gem" }
          yield! headProblems c encoder
          yield! microProblems c encoder ]

/// What does not fit the form of the levels.
let private formProblems (c: Config) =
    let form = Choices.word c.LevelForm

    let key, named, instead =
        if c.LevelForm.IsProjections then "level_values", "head", "own" else "level_form", form, "projections"

    let reads =
        c.LevelForm.IsGroup && c.LevelWidth = 0
        || c.LevelForm.IsCosine
        || c.LevelForm.IsProjections && c.LevelValues.IsHead

    let problemOf ok key message = demand (c.LevelForm.IsProjections || ok) key message

    [ demand
          (not reads || c.Pooling = "mean")
          key
          $"'{named}' needs a head that is linear in each token, and pooling '{c.Pooling}' is not: set pooling to mean, which is, or {key} to {instead}"
      demand
          (not reads || c.LevelTokens.IsLast || c.Levels < 2)
          key
          $"'{named}' projects tokens of the last stage alone: set level_tokens to last, or {key} to {instead}"
      problemOf
          (c.LevelForm.IsCosine || not c.Residual)
          "residual"
          $"levels of the form '{form}' do not add to the level before: set residual to false"
      problemOf c.LevelPosition.IsNone "level_position" $"levels of the form '{form}' have no positions: set level_position to none"
      problemOf c.LevelValues.IsOwn "level_values" $"chooses what projections read, and the form is '{form}': leave it as it is"
      demand
          (not c.LevelForm.IsGroup || c.Levels < 2 || not c.LevelQuery.IsPrevious && not c.LevelQuery.IsOwn)
          "level_query"
          "queries of the form 'group' are pooled tokens, which a level does not make: set level_query to unconditional, or levels to 1"
      demand
          (not (c.LevelForm.IsSecondHead || c.LevelForm.IsGroup)
           || c.LevelSimilarity.IsMutual
           || c.LevelWidth = 0
           || c.LevelWidth = c.Embedding)
          "level_width"
          $"one-sided similarities compare {c.LevelWidth} features with the embedding's {c.Embedding}: set level_width to 0, or level_similarity to mutual"
      demand
          (c.LevelForm.IsSecondHead || c.LevelForm.IsGroup || c.LevelWidth = 0)
          "level_width"
          $"is only for the forms 'group' and 'second-head', and the form is '{form}': set level_width to 0" ]

/// Which settings of the levels and their terms exclude each other.
let private levelProblems (c: Config) =
    let stages =
        match Encoders.All.tryBuild c.Encoder { Config.encoderOptions c with Size = 224 } with
        | Some encoder -> 1 + encoder.EarlierChannels.Length
        | None -> c.Levels

    let together =
        [ demand
              (c.Embedding <> 0)
              "embedding"
              "is 0, which means the pooled features themselves, and levels need a width: give it one, or set levels to 0"
          demand
              (not c.LevelForm.IsProjections || c.Embedding % max 1 c.Heads = 0)
              "heads"
              $"{c.Heads} heads do not divide an embedding of {c.Embedding}"
          yield! formProblems c
          demand
              (c.LevelAverage.IsNone || c.Average > 0.0)
              "level_average"
              $"'{Choices.word c.LevelAverage}' needs a running average of the weights: set average, for example to 0.99, or level_average to none"
          demand
              (c.LevelAverage.IsNone || not c.Residual)
              "level_average"
              "levels that add to the level before them begin with the embeddings themselves: set residual to false, or level_average to none"
          demand
              (c.LevelTokens.IsLast || c.Levels <= stages)
              "level_tokens"
              $"'stages' gives each of {c.Levels} levels a stage, and the encoder '{c.Encoder}' has {stages}: set levels to {stages} or less, or level_tokens to last"
          demand
              (c.LevelTokens.IsLast || c.Levels < 2 || not c.SharedLevels)
              "level_tokens"
              "'stages' have different channels, so levels cannot share their weights: set shared_levels to false, or level_tokens to last"
          demand
              (c.LevelLossOn.IsEvery
               || c.Levels < 2
               || c.Residual
               || c.SharedLevels
               || c.LevelQuery.IsPrevious
               || c.LevelQuery.IsOwn)
              "level_query"
              $"with '{Choices.word c.LevelQuery}', residual false and level_loss_on last, the levels before the last have no effect: change one of the three"
          demand
              (c.Distillation = 0.0 || c.LevelWeight > 0.0)
              "distillation"
              "the levels can only teach what their own loss has taught them: set level_weight above 0 (level_gradients = levels keeps that loss from the encoder)" ]

    let othersTrain =
        c.FeatureDistillation > 0.0
        || c.Levels > 0 && (c.LevelGradients.IsAll && c.LevelWeight > 0.0 || c.Distillation > 0.0)

    let features =
        demand
            (c.FeatureDistillation = 0.0 || c.Embedding <> 0)
            "feature_distillation"
            "teaches embeddings what the pooled features say, and with embedding 0 they are the same: give embedding a width, or set feature_distillation to 0"

    let unconditional =
        demand
            (c.UnconditionalWeight <> 0.0 || othersTrain)
            "unconditional_weight"
            "is 0, and no other term trains the encoder: raise it, or use levels with a level_weight and level_gradients all, or distillation"

    unconditional :: features :: (if c.Levels > 0 && c.Heads > 0 then together else [])

/// What a loss with proxies on the levels excludes.
let private proxyProblems (c: Config) levelLoss =
    let similarities = "set level_loss to a loss on similarities (for example multi-similarity)"
    let why = $"is for losses on similarities of pairs, and '{levelLoss}' compares images with proxies"

    [ demand (c.LevelPairs = 0) "level_pairs" $"{why}: set it to 0 (level_askers says how many pairs there are), or {similarities}"
      demand (c.LevelBlock = 0) "level_block" $"{why}: set it to 0, or {similarities}"
      demand c.LevelSimilarity.IsMutual "level_similarity" $"{why}: leave it as it is, or {similarities}"
      demand (c.Distillation = 0.0) "distillation" $"{why}: set it to 0, or {similarities}"
      demand
          (c.LevelWidth = 0 || c.LevelWidth = c.Embedding)
          "level_width"
          $"'{levelLoss}' compares {c.LevelWidth} features with proxies of {c.Embedding}: set it to 0" ]
    |> List.concat

/// Losses that cannot be used where the settings put them.
let private refusedLosses (c: Config) =
    let levelLoss = Config.levelLossOf c
    let text = fst levelLoss
    let loss = made (c.Loss, c.LossSettings)

    let onLevels (own: Losses.Loss) =
        match Losses.Loss.notForLevels own with
        | None -> []
        | Some _ when loss |> Option.exists (Losses.Loss.sharesProxies own) -> proxyProblems c text
        | Some why when Losses.Loss.isOnProxies own ->
            [ problem
                  "level_loss"
                  $"the loss '{text}' {why}, and the loss '{c.Loss}' has none that it could share: set loss to '{text}' too, or level_loss to a loss on similarities (for example multi-similarity)" ]
        | Some why ->
            [ problem
                  "level_loss"
                  $"the loss '{text}' {why}, so it cannot score conditional levels: set level_loss (for example multi-similarity), or levels to 0" ]

    [ if c.Levels > 0 then yield! made levelLoss |> Option.map onLevels |> Option.defaultValue []
      match loss |> Option.bind Losses.Loss.notForMemory with
      | Some why when c.Memory > 0 ->
          problem "memory" $"the loss '{c.Loss}' {why}, so it cannot use a memory: take another loss, or memory 0"
      | _ -> () ]

/// Why similarities cannot be mixed.
let private mixupProblems (c: Config) =
    let needsMore text loss =
        match loss |> Option.bind Losses.Loss.notForLevels with
        | Some why ->
            [ problem
                  "similarity_mixup"
                  $"mixes similarities, and the loss '{text}' {why}: set it to false, or take a loss on similarities (for example multi-similarity)" ]
        | None -> []

    if not c.SimilarityMixup then
        []
    else
        let levelLoss = Config.levelLossOf c

        [ yield! needsMore c.Loss (made (c.Loss, c.LossSettings))
          if c.Levels > 0 && c.LevelLoss <> "" then yield! needsMore c.LevelLoss (made levelLoss)
          yield!
              demand
                  (c.Levels = 0 || c.LevelPairs = 0)
                  "similarity_mixup"
                  $"needs the similarities of all pairs, and level_pairs {c.LevelPairs} computes a few: set it to false, or level_pairs to 0" ]

/// The position of a problem's setting among all settings.
let private place (problem: Problem) =
    let key = problem.Key.Split('.')[0]
    Settings.all |> List.findIndex (fun setting -> setting.Key = key)

/// Everything that is wrong with the settings, all at once and in their order; empty if they are valid.
let problems (c: Config) : Problem list =
    List.concat
        [ ownProblems c
          unfreezeProblems c
          encoderProblems c
          List.concat (levelProblems c)
          lossProblems "loss" "loss_settings" c.Loss c.LossSettings
          // Without a loss of their own, the levels' settings are numbers for the main loss, which has been checked.
          lossProblems "level_loss" "level_loss_settings" (fst (Config.levelLossOf c)) c.LevelLossSettings
          |> List.filter (fun problem -> c.LevelLoss <> "" || problem.Key <> "level_loss")
          refusedLosses c
          mixupProblems c
          demand (c.Memory <= 0 || c.Memory >= c.Batch) "memory" $"is {c.Memory}, less than a batch of {c.Batch}"
          batchProblems c
          demand (c.Size <= LargestSize) "size" $"is {c.Size}; at most {LargestSize} pixels are allowed"
          demand
              (c.Size > LargestSize
               || int64 c.Batch * int64 c.Size * int64 c.Size * 3L <= int64 System.Array.MaxLength)
              "batch"
              $"{c.Batch} images of {c.Size} x {c.Size} pixels are more than 2 GB: take a smaller batch, or a smaller size" ]
    |> List.sortBy place
