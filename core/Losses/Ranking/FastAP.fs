module CondEmbed.Losses.FastAP

open CondEmbed
open CondEmbed.Reducers
open TorchSharp

/// Pairs, squared distances Q R from 0 to 4 -> Q bins + 1 each: the histograms of an anchor's positives and of its negatives.
let private histograms (bins: int) (pairs: Mining.Pairs) (squared: Tensor) =
    let queries = squared.shape[0]
    let row = (indices queries squared).unsqueeze 1L
    let kind = pairs.Negative.``to`` int64' * queries.ToScalar()
    let weight = pairs.Positive.logical_or(pairs.Negative).``to`` squared.dtype
    let both = Reducers.histograms bins (2L * queries) (row + kind) weight (squared * (float bins / 4.0))
    both.narrow (0L, 0L, queries), both.narrow (0L, queries, queries)

/// Pairs, similarities Q R -> scalar: an anchor's term is 1 - (1/|P|) sum over bins of h+ H+ / H, h+ the histogram of the squared distances of its
/// positives, H+ and H the cumulated ones of positives and of all. Cakir et al., CVPR 2019, eqs. 5 to 7.
let loss (bins: int) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let squared = Distances.squaredL2 similarities
    let positive, negative = histograms bins pairs squared
    let cumulated = positive.cumsum 1L
    let total = (positive + negative).cumsum 1L
    let product = positive * cumulated
    let safe = (product.detach () |> greaterThan 0.0).logical_and(total.detach () |> greaterThan 0.0)
    let share = torch.where (safe, product, zeroLike product) / torch.where (safe, total, torch.ones_like total)
    let count = pairs.Positive.sum(1L, ``type`` = similarities.dtype).clamp_min(scalar 1.0)
    reduce (Terms.ofAnchors (Masked.anyInRow pairs.Positive) (1.0 - share.sum 1L / count))

let part =
    Part.define "fast-ap" "Cakir et al., CVPR 2019" {
        let! bins = Setting.whole "bins" 10 "of the histogram of squared distances"
        and! staged = Loss.stages "mean"
        return staged (loss bins)
    }
