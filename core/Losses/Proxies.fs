/// What losses with one proxy per class (a learned vector, a weight of the classifier) have in common.
module CondEmbed.Losses.Proxies

open CondEmbed
open TorchSharp

/// labels B -> unit. ArgumentException for a label without a proxy.
let private checkLabels classes (labels: Tensor) =
    if labels.dim () <> 1L then
        invalidArg (nameof labels) "A loss with proxies of classes needs class numbers, and these are marks of pairs."

    let least, greatest = toFloat (labels.min ()), toFloat (labels.max ())

    if least < 0.0 || greatest >= float classes then
        invalidArg (nameof labels) $"There are proxies for the classes 0 to {classes - 1}, and labels from {least} to {greatest}."

/// embeddings B D -> unit. LayerException for embeddings that are not as wide as the proxies.
let private checkEmbeddings (features: int) (embeddings: Tensor) =
    let shape = embeddings.shape

    if shape.Length <> 2 || shape[1] <> int64 features then
        Layer.refuse
            $"the proxies have {features} features, and the embeddings are {shapeText shape}, B D: make the loss with the D of the network."

/// How many classes have proxies, and how many features a proxy has.
type Shape = { Classes: int; Features: int }

/// Not a setting: the shape of the proxies that a run needs.
let shape =
    Part.declare {
        let! classes = Setting.classes
        and! features = Setting.features
        return { Classes = classes; Features = features }
    }

/// A loss of (labels B, embeddings B D, proxies C x centres D, both of length 1) as a loss with proxies: declares `proxies`, C x centres rows of D, the centres of a
/// class in succession.
let onUnit centres { Classes = classes; Features = features } (loss: Tensor -> Tensor -> Tensor -> Tensor) =
    let proxies =
        { Name = "proxies"
          Shape = [ int64 (classes * centres); int64 features ]
          Role = Trainable
          Init = KaimingFanOut }

    let forward env (embeddings: Tensor, labels: Tensor) =
        checkLabels classes labels
        checkEmbeddings features embeddings
        loss labels (Layers.l2Normalise embeddings) (Layers.l2Normalise env.Params["proxies"])

    OnProxies(centres, Layer.create [ proxies ] forward)

/// A loss of (labels B, cosines B C) as a loss with one proxy per class.
let one shape (loss: Tensor -> Tensor -> Tensor) =
    onUnit 1 shape (fun labels embeddings proxies -> loss labels (matmul embeddings (proxies.t ())))

/// A loss of (labels B, cosines B K C) as a loss with K proxies per class. Classes come last, so that sums over K run for all of them at once.
let several centres shape (loss: Tensor -> Tensor -> Tensor) =
    onUnit centres shape (fun labels embeddings proxies ->
        let byCentre = proxies.reshape(int64 shape.Classes, int64 centres, -1L).transpose(0L, 1L).reshape(proxies.shape)
        loss labels ((matmul embeddings (byCentre.t ())).reshape(-1L, int64 centres, int64 shape.Classes)))

/// labels B, logits B C -> B: cross-entropy, log sum e^x - x_own.
let crossEntropy (labels: Tensor) (logits: Tensor) = torch.nn.functional.cross_entropy (logits, labels, reduction = torch.nn.Reduction.None)
