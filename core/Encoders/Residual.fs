namespace CondEmbed.Encoders

open CondEmbed
open CondEmbed.Layers

/// Residual networks: He et al., CVPR 2016. Names are torchvision's (`layer1.0.conv1.weight`), without its classifier `fc`.
module Residual =
    /// Where a bottleneck halves the resolution: at its first 1 x 1 convolution (the paper, "v1") or at its 3 x 3 ("v1.5", torchvision).
    type Stride =
        | OnFirst
        | OnSecond

    /// Two 3 x 3 convolutions, or 1 x 1, 3 x 3, 1 x 1.
    type Block =
        | Basic
        | Bottleneck of Stride

    /// What comes before the first stage.
    type Stem =
        /// 7 x 7, stride 2, then 3 x 3 max pooling, stride 2: for images of 128 px and more.
        | Wide
        /// 3 x 3, stride 2 or 1: for small images.
        | Narrow of stride: int

    /// The form of a residual network.
    type Options =
        {
            Stem: Stem
            /// Channels after the stem.
            StemWidth: int
            /// Each stage's inner channels, number of blocks, and stride of its first block.
            Stages: (int * int * int) list
            Block: Block
            /// Where a block halves the resolution, its shortcut averages 2 x 2 locations before its 1 x 1 convolution instead of taking every
            /// other location: "ResNet-D" of He et al., "Bag of Tricks", CVPR 2019.
            SmoothShortcut: bool
            /// The scale of each block's last norm starts at 0, so that a block starts out as its shortcut: Goyal et al. 2017, section 5.1.
            ZeroStart: bool
            /// How the norms after convolutions behave.
            Norms: Norms
        }

    /// B In H W -> B Out H/stride W/stride.
    let private numbered options index inputs outputs kernel stride =
        convNorm options.Norms ($"conv{index}", $"bn{index}") inputs outputs kernel stride

    /// B In H W -> B Out H W, at the end of a block's inner path.
    let private last options index inputs outputs kernel =
        let layer = numbered options index inputs outputs kernel 1

        let start spec = if options.ZeroStart && spec.Name = $"bn{index}.weight" then { spec with Init = Constant 0.0 } else spec

        { layer with Specs = List.map start layer.Specs }

    /// The inner path: B In H W -> B Out H/stride W/stride, without the last ReLU.
    let private path options inputs width stride =
        match options.Block with
        | Basic -> numbered options 1 inputs width 3 stride --> reluInPlace --> last options 2 width width 3
        | Bottleneck place ->
            let first, second = if place = OnFirst then stride, 1 else 1, stride

            numbered options 1 inputs width 1 first
            --> reluInPlace
            --> numbered options 2 width width 3 second
            --> reluInPlace
            --> last options 3 width (4 * width) 1

    let private outputsOf options width =
        match options.Block with
        | Basic -> width
        | Bottleneck _ -> 4 * width

    /// B In H W -> B Out H/stride W/stride: a 1 x 1 convolution if the shape changes, otherwise the input itself.
    let private shortcut options inputs outputs stride =
        let changed stride = convNorm options.Norms ("downsample.0", "downsample.1") inputs outputs 1 stride

        if stride = 1 && inputs = outputs then Layer.lift id
        elif stride = 2 && options.SmoothShortcut then averagePool --> changed 1
        else changed stride

    /// B In H W -> B Out H/stride W/stride: relu(path x + shortcut x), written over the output of the path.
    let private block options inputs width stride =
        let shortcut = shortcut options inputs (outputsOf options width) stride
        let sum = Layer.lift (fun (x: Tensor, y: Tensor) -> x.add_ (y, scalar 1.0))
        Layer.both (path options inputs width stride) shortcut --> sum --> reluInPlace

    /// B In H W -> B Out H/stride W/stride: the blocks of a stage, the first of which may halve the resolution.
    let private stage options index inputs (width, blocks, stride) =
        let blockAt position =
            let inputs, stride = if position = 0 then inputs, stride else outputsOf options width, 1

            Layer.named $"layer{index + 1}.{position}" (block options inputs width stride) |> Layer.tidied

        List.init blocks blockAt |> Layer.sequence |> Layer.tidied

    /// B 3 H W -> B StemWidth H' W'.
    let private stem options =
        match options.Stem with
        | Wide -> numbered options 1 3 options.StemWidth 7 2 --> reluInPlace --> maxPool
        | Narrow stride -> numbered options 1 3 options.StemWidth 3 stride --> reluInPlace
        |> Layer.tidied

    /// B In H W -> the output of each stage, the last one first.
    let private outputs (stages: Layer<Tensor, Tensor> list) : Layer<Tensor, Features> =
        let forward env x =
            let maps = (x, stages) ||> List.scan (fun x stage -> stage.Forward env x) |> List.tail |> List.rev
            { Features.ofMap maps.Head with Earlier = maps.Tail }

        Layer.create (stages |> List.collect _.Specs) forward

    /// B 3 H W -> B C h w; expects colours normalised with ImageNet's mean and deviation.
    let build options : Encoder =
        let widths = [ for width, _, _ in options.Stages -> outputsOf options width ]
        let inputs = options.StemWidth :: widths

        let stages = options.Stages |> List.mapi (fun index shape -> stage options index inputs[index] shape)

        { Features = stem options --> outputs stages
          Stages = stem options :: stages
          EarlierChannels = List.rev widths |> List.tail
          HasToken = false
          Multiple = 1
          Form =
            Some(
                Form.Residual(
                    [ for _, _, stride in options.Stages -> stride ],
                    (options.Stem = Wide),
                    options.SmoothShortcut,
                    (match options.Block with
                     | Basic -> None
                     | Bottleneck place -> Some(place = OnFirst))
                )
            )
          Channels = List.last widths
          Mean = fst ImageNet.colours
          Deviation = snd ImageNet.colours }

    let private imageNet block blocks (setting: EncoderOptions) =
        build
            { Stem = Wide
              StemWidth = 64
              Stages = List.zip3 [ 64; 128; 256; 512 ] blocks [ 1; 2; 2; 2 ]
              Block = block
              SmoothShortcut = false
              ZeroStart = false
              Norms = setting.Norms }

    /// 18 layers, 512 channels.
    let resNet18 setting = imageNet Basic [ 2; 2; 2; 2 ] setting

    /// The ResNet-18 that CNTK trained on ImageNet, which has a third block in its last stage: 20 layers, 512 channels.
    let resNet18Cntk setting = imageNet Basic [ 2; 2; 2; 3 ] setting

    /// 34 layers, 512 channels.
    let resNet34 setting = imageNet Basic [ 3; 4; 6; 3 ] setting

    /// 50 layers, 2048 channels.
    let resNet50 stride setting = imageNet (Bottleneck stride) [ 3; 4; 6; 3 ] setting

    /// For images of about 48 px on a light background, trained from scratch: a 3 x 3 stem of stride 2 and three stages of one basic block give a
    /// map of 6 x 6 locations. White becomes 0, like the padding.
    let small (setting: EncoderOptions) =
        let network =
            build
                { Stem = Narrow 2
                  StemWidth = 32
                  Stages = [ 64, 1, 2; 128, 1, 2; 128, 1, 1 ]
                  Block = Basic
                  SmoothShortcut = true
                  ZeroStart = true
                  Norms = setting.Norms }

        { network with Mean = [ 1.0; 1.0; 1.0 ]; Deviation = [ 0.35; 0.35; 0.35 ] }
