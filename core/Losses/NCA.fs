module CondEmbed.Losses.NCA

open CondEmbed
open CondEmbed.Reducers

/// Pairs, similarities Q R -> scalar: an anchor's term is -log of the share of its positives in the sum over all others of e^(-scale |a - x|^2), of unit
/// vectors; anchors without positives have none. Goldberger et al., Neighbourhood Components Analysis, NIPS 2004, with the logarithm.
let loss (scale: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    // -|a - x|^2 is 2 s - 2, and the 2 cancels in a share.
    let closeness = 2.0 * scale * similarities
    let others = pairs.Positive.logical_or pairs.Negative
    let terms = Masked.logSumExp others closeness - Masked.logSumExp pairs.Positive closeness
    reduce (Terms.ofAnchors (Masked.anyInRow pairs.Positive) terms)

let part =
    Part.define "nca" "Goldberger et al., NIPS 2004" {
        let! scale = Setting.positive "scale" 1.0 "multiplies the squared distances"
        and! staged = Loss.stages "mean"
        return staged (loss scale)
    }
