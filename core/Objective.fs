namespace CondEmbed

open CondEmbed.Encoders
open CondEmbed.Losses
open TorchSharp

/// Pictures and their classes: B H W 3 bytes (or whatever the network reads) and B class numbers.
type Batch = { Images: Tensor; Labels: Tensor }

/// What is minimised, and its named parts before weighting.
type Scored = { Total: Tensor; Terms: (string * Tensor) list }

/// What training minimises: a layer from a batch to its score.
type Objective = Layer<Batch, Scored>

/// From pictures to embeddings in two steps, since the conditional branch reads what lies between them.
type Network =
    {
        /// Pictures -> B C h w, and B C where the encoder has a class token.
        Features: Layer<Tensor, Features>
        /// Features -> B D, of any length.
        Head: Layer<Features, Tensor>
    }

module Network =
    /// Pictures -> B C h w, and B C h w -> B D: a network whose features are a map alone.
    let ofMap (map: Layer<Tensor, Tensor>) (head: Layer<Tensor, Tensor>) =
        { Features = map |> Layer.map Features.ofMap; Head = Layer.lift Features.map --> head }

    /// An encoder with a head of D features: pooling (so many features a channel), a norm if asked for, a linear layer. Parameters stand
    /// under the encoder's own names and `embedding`.
    let ofEncoder (encoder: Encoder) (features: int, pooling: Layer<Features, Tensor>) withNorm embedding =
        let width = features * encoder.Channels

        let norm = if withNorm then Layer.named "embedding.norm" (Layers.batchNorm width) else Layer.lift id

        { Features = Layers.normalisePixels encoder.Mean encoder.Deviation --> encoder.Features
          Head =
            Layer.named "embedding.pool" pooling
            --> norm
            --> Layer.named "embedding" (Layers.linear width embedding) }

    /// Pictures -> B D of length 1: the unconditional embedding, all that is used at test time.
    let embed network = network.Features --> network.Head |> Layer.map Layers.l2Normalise

module Objective =
    /// Pictures and labels of a batch -> scalar: loss(s^0) + weight * sum over levels of levelLoss(s^l). Terms: `loss`, `level1`, ... . With no
    /// levels this is the baseline. ArgumentException: a loss for the levels that cannot score similarities.
    let conditional network (hierarchy: Hierarchy.Options) weight levelLoss loss : Objective =
        let unconditional = Layer.named "loss" (Loss.onEmbeddings loss)
        let levels = Layer.named "hierarchy" (Hierarchy.conditional hierarchy)

        let onLevels =
            [ if hierarchy.Levels > 0 then
                  let onLevel = Loss.onSimilarities levelLoss

                  for level in 1 .. hierarchy.Levels do
                      // A loss with parameters of its own has them once for each level.
                      if onLevel.Specs.IsEmpty then onLevel else Layer.named $"loss.level{level}" onLevel ]

        let checkLabels (batch: Batch) (embeddings: Tensor) =
            if batch.Labels.dtype <> int64' || batch.Labels.shape <> [| embeddings.shape[0] |] then
                let labels = $"{batch.Labels.dtype} {shapeText batch.Labels.shape}"
                invalidArg (nameof batch) $"{embeddings.shape[0]} images need as many labels of type Int64; these are {labels}."

        let forward env batch =
            let features = network.Features.Forward env batch.Images
            let embeddings = network.Head.Forward env features
            checkLabels batch embeddings
            let first = unconditional.Forward env (embeddings, batch.Labels)
            let pairs = Mining.all batch.Labels

            let conditional =
                levels.Forward env { Tokens = Layers.tokens features.Map; Embeddings = embeddings }
                |> List.map2 (fun (onLevel: Layer<_, _>) c -> onLevel.Forward env (pairs, Similarity.mutualCosine c)) onLevels

            { Total = (first, conditional) ||> List.fold (fun total term -> total + weight * term)
              Terms = ("loss", first) :: List.mapi (fun i term -> $"level{i + 1}", term) conditional }

        let specs =
            [ yield! network.Features.Specs
              yield! network.Head.Specs
              yield! levels.Specs
              yield! unconditional.Specs
              for onLevel in onLevels do
                  yield! onLevel.Specs ]

        Layer.create specs forward

    /// Pictures and labels of a batch -> scalar: the loss of the unconditional embeddings alone, under the same names as the conditional objective.
    let baseline network loss : Objective =
        let none: Hierarchy.Options =
            { Attention = { Channels = 1; Embedding = 1; Heads = 1 }; Levels = 0; Residual = false; Shared = false }

        conditional network none 0.0 loss loss
