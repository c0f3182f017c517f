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
    { Name = "multi-similarity"
      Source = "Wang et al., CVPR 2019"
      Settings =
        Setting.positive "alpha" 2.0 "steepness for positives"
        :: Setting.positive "beta" 40.0 "steepness for negatives"
        :: Setting.number "base" 0.5 "similarity where pull and push are centred"
        :: Setting.number "margin" 0.1 "mining margin; below 0 turns mining off"
        :: Loss.stages "mean"
      Make =
        fun given ->
            let margin = given.Number "margin"
            let keep pairs s = if margin < 0.0 then pairs else Miners.multiSimilarity margin pairs s

            Loss.staged given (fun reduce pairs s ->
                loss (given.Number "alpha") (given.Number "beta") (given.Number "base") reduce (keep pairs s) s) }
