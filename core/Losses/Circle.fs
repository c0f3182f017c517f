module CondEmbed.Losses.Circle

open CondEmbed
open CondEmbed.Reducers
open TorchSharp

/// Pairs, similarities Q R -> scalar: an anchor's term is softplus(LSE_P(-g [1 + m - s]+ (s - 1 + m)) + LSE_N(g [s + m]+ (s - m))), the weights in
/// [ ]+ without gradient; anchors without positives or negatives have none. Sun et al., CVPR 2020, eq. 6.
let loss (margin: float) (gamma: float) (reduce: Reducer) (pairs: Mining.Pairs) (s: Tensor) =
    let weight (x: Tensor) = x.relu_().mul_(scalar gamma)
    let fixed' = s.detach ()
    // No pair is both positive and negative, so one matrix holds the exponents of both kinds.
    let weights = torch.where (pairs.Positive, (weight (1.0 + margin - fixed')).neg_(), weight (fixed' + margin))

    let exponents =
        weights
        * (s
           - torch.where (pairs.Positive, s.new_full ([||], scalar (1.0 - margin)), s.new_full ([||], scalar margin)))

    let whole = (Masked.anyInRow pairs.Positive).logical_and(Masked.anyInRow pairs.Negative)

    let term =
        torch.nn.functional.softplus (Masked.logSumExp pairs.Positive exponents + Masked.logSumExp pairs.Negative exponents)

    reduce (Terms.ofAnchors whole term)

let part =
    Part.define "circle" "Sun et al., CVPR 2020" {
        let! margin = Setting.number "margin" 0.4 "relaxation m"
        and! gamma = Setting.positive "gamma" 80.0 "scale"
        and! staged = Loss.stages "non-zero"
        return staged (loss margin gamma)
    }
