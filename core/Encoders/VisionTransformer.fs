namespace CondEmbed.Encoders

open CondEmbed
open CondEmbed.Layers
open TorchSharp

/// Vision transformers: Dosovitskiy et al., ICLR 2021. Names are timm's and DINO's (`blocks.0.attn.qkv.weight`), without a classifier.
module VisionTransformer =
    /// The sizes of a vision transformer.
    type Options =
        {
            /// Side of a patch in pixels; divides the side of the images.
            Patch: int
            /// Side of the images in pixels: each patch has a position embedding of its own.
            Size: int
            /// C, features of a token.
            Width: int
            Depth: int
            /// Must divide the width.
            Heads: int
            /// Mean and standard deviation of the colours.
            Mean: float list
            Deviation: float list
        }

    type private F = torch.nn.functional

    /// As in timm and DINO; torch's default is 1e-5.
    let private norm width = layerNormOf 1e-6 width

    /// Matrices start from a normal distribution with deviation 0.02 and biases at zero, as in BERT and timm.
    let private starting (layer: Layer<_, _>) =
        let start spec =
            if spec.Name.EndsWith("bias", System.StringComparison.Ordinal) then { spec with Init = Constant 0.0 }
            elif spec.Shape.Length > 1 then { spec with Init = Normal 0.02 }
            else spec

        Layer.create (List.map start layer.Specs) layer.Forward

    /// B N C -> B N C, every token reads all tokens of its image. Declares `qkv` and `proj`.
    let private attention width heads : Layer<Tensor, Tensor> =
        let qkv = Layer.named "qkv" (linear width (3 * width))
        let proj = Layer.named "proj" (linear width width)

        let forward env (x: Tensor) =
            // B N 3C -> 3 B H N C/H
            let split = (qkv.Forward env x).unflatten(2L, [| 3L; int64 heads; -1L |]).permute(2L, 0L, 3L, 1L, 4L)

            (DotProductAttention.read split[0] split[1] split[2]).transpose(1L, 2L).flatten 2L
            |> proj.Forward env

        Layer.create (qkv.Specs @ proj.Specs) forward

    /// B N C -> B N C, x + body(norm x).
    let private residual name width body = Layer.residual (Layer.named name (norm width) --> body)

    /// B N C -> B N C.
    let private block options index =
        let width = options.Width

        let mlp =
            Layer.named "mlp.fc1" (linear width (4 * width))
            --> gelu
            --> Layer.named "mlp.fc2" (linear (4 * width) width)

        residual "norm1" width (Layer.named "attn" (attention width options.Heads))
        --> residual "norm2" width mlp
        |> Layer.tidied
        |> Layer.named $"blocks.{index}"

    let private check options =
        if options.Patch < 1 || options.Size < options.Patch || options.Size % options.Patch <> 0 then
            invalidArg
                (nameof options)
                $"Images of {options.Size} px cannot be divided into patches of {options.Patch}: choose a side that is a multiple of the patch's."

        if options.Heads < 1 || options.Width % options.Heads <> 0 then
            invalidArg
                (nameof options)
                $"{options.Heads} heads do not divide a width of {options.Width}: choose a number of heads that does."

    /// B 3 H W -> B 1+T C: the class token and the patches, row by row, each with its position.
    let private embedding options : Layer<Tensor, Tensor> =
        let side = int64 (options.Size / options.Patch)
        let proj = Layer.named "patch_embed.proj" (patches 3 options.Width options.Patch)

        let leaf name tokens = { Name = name; Shape = [ 1L; tokens; int64 options.Width ]; Role = Trainable; Init = Normal 0.02 }

        let forward env (x: Tensor) =
            let patches = proj.Forward env x

            if patches.shape[2] <> side || patches.shape[3] <> side then
                invalidArg (nameof x) $"This network is for images of {options.Size} x {options.Size}; these are {shapeText x.shape}."

            let start = env.Params["cls_token"].expand(x.shape[0], -1L, -1L)
            torch.cat ([| start; tokens patches |], 1L) + env.Params["pos_embed"]

        Layer.create (leaf "cls_token" 1L :: leaf "pos_embed" (1L + side * side) :: proj.Specs) forward

    /// B 1+T C -> the class token, and the patches as a map.
    let private features (x: Tensor) =
        let places = x.shape[1] - 1L
        let side = int64 (sqrt (float places))

        { Map = x.narrow(1L, 1L, places).transpose(1L, 2L).unflatten(2L, [| side; side |])
          Earlier = []
          Token = Some(x.select (1L, 0L)) }

    /// B 3 H W -> B C h w and B C. Pre-norm blocks, exact GELU, a norm at the end.
    let build options : Encoder =
        check options

        let network =
            embedding options
            --> Layer.sequence (List.init options.Depth (block options))
            --> Layer.named "norm" (norm options.Width)

        { Features = starting network |> Layer.map features
          Stages = []
          Channels = options.Width
          EarlierChannels = []
          HasToken = true
          Multiple = options.Patch
          Form = Some(Form.Transformer options.Heads)
          Mean = options.Mean
          Deviation = options.Deviation }

    /// Colours scaled to -1..1, as the weights of the paper's authors and most of timm's expect; those of DINO, DeiT and torchvision expect ImageNet's.
    let private symmetric = List.replicate 3 0.5, List.replicate 3 0.5

    let private standard width heads (mean, deviation) (setting: EncoderOptions) =
        build
            { Patch = 16
              Size = setting.Size
              Width = width
              Depth = 12
              Heads = heads
              Mean = mean
              Deviation = deviation }

    /// Images -> features: ViT-S/16, 384 channels; colours to -1..1.
    let small setting = standard 384 6 symmetric setting
    /// ViT-S/16 with ImageNet's mean and deviation.
    let smallImageNet setting = standard 384 6 ImageNet.colours setting
    /// ViT-B/16, 768 channels; colours to -1..1.
    let ``base`` setting = standard 768 12 symmetric setting
    /// ViT-B/16 with ImageNet's mean and deviation.
    let baseImageNet setting = standard 768 12 ImageNet.colours setting
