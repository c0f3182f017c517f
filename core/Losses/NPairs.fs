module CondEmbed.Losses.NPairs

open CondEmbed
open CondEmbed.Mining
open CondEmbed.Reducers
open TorchSharp

/// Pairs Q R -> Q of bool: the first image of each class that has a positive; without classes, each image that is alike to no earlier one that has a positive.
let private firstOfClass (pairs: Pairs) =
    let paired = Masked.anyInRow pairs.Positive

    let same =
        match pairs.Labels with
        | Some labels -> labels.unsqueeze(1L).eq(labels.unsqueeze 0L)
        | None -> pairs.Positive.narrow (1L, 0L, paired.shape[0])

    let earlier = same.logical_and(paired.unsqueeze 0L).tril -1L
    paired.logical_and ((Masked.anyInRow earlier).logical_not())

/// Anchors N, similarities N N of each with every class's positive -> scalar.
let private terms (reduce: Reducer) queries (anchors: Tensor) (logits: Tensor) =
    let terms: Tensor =
        if anchors.shape[0] = 0L then
            logits.sum(1L).narrow(0L, 0L, 0L)
        else
            Proxies.crossEntropy (indices anchors.shape[0] logits) logits

    reduce (Terms.ofTriplets anchors queries terms)

/// Pairs, similarities Q R -> scalar: the first pair (a, p) of each class; the terms are -log(e^(s_ap) / sum over the positives p' of all classes of
/// e^(s_ap')). Sohn, NIPS 2016, eq. 7 (multi-class N-pair), on cosines.
let loss (reduce: Reducer) (pairs: Pairs) (similarities: Tensor) =
    let anchors = (firstOfClass pairs).nonzero().reshape -1L
    // Decreasing numbers, so that the first positive is the greatest.
    let places =
        torch.arange (scalar (float similarities.shape[1]), scalar 0.0, scalar -1.0, dtype = int64', device = similarities.device)

    let positives = (pairs.Positive.index_select(0L, anchors).``to`` int64' * places).argmax 1L
    let logits = similarities.index_select(0L, anchors).index_select(1L, positives)
    terms reduce similarities.shape[0] anchors logits

/// embeddings B D, class numbers B -> scalar: the same on all pairs of a batch, but only the first two images of each class are compared.
let private ofClasses (reduce: Reducer) (embeddings: Tensor) (labels: Tensor) =
    let firstTwo =
        labels.cpu().data<int64>().ToArray()
        |> Seq.indexed
        |> Seq.groupBy snd
        |> Seq.map (fun (_, images) -> [| for place, _ in Seq.truncate 2 images -> int64 place |])
        |> Seq.filter (fun images -> images.Length = 2)
        |> Seq.toArray

    // Anchors before positives, so that both are taken out and brought to their length at once.
    let images =
        torch.tensor (
            [| for n in 0..1 do
                   for images in firstTwo -> images[n] |],
            dtype = int64',
            device = embeddings.device
        )

    let classes = int64 firstTwo.Length
    let unit = Similarity.unit (embeddings.index_select (0L, images))
    let logits = matmul (unit.narrow (0L, 0L, classes)) ((unit.narrow (0L, classes, classes)).t())
    terms reduce embeddings.shape[0] (images.narrow (0L, 0L, classes)) logits

/// embeddings B D, labels B or B B marks -> scalar: the same on all pairs of a batch.
let ofBatch (reduce: Reducer) (embeddings: Tensor) (labels: Tensor) =
    if labels.dim () = 1L then
        ofClasses reduce embeddings labels
    else
        loss reduce (Mining.all labels) (Similarity.cosine embeddings)

let part =
    Part.define "n-pairs" "Sohn, NIPS 2016" {
        let! miner = Miners.setting [] "all" "chooses pairs"
        and! reduce = Reducers.setting "mean"
        and! score = Scores.setting

        return
            Loss.scored
                score
                miner
                (match Loss.mined miner (loss reduce) with
                 | OnSimilarities onPairs when miner.Name = "all" -> OnFewSimilarities(onPairs, ofBatch reduce)
                 | other -> other)
    }
