module CondEmbed.Losses.Contrastive

open CondEmbed
open CondEmbed.Reducers

/// Pairs, similarities Q R -> scalar: relu(d - m_p) over positive pairs and relu(m_n - d) over negative ones, each reduced by itself, summed.
/// A pair's term is multiplied by its weight. Hadsell, Chopra and LeCun, CVPR 2006, without the squares and with the averaging of pytorch-metric-learning.
let onDistances distance (positive: float) (negative: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let d: Tensor = distance similarities

    reduce (Terms.ofPairs pairs.Positive (Weighted.terms pairs ((d - positive).relu())))
    + reduce (Terms.ofPairs pairs.Negative (Weighted.terms pairs ((negative - d).relu())))

/// The same on cosines: relu(m_p - s) over positive pairs and relu(s - m_n) over negative ones.
let onCosines (positive: float) (negative: float) (reduce: Reducer) (pairs: Mining.Pairs) (s: Tensor) =
    reduce (Terms.ofPairs pairs.Positive (Weighted.terms pairs ((positive - s).relu())))
    + reduce (Terms.ofPairs pairs.Negative (Weighted.terms pairs ((s - negative).relu())))

let private source = "Hadsell, Chopra and LeCun, CVPR 2006"
let private positiveMargin value = Setting.number "positive_margin" value "positives beyond it are pulled"
let private negativeMargin value = Setting.number "negative_margin" value "negatives within it are pushed"

let part =
    Part.define "contrastive" $"{source}; distances" {
        let! positive = positiveMargin 0.0
        and! negative = negativeMargin 1.0
        and! distance = Distances.setting "l2, squared-l2, cosine"
        and! staged = Loss.stages "non-zero"
        return staged (onDistances distance positive negative)
    }

let cosinePart =
    Part.define "contrastive-cosine" $"{source}; cosines" {
        let! positive = positiveMargin 1.0
        and! negative = negativeMargin 0.5
        and! staged = Loss.stages "non-zero"
        return staged (onCosines positive negative)
    }
