/// Which pairs and triplets of a batch a loss is to see. Nothing here has a gradient.
module CondEmbed.Mining

open TorchSharp

/// Positive and negative pairs: B B of bool, row = anchor; an item is no pair with itself.
type Pairs = { Positive: Tensor; Negative: Tensor }

/// labels B -> all pairs of the batch.
let all (labels: Tensor) : Pairs =
    let same = labels.unsqueeze(0L).eq(labels.unsqueeze 1L)
    let self = torch.eye (labels.shape[0], dtype = torch.bool, device = labels.device)

    { Positive = same.logical_and (self.logical_not ()); Negative = same.logical_not () }

/// B B, B B of bool -> B 1: the greatest entry of each row among the marked; minus infinity where none is.
let rowMax (mask: Tensor) (x: Tensor) = x.masked_fill(mask.logical_not (), scalar -infinity).amax([| 1L |], keepdim = true)

/// B B, B B of bool -> B 1: the smallest entry of each row among the marked; infinity where none is.
let rowMin (mask: Tensor) (x: Tensor) = x.masked_fill(mask.logical_not (), scalar infinity).amin([| 1L |], keepdim = true)

/// Keeps the positives with s - margin < the anchor's greatest negative, and the negatives with s + margin > its smallest positive: Wang et
/// al., multi-similarity, CVPR 2019, eqs. 11 and 12. Anchors without a positive or without a negative keep nothing.
let multiSimilarity (margin: float) (labels: Tensor) (similarities: Tensor) : Pairs =
    withoutGradient (fun () ->
        let pairs = all labels
        let s = similarities.detach ()

        { Positive = pairs.Positive.logical_and ((s - margin).lt(rowMax pairs.Negative s))
          Negative = pairs.Negative.logical_and ((s + margin).gt(rowMin pairs.Positive s)) })

/// Which triplets of the batch a triplet loss sees.
type Triplets =
    /// Every anchor with every positive and every negative.
    | All
    /// Every anchor with its farthest positive and its nearest negative: Hermans et al. 2017.
    | BatchHard
    /// Negatives farther than the positive by less than the margin: Schroff et al., FaceNet, CVPR 2015.
    | SemiHard

/// labels B, distances B B -> B B B of bool, [anchor, positive, negative].
let triplets (kind: Triplets) (margin: float) (labels: Tensor) (distances: Tensor) =
    withoutGradient (fun () ->
        let pairs = all labels
        let d = distances.detach ()
        let every = pairs.Positive.unsqueeze(2L).logical_and(pairs.Negative.unsqueeze 1L)

        match kind with
        | All -> every
        | SemiHard ->
            let gap = d.unsqueeze 1L - d.unsqueeze 2L
            every.logical_and(gap |> greaterThan 0.0).logical_and(gap.le (scalar margin))
        | BatchHard ->
            let only (mask: Tensor) (place: Tensor) =
                torch.zeros_like(mask).scatter(1L, place, torch.ones_like(place).``to`` torch.bool)
                |> mask.logical_and

            let farthest = d.masked_fill(pairs.Positive.logical_not (), scalar -infinity).argmax(1L, keepdim = true)

            let nearest = d.masked_fill(pairs.Negative.logical_not (), scalar infinity).argmin(1L, keepdim = true)

            let positive, negative = only pairs.Positive farthest, only pairs.Negative nearest
            positive.unsqueeze(2L).logical_and(negative.unsqueeze 1L))
