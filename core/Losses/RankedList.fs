module CondEmbed.Losses.RankedList

open CondEmbed
open CondEmbed.Reducers

/// Q R of bool (the pairs beyond their bound), Q R (by how much) -> Q: the means over rows, in which a violation x weighs e^(t x).
let private violation (temperature: float) (mask: Tensor) (excess: Tensor) =
    let shares = (temperature * excess).masked_fill(mask.logical_not (), scalar -1e30).softmax 1L
    Masked.rowSum mask (shares * excess)

/// Pairs, similarities Q R -> scalar: an anchor's term is (1 - b) times the mean of d - (a - m) over its positives beyond a - m, plus b times the mean of a - d over its negatives
/// within a; each mean weighted by e^(t violation), weights with gradients. An anchor without any of a kind has 0 for it. Wang et al., "Ranked List Loss for Deep Metric
/// Learning", CVPR 2019, eqs. 4 to 9, as in pytorch-metric-learning.
let loss (distance: Distances.Distance) alpha margin balance tp tn (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let d = distance similarities
    let beyond, within = d - (alpha - margin: float), (alpha: float) - d
    // A NaN counts, so that it does not go unnoticed.
    let excessive (mask: Tensor) (excess: Tensor) = mask.logical_and (excess.detach().le(scalar 0.0).logical_not())
    let pull = violation tp (excessive pairs.Positive beyond) beyond
    let push = violation tn (excessive pairs.Negative within) within
    reduce (Terms.ofEveryAnchor ((1.0 - balance) * pull + (balance: float) * push))

let part =
    Part.define "ranked-list" "Wang et al., CVPR 2019" {
        let! alpha = Setting.number "alpha" 1.2 "negatives should be farther than this"
        and! margin = Setting.number "margin" 0.4 "positives should be nearer than alpha by this"
        and! balance = Setting.share "imbalance" 0.5 "share of the negatives in the loss"
        and! tp = Setting.number "tp" 0.0 "how steeply positives count by their violation; 0 for all alike"
        and! tn = Setting.number "tn" 10.0 "how steeply negatives count by their violation"
        and! distance = Distances.setting "l2, squared-l2, cosine"
        and! staged = Loss.stages "mean"
        return staged (loss distance alpha margin balance tp tn)
    }
