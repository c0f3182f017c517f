module CondEmbed.Losses.NTXent

open CondEmbed
open CondEmbed.Reducers
open TorchSharp

/// Pairs, similarities Q R -> scalar: a positive pair's term is -log(e^(s_ap/t) / (e^(s_ap/t) + sum_N e^(s_an/t))), N the negatives of its anchor.
/// A weight multiplies the term of a positive pair and the exponential of a negative one. Sohn, NIPS 2016; van den Oord et al. 2018 (InfoNCE); Chen et al., SimCLR, ICML 2020, eq. 1, with class labels for views.
let loss (temperature: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let s = similarities / temperature
    let negatives = (Masked.logSumExp pairs.Negative (Weighted.exponents pairs s)).unsqueeze 1L
    reduce (Terms.ofPairs pairs.Positive (Weighted.terms pairs (torch.nn.functional.softplus (negatives - s))))

let part =
    Part.define "nt-xent" "Chen et al., SimCLR, ICML 2020" {
        let! temperature = Setting.positive "temperature" 0.07 "divides the similarities"
        and! _, staged = Loss.scoredStages "mean"
        return staged (loss temperature)
    }
