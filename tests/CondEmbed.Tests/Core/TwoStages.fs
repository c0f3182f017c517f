/// A network small enough to compare step by step: two convolutions, of which levels can read both.
module CondEmbed.Tests.TwoStages

open CondEmbed
open CondEmbed.Encoders

/// Two stages and, for a class token, the maximum of the last; the norm between the stages, and what follows the last convolution to so many channels, as they are given.
let featuresOf (norm: Layer<Tensor, Tensor>) channels (last: Layer<Tensor, Tensor>) : Layer<Tensor, Features> =
    let first = Layer.named "conv1" (Layers.conv2d 3 5 3 1) --> Layer.named "bn1" norm --> Layers.gelu
    let second = Layer.named "conv2" (Layers.conv2d 5 channels 3 2) --> last

    Layer.create (first.Specs @ second.Specs) (fun env images ->
        let early = first.Forward env images
        let map = second.Forward env early
        { Map = map; Earlier = [ early ]; Token = Some(map.amax [| 2L; 3L |]) })

/// The network of such features with 6 numbers an image, whose images are numbers already.
let networkOf channels features pooling withNorm : Network =
    let encoder: Encoder =
        { Features = features
          Stages = []
          Channels = channels
          EarlierChannels = [ 5 ]
          HasToken = true
          Multiple = 1
          Form = None
          Mean = [ 0.0; 0.0; 0.0 ]
          Deviation = [ 1.0; 1.0; 1.0 ] }

    let _, width, pool = Encoders.All.poolings |> List.find (fun (name, _, _) -> name = pooling)
    { Network.ofEncoder encoder (width, pool, pooling = "mean") withNorm 6 with Features = features }
