/// What losses with a proxy (a learned vector, a weight of the classifier) a class share.
module CondEmbed.Losses.Proxies

open CondEmbed
open TorchSharp

/// labels B -> nothing. ArgumentException for a label without a proxy.
let private checkLabels classes (labels: Tensor) =
    let least, greatest = toFloat (labels.min ()), toFloat (labels.max ())

    if least < 0.0 || greatest >= float classes then
        invalidArg (nameof labels) $"There are proxies for the classes 0 to {classes - 1}, and labels from {least} to {greatest}."

/// embeddings B D -> nothing. LayerException for embeddings that are not as wide as the proxies.
let private checkEmbeddings (features: int) (embeddings: Tensor) =
    let shape = embeddings.shape

    if shape.Length <> 2 || shape[1] <> int64 features then
        Layer.refuse
            $"the proxies have {features} features, and the embeddings are {shapeText shape}, B D: make the loss with the D of the network."

/// A loss of (own B C of bool: an image's class, cosines B C x centres) as a loss with proxies: declares `proxies`, C x centres rows of D, the
/// centres of a class in succession.
let onCosines classes centres features (loss: Tensor -> Tensor -> Tensor) : Layer<Tensor * Tensor, Tensor> =
    let proxies =
        { Name = "proxies"
          Shape = [ int64 (classes * centres); int64 features ]
          Role = Trainable
          Init = KaimingFanOut }

    Layer.create [ proxies ] (fun env (embeddings: Tensor, labels: Tensor) ->
        checkLabels classes labels
        checkEmbeddings features embeddings
        let cosines = (Layers.l2Normalise embeddings).matmul((Layers.l2Normalise env.Params["proxies"]).t())
        let every = torch.arange (scalar (float classes), dtype = int64', device = labels.device)
        loss (labels.unsqueeze(1L).eq(every.unsqueeze 0L)) cosines)

/// own B C of bool, logits B C -> B: cross-entropy, log sum e^x - x_own.
let crossEntropy (own: Tensor) (logits: Tensor) = logits.logsumexp 1L - Masked.rowSum own logits
