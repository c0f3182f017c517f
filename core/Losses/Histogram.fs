module CondEmbed.Losses.Histogram

open CondEmbed
open TorchSharp

/// Marks Q R, places Q R from 0 to bins -> bins + 1: the share of the marked at each whole place, each shared linearly between its two neighbours.
let private shares (bins: int) (mask: Tensor) (places: Tensor) =
    let weight = mask.``to`` places.dtype
    // Clamped as whole numbers, so that a place that is no number has a bin, too, and shows in its count.
    let below = (places.detach().floor().``to`` int64').clamp(scalar 0.0, scalar (float (bins - 1))).``to`` int64'
    let above = places - below.``to`` places.dtype

    let total (bin: Tensor) (value: Tensor) = Reducers.totals (int64 bins + 1L) (bin.reshape -1L) ((value * weight).reshape -1L)
    let counts = total below (1.0 - above) + total ((below + scalar 1.0).``to`` int64') above
    counts / weight.sum().clamp_min(scalar 1.0)

/// Pairs, similarities Q R -> scalar: the probability that a random negative pair is more similar than a random positive one, from histograms with linear
/// assignment: sum over bins of h_N H_P, H_P the cumulated h_P. Ustinova and Lempitsky, NIPS 2016, eqs. 2 and 4.
let loss (bins: int) (pairs: Mining.Pairs) (s: Tensor) =
    let places = (s + 1.0) * (float bins / 2.0)
    (shares bins pairs.Negative places * (shares bins pairs.Positive places).cumsum 0L).sum()

let part =
    { Name = "histogram"
      Source = "Ustinova and Lempitsky, NIPS 2016"
      Settings = [ Setting.whole "bins" 100 "of the histograms of similarities" ]
      Make = fun given -> OnSimilarities(loss (given.Whole "bins")) }
