namespace CondEmbed

open System
open FSharp.Reflection

[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Config =
    /// The settings for the bundled emoji on two CPU cores: the defaults that the fields of `Config` declare.
    let standard =
        let fields = FSharpType.GetRecordFields typeof<Config>
        FSharpValue.MakeRecord(typeof<Config>, Array.map SettingAttribute.StandardOf fields) :?> Config

    /// What photographs and an ImageNet encoder need instead of the standard settings.
    let photographs =
        { standard with
            Pooling = "mean"
            // A level that adds to the one before it starts as the baseline, and at these low learning rates it stays there.
            Residual = false
            HeadLrFactor = 1.0
            HeadNorm = false
            Surround = Choices.Surround.Edge
            Rotate = 0.0
            Size = 224
            Resize = 256
            Augment = Choices.Augment.Crop
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

    /// What a vision transformer needs instead: its class token, and the resampling that its weights were trained with.
    let private transformer = { photographs with Pooling = "class"; Filter = Choices.Filter.Bicubic; Lr = 3e-5 }

    /// The defaults of a run, before its own settings: each encoder brings what it is usually trained with.
    let startFor (encoder: string) =
        if encoder = "small" then standard
        elif encoder.StartsWith "vit-" then { transformer with Encoder = encoder }
        else { photographs with Encoder = encoder }

    /// The options to build the encoder with.
    let encoderOptions config : Encoders.EncoderOptions =
        { Size = config.Size; Norms = (if config.FreezeNorm then Layers.Norms.Frozen else Layers.Norms.Batch) }

    /// The loss of the levels and its settings: the one given, or else the main loss with its settings, overridden by those given for the levels.
    let levelLossOf config =
        if config.LevelLoss = "" then
            config.Loss, config.LossSettings.With config.LevelLossSettings
        else
            config.LevelLoss, config.LevelLossSettings

    /// Numbers in the form of a loss's settings.
    let asValues (numbers: NamedNumbers) = Map [ for KeyValue(key, number) in numbers -> key, Number number ]

    /// The settings for images of another size, if resize is not given: it keeps its ratio to size, so that test images show as much as before.
    let resized (size: int) config =
        let share = float config.Resize / float config.Size
        { config with Size = size; Resize = int (Math.Round(float size * share, MidpointRounding.AwayFromZero)) }

    /// The short side to which test images are resized.
    let resizeOf config =
        if config.Resize > 0 then config.Resize
        elif config.Size >= 96 then config.Size * 8 / 7
        else config.Size

    /// The K that the settings name; empty for the usual ones. Words that are not numbers are skipped; `ConfigValidation` reports them.
    let recallAtOf config =
        [ for word in config.RecallAt.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) do
              match Int32.TryParse word with
              | true, k when k > 0 -> k
              | _ -> () ]

    /// How many steps the run takes on a number of training images.
    let stepsOf images config =
        if config.Epochs > 0.0 then
            max 1 (int (Math.Round(config.Epochs * float images / float config.Batch)))
        else
            config.Steps
