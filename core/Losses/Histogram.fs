module CondEmbed.Losses.Histogram

open CondEmbed
open TorchSharp

/// Pairs, similarities Q R -> scalar: the probability that a random negative pair is more similar than a random positive one, from histograms with linear
/// assignment: sum over bins of h_N H_P, H_P the cumulated h_P. Ustinova and Lempitsky, NIPS 2016, eqs. 2 and 4. Needs Q R numbers a bin.
let loss (bins: int) (pairs: Mining.Pairs) (s: Tensor) =
    let width = 2.0 / float bins

    let histogram (mask: Tensor) =
        let total = mask.sum(``type`` = s.dtype).clamp_min(scalar 1.0)
        let weight = mask.``to`` s.dtype
        let count bin = ((1.0 - (s + 1.0 - float bin * width).abs() / width).relu() * weight).sum()
        torch.stack [| for bin in 0..bins -> count bin |] / total

    (histogram pairs.Negative * (histogram pairs.Positive).cumsum 0L).sum()

let part =
    { Name = "histogram"
      Source = "Ustinova and Lempitsky, NIPS 2016"
      Settings = [ Setting.whole "bins" 100 "of the histograms of similarities"; Setting.part "miner" "all" "chooses pairs" ]
      Make =
        fun given ->
            let mine = Miners.chosen given "miner" []
            Loss.mined given (fun pairs s -> loss (given.Whole "bins") (Mining.asPairs pairs (mine pairs s)) s) }
