/// Yu and Tao, "Deep Metric Learning with Tuplet Margin Loss", ICCV 2019: the loss, and the variance of pairs that goes beside it.
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

let private partOf name settings (lossOf: Chosen -> Reducer -> Mining.Pairs -> Tensor -> Tensor) =
    { Name = name
      Source = "Yu and Tao, ICCV 2019"
      Settings = settings @ Loss.stages "mean"
      Make = fun given -> Loss.staged given (lossOf given) }

let part =
    partOf
        "tuplet-margin"
        [ Setting.number "margin" 5.73 "slack of the angle of positives, in degrees"
          Setting.positive "scale" 64.0 "multiplies the cosines" ]
        (fun given -> loss (given.Number "margin" * Math.PI / 180.0) (given.Number "scale"))

let variancePart =
    partOf
        "intra-pair-variance"
        [ Setting.number "positive_slack" 0.01 "share of the mean below which positives may lie"
          Setting.number "negative_slack" 0.01 "share of the mean above which negatives may lie" ]
        (fun given -> variance (given.Number "positive_slack") (given.Number "negative_slack"))
