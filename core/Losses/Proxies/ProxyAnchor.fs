module CondEmbed.Losses.ProxyAnchor

open CondEmbed
open TorchSharp

/// own C B of bool (a proxy's own images), cosines C B -> scalar:
/// (1/|P+|) sum_{p in P+} log(1 + sum_{x of p} e^(-a(s - d))) + (1/|P|) sum_p log(1 + sum_{x not of p} e^(a(s + d)));
/// P+ are the proxies with an image in the batch. Kim et al., CVPR 2020, eq. 4.
let loss (alpha: float) (margin: float) (own: Tensor) (cosines: Tensor) =
    let pull = Masked.logOnePlusSumExp own (-alpha * (cosines - margin))
    let push = Masked.logOnePlusSumExp (own.logical_not ()) (alpha * (cosines + margin))
    Reducers.meanWhere (Masked.anyInRow own) pull + push.mean ()

let part =
    Part.define "proxy-anchor" "Kim et al., CVPR 2020" {
        let! alpha = Setting.positive "alpha" 32.0 "steepness"
        and! margin = Setting.number "margin" 0.1 "added to negatives, taken from positives"
        and! shape = Proxies.shape
        let loss = loss alpha margin

        return
            Proxies.onUnit 1 shape (fun labels embeddings proxies ->
                let every = indices (int64 shape.Classes) labels
                loss (every.unsqueeze(1L).eq(labels.unsqueeze 0L)) (matmul proxies (embeddings.t ())))
    }
