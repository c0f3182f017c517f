module CondEmbed.Losses.MultiSimilarity

open CondEmbed
open CondEmbed.Reducers

/// Pairs, similarities Q R -> scalar: an anchor's term is
/// (1/a) log(1 + sum_P e^(-a(s - base))) + (1/b) log(1 + sum_N e^(b(s - base))). Wang et al., CVPR 2019, eq. 15.
let loss (alpha: float) (beta: float) (offset: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let s = similarities - offset
    let pull = Masked.logOnePlusSumExp pairs.Positive (-alpha * s) / alpha
    let push = Masked.logOnePlusSumExp pairs.Negative (beta * s) / beta
    let terms = pull + push
    reduce (Terms.ofEveryAnchor terms)

let part =
    Part.define "multi-similarity" "Wang et al., CVPR 2019" {
        let! alpha = Setting.positive "alpha" 2.0 "steepness for positives"
        and! beta = Setting.positive "beta" 40.0 "steepness for negatives"
        and! offset = Setting.number "base" 0.5 "similarity where pull and push are centred"
        and! margin = Setting.number "margin" 0.1 "mining margin; below 0 turns mining off"
        and! staged = Loss.stages "mean"
        let keep pairs s = if margin < 0.0 then pairs else Miners.multiSimilarity margin pairs s
        return staged (fun reduce pairs s -> loss alpha beta offset reduce (keep pairs s) s)
    }
