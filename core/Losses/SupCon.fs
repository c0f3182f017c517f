module CondEmbed.Losses.SupCon

open CondEmbed
open CondEmbed.Reducers

/// Pairs, similarities Q R -> scalar: an anchor's term is minus the mean over its positives of s/t - log sum over positives and negatives of e^(s/t).
/// Khosla et al., NeurIPS 2020, eq. 2.
let loss (temperature: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let logits = similarities / temperature
    let others = pairs.Positive.logical_or pairs.Negative
    let positives = pairs.Positive.sum (1L, ``type`` = logits.dtype)
    let ofPositives = Masked.rowSum pairs.Positive logits / positives.clamp_min (scalar 1.0)
    reduce (Terms.ofAnchors (positives |> greaterThan 0.0) (Masked.logSumExp others logits - ofPositives))

let part =
    Part.define "supcon" "Khosla et al., NeurIPS 2020" {
        let! temperature = Setting.positive "temperature" 0.1 "divides the similarities"
        and! staged = Loss.stages "non-zero"
        return staged (loss temperature)
    }
