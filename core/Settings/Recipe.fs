/// From settings to values: the network, what is minimised, and how.
module CondEmbed.Recipe

open CondEmbed.Losses

/// The parts of a run: the network whose embeddings are used at test time, and how it is trained.
type Recipe =
    {
        Network: Network
        /// Images -> B D of length 1.
        Embed: Layer<Tensor, Tensor>
        Method: Train.Method
    }

let private encoderFor options (config: Config) =
    match Encoders.All.tryBuild config.Encoder options with
    | Some encoder -> encoder
    | None ->
        let names = Encoders.All.names
        let all = String.concat ", " names
        invalidArg (nameof config) $"There is no encoder '{config.Encoder}'; there are {all}{Names.nearest names config.Encoder}."

/// The encoder of the settings.
let encoder (config: Config) = encoderFor (Config.encoderOptions config) config

/// What `freeze` leaves as it is.
let private frozen (config: Config) = Config.frozen config (encoder config)

let private pooling (config: Config) = Encoders.All.poolings |> List.find (fun (name, _, _) -> name = config.Pooling)

/// W, the features that the pooling makes of an image.
let pooledFeatures (config: Config) = (Encoders.All.pooledFeatures config.Pooling (encoder config)).Value

/// D, the features of an embedding.
let dimension (config: Config) = if config.Embedding > 0 then config.Embedding else pooledFeatures config

/// Images -> B C' h' w': the encoder's first stages, if `freeze` leaves nothing to train in them. It runs as at test time, while training too.
let trunk (config: Config) : Layer<Tensor, Tensor> option =
    let encoder = encoder config

    match Config.trunkDepth config encoder with
    | 0 -> None
    | depth -> Some(Layers.normalisePixels encoder.Mean encoder.Deviation --> Encoders.Trunk.layer depth encoder)

let private networkOf (config: Config) (encoder: Encoders.Encoder) =
    let _, features, pooling = pooling config

    let precise features =
        match config.Precision with
        | Choices.Precision.Float32 -> features
        | Choices.Precision.Bfloat16 -> Precision.bfloat16 features

    let network =
        Network.ofEncoder
            { encoder with Features = precise encoder.Features }
            (features, pooling, config.Pooling = "mean")
            config.HeadNorm
            config.Embedding

    match Config.trunkDepth config encoder with
    | 0 -> network
    | depth -> Network.withTrunk encoder (Encoders.Trunk.layer depth encoder) (precise (Encoders.Trunk.rest depth encoder)) network

/// Images -> embedding of the settings' encoder and pooling. ArgumentException where a setting by itself is not allowed.
let network (config: Config) =
    match Settings.refused config with
    | [] -> encoder config |> networkOf config
    | problems -> invalidArg (nameof config) (problems |> List.map string |> String.concat "; ")

/// The same for test time, with the encoder's norms folded into its convolutions: it runs with `Folding.parameters`.
let folded (config: Config) =
    encoderFor { Config.encoderOptions config with Norms = Layers.Norms.Folded } config
    |> networkOf config

/// The levels of the settings.
let hierarchy (config: Config) : Hierarchy.Options =
    let encoder = encoder config

    { Attention = { Channels = encoder.Channels; Embedding = config.Embedding; Heads = config.Heads }
      Levels = config.Levels
      Residual = config.Residual
      Shared = config.SharedLevels
      Form =
        match config.LevelForm, config.LevelValues with
        | Choices.LevelForm.Projections, Choices.LevelValues.Own -> Level.Form.Projections Attention.Values.Own
        | Choices.LevelForm.Projections, Choices.LevelValues.Head -> Level.Form.Projections Attention.Values.Given
        | Choices.LevelForm.Group, _ -> Level.Form.Group(if config.LevelWidth > 0 then Some config.LevelWidth else None)
        | Choices.LevelForm.Cosine, _ -> Level.Form.Cosine config.LevelTemperature
        | Choices.LevelForm.SecondHead, _ -> Level.Form.SecondHead(if config.LevelWidth > 0 then config.LevelWidth else config.Embedding)
      Query = config.LevelQuery
      After = config.LevelAfter
      Position = config.LevelPosition
      Agreement = config.LevelSimilarity
      Stages =
        match config.LevelTokens with
        | Choices.LevelTokens.Last -> []
        | Choices.LevelTokens.Stages -> encoder.Channels :: encoder.EarlierChannels }

/// Compares pairs with the settings' levels, after training.
let comparison (config: Config) = Comparison.ofNetwork (network config) (hierarchy config)

let private conditional (config: Config) steps : Conditional.Options =
    { Weight = config.LevelWeight
      LastOnly = config.LevelLossOn.IsLast
      On = config.LevelOn
      Average = config.LevelAverage
      LevelsAlone = config.LevelGradients.IsLevels
      WarmUp = int (config.LevelWarmUp * float steps)
      Distillation = config.Distillation
      Temperature = config.DistillationTemperature
      Nearest = config.LevelPairs
      Block = config.LevelBlock
      Askers = config.LevelAskers }

let private teaching (config: Config) steps : FeatureDistillation.Options =
    { Weight = config.FeatureDistillation
      Temperature = config.FeatureDistillationTemperature
      Start = int (config.FeatureDistillationStart * float steps) }

