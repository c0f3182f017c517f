namespace CondEmbed

open CondEmbed.Encoders
open TorchSharp

/// From images to embeddings in two steps, since the conditional branch reads what lies between them.
[<StructuredFormatDisplay("{Tree}")>]
type Network =
    {
        /// Images -> B C h w, and B C where the encoder has a class token.
        Features: Layer<Tensor, Features>
        /// Features -> B D, of any length.
        Head: Layer<Features, Tensor>
        /// Features -> B W: the pooled features, with the head's parameters.
        Pool: Layer<Features, Tensor>
        /// B W -> B D: what the head makes of the pooled features, if it reads nothing else. None otherwise.
        AfterPool: Layer<Tensor, Tensor> option
        /// (map B C h w, tokens B T C) -> B T D: each token through the head on its own, with the head's parameters and its statistics of the map, if the
        /// head is linear in the tokens but for these. None otherwise.
        Project: Layer<Tensor * Tensor, Tensor> option
    }

    /// Name, shape, role and start of each of its parameters.
    member this.Specs = this.Features.Specs @ this.Head.Specs

    /// The tree of all its parameters.
    override this.ToString() = string (Layer.create this.Specs (fun _ () -> ()))

    member private this.Tree = string this

module Network =
    /// Images -> B C h w, and B C h w -> B D: a network whose features are a map alone, and whose pooled features are its mean.
    let ofMap (map: Layer<Tensor, Tensor>) (head: Layer<Tensor, Tensor>) =
        { Features = map |> Layer.map Features.ofMap
          Head = Layer.lift Features.map --> head
          Pool = Layer.lift Features.map --> Layers.meanPool
          AfterPool = None
          Project = None }

    /// (map B C h w, tokens B T C) -> B T D with the parameters of the head: what mean pooling, an optional norm and a linear layer make of each token.
    let private projection channels withNorm embedding =
        let tokens = Layer.lift (fun (_: Tensor, tokens: Tensor) -> tokens)

        let normed =
            if withNorm then
                Layer.both tokens (Layer.lift fst --> Layers.meanPool)
                --> Layer.named "embedding.norm" (Layers.batchNormOf channels)
            else
                tokens

        normed --> Layer.named "embedding" (Layers.linear channels embedding)

    /// An encoder with a head of D features: pooling (with the number of features it makes per channel), an optional norm, and a linear layer. If D is 0, there
    /// is no linear layer, and the embedding is its input. Parameters stand under the encoder's own names and `embedding`. `isMean`: whether the pooling is the mean over locations.
    let ofEncoder (encoder: Encoder) (features: int, pooling: Layer<Features, Tensor>, isMean) withNorm embedding =
        let width = features * encoder.Channels

        let norm = if withNorm then Layer.named "embedding.norm" (Layers.batchNorm width) else Layer.lift id

        let linear = if embedding > 0 then Layer.named "embedding" (Layers.linear width embedding) else Layer.lift id

        let pool = Layer.named "embedding.pool" pooling

        { Features = Layers.normalisePixels encoder.Mean encoder.Deviation --> encoder.Features
          Head = pool --> norm --> linear
          Pool = pool
          AfterPool = Some(norm --> linear)
          Project = if isMean && embedding > 0 then Some(projection encoder.Channels withNorm embedding) else None }

    /// The network for images and for what the first stages of its encoder made of them, B C' h' w' of floats, when no parameter of these is trained: `trunk`
    /// and `rest` are the encoder's two parts.
    let withTrunk (encoder: Encoder) (trunk: Layer<Tensor, Tensor>) (rest: Layer<Tensor, Features>) (network: Network) : Network =
        let images = Layers.normalisePixels encoder.Mean encoder.Deviation --> trunk --> rest

        { network with
            Features = Layer.create images.Specs (fun env x -> if x.dtype = torch.uint8 then images.Forward env x else rest.Forward env x) }

    /// The same network with pooled features in place of a map, B W 1 1, if the head reads nothing else.
    let pooling (network: Network) : Network =
        let flat: Layer<Features, Tensor> = Layer.lift (fun features -> features.Map.flatten 1L)

        match network.AfterPool with
        | None -> network
        | Some afterPool ->
            let asMap (pooled: Tensor) = Features.ofMap (pooled.unsqueeze(2L).unsqueeze 3L)

            { Features = network.Features --> network.Pool |> Layer.map asMap
              Head = flat --> afterPool
              Pool = flat
              AfterPool = Some afterPool
              Project = None }

    /// Images -> B W: the pooled features, of any length.
    let pooled network = network.Features --> network.Pool

    /// Images -> B D of length 1: the unconditional embedding, which is all that is used at test time.
    let embed network = network.Features --> network.Head |> Layer.map Layers.l2Normalise
