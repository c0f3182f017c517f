module CondEmbed.Losses.LiftedStructure

open CondEmbed
open CondEmbed.Reducers
open TorchSharp

/// Pairs, similarities Q R -> scalar: an anchor's term is [log sum_P e^(d - m_p) + log sum_N e^(m_n - d)]+, an empty sum counting as log 1. Oh Song et
/// al., CVPR 2016, generalised by Hermans et al. 2017, section 2.
let loss (distance: Distances.Distance) (positive: float) (negative: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let d = distance similarities

    let part (mask: Tensor) (x: Tensor) =
        let any = Masked.anyInRow mask
        Masked.logSumExp mask x |> _.masked_fill(any.logical_not (), scalar 0.0)

    let terms = (part pairs.Positive (d - positive) + part pairs.Negative (negative - d)).relu()
    reduce (Terms.ofEveryAnchor terms)

/// Pairs, similarities B B -> scalar: a positive pair's term is half the square of [log(sum_N e^(m_n - d_an) + sum_N e^(m_n - d_pn)) + d_ap - m_p]+, the sums over the negatives of either image. Oh
/// Song et al., CVPR 2016, eq. 4. The references must be the batch itself.
let original
    (distance: Distances.Distance)
    (positive: float)
    (negative: float)
    (reduce: Reducer)
    (pairs: Mining.Pairs)
    (similarities: Tensor)
    =
    Mining.demandBatch "The original lifted structure loss" similarities
    let d = distance similarities
    let push = Masked.logSumExp pairs.Negative (negative - d)
    let one, other = push.unsqueeze 1L, push.unsqueeze 0L
    let both = torch.maximum (one, other) + torch.nn.functional.softplus (-(one - other).abs())
    reduce (Terms.ofPairs pairs.Positive ((both + d - positive).relu().square() / 2.0))

let private margins =
    Part.declare {
        let! positive = Setting.number "positive_margin" 0.0 "taken from the distances of positives"
        and! negative = Setting.number "negative_margin" 1.0 "from which the distances of negatives are taken"
        and! distance = Distances.setting "l2, squared-l2, cosine"
        return positive, negative, distance
    }

let originalPart =
    Part.define "lifted-structure-original" "Oh Song et al., CVPR 2016" {
        let! positive, negative, distance = margins
        and! staged = Loss.stages "mean"
        return staged (original distance positive negative) |> Loss.ofBatch
    }

let part =
    Part.define "lifted-structure" "Oh Song et al., CVPR 2016; generalised by Hermans et al. 2017" {
        let! positive, negative, distance = margins
        and! staged = Loss.stages "mean"
        return staged (loss distance positive negative)
    }
