/// What losses with one proxy per class (a learned vector, a weight of the classifier) have in common.
module CondEmbed.Losses.Proxies

open CondEmbed
open TorchSharp

/// labels B -> unit. ArgumentException for a label without a proxy.
let private checkLabels classes (labels: Tensor) =
    if labels.dim () <> 1L then
        invalidArg
            (nameof labels)
            $"A loss with proxies of classes needs class numbers B, and these labels are {shapeText labels.shape}, marks of pairs: give class numbers, or take a loss on similarities."

    let least, greatest = toFloat (labels.min ()), toFloat (labels.max ())

    if least < 0.0 || greatest >= float classes then
        invalidArg
            (nameof labels)
            $"There are proxies for the classes 0 to {classes - 1}, and labels from {least} to {greatest}: make the loss for all classes to train on, and number them from 0."

/// How many classes have proxies, how many features a proxy has, and what is added to a loss for its proxies.
type Shape =
    {
        Classes: int
        Features: int
        /// Centres per class, proxies C x centres D of any length, loss -> loss.
        Regularised: int -> Tensor -> Tensor -> Tensor
    }

/// The shape of the proxies that a run needs, and the settings of their regulariser.
let shape =
    Part.declare {
        let! classes = Setting.classes
        and! features = Setting.features
        and! regularised = Regularisers.setting
        return { Classes = classes; Features = features; Regularised = regularised }
    }

/// A loss of (labels B, embeddings B D of any length, proxies C x centres D of length 1) as a loss with proxies: declares `proxies`, C x centres rows of D, the
/// centres of a class in succession.
let onLong centres shape (loss: Tensor -> Tensor -> Tensor -> Tensor) =
    if shape.Classes < 1 then
        invalidArg
            (nameof shape)
            $"A loss with proxies has some for each class, and was made for {shape.Classes} classes: give it the number of classes to train on."

    let proxies =
        { Name = "proxies"
          Shape = [ int64 (shape.Classes * centres); int64 shape.Features ]
          Role = Trainable
          Init = KaimingFanOut }

    let forward env (embeddings: Tensor, labels: Tensor) =
        checkLabels shape.Classes labels
        ShapeChecks.embeddings shape.Features $"the proxies have {shape.Features} features" "the loss" embeddings
        let proxies = env.Params["proxies"]
        loss labels embeddings (Layers.l2Normalise proxies) |> shape.Regularised centres proxies

    OnProxies(centres, Layer.create [ proxies ] forward)

/// The same with embeddings of length 1.
let onUnit centres shape (loss: Tensor -> Tensor -> Tensor -> Tensor) =
    onLong centres shape (fun labels embeddings proxies -> loss labels (Layers.l2Normalise embeddings) proxies)

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

/// labels B, logits B C -> B: the cross-entropy with a target that gives a share of 1 to all classes alike and the rest to the own one. Szegedy et al., CVPR 2016, section 7.
let smoothed (share: float) (labels: Tensor) (logits: Tensor) =
    let own = crossEntropy labels logits

    if share = 0.0 then own else own + share * (logits.gather(1L, labels.unsqueeze 1L).squeeze 1L - logits.mean [| 1L |])

/// The setting `label_smoothing`.
let smoothing = Setting.share "label_smoothing" 0.0 "share of the target that all classes have alike"
