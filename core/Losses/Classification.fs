/// Softmax over cosines with the classes' weights, and its margins.
module CondEmbed.Losses.Classification

open System
open CondEmbed
open CondEmbed.Reducers
open TorchSharp

let private entropy (reduce: Reducer) (own: Tensor) (logits: Tensor) =
    reduce (Terms.ofAnchors (own.any 1L) (Proxies.crossEntropy own logits))

/// own B C of bool, cosines B C -> scalar: cross-entropy of cos / t. Zhai and Wu, "Classification is a Strong Baseline for Deep Metric Learning", BMVC 2019.
let normalisedSoftmax (temperature: float) reduce (own: Tensor) (cosines: Tensor) = entropy reduce own (cosines / temperature)

/// own B C of bool, cosines B C -> scalar: cross-entropy of scale (cos - margin) for the own class, scale cos for the others. Wang et al., CosFace, CVPR 2018, eq. 4.
let cosFace (margin: float) (scale: float) reduce (own: Tensor) (cosines: Tensor) =
    entropy reduce own (scale * torch.where (own, cosines - margin, cosines))

/// Cosines, any shape -> the same: cos(theta + margin) as long as theta + margin <= pi, beyond it cos(theta) - margin sin(margin), so that it goes on
/// falling.
let private withAngle (margin: float) (cosine: Tensor) =
    torch.where (cosine.detach().ge(scalar -(Math.Cos margin)), Similarity.turned margin cosine, cosine - margin * Math.Sin margin)

/// own B C of bool, cosines B C -> scalar: cross-entropy of scale cos(theta + margin) for the own class, scale cos(theta) for the others; the margin in
/// radians. Deng et al., ArcFace, CVPR 2019, eq. 3.
let arcFace (margin: float) (scale: float) reduce (own: Tensor) (cosines: Tensor) =
    entropy reduce own (scale * torch.where (own, withAngle margin cosines, cosines))

/// own B C of bool, cosines B (C K) -> scalar: ArcFace on the nearest of K centres of each class. Deng et al., Sub-center ArcFace, ECCV 2020.
let subCentreArcFace centres (margin: float) (scale: float) reduce (own: Tensor) (cosines: Tensor) =
    arcFace margin scale reduce own (cosines.reshape(own.shape[0], own.shape[1], int64 centres).amax [| 2L |])

/// own B C of bool, cosines B (C K) -> scalar: cross-entropy of lambda (S - margin of the own class), S = sum_k softmax_k(s_k / gamma) s_k a class. Qian et al.,
/// SoftTriple, ICCV 2019, eqs. 8 and 9, without the regularisation that merges centres.
let softTriple centres (lambda: float) (gamma: float) (margin: float) reduce (own: Tensor) (cosines: Tensor) =
    let s = cosines.reshape (own.shape[0], own.shape[1], int64 centres)
    let ofClass = ((s / gamma).softmax 2L * s).sum 2L
    entropy reduce own (lambda * torch.where (own, ofClass - margin, ofClass))

let private part name source settings (centres: Chosen -> int) (loss: Chosen -> Reducer -> Tensor -> Tensor -> Tensor) =
    { Name = name
      Source = source
      Settings = settings @ [ Reducers.setting "mean" ]
      Make =
        fun given ->
            OnProxies(Proxies.onCosines given.Classes (centres given) given.Features (loss given (Reducers.chosen given "reducer"))) }

let private one (_: Chosen) = 1
let private scale = Setting.positive "scale" 64.0 "multiplies the cosines"
let private degrees = Setting.number "margin" 28.6 "added to the angle of the own class, in degrees"
let private angle (given: Chosen) = given.Number "margin" * Math.PI / 180.0

let normalisedSoftmaxPart =
    part "normalised-softmax" "Zhai and Wu, BMVC 2019" [ Setting.positive "temperature" 0.05 "divides the cosines" ] one (fun given ->
        normalisedSoftmax (given.Number "temperature"))

let cosFacePart =
    part
        "cosface"
        "Wang et al., CVPR 2018"
        [ Setting.number "margin" 0.35 "taken from the cosine of the own class"; scale ]
        one
        (fun given -> cosFace (given.Number "margin") (given.Number "scale"))

let arcFacePart =
    part "arcface" "Deng et al., CVPR 2019" [ degrees; scale ] one (fun given -> arcFace (angle given) (given.Number "scale"))

let subCentreArcFacePart =
    part
        "sub-centre-arcface"
        "Deng et al., ECCV 2020"
        [ Setting.whole "centres" 3 "proxies of a class"; degrees; scale ]
        (fun given -> given.Whole "centres")
        (fun given -> subCentreArcFace (given.Whole "centres") (angle given) (given.Number "scale"))

let softTriplePart =
    part
        "soft-triple"
        "Qian et al., ICCV 2019"
        [ Setting.whole "centres" 10 "proxies of a class"
          Setting.positive "lambda" 20.0 "multiplies the similarities of classes"
          Setting.positive "gamma" 0.1 "temperature of the assignment to centres"
          Setting.number "margin" 0.01 "taken from the similarity of the own class" ]
        (fun given -> given.Whole "centres")
        (fun given -> softTriple (given.Whole "centres") (given.Number "lambda") (given.Number "gamma") (given.Number "margin"))
