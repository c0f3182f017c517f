namespace CondEmbed.Encoders

open CondEmbed

/// What an encoder makes of pictures.
type Features =
    {
        /// B C h w: what there is at each place.
        Map: Tensor
        /// B C' h' w' of each stage before the last, the latest first: coarser to finer. None where an encoder has no stages.
        Earlier: Tensor list
        /// B C: the encoder's own summary of each picture (a class token), where it has one.
        Token: Tensor option
    }

module Features =
    /// B C h w -> the features of an encoder that makes a map and nothing else.
    let ofMap map = { Map = map; Earlier = []; Token = None }

    /// Features -> B C h w.
    let map features = features.Map

    /// Features -> B C, the class token. Error: there is none.
    let token features =
        match features.Token with
        | Some token -> token
        | None -> invalidArg (nameof features) "This encoder has no class token: pool its map."

/// What turns B H W 3 bytes into features, and what comes out.
type Encoder =
    {
        /// B 3 H W, normalised -> B C h w, and B C where there is a class token.
        Features: Layer<Tensor, Features>
        /// C of the features.
        Channels: int
        /// C' of each earlier stage, the latest first.
        EarlierChannels: int list
        /// Whether the features have a class token.
        HasToken: bool
        /// The side of the pictures is a multiple of this many pixels.
        Multiple: int
        /// Mean and deviation of the colour channels that the encoder expects, of values in 0..1.
        Mean: float list
        Deviation: float list
    }

/// What an encoder is built for.
type EncoderOptions =
    {
        /// Side of the pictures in pixels, for encoders that learn something for each place.
        Size: int
        /// What becomes of the norms behind convolutions, for encoders that have some.
        Norms: Layers.Norms
    }
