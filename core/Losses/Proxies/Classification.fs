/// Softmax over cosines with the classes' weights, with and without margins.
module CondEmbed.Losses.Classification

open System
open CondEmbed
open CondEmbed.Reducers
open TorchSharp

let private entropy (smoothing: float) (reduce: Reducer) (labels: Tensor) (logits: Tensor) =
    reduce (Terms.ofEveryAnchor (Proxies.smoothed smoothing labels logits))

/// labels B, cosines B C -> B C: the cosines times a scale, after changing that of the own class.
let private scaled (scale: float) (labels: Tensor) (change: Tensor -> Tensor) (cosines: Tensor) =
    let own = labels.unsqueeze 1L
    (scale * cosines).scatter_(1L, own, scale * change (cosines.gather (1L, own)))

/// labels B, cosines B C -> scalar: cross-entropy of cos / t. Zhai and Wu, "Classification is a Strong Baseline for Deep Metric Learning", BMVC 2019.
let normalisedSoftmax (temperature: float) smoothing reduce (labels: Tensor) (cosines: Tensor) =
    entropy smoothing reduce labels (cosines / temperature)

/// labels B, cosines B C -> scalar: cross-entropy of scale (cos - margin) for the own class, scale cos for the others. Wang et al., CosFace, CVPR 2018, eq. 4.
let cosFace (margin: float) (scale: float) smoothing reduce (labels: Tensor) (cosines: Tensor) =
    entropy smoothing reduce labels (scaled scale labels (fun own -> own - margin) cosines)

/// Cosines, any shape -> the same: cos(theta + margin) as long as theta + margin <= pi, beyond it cos(theta) - margin sin(margin), so that it keeps
/// falling.
let private withAngle (margin: float) (cosine: Tensor) =
    torch.where (cosine.detach().ge(scalar -(Math.Cos margin)), Similarity.turned margin cosine, cosine - margin * Math.Sin margin)

/// labels B, cosines B C -> scalar: cross-entropy of scale cos(theta + margin) for the own class, scale cos(theta) for the others; the margin in
/// radians. Deng et al., ArcFace, CVPR 2019, eq. 3.
let arcFace (margin: float) (scale: float) smoothing reduce (labels: Tensor) (cosines: Tensor) =
    entropy smoothing reduce labels (scaled scale labels (withAngle margin) cosines)

/// labels B, cosines B K C -> scalar: ArcFace on the nearest of K centres of each class. Deng et al., Sub-center ArcFace, ECCV 2020.
let subCentreArcFace (margin: float) (scale: float) smoothing reduce (labels: Tensor) (cosines: Tensor) =
    arcFace margin scale smoothing reduce labels (cosines.amax [| 1L |])

/// labels B, cosines B K C -> scalar: cross-entropy of lambda (S - margin of the own class), S = sum_k softmax_k(s_k / gamma) s_k a class. Qian et al.,
/// SoftTriple, ICCV 2019, eqs. 8 and 9, without the regularisation that merges centres.
let softTriple (lambda: float) (gamma: float) (margin: float) smoothing reduce (labels: Tensor) (cosines: Tensor) =
    let ofClass = ((cosines / gamma).softmax 1L * cosines).sum 1L
    cosFace margin lambda smoothing reduce labels ofClass

let private scale = Setting.positive "scale" 64.0 "multiplies the cosines"

let private angle =
    Part.declare {
        let! degrees = Setting.number "margin" 28.6 "added to the angle of the own class, in degrees"
        return degrees * Math.PI / 180.0
    }

let normalisedSoftmaxPart =
    Part.define "normalised-softmax" "Zhai and Wu, BMVC 2019" {
        let! temperature = Setting.positive "temperature" 0.05 "divides the cosines"
        and! smoothing = Proxies.smoothing
        and! reduce = Reducers.setting "mean"
        and! proxies = Proxies.shape
        return Proxies.one proxies (normalisedSoftmax temperature smoothing reduce)
    }

let cosFacePart =
    Part.define "cosface" "Wang et al., CVPR 2018" {
        let! margin = Setting.number "margin" 0.35 "taken from the cosine of the own class"
        and! scale = scale
        and! smoothing = Proxies.smoothing
        and! reduce = Reducers.setting "mean"
        and! proxies = Proxies.shape
        return Proxies.one proxies (cosFace margin scale smoothing reduce)
    }

let arcFacePart =
    Part.define "arcface" "Deng et al., CVPR 2019" {
        let! angle = angle
        and! scale = scale
        and! smoothing = Proxies.smoothing
        and! reduce = Reducers.setting "mean"
        and! proxies = Proxies.shape
        return Proxies.one proxies (arcFace angle scale smoothing reduce)
    }

let subCentreArcFacePart =
    Part.define "sub-centre-arcface" "Deng et al., ECCV 2020" {
        let! centres = Setting.whole "centres" 3 "proxies of a class"
        and! angle = angle
        and! scale = scale
        and! smoothing = Proxies.smoothing
        and! reduce = Reducers.setting "mean"
        and! proxies = Proxies.shape
        return Proxies.several centres proxies (subCentreArcFace angle scale smoothing reduce)
    }

let softTriplePart =
    Part.define "soft-triple" "Qian et al., ICCV 2019" {
        let! centres = Setting.whole "centres" 10 "proxies of a class"
        and! lambda = Setting.positive "lambda" 20.0 "multiplies the similarities of classes"
        and! gamma = Setting.positive "gamma" 0.1 "temperature of the assignment to centres"
        and! margin = Setting.number "margin" 0.01 "taken from the similarity of the own class"
        and! smoothing = Proxies.smoothing
        and! reduce = Reducers.setting "mean"
        and! proxies = Proxies.shape
        return Proxies.several centres proxies (softTriple lambda gamma margin smoothing reduce)
    }
