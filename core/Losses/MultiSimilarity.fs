module CondEmbed.Losses.MultiSimilarity

open CondEmbed
open CondEmbed.Reducers

/// Pairs, similarities Q R -> scalar: an anchor's term is
/// (1/a) log(1 + sum_P e^(-a(s - base))) + (1/b) log(1 + sum_N e^(b(s - base))), a pair's exponential times its weight. Wang et al., CVPR 2019, eq. 15.
let loss (alpha: float) (beta: float) (offset: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let s = similarities - offset
    let pull = Masked.logOnePlusSumExp pairs.Positive (Weighted.exponents pairs (-alpha * s)) / alpha
    let push = Masked.logOnePlusSumExp pairs.Negative (Weighted.exponents pairs (beta * s)) / beta
    let terms = pull + push
    reduce (Terms.ofEveryAnchor terms)

/// Pairs, similarities Q R -> Q R: less what lies halfway between the mean of the positives and that of the negatives, or the mean of the one kind that there
/// is. The mean of all pairs would be that of the negatives, which are many more. What is subtracted has no gradient.
let centred (pairs: Mining.Pairs) (similarities: Tensor) =
    let s = similarities.detach ()
    let kinds = [ pairs.Positive; pairs.Negative ]
    let means = kinds |> List.map (fun kind -> meanWhere kind s) |> List.reduce (+)
    let count = kinds |> List.map (fun kind -> kind.any().``to`` s.dtype) |> List.reduce (+)
    similarities - means / count.clamp_min (scalar 1.0)

let part =
    Part.define "multi-similarity" "Wang et al., CVPR 2019" {
        let! alpha = Setting.positive "alpha" 2.0 "steepness for positives"
        and! beta = Setting.positive "beta" 40.0 "steepness for negatives"
        and! offset = Setting.number "base" 0.5 "similarity where pull and push are centred; with score=l2, distance"

        and! isCentred =
            Setting.onOff
                "centred"
                false
                "1: instead of base, halfway between the mean similarity of the batch's positives and its negatives"

        and! margin = Setting.number "margin" 0.1 "mining margin; below 0 turns mining off"
        and! score, staged = Loss.scoredStages "mean"
        let offset = if score.IsDistance then -offset else offset
        let keep pairs s = if margin < 0.0 then pairs else Miners.multiSimilarity margin pairs s
        let placed pairs s = if isCentred then centred pairs s + offset else s
        return staged (fun reduce pairs s -> loss alpha beta offset reduce (keep pairs s) (placed pairs s))
    }
