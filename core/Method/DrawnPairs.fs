/// Conditional embeddings of a few pairs drawn at random, for losses that need embeddings and not similarities.
module CondEmbed.DrawnPairs

open TorchSharp

/// How many images of its own class and of other classes ask each image.
type Askers = { Positive: int; Negative: int }

/// Pairs of a batch, and B B random numbers -> E, E: each image with so many others of its class and of other classes, or as many as there are, those with
/// the greatest numbers.
let pairs (askers: Askers) (all: Mining.Pairs) (random: Tensor) =
    let greatest count (marks: Tensor) =
        let struct (found, others) = random.masked_fill(marks.logical_not (), scalar -1.0).topk(min count (int marks.shape[0]), 1)
        let images = indices marks.shape[0] marks
        let drawn = found.ge (scalar 0.0)
        images.unsqueeze(1L).expand_as(others).masked_select drawn, others.masked_select drawn

    let ofClass, ofOthers = greatest askers.Positive all.Positive, greatest askers.Negative all.Negative
    torch.cat ([| fst ofClass; fst ofOthers |], 0L), torch.cat ([| snd ofClass; snd ofOthers |], 0L)

/// (views, labels B) -> of each level 2 E D, the embeddings of both images of each drawn pair in the light of the other, and their labels 2 E. Draws from
/// torch's global generator. ArgumentException where no image has another that could ask it.
let layer (hierarchy: Hierarchy.Options) askers : Layer<Hierarchy.Views * Tensor, Tensor list * Tensor> =
    let keysAndValues, conditional = Hierarchy.keysAndValues hierarchy, Hierarchy.conditional hierarchy

    let forward env (views: Hierarchy.Views, labels: Tensor) =
        let random = torch.rand ([| labels.shape[0]; labels.shape[0] |], dtype = float32, device = labels.device)
        let first, second = pairs askers (Mining.all labels) random

        if first.shape[0] = 0L then
            invalidArg
                (nameof labels)
                "No image of this batch has another that could ask it: draw several images from each of several classes."

        let pairing = Pairing.Chosen(first, second)
        let shared = Pairing.ofTeam env.Team labels.shape[0] pairing
        let asking = defaultArg (Hierarchy.asking env.Team hierarchy views) views.Embeddings
        let found = conditional.Forward env (shared, keysAndValues.Forward env views, asking)
        [ for c in found -> (Pairing.whole shared c).flatten(0L, 1L) ], Pairing.ofImages pairing labels

    Layer.create (Hierarchy.specs hierarchy) forward
