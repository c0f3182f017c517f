/// From settings to values: the network, what is minimised, and how.
module CondEmbed.Recipe

open CondEmbed.Losses

/// A built run: the network whose embeddings are used at test time, and how it is trained.
type Recipe =
    {
        Network: Network
        /// Pictures -> B D of length 1.
        Embed: Layer<Tensor, Tensor>
        Method: Train.Method
    }

let private encoderFor options (config: Config) =
    match Encoders.All.tryBuild config.Encoder options with
    | Some encoder -> encoder
    | None -> invalidArg (nameof config) $"There is no encoder '{config.Encoder}'."

/// The encoder of the settings.
let encoder (config: Config) = encoderFor (Config.encoderOptions config) config

let private pooling (config: Config) = Encoders.All.poolings |> List.find (fun (name, _, _) -> name = config.Pooling)

/// D.
let dimension (config: Config) =
    let _, features, _ = pooling config
    if config.Embedding > 0 then config.Embedding else features * (encoder config).Channels

let private networkOf (config: Config) (encoder: Encoders.Encoder) =
    let _, features, pooling = pooling config

    let encoder =
        if config.Precision = "bfloat16" then { encoder with Features = Precision.bfloat16 encoder.Features } else encoder

    Network.ofEncoder encoder (features, pooling, config.Pooling = "mean") config.HeadNorm config.Embedding

/// Pictures -> embedding of the settings' encoder and pooling.
let network (config: Config) = encoder config |> networkOf config

/// The same at test time, with the encoder's norms folded into its convolutions: it runs with `Folding.parameters`.
let folded (config: Config) =
    encoderFor { Config.encoderOptions config with Norms = Layers.Norms.Folded } config
    |> networkOf config

/// The levels of the settings; words that `Check` refuses count as the last choice.
let hierarchy (config: Config) : Hierarchy.Options =
    let encoder = encoder config

    { Attention = { Channels = encoder.Channels; Embedding = config.Embedding; Heads = config.Heads }
      Levels = config.Levels
      Residual = config.Residual
      Shared = config.SharedLevels
      Values = if config.LevelValues = "own" then Attention.Values.Own else Attention.Values.Given
      Query = if config.LevelQuery = "previous" then Hierarchy.Query.Previous else Hierarchy.Query.Unconditional
      After =
        match config.LevelAfter with
        | "nothing" -> Level.After.Nothing
        | "norm" -> Level.After.Norm
        | _ -> Level.After.FeedForward
      Position =
        match config.LevelPosition with
        | "none" -> Positions.Code.None
        | "sine" -> Positions.Code.Sine
        | _ -> Positions.Code.Learned
      Agreement = if config.LevelSimilarity = "mutual" then Hierarchy.Agreement.Mutual else Hierarchy.Agreement.OneSided
      Stages = if config.LevelTokens = "last" then [] else encoder.Channels :: encoder.EarlierChannels }

/// What the settings' levels make of pairs after training.
let comparison (config: Config) = Comparison.ofNetwork (network config) (hierarchy config)

let private conditional (config: Config) steps : Conditional.Options =
    { Weight = config.LevelWeight
      LastOnly = config.LevelLossOn = "last"
      LevelsAlone = config.LevelGradients = "levels"
      WarmUp = int (config.LevelWarmUp * float steps)
      Distillation = config.Distillation
      Temperature = config.DistillationTemperature
      Nearest = config.LevelPairs
      Block = config.LevelBlock }

let private objective (config: Config) network classes steps =
    let lossOf (text, numbers) = All.make text (Config.asValues numbers) classes (dimension config)
    let loss = lossOf (config.Loss, config.LossSettings)

    let remembered =
        if config.Memory = 0 then
            loss
        else
            loss
            |> Memory.remembering { Size = config.Memory; Start = config.MemoryStart; Weight = config.MemoryWeight } (dimension config)

    let levelLoss = if config.Levels = 0 then loss else lossOf (Config.levelLossOf config)

    Objective.weighted network (hierarchy config) config.UnconditionalWeight (conditional config steps) levelLoss remembered

let private schedule (config: Config) steps =
    let warmUp = int (config.WarmUp * float steps)

    let shape =
        match config.Schedule with
        | "cosine" -> Schedule.cosine (steps - warmUp)
        | "step" -> Schedule.stepwise (max 1 (int (config.DecayEvery * float steps))) 0.1
        | _ -> Schedule.constant

    Schedule.withWarmUp warmUp shape

/// Norms, biases, GeM's power and a transformer's class token and positions have no decay; the head and the proxies have rates of their own.
let private rules (config: Config) (leaves: string list) : Groups.Rule list =
    let rule pattern treatment : Groups.Rule = { Pattern = pattern; Treatment = treatment }

    let frozen =
        [ for pattern in config.Freeze.Split(',', System.StringSplitOptions.RemoveEmptyEntries) do
              rule (pattern.Trim()) Groups.Frozen ]

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

    frozen @ Groups.applicable leaves usual

/// A run of sound settings (`Check.problems`) on so many classes and steps that is trained on, from a step to a later one: the learning rate has the
/// schedule of the steps between them, and all else is as it was.
let continued (config: Config) classes steps from until : Recipe =
    let network = network config
    let objective = objective config network classes steps
    let rate = schedule config (until - from)

    { Network = network
      Embed = Network.embed network
      Method =
        { Objective = objective
          Optimiser = if config.Optimiser = "sgd" then Optimiser.Sgd(config.Momentum, false) else Optimiser.adamW
          Rules = rules config (Params.trainable objective.Specs)
          Rate = fun step -> config.Lr * rate (step - from)
          Clip = config.Clip } }

/// The run of sound settings on so many classes and steps.
let build (config: Config) classes steps : Recipe = continued config classes steps 0 steps
