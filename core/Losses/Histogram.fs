module CondEmbed.Losses.Histogram

open CondEmbed
open TorchSharp

/// Pairs, similarities Q R -> scalar: the probability that a random negative pair is more similar than a random positive one, from histograms with linear
/// assignment: sum over bins of h_N H_P, H_P the cumulated h_P. Ustinova and Lempitsky, NIPS 2016, eqs. 2 and 4.
let loss (bins: int) (pairs: Mining.Pairs) (s: Tensor) =
    let weight = pairs.Positive.logical_or(pairs.Negative).``to`` s.dtype
    let places = (s + 1.0) * (float bins / 2.0)
    let counts = Reducers.histograms bins 2L (pairs.Negative.``to`` int64') weight places
    let share kind (mask: Tensor) = counts.select (0L, kind) / mask.sum(``type`` = s.dtype).clamp_min(scalar 1.0)
    (share 1L pairs.Negative * (share 0L pairs.Positive).cumsum 0L).sum()

let part =
    Part.define "histogram" "Ustinova and Lempitsky, NIPS 2016" {
        let! bins = Setting.whole "bins" 100 "of the histograms of similarities"
        return OnSimilarities(loss bins)
    }
