module CondEmbed.Losses.LiftedStructure

open CondEmbed
open CondEmbed.Reducers

/// Pairs, similarities Q R -> scalar: an anchor's term is [log sum_P e^(d - m_p) + log sum_N e^(m_n - d)]+, an empty sum counting as log 1. Oh Song et
/// al., CVPR 2016, generalised by Hermans et al. 2017, section 2.
let loss (distance: Distances.Distance) (positive: float) (negative: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let d = distance similarities

    let part (mask: Tensor) (x: Tensor) =
        let any = Masked.anyInRow mask
        Masked.logSumExp mask x |> _.masked_fill(any.logical_not (), scalar 0.0)

    let terms = (part pairs.Positive (d - positive) + part pairs.Negative (negative - d)).relu()
    reduce (Terms.ofEveryAnchor terms)

let part =
    Part.define "lifted-structure" "Oh Song et al., CVPR 2016; generalised by Hermans et al. 2017" {
        let! positive = Setting.number "positive_margin" 0.0 "taken from the distances of positives"
        and! negative = Setting.number "negative_margin" 1.0 "from which the distances of negatives are taken"
        and! distance = Distances.setting "l2, squared-l2, cosine"
        and! staged = Loss.stages "mean"
        return staged (loss distance positive negative)
    }
