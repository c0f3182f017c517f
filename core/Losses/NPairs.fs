module CondEmbed.Losses.NPairs

open CondEmbed
open CondEmbed.Mining
open CondEmbed.Reducers
open TorchSharp

/// Pairs Q R -> Q of bool: the first image of each class that has a positive.
let private firstOfClass (pairs: Pairs) =
    let paired = Masked.anyInRow pairs.Positive
    let same = pairs.Labels.unsqueeze(1L).eq(pairs.Labels.unsqueeze 0L)
    let earlier = same.logical_and(paired.unsqueeze 0L).tril -1L
    paired.logical_and ((Masked.anyInRow earlier).logical_not())

/// Pairs, similarities Q R -> scalar: of each class one pair (a, p), its first; the terms are -log(e^(s_ap) / sum over the positives p' of all classes of
/// e^(s_ap')). Sohn, NIPS 2016, eq. 7 (multi-class N-pair), on cosines.
let loss (reduce: Reducer) (pairs: Pairs) (similarities: Tensor) =
    let first = firstOfClass pairs
    let anchors = first.nonzero().reshape -1L
    // Falling numbers, so that the first positive is the greatest.
    let places =
        torch.arange (scalar (float similarities.shape[1]), scalar 0.0, scalar -1.0, dtype = int64', device = similarities.device)

    let positives = (pairs.Positive.index_select(0L, anchors).``to`` int64' * places).argmax 1L
    let logits = similarities.index_select(0L, anchors).index_select(1L, positives)
    let count = anchors.shape[0]

    let terms: Tensor = if count = 0L then similarities.sum(1L).narrow(0L, 0L, 0L) else logits.logsumexp 1L - logits.diagonal ()

    reduce (Terms.ofTriplets anchors similarities.shape[0] terms)

let part =
    { Name = "n-pairs"
      Source = "Sohn, NIPS 2016"
      Settings = Loss.stages "mean"
      Make = fun given -> Loss.staged given loss }
