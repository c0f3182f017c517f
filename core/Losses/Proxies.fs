/// What losses with a proxy (a learned vector, a weight of the classifier) a class share.
module CondEmbed.Losses.Proxies

open CondEmbed
open TorchSharp

/// labels B -> nothing. ArgumentException for a label without a proxy.
let private checkLabels classes (labels: Tensor) =
    let least, greatest = toFloat (labels.min ()), toFloat (labels.max ())

    if least < 0.0 || greatest >= float classes then
        invalidArg (nameof labels) $"There are proxies for the classes 0 to {classes - 1}, and labels from {least} to {greatest}."

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
        let cosines = (Layers.l2Normalise embeddings).matmul((Layers.l2Normalise env.Params["proxies"]).t())
        let every = torch.arange (scalar (float classes), dtype = int64', device = labels.device)
        loss (labels.unsqueeze(1L).eq(every.unsqueeze 0L)) cosines)

/// own B C of bool, logits B C -> B: cross-entropy, log sum e^x - x_own.
let crossEntropy (own: Tensor) (logits: Tensor) = logits.logsumexp 1L - Masked.rowSum own logits
