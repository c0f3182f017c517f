module CondEmbed.Losses.ProxyAnchor

open CondEmbed
open TorchSharp

/// s B P cosines of embeddings and proxies, own B P of bool (an image's own proxy) -> scalar:
/// (1/|P+|) sum_{p in P+} log(1 + sum_{x of p} e^(-a(s - d))) + (1/|P|) sum_p log(1 + sum_{x not of p} e^(a(s + d)));
/// P+ are the proxies with an image in the batch. Kim et al., CVPR 2020, eq. 4.
let onCosines (alpha: float) (margin: float) (own: Tensor) (s: Tensor) =
    let ownOfProxy, s = own.t (), s.t ()
    let pull = Masked.logOnePlusSumExp ownOfProxy (-alpha * (s - margin))

    let push = Masked.logOnePlusSumExp (ownOfProxy.logical_not ()) (alpha * (s + margin))

    Masked.mean (Masked.anyInRow ownOfProxy) pull + push.mean ()

/// (embeddings B D, labels B) -> scalar, with a learnable proxy a class: declares `proxies`.
let loss alpha margin classes features : Layer<Tensor * Tensor, Tensor> =
    let proxies = { Name = "proxies"; Shape = [ int64 classes; int64 features ]; Role = Trainable; Init = KaimingFanOut }

    let checkLabels (labels: Tensor) =
        let least, greatest = toFloat (labels.min ()), toFloat (labels.max ())

        if least < 0.0 || greatest >= float classes then
            invalidArg (nameof labels) $"There are proxies for the classes 0 to {classes - 1}, and labels from {least} to {greatest}."

    Layer.create [ proxies ] (fun env (embeddings: Tensor, labels: Tensor) ->
        checkLabels labels
        let proxies = Layers.l2Normalise env.Params["proxies"]
        let s = (Layers.l2Normalise embeddings).matmul(proxies.t ())

        let every = torch.arange (scalar (float classes), dtype = int64', device = labels.device)

        onCosines alpha margin (labels.unsqueeze(1L).eq(every.unsqueeze 0L)) s)

let entry =
    { Name = "proxy-anchor"
      Source = "Kim et al., CVPR 2020"
      Settings =
        [ { Key = "alpha"; Default = 32.0; Meaning = "steepness" }
          { Key = "margin"; Default = 0.1; Meaning = "added to negatives, taken from positives" } ]
      Make = fun value -> OnProxies(loss (value "alpha") (value "margin")) }
