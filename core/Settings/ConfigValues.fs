namespace CondEmbed

open System

[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Config =
    /// The settings of the embedded emoji set on two cores of a CPU.
    let standard =
        { Data = "emoji"
          Split = "auto"
          TrainShare = 0.5
          ValidationShare = 0.1
          SharedClasses = false
          SkipBad = false
          Layout = "auto"
          AllowSubset = false
          Boxes = false
          Encoder = "small"
          Weights = ""
          StrictWeights = true
          WeightsPart = ""
          Pooling = "grid"
          Embedding = 128
          HeadNorm = true
          FreezeNorm = false
          Freeze = ""
          Levels = 1
          Heads = 4
          Residual = true
          SharedLevels = false
          LevelWeight = 1.0
          LevelValues = "own"
          LevelQuery = "previous"
          LevelAfter = "nothing"
          LevelPosition = "none"
          LevelTokens = "last"
          LevelSimilarity = "mutual"
          LevelLossOn = "every"
          LevelGradients = "all"
          LevelWarmUp = 0.0
          LevelPairs = 0
          LevelBlock = 0
          UnconditionalWeight = 1.0
          Distillation = 0.0
          DistillationTemperature = 0.1
          Loss = "multi-similarity"
          LossSettings = NamedNumbers.Empty
          Memory = 0
          MemoryStart = 100
          MemoryWeight = 1.0
          LevelLoss = ""
          LevelLossSettings = NamedNumbers.Empty
          Optimiser = "adamw"
          Lr = 6e-3
          HeadLrFactor = 0.3
          LevelLrFactor = 1.0
          ProxyLrFactor = 100.0
          WeightDecay = 0.05
          Momentum = 0.9
          Schedule = "cosine"
          WarmUp = 0.02
          DecayEvery = 0.34
          Clip = 0.0
          Steps = 1500
          Epochs = 0.0
          Batch = 64
          PerClass = 4
          Sampler = "m-per-class"
          CategoriesPerBatch = 2
          BatchesPerCombination = 4
          Size = 48
          Resize = 0
          Filter = "bilinear"
          Background = "none"
          MaxMegapixels = 89.5
          Augment = "shift"
          ScaleMin = 0.8
          ScaleMax = 1.2
          Shift = 0.1
          Rotate = 10.0
          Surround = "white"
          Flip = 0.5
          Brightness = 0.4
          Contrast = 0.4
          Saturation = 0.6
          Hue = 0.1
          Grey = 0.2
          Erase = 0.0
          Cache = ""
          CacheSide = 256
          Seed = 0
          Device = "auto"
          Precision = "float32"
          Threads = 0
          Workers = 0
          EvaluateEvery = 250
          RecallAt = ""
          Clustering = false
          SaveEvery = 250
          Tensorboard = false }

    /// The settings that photographs and an ImageNet encoder call for, in place of the standard ones.
    let photographs =
        { standard with
            Pooling = "mean"
            // A level that adds to the one before it starts as the baseline, and at these small rates stays there.
            Residual = false
            HeadLrFactor = 1.0
            HeadNorm = false
            Surround = "edge"
            Rotate = 0.0
            Size = 224
            Resize = 256
            Augment = "crop"
            ScaleMin = 0.2
            ScaleMax = 1.0
            Brightness = 0.0
            Contrast = 0.0
            Saturation = 0.0
            Hue = 0.0
            Grey = 0.0
            FreezeNorm = true
            Embedding = 512
            Heads = 8
            Lr = 1e-4
            WeightDecay = 4e-4
            Batch = 112
            PerClass = 2
            Steps = 2000 }

    /// What a vision transformer calls for in place of that: its class token, and the resampling that its weights were made with.
    let private transformer = { photographs with Pooling = "class"; Filter = "bicubic"; Lr = 3e-5 }

    /// What a run starts from before its own settings: each encoder brings what it is usually trained with.
    let startFor (encoder: string) =
        if encoder = "small" then standard
        elif encoder.StartsWith "vit-" then { transformer with Encoder = encoder }
        else { photographs with Encoder = encoder }

    /// What the encoder is built for.
    let encoderOptions config : Encoders.EncoderOptions =
        { Size = config.Size; Norms = (if config.FreezeNorm then Layers.Norms.Frozen else Layers.Norms.Batch) }

    /// The loss of the levels and its settings: the one given, or the loss itself with its settings, but for those given for the levels.
    let levelLossOf config =
        if config.LevelLoss = "" then
            config.Loss, config.LossSettings.With config.LevelLossSettings
        else
            config.LevelLoss, config.LevelLossSettings

    /// Numbers as the settings of a loss.
    let asValues (numbers: NamedNumbers) = Map [ for KeyValue(key, number) in numbers -> key, Number number ]

    /// The settings for pictures of another size, where nothing is said of resize: it keeps its share, so that test pictures show as much as before.
    let resized (size: int) config =
        let share = float config.Resize / float config.Size
        { config with Size = size; Resize = int (Math.Round(float size * share, MidpointRounding.AwayFromZero)) }

    /// Short side to which test pictures are resized.
    let resizeOf config =
        if config.Resize > 0 then config.Resize
        elif config.Size >= 96 then config.Size * 8 / 7
        else config.Size

    /// The K that the settings name; empty for those that are usual. Numbers that are none are left out: `Check` finds them.
    let recallAtOf config =
        [ for word in config.RecallAt.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) do
              match Int32.TryParse word with
              | true, k when k > 0 -> k
              | _ -> () ]

    /// How many steps the run takes on so many training images.
    let stepsOf images config =
        if config.Epochs > 0.0 then
            max 1 (int (Math.Round(config.Epochs * float images / float config.Batch)))
        else
            config.Steps
