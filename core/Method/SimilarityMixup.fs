/// Virtual images between two of a class, made of similarities alone: SiMix of Patel, Tolias and Matas, "Recall@k Surrogate Loss with Large Batches and Similarity Mixup", CVPR 2022, section 3.3.
/// What lies at a of the way between e_j and e_i is as similar to x as a s(i, x) + (1 - a) s(j, x), so nothing is embedded again.
/// The authors' program makes one for every two images of a class; here each image has one, with a random other of its class, and is not compared with what is made of it.
module CondEmbed.SimilarityMixup

open CondEmbed.Losses
open TorchSharp

/// labels B, and random numbers in 0..1, B B and B -> N B: a row for each image with others of its class, with its weight and that of the one among them with the greatest number.
let weights (labels: Tensor) (partners: Tensor) (shares: Tensor) : Tensor =
    withoutGradient (fun () ->
        let pairs = Mining.all labels
        let images = (pairs.Positive.any 1L).nonzero().squeeze 1L
        let partner = partners.masked_fill(pairs.Positive.logical_not (), scalar -1.0).argmax(1L).index_select(0L, images)
        let all = indices labels.shape[0] labels
        let marks (places: Tensor) = places.unsqueeze(1L).eq(all).``to`` shares.dtype
        let share = shares.index_select(0L, images).unsqueeze 1L
        share * marks images + (1.0 - share) * marks partner)

/// (weights N B, labels B) -> all pairs of the B images and the N virtual ones after them, except those of which both are made of the same image.
let pairs (weights: Tensor) (labels: Tensor) : Mining.Pairs =
    withoutGradient (fun () ->
        let made = weights.gt (scalar 0.0)
        let itself = torch.eye (labels.shape[0], dtype = torch.bool, device = labels.device)
        let sources = torch.cat([| itself; made |], 0L).``to`` weights.dtype
        let labels = torch.cat ([| labels; labels.index_select (0L, weights.argmax 1L) |], 0L)
        let all = Mining.all labels
        let apart = (matmul sources (sources.t ())).eq(scalar 0.0)
        { all with Positive = all.Positive.logical_and apart; Negative = all.Negative.logical_and apart })

/// (weights N B, similarities B B) -> B+N B+N: of the images and of the virtual ones after them.
let similarities (weights: Tensor) (similarities: Tensor) : Tensor =
    let ofImages = torch.cat ([| similarities; matmul weights similarities |], 0L)
    torch.cat ([| ofImages; matmul ofImages (weights.t ()) |], 1L)

/// A loss on the similarities of a batch -> the same on those of the batch and of a virtual image for each of its images. What is drawn depends on the seed and on the number of steps before, a
/// statistic: it is the same for all losses of a step, goes on in a resumed run, and leaves torch's global generator alone. Comparisons with a memory are not mixed. ArgumentException for a loss that
/// needs more than similarities, and for marks of pairs, which make no classes to mix within.
let mixed (seed: int64) (loss: Loss) : Loss =
    let onSimilarities = Loss.onSimilarities loss
    let counter = { Name = "mixup"; Shape = [ 1L ]; Role = Statistic; Init = Constant 0.0 }

    let onMixed env (all: Mining.Pairs, found: Tensor) =
        let labels = Loss.classesOf all
        let count = labels.shape[0]
        let step = Layer.statistic env counter.Name
        env.Report counter.Name (step + 1.0)

        let draw (generator: torch.Generator) (shape: int64 array) =
            torch.rand(shape, dtype = float32, device = torch.CPU, generator = generator).``to``(found.dtype, found.device)

        use generator = new torch.Generator(uint64 seed * 1000003UL + uint64 (toFloat step), torch.CPU)
        let weights = weights labels (draw generator [| count; count |]) (draw generator [| count |])
        onSimilarities.Forward env (pairs weights labels, similarities weights found)

    let forward env (all: Mining.Pairs, found: Tensor) =
        if found.shape[1] = found.shape[0] then onMixed env (all, found) else onSimilarities.Forward env (all, found)

    OnSimilaritiesLearned(Layer.create (onSimilarities.Specs @ [ counter ]) forward)
