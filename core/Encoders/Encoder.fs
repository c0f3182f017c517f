namespace CondEmbed.Encoders

open CondEmbed

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
