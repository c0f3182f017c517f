namespace CondEmbed.Encoders

open CondEmbed
open CondEmbed.Layers

/// What turns B H W 3 bytes into a feature map, and what comes out.
type Encoder =
    {
        /// B 3 H W, normalised -> B C h w.
        Features: Layer<Tensor, Tensor>
        /// C of the feature map.
        Channels: int
        /// Mean and deviation of the colour channels that the encoder expects, of values in 0..1.
        Mean: float list
        Deviation: float list
    }

/// Residual networks: He et al., CVPR 2016. Names are torchvision's (`layer1.0.conv1.weight`), without its classifier `fc`.
module Residual =
    /// Where a bottleneck halves the resolution: at its first 1 x 1 convolution (the paper, "v1") or at its 3 x 3 ("v1.5", torchvision).
    type Stride =
        | OnFirst
        | OnSecond

    type Block =
        | Basic
        | Bottleneck of Stride

    type Stem =
        /// 7 x 7, stride 2, then 3 x 3 max pooling, stride 2: for pictures of 128 px and more.
        | Wide
        /// 3 x 3, stride 2 or 1: for small pictures.
        | Narrow of stride: int

    type Options =
        {
            Stem: Stem
            /// Channels after the stem.
            StemWidth: int
            /// Inner channels and number of blocks of each stage; every stage but the first halves the resolution.
            Stages: (int * int) list
            Block: Block
            /// BatchNorm runs on its stored statistics in training too.
            FrozenNorm: bool
        }

    let private norm options channels =
        if options.FrozenNorm then
            Layer.frozen (batchNorm channels)
        else
            batchNorm channels

    let private convNorm options index inputs outputs kernel stride =
        Layer.named $"conv{index}" (conv2d inputs outputs kernel stride)
        --> Layer.named $"bn{index}" (norm options outputs)

    /// The inner path: B In H W -> B Out H/stride W/stride, without the last ReLU.
    let private path options inputs width stride =
        match options.Block with
        | Basic -> convNorm options 1 inputs width 3 stride --> relu --> convNorm options 2 width width 3 1
        | Bottleneck place ->
            let first, second = if place = OnFirst then stride, 1 else 1, stride

            convNorm options 1 inputs width 1 first
            --> relu
            --> convNorm options 2 width width 3 second
            --> relu
            --> convNorm options 3 width (4 * width) 1 1

    let private outputsOf options width =
        match options.Block with
        | Basic -> width
        | Bottleneck _ -> 4 * width

    /// relu(path x + shortcut x); the shortcut is a 1 x 1 convolution where the shape changes.
    let private block options inputs width stride =
        let outputs = outputsOf options width

        let shortcut =
            if stride = 1 && inputs = outputs then
                Layer.lift id
            else
                Layer.named "downsample.0" (conv2d inputs outputs 1 stride)
                --> Layer.named "downsample.1" (norm options outputs)

        let sum = Layer.lift (fun (x: Tensor, y: Tensor) -> x + y)
        Layer.both (path options inputs width stride) shortcut --> sum --> relu

    let private stage options index inputs (width, blocks) =
        let outputs = outputsOf options width

        let blockAt position =
            let inputs = if position = 0 then inputs else outputs
            let stride = if position = 0 && index > 0 then 2 else 1
            Layer.named $"layer{index + 1}.{position}" (block options inputs width stride)

        List.init blocks blockAt |> Layer.sequence

    let private stem options =
        match options.Stem with
        | Wide -> convNorm options 1 3 options.StemWidth 7 2 --> relu --> maxPool
        | Narrow stride -> convNorm options 1 3 options.StemWidth 3 stride --> relu

    /// The network; ImageNet's mean and deviation of colours.
    let build options : Encoder =
        let widths = options.Stages |> List.map (fst >> outputsOf options)
        let inputs = options.StemWidth :: widths

        let stages =
            options.Stages |> List.mapi (fun index shape -> stage options index inputs[index] shape)

        {
            Features = stem options --> Layer.sequence stages
            Channels = List.last widths
            Mean = [ 0.485; 0.456; 0.406 ]
            Deviation = [ 0.229; 0.224; 0.225 ]
        }

    let private imageNet block blocks frozenNorm =
        build
            {
                Stem = Wide
                StemWidth = 64
                Stages = List.zip [ 64; 128; 256; 512 ] blocks
                Block = block
                FrozenNorm = frozenNorm
            }

    let resNet18 frozenNorm =
        imageNet Basic [ 2; 2; 2; 2 ] frozenNorm

    let resNet34 frozenNorm =
        imageNet Basic [ 3; 4; 6; 3 ] frozenNorm

    let resNet50 stride frozenNorm =
        imageNet (Bottleneck stride) [ 3; 4; 6; 3 ] frozenNorm

    /// For pictures of about 64 px, trained from nothing: 3 x 3 stem of stride 2, three stages of basic blocks.
    let small frozenNorm =
        build
            {
                Stem = Narrow 2
                StemWidth = 32
                Stages = [ 64, 1; 128, 1; 256, 1 ]
                Block = Basic
                FrozenNorm = frozenNorm
            }
