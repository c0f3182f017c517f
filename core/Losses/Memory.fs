/// Cross-batch memory: Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020.
module CondEmbed.Memory

open CondEmbed.Losses
open TorchSharp

/// How much is remembered, and when it starts to count.
type Options =
    {
        /// M: how many of the latest embeddings are kept, at least a batch.
        Size: int
        /// Steps before the memory counts; by then the embeddings drift less.
        Start: int
        /// Weight of the memory's loss, relative to that of the batch.
        Weight: float
    }

let private statistic name shape value = { Name = name; Shape = shape; Role = Statistic; Init = Constant value }

/// 1 -> B of int64: the next B places in a ring of M.
let private places (batch: int64) (size: int64) (next: Tensor) = (next + indices batch next).remainder(scalar (float size)).``to`` int64'

/// B places in M -> B M of bool: where the memory holds the query itself.
let private itself (size: int64) (places: Tensor) = places.unsqueeze(1L).eq((indices size places).unsqueeze 0L)

/// What a memory cannot take: see `remembering`.
let private demandFit size features (state: Tensor) (embeddings: Tensor) (labels: Tensor) =
    ShapeChecks.embeddings features $"the memory keeps {features} features" "the memory" embeddings

    if embeddings.shape[0] > size then
        invalidArg "options" $"A memory of {size} cannot take a batch of {embeddings.shape[0]}: make it at least as large."

    if labels.dim () <> 1L then
        invalidArg
            (nameof labels)
            $"A memory keeps the class numbers of earlier images, and these labels are {shapeText labels.shape}, marks of pairs: give class numbers, or leave the memory out."

    if state.dtype <> float32 && state.dtype <> float64 then
        invalidArg
            (nameof state)
            $"A memory numbers classes and places, and {state.dtype} is too coarse for that: keep its parameters in float32 or float64."

/// (embeddings B D, labels B) -> scalar: the loss of the batch, plus, from a given step on, the weighted loss of the batch (queries, with gradients) against the memory
/// (references, without). The batch enters the memory first, replacing the oldest entries; an image is never paired with itself. Declares the statistics
/// `memory.embeddings` M D, `memory.labels` M (-1: empty) and `memory.state` (next place, steps done), which training commits at each step.
/// ArgumentException for a loss that cannot compare a batch with other images.
let remembering (options: Options) features (loss: Loss) : Loss =
    Loss.notForMemory loss
    |> Option.iter (fun why -> invalidArg (nameof loss) $"A loss that {why} cannot use a memory.")

    let onBatch = Loss.onEmbeddings loss
    let onMemory = Loss.onSimilarities loss
    let size = int64 options.Size

    let memory =
        [ statistic "memory.embeddings" [ size; int64 features ] 0.0
          statistic "memory.labels" [ size ] -1.0
          statistic "memory.state" [ 2L ] 0.0 ]

    let forward env (embeddings: Tensor, labels: Tensor) =
        let kept (name: string) = Layer.statistic env $"memory.{name}"
        let state = kept "state"
        demandFit size features state embeddings labels
        let batch = embeddings.shape[0]
        let next, steps = state.narrow (0L, 0L, 1L), state.narrow (0L, 1L, 1L)
        let places = places batch size next
        let unit = Layers.l2Normalise embeddings
        let rows = (kept "embeddings").index_copy(0L, places, unit.detach().``to`` (kept "embeddings").dtype)
        let classes = (kept "labels").index_copy(0L, places, labels.``to`` state.dtype)

        env.Report "memory.embeddings" rows
        env.Report "memory.labels" classes
        env.Report "memory.state" (torch.cat ([| (next + float batch).remainder(scalar (float size)); steps + 1.0 |], 0L))

        let pairs = Mining.between labels classes (itself size places)
        let similarities = matmul unit (rows.``to``(unit.dtype).t())
        let started = steps.ge(scalar (float options.Start)).``to``(unit.dtype).squeeze()

        onBatch.Forward env (embeddings, labels)
        + options.Weight * started * onMemory.Forward env (pairs, similarities)

    OnEmbeddings(Layer.create (onBatch.Specs @ memory) forward)
