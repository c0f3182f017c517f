namespace CondEmbed

open CondEmbed.Encoders
open CondEmbed.Losses
open CondEmbed.Notebooks
open TorchSharp

/// Pictures and their classes: B H W 3 bytes (or whatever the network reads) and B class numbers.
type Batch =
    { Images: Tensor
      Labels: Tensor }

    override this.ToString() = $"images {Show.tensor this.Images}\nlabels {Show.tensor this.Labels}"

/// What is minimised, and its named parts before weighting.
type Scored = { Total: Tensor; Terms: (string * Tensor) list }

/// What training minimises: a layer from a batch to its score.
type Objective = Layer<Batch, Scored>

/// From pictures to embeddings in two steps, since the conditional branch reads what lies between them.
[<StructuredFormatDisplay("{Tree}"); TypeFormatterSource(typeof<AsText>)>]
type Network =
    {
        /// Pictures -> B C h w, and B C where the encoder has a class token.
        Features: Layer<Tensor, Features>
        /// Features -> B D, of any length.
        Head: Layer<Features, Tensor>
        /// B C h w -> B T D, each token through the head on its own, by the head's parameters: where the head of a map is the mean of these. None where
        /// it is not.
        Project: Layer<Tensor, Tensor> option
    }

    /// The tree of all its parameters.
    override this.ToString() = string (Layer.create (this.Features.Specs @ this.Head.Specs) (fun _ () -> ()))

    member private this.Tree = string this

module Network =
    /// Pictures -> B C h w, and B C h w -> B D: a network whose features are a map alone.
    let ofMap (map: Layer<Tensor, Tensor>) (head: Layer<Tensor, Tensor>) =
        { Features = map |> Layer.map Features.ofMap; Head = Layer.lift Features.map --> head; Project = None }

    /// B C h w -> B T D, the parameters of the head: what a head of mean pooling, a norm if asked for and a linear layer makes of each token.
    let private projection channels withNorm embedding =
        let tokens = Layer.lift Layers.tokens

        let normed =
            if withNorm then
                Layer.both tokens Layers.meanPool --> Layer.named "embedding.norm" (Layers.batchNormOf channels)
            else
                tokens

        normed --> Layer.named "embedding" (Layers.linear channels embedding)

    /// An encoder with a head of D features: pooling (so many features a channel), a norm if asked for, a linear layer (none if D is 0, then the embedding is
    /// what comes before it). Parameters stand under the encoder's own names and `embedding`. `isMean`: the pooling is the mean over places.
    let ofEncoder (encoder: Encoder) (features: int, pooling: Layer<Features, Tensor>, isMean) withNorm embedding =
        let width = features * encoder.Channels

        let norm = if withNorm then Layer.named "embedding.norm" (Layers.batchNorm width) else Layer.lift id

        let linear = if embedding > 0 then Layer.named "embedding" (Layers.linear width embedding) else Layer.lift id

        { Features = Layers.normalisePixels encoder.Mean encoder.Deviation --> encoder.Features
          Head = Layer.named "embedding.pool" pooling --> norm --> linear
          Project = if isMean && embedding > 0 then Some(projection encoder.Channels withNorm embedding) else None }

    /// Pictures -> B D of length 1: the unconditional embedding, all that is used at test time.
    let embed network = network.Features --> network.Head |> Layer.map Layers.l2Normalise

module Objective =
    /// Refuses a batch that is empty, or whose labels are not a class number for each picture.
    let private demandBatch (batch: Batch) =
        let images, labels = batch.Images.shape, batch.Labels.shape

        let refuse why =
            invalidArg
                (nameof batch)
                $"{why}; the images are {batch.Images.dtype} {shapeText images}, the labels {batch.Labels.dtype} {shapeText labels}."

        if images.Length = 0 || images[0] = 0L then
            refuse "An empty batch teaches nothing: give at least two images"
        elif labels.Length <> 1 || labels[0] <> images[0] then
            refuse $"{images[0]} images need {images[0]} labels, one a picture, in one row"
        elif batch.Labels.dtype <> int64' then
            refuse "Labels are class numbers of type Int64: labels.``to`` torch.int64"

    /// What levels read of a network's features, and the values that they share with its head.
    let views network (hierarchy: Hierarchy.Options) : Env -> Features -> Tensor -> Hierarchy.Views =
        let project =
            match hierarchy.Values, network.Project with
            | Attention.Values.Own, _ -> None
            | Attention.Values.Given, Some project -> Some project
            | Attention.Values.Given, None ->
                invalidArg
                    (nameof network)
                    "This head is not linear in the tokens, so levels cannot take their values from it: see Network.Project."

        fun env features embeddings ->
            { Maps = features.Map :: features.Earlier
              Embeddings = embeddings
              Values = project |> Option.map (fun project -> project.Forward env features.Map) }

    /// Pictures and labels of a batch -> scalar: weight * loss(s^0) + the conditional terms. Terms: `loss`, `level1`, ... . With no levels and a weight of 1 this
    /// is the baseline. ArgumentException: a loss for the levels that cannot score similarities.
    let weighted network (hierarchy: Hierarchy.Options) weight conditional levelLoss loss : Objective =
        let unconditional = Layer.named "loss" (Loss.onEmbeddings loss)
        let terms = Conditional.terms hierarchy conditional levelLoss

        let views =
            if hierarchy.Levels > 0 then views network hierarchy else views network { hierarchy with Values = Attention.Values.Own }

        let forward env batch =
            demandBatch batch
            let features = network.Features.Forward env batch.Images
            let embeddings = network.Head.Forward env features
            let first = unconditional.Forward env (embeddings, batch.Labels)
            let terms = terms.Forward env (views env features embeddings, batch.Labels)

            { Total = (weight * first, terms.Weighted) ||> List.fold (fun total term -> total + term)
              Terms = ("loss", first) :: terms.Named }

        Layer.create (network.Features.Specs @ network.Head.Specs @ terms.Specs @ unconditional.Specs) forward

    /// The same with the loss of each level on all pairs: loss(s^0) + weight * sum over levels of levelLoss(s^l).
    let conditional network hierarchy weight levelLoss loss : Objective =
        weighted network hierarchy 1.0 (Conditional.plain weight) levelLoss loss

    /// Pictures and labels of a batch -> scalar: the loss of the unconditional embeddings alone, under the same names as the conditional objective.
    let baseline network loss : Objective =
        let none = Hierarchy.plain { Channels = 1; Embedding = 1; Heads = 1 } 0
        conditional network none 0.0 loss loss
