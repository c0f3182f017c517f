/// Checks of settings, all at once.
module CondEmbed.ConfigValidation

open Problems

let private unfreezeProblems (c: Config) =
    match Groups.readBeginnings c.Unfreeze with
    | Ok _ -> []
    | Error part ->
        [ problem
              "unfreeze"
              $"'{part}' is not a pattern with the share of the steps, 0 or more and less than 1, after which it is trained, such as layer4*@0.2" ]

/// What is wrong with each setting by itself. With a length in epochs, the steps are not used.
let private ownProblems (c: Config) = Settings.refused c |> List.filter (fun problem -> problem.Key <> "steps" || c.Epochs <= 0.0)

/// The sampler makes batches of multiples of so many images; and how it comes to that number.
let private groupAndReason (c: Config) =
    match c.Sampler with
    | Choices.Sampler.Plain
    | Choices.Sampler.Pairs -> 1, ""
    | Choices.Sampler.Hierarchical
    | Choices.Sampler.CategoryBalanced ->
        c.PerClass * c.CategoriesPerBatch,
        $"per_class {c.PerClass} times categories_per_batch {c.CategoriesPerBatch}, which is {c.PerClass * c.CategoriesPerBatch}"
    | Choices.Sampler.MPerClass -> c.PerClass, $"per_class {c.PerClass}"

/// The sampler makes batches of multiples of so many images.
let batchGroup (c: Config) = fst (groupAndReason c)

/// A batch must divide evenly into the groups that its sampler makes.
let private batchProblems (c: Config) =
    let group, what = groupAndReason c

    // A single class has no negatives.
    let least = if group > 1 && group < 2 * c.PerClass then 2 * group else group

    if group < 1 then
        []
    elif c.Batch % group <> 0 then
        let below, above = c.Batch / group * group, (c.Batch / group + 1) * group

        let hint =
            if below >= least then $"the nearest are {below} and {above}"
            elif least > group then $"two classes or more are wanted, so the least is {least}"
            else $"the nearest is {least}"

        [ problem "batch" $"{c.Batch} is not a multiple of {what}: {hint}" ]
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
    let frozen = Config.trunkDepth c encoder

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
    match Config.tryEncoder c with
    | None -> []
    | Some encoder ->
        let down = c.Size / encoder.Multiple * encoder.Multiple

        [ if c.Size % encoder.Multiple <> 0 then
              problem
                  "size"
                  $"the encoder '{c.Encoder}' reads images in squares of {encoder.Multiple} px, and {c.Size} is not a multiple of {encoder.Multiple}: the nearest are {down} and {down + encoder.Multiple}"
          if c.Pooling = "class" && not encoder.HasToken then
              problem "pooling" $"the encoder '{c.Encoder}' has no class token: pool its map, for example with mean or gem"
          yield! headProblems c encoder
          yield! microProblems c encoder ]

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
          List.concat (LevelValidation.problems c)
          LossValidation.lossProblems "loss" "loss_settings" c.Loss c.LossSettings
          // Without a loss of their own, the levels' settings are numbers for the main loss, which has been checked.
          LossValidation.lossProblems "level_loss" "level_loss_settings" (fst (Config.levelLossOf c)) c.LevelLossSettings
          |> List.filter (fun problem -> c.LevelLoss <> "" || problem.Key <> "level_loss")
          LossValidation.refusedLosses c
          LossValidation.mixupProblems c
          demand (c.Memory <= 0 || c.Memory >= c.Batch) "memory" $"is {c.Memory}, less than a batch of {c.Batch}"
          batchProblems c
          demand (c.Size <= LargestSize) "size" $"is {c.Size}; at most {LargestSize} pixels are allowed"
          demand
              (c.Size > LargestSize
               || int64 c.Batch * int64 c.Size * int64 c.Size * 3L <= int64 System.Array.MaxLength)
              "batch"
              $"{c.Batch} images of {c.Size} x {c.Size} pixels are more than 2 GB: take a smaller batch, or a smaller size" ]
    |> List.sortBy place
