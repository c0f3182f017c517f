module CondEmbed.Losses.FastAP

open CondEmbed
open CondEmbed.Reducers
open TorchSharp

/// Marks Q R, squared distances Q R from 0 to 4 -> Q bins + 1: a histogram a row, each distance shared linearly between two bins.
let private histogram (bins: int) (mask: Tensor) (squared: Tensor) =
    let width = 4.0 / float bins
    let weight = mask.``to`` squared.dtype

    [| for bin in 0..bins -> ((1.0 - (squared - float bin * width).abs() / width).relu() * weight).sum 1L |]
    |> fun counts -> torch.stack (counts, 1L)

/// Pairs, similarities Q R -> scalar: an anchor's term is 1 - (1/|P|) sum over bins of h+ H+ / H, h+ the histogram of the squared distances of its
/// positives, H+ and H the cumulated ones of positives and of all. Cakir et al., CVPR 2019, eqs. 5 to 7.
let loss (bins: int) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let squared = Distances.squaredL2 similarities
    let positive = histogram bins pairs.Positive squared
    let negative = histogram bins pairs.Negative squared
    let cumulated = positive.cumsum 1L
    let total = (positive + negative).cumsum 1L
    let product = positive * cumulated
    let safe = (product.detach () |> greaterThan 0.0).logical_and(total.detach () |> greaterThan 0.0)
    let share = torch.where (safe, product, zeroLike product) / torch.where (safe, total, torch.ones_like total)
    let count = pairs.Positive.sum(1L, ``type`` = similarities.dtype).clamp_min(scalar 1.0)
    reduce (Terms.ofAnchors (Masked.anyInRow pairs.Positive) (1.0 - share.sum 1L / count))

let part =
    { Name = "fast-ap"
      Source = "Cakir et al., CVPR 2019"
      Settings = Setting.whole "bins" 10 "of the histogram of squared distances" :: Loss.stages "mean"
      Make = fun given -> Loss.staged given (loss (given.Whole "bins")) }
