namespace CondEmbed

open System

/// Encoders that start from the same settings.
[<RequireQualifiedAccess>]
type EncoderFamily =
    | Small
    | Residual
    | Transformer

[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Config =
    /// The settings for the bundled emoji on two CPU cores: the defaults that the fields of `Config` declare.
    let standard: Config = Declared.standard ()

    /// What photographs and an ImageNet encoder need instead of the standard settings.
    let photographs =
        { standard with
            Pooling = "mean"
            // What helped most on photographs and scenes: attention without parameters, by which negatives alone are compared.
            LevelForm = Choices.LevelForm.Cosine
            LevelOn = Conditional.On.Negatives
            // A level that adds to the one before it starts as the baseline, and at these low learning rates it stays there.
            Residual = false
            HeadLrFactor = 1.0
            HeadNorm = false
            Size = 224
            FreezeNorm = true
            Embedding = 512
            Heads = 8
            Lr = 1e-4
            WeightDecay = 4e-4
            Batch = 112
            PerClass = 2
            Steps = 2000 }

    /// What a vision transformer needs instead: its class token, which cosine attention cannot be read through.
    let private transformer =
        { photographs with Pooling = "class"; LevelForm = standard.LevelForm; LevelOn = standard.LevelOn; Lr = 3e-5 }

    /// The family of an encoder.
    let familyOf (encoder: string) =
        if encoder = "small" then EncoderFamily.Small
        elif encoder.StartsWith("vit-", StringComparison.Ordinal) then EncoderFamily.Transformer
        else EncoderFamily.Residual

    /// The defaults of a run, before its own settings: each encoder brings what it is usually trained with.
    let startFor (encoder: string) =
        match familyOf encoder with
        | EncoderFamily.Small -> standard
        | EncoderFamily.Residual -> { photographs with Encoder = encoder }
        | EncoderFamily.Transformer -> { transformer with Encoder = encoder }

    /// The same network with one level that has no parameters: cosine attention at a temperature, which any network can be asked for after training.
    let withCosine temperature config =
        { config with
            Levels = 1
            LevelForm = Choices.LevelForm.Cosine
            LevelTemperature = temperature
            Residual = false
            LevelValues = standard.LevelValues
            LevelQuery = standard.LevelQuery
            LevelAfter = standard.LevelAfter
            LevelPosition = standard.LevelPosition
            LevelTokens = standard.LevelTokens
            LevelSimilarity = standard.LevelSimilarity
            LevelWidth = standard.LevelWidth
            LevelAverage = standard.LevelAverage }

    /// The options to build the encoder with.
    let encoderOptions config : Encoders.EncoderOptions =
        { Size = config.Size; Norms = (if config.FreezeNorm then Layers.Norms.Frozen else Layers.Norms.Batch) }

    /// The encoder of the settings for images of 224 px, for what does not depend on their side; None if there is none of that name.
    let internal tryEncoder (config: Config) =
        Encoders.All.tryBuild config.Encoder { encoderOptions config with Size = Encoders.All.usual.Size }

    /// What `freeze` leaves as it is.
    let internal frozen (config: Config) encoder = Groups.frozen encoder config.Freeze

    /// How many of the encoder's stages, from the first one on, have nothing to train.
    let internal trunkDepth config encoder = Encoders.Trunk.depth (Groups.freezes (frozen config encoder)) encoder

    /// The loss of the levels and its settings: the one given, or else the main loss with its settings, overridden by those given for the levels.
    let levelLossOf config =
        if config.LevelLoss = "" then
            config.Loss, config.LossSettings.With config.LevelLossSettings
        else
            config.LevelLoss, config.LevelLossSettings

    /// Numbers in the form of a loss's settings.
    let asValues (numbers: NamedNumbers) = Map [ for KeyValue(key, number) in numbers -> key, Number number ]

    /// How many steps the run takes on a number of training images.
    let stepsOf images config =
        if config.Epochs > 0.0 then
            max 1 (int (Math.Round(config.Epochs * float images / float config.Batch)))
        else
            config.Steps
