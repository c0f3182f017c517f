namespace CondEmbed.Encoders

open CondEmbed

/// The output of an encoder.
type Features =
    {
        /// B C h w: the feature map.
        Map: Tensor
        /// B C' h' w' of each stage before the last, the latest first, so from coarse to fine. Empty if the encoder has no stages.
        Earlier: Tensor list
        /// B C: the encoder's own summary of each image (a class token), if it has one.
        Token: Tensor option
    }

module Features =
    /// B C h w -> the features of an encoder that only makes a map.
    let ofMap map = { Map = map; Earlier = []; Token = None }

    /// Features -> B C h w.
    let map features = features.Map

    /// Features -> B C, the class token. ArgumentException if there is none.
    let token features =
        match features.Token with
        | Some token -> token
        | None -> invalidArg (nameof features) "This encoder has no class token: pool its map."

/// What a network's weights do not say about its form. An exporter needs it, for example to write an ONNX graph.
[<RequireQualifiedAccess>]
type Form =
    /// Torchvision's names. The stride of each stage's first block; max pooling after the first convolution; shortcuts that average before they convolve;
    /// where the blocks are bottlenecks, whether their stride is at the first convolution.
    | Residual of strides: int list * wideStem: bool * smoothShortcut: bool * bottleneckOnFirst: bool option
    /// Timm's names.
    | Transformer of heads: int

/// The layer that turns images into features, and what these look like.
type Encoder =
    {
        /// B 3 H W, normalised -> B C h w, and B C where there is a class token.
        Features: Layer<Tensor, Features>
        /// The same as layers one after another, B 3 H W -> B C' h' w' and then on to B C h w; empty if the encoder is not such a chain of maps.
        Stages: Layer<Tensor, Tensor> list
        /// C of the features.
        Channels: int
        /// C' of each earlier stage, the latest first.
        EarlierChannels: int list
        /// Whether the features have a class token.
        HasToken: bool
        /// The side of the images must be a multiple of this many pixels.
        Multiple: int
        /// None for a network of any other form, which cannot be exported as a graph.
        Form: Form option
        /// The mean and standard deviation of the colour channels that the encoder expects, for values in 0..1.
        Mean: float list
        Deviation: float list
    }

/// The data that most published weights come from.
module internal ImageNet =
    /// Mean and standard deviation of its colour channels, for values in 0..1.
    let colours = [ 0.485; 0.456; 0.406 ], [ 0.229; 0.224; 0.225 ]

/// Options for building an encoder.
type EncoderOptions =
    {
        /// Side of the images in pixels, for encoders that learn something per location.
        Size: int
        /// How norms after convolutions behave, for encoders that have any.
        Norms: Layers.Norms
    }

/// An encoder by name.
type Description =
    {
        Name: string
        /// One line about it.
        About: string
        Build: EncoderOptions -> Encoder
        /// Its name in timm and in torchvision, if it has one there.
        Timm: string option
        Torchvision: string option
    }
