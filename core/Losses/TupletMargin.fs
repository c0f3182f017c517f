/// Yu and Tao, "Deep Metric Learning with Tuplet Margin Loss", ICCV 2019: the loss, and the intra-pair variance loss that goes with it.
module CondEmbed.Losses.TupletMargin

open System
open CondEmbed
open CondEmbed.Reducers
open TorchSharp

/// Pairs, similarities Q R -> scalar: a positive pair's term is log(1 + sum_N e^(scale (s_an - cos(theta_ap - margin)))), the margin in radians. Eq. 6.
let loss (margin: float) (scale: float) (reduce: Reducer) (pairs: Mining.Pairs) (s: Tensor) =
    let negatives = (Masked.logSumExp pairs.Negative (scale * s)).unsqueeze 1L
    reduce (Terms.ofPairs pairs.Positive (torch.nn.functional.softplus (negatives - scale * Similarity.turned -margin s)))

/// Pairs, similarities Q R -> scalar: max(0, (1 - e_p) mean_P s - s)^2 over positive pairs and max(0, s - (1 + e_n) mean_N s)^2 over negative ones, each
/// reduced by itself, summed. Section 3.3.
let variance (positive: float) (negative: float) (reduce: Reducer) (pairs: Mining.Pairs) (s: Tensor) =
    let squared (x: Tensor) = x.relu().square()

    reduce (Terms.ofPairs pairs.Positive (squared ((1.0 - positive) * Reducers.meanWhere pairs.Positive s - s)))
    + reduce (Terms.ofPairs pairs.Negative (squared (s - (1.0 + negative) * Reducers.meanWhere pairs.Negative s)))

let private source = "Yu and Tao, ICCV 2019"

let part =
    Part.define "tuplet-margin" source {
        let! degrees = Setting.number "margin" 5.73 "slack of the angle of positives, in degrees"
        and! scale = Setting.positive "scale" 64.0 "multiplies the cosines"
        and! staged = Loss.stages "mean"
        return staged (loss (degrees * Math.PI / 180.0) scale)
    }

let variancePart =
    Part.define "intra-pair-variance" source {
        let! positive = Setting.number "positive_slack" 0.01 "share of the mean below which positives may lie"
        and! negative = Setting.number "negative_slack" 0.01 "share of the mean above which negatives may lie"
        and! staged = Loss.stages "mean"
        return staged (variance positive negative)
    }