let private objective (config: Config) network classes steps =
    let lossOf (text, numbers) =
        All.make text (Config.asValues numbers) classes (dimension config)
        |> if config.SimilarityMixup then SimilarityMixup.mixed (int64 config.Seed) else id

    let loss = lossOf (config.Loss, config.LossSettings)

    let remembered =
        if config.Memory = 0 then
            loss
        else
            loss
            |> Memory.remembering { Size = config.Memory; Start = config.MemoryStart; Weight = config.MemoryWeight } (dimension config)

    let levelLoss = if config.Levels = 0 then loss else lossOf (Config.levelLossOf config)

    Objective.inMicroBatches
        config.MicroBatch
        network
        (hierarchy config)
        config.UnconditionalWeight
        (conditional config steps)
        (teaching config steps)
        remembered
        levelLoss

let private schedule (config: Config) steps =
    let warmUp = int (config.WarmUp * float steps)

    let shape =
        match config.Schedule with
        | Choices.Schedule.Cosine -> Schedule.cosine (steps - warmUp)
        | Choices.Schedule.Step -> Schedule.stepwise (int (config.DecayEvery * float steps)) 0.1
        | Choices.Schedule.Constant -> Schedule.constant

    Schedule.withWarmUp warmUp shape

/// Norms, biases, GeM's power and a transformer's class token and positions have no decay; the head and the proxies have rates of their own.
let private rules (config: Config) (leaves: string list) : Groups.Rule list =
    let rule pattern treatment : Groups.Rule = { Pattern = pattern; Treatment = treatment }

    let head = config.HeadLrFactor
    let levels = head * config.LevelLrFactor
    let decay = config.WeightDecay

    let usual =
        [ rule "loss*proxies" (Groups.Trained(config.ProxyLrFactor, 0.0))
          rule "loss*beta" (Groups.Trained(1.0, 0.0))
          rule "hierarchy.*.bias" (Groups.Trained(levels, 0.0))
          rule "hierarchy.*norm.weight" (Groups.Trained(levels, 0.0))
          rule "hierarchy.*position" (Groups.Trained(levels, 0.0))
          rule "hierarchy.*" (Groups.Trained(levels, decay))
          rule "embedding.pool.p" (Groups.Trained(head, 0.0))
          rule "embedding.norm.*" (Groups.Trained(head, 0.0))
          rule "embedding.bias" (Groups.Trained(head, 0.0))
          rule "embedding.*" (Groups.Trained(head, decay))
          rule "*bn?.*" (Groups.Trained(1.0, 0.0))
          rule "*downsample.1.*" (Groups.Trained(1.0, 0.0))
          rule "*norm?.*" (Groups.Trained(1.0, 0.0))
          rule "norm.*" (Groups.Trained(1.0, 0.0))
          rule "cls_token" (Groups.Trained(1.0, 0.0))
          rule "pos_embed" (Groups.Trained(1.0, 0.0))
          rule "*.bias" (Groups.Trained(1.0, 0.0))
          rule "*" (Groups.Trained(1.0, decay)) ]

    frozen config @ Groups.applicable leaves usual

/// A run of valid settings (`ConfigValidation.problems`) on a number of classes, trained further from one step to a later one: the learning rate follows its
/// schedule over just these steps, and all else stays as it was.
let continued (config: Config) classes steps from until : Recipe =
    let network = network config
    let objective = objective config network classes steps
    let rate = schedule config (until - from)
    let embed = Network.embed network

    let still = trunk config |> Option.map _.Specs |> Option.defaultValue []
    // Proxies, memories and counters of steps are for training alone.
    let ofTests (spec: ParamSpec) = spec.Role = Trainable && spec.Name.StartsWith("hierarchy.", System.StringComparison.Ordinal)

    { Network = network
      Embed = embed
      Method =
        { Objective = objective
          Optimiser =
            match config.Optimiser with
            | Choices.Optimiser.Sgd -> Optimiser.Sgd(config.Momentum, false)
            | Choices.Optimiser.Adamw -> Optimiser.adamW
          Rules = rules config (Params.trainable objective.Specs)
          Beginnings =
            [ for pattern, share in Groups.readBeginnings config.Unfreeze |> Result.defaultValue [] ->
                  { Leaves = pattern; Step = int (share * float steps) } ]
          Rate = fun step -> config.Lr * rate (step - from)
          Clip = config.Clip
          Team = Team.alone
          Average =
            if config.Average = 0.0 then
                None
            else
                Some { Decay = config.Average; Of = List.except still embed.Specs @ List.filter ofTests objective.Specs } } }

/// Those of the specs that are trained, if only from some step on: all but what `freeze` names.
let trainedOf (config: Config) (specs: ParamSpec list) =
    let isFrozen = Groups.freezes (frozen config)

    specs |> List.filter (fun spec -> spec.Role = Trainable && not (isFrozen spec.Name))

/// The patterns of `freeze` and `unfreeze` that match nothing, and a `freeze` that leaves nothing to train, for settings that are valid otherwise.
let patternProblems (config: Config) : Problem list =
    // Their names do not depend on the number of classes.
    let leaves = Params.trainable (objective config (network config) 2 1).Specs
    let frozen = frozen config
    let trained = leaves |> List.filter (Groups.freezes frozen >> not)
    let beginnings = Groups.readBeginnings config.Unfreeze |> Result.defaultValue []

    [ for rule in frozen do
          yield!
              Groups.missing "parameter" rule.Pattern leaves
              |> Option.map (Problems.problem "freeze")
              |> Option.toList
      if trained.IsEmpty then
          Problems.problem "freeze" "matches every parameter, so there is nothing to train: take a pattern out of it"
      else
          for pattern, _ in beginnings do
              yield!
                  Groups.missing "parameter that is trained" pattern trained
                  |> Option.map (Problems.problem "unfreeze")
                  |> Option.toList ]

/// A run of valid settings on a number of classes, for a number of steps.
let build (config: Config) classes steps : Recipe = continued config classes steps 0 steps
