module CondEmbed.Losses.SupCon

open CondEmbed
open CondEmbed.Reducers

/// Pairs, similarities Q R -> scalar: an anchor's term is minus the mean over its positives of s/t - log sum over positives and negatives of e^(s/t).
/// With weights the mean is a weighted one, and a pair's exponential is multiplied by its weight. Khosla et al., NeurIPS 2020, eq. 2.
let loss (temperature: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let logits = similarities / temperature
    let others = pairs.Positive.logical_or pairs.Negative
    let any = Masked.anyInRow pairs.Positive
    let positives = (Weighted.count pairs pairs.Positive logits.dtype).masked_fill(any.logical_not (), scalar 1.0)
    let ofPositives = Masked.rowSum pairs.Positive (Weighted.terms pairs logits) / positives
    reduce (Terms.ofAnchors any (Masked.logSumExp others (Weighted.exponents pairs logits) - ofPositives))

let part =
    Part.define "supcon" "Khosla et al., NeurIPS 2020" {
        let! temperature = Setting.positive "temperature" 0.1 "divides the similarities"
        and! _, staged = Loss.scoredStages "non-zero"
        return staged (loss temperature)
    }
