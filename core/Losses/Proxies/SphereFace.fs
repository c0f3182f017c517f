module CondEmbed.Losses.SphereFace

open System
open CondEmbed
open CondEmbed.Reducers
open TorchSharp

/// Any shape -> the same: cos(m theta) of cos(theta), by Chebyshev's recurrence.
let multiple (m: int) (cosine: Tensor) =
    let rec climb n (before: Tensor) (now: Tensor) = if n = m then now else climb (n + 1) now (2.0 * cosine * now - before)
    climb 1 (torch.ones_like cosine) cosine

/// Any shape -> the same: (-1)^k cos(m theta) - 2k with theta from k pi / m to (k + 1) pi / m, which falls from 1 to 1 - 2m. Eq. 6.
let falling (m: int) (cosine: Tensor) =
    let k =
        withoutGradient (fun () ->
            let angle = cosine.detach().clamp(scalar -1.0, scalar 1.0).acos()
            (angle * (float m / Math.PI)).floor().clamp(scalar 0.0, scalar (float m - 1.0)))

    (1.0 - 2.0 * k.remainder (scalar 2.0)) * multiple m cosine - 2.0 * k

/// labels B, embeddings B D, cosines B C -> scalar: the cross-entropy of scale |x| cos(theta), for the own class of scale |x| psi(theta), psi as in `falling`. Liu et al., SphereFace, CVPR 2017,
/// eq. 7.
let loss (margin: int) (scale: float) (smoothing: float) (reduce: Reducer) (labels: Tensor) (embeddings: Tensor) (cosines: Tensor) =
    let own = labels.unsqueeze 1L
    let changed = cosines.scatter (1L, own, falling margin (cosines.gather (1L, own)))
    let logits = scale * (Similarity.lengths embeddings).unsqueeze 1L * changed
    reduce (Terms.ofEveryAnchor (Proxies.smoothed smoothing labels logits))

let part =
    Part.define "sphereface" "Liu et al., CVPR 2017" {
        let! margin = Setting.whole "margin" 4 "multiplies the angle of the own class"
        and! scale = Setting.positive "scale" 1.0 "multiplies the lengths of the embeddings"
        and! smoothing = Proxies.smoothing
        and! reduce = Reducers.setting "mean"
        and! proxies = Proxies.shape

        return
            Proxies.onLong 1 proxies (fun labels embeddings proxies ->
                loss margin scale smoothing reduce labels embeddings (matmul (Layers.l2Normalise embeddings) (proxies.t ())))
    }
