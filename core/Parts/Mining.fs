/// Which pairs and triplets of a batch a loss sees. Nothing here has a gradient.
module CondEmbed.Mining

open TorchSharp
open CondEmbed.Common

/// Q queries compared with R references: the pairs that count. In a batch the references are the batch itself (Q = R = B).
type Pairs =
    {
        /// Q: the class of each query; None where classes did not make the pairs.
        Labels: Tensor option
        /// Q R of bool: alike (of the same class), and not the query itself.
        Positive: Tensor
        /// Q R of bool: unlike (of another class).
        Negative: Tensor
        /// Q R of numbers above 0: how much each pair counts; None where all count alike.
        Weights: Tensor option
    }

/// Triplets of a comparison: T of int64 each, the row of the anchor and the columns of positive and negative.
type Triplets = { Anchor: Tensor; Positive: Tensor; Negative: Tensor }

/// Triplets as rows: N positive pairs (the row of a query and the column of its positive), and N R of bool, the negatives of each. If most
/// references are negatives, this takes a tenth of the work of triplets one by one.
type Compared = { Query: Tensor; Like: Tensor; Against: Tensor }

/// What a miner finds.
type Mined =
    | OfPairs of Pairs
    | OfTriplets of Triplets
    | OfCompared of Compared

/// Q R of numbers -> the pairs that they mark: those above 0 are alike, those below 0 are not, and those at 0 do not count. How far from 0 a mark is weighs its pair, 1 in the usual way. The diagonal
/// of a batch should be 0.
let marked (marks: Tensor) : Pairs =
    if not (marks.is_floating_point () || marks.is_integral ()) || marks.dtype = torch.bool then
        invalidArg
            (nameof marks)
            $"Marks of pairs are numbers, above 0 for alike and below 0 for unlike; these are {marks.dtype}. From bools: 2.0 * same.``to`` torch.float32 - 1.0."

    // Of floats, since the least number of a whole type has no opposite in it.
    let size = (if marks.is_floating_point () then marks.detach () else marks.``to`` float32).abs()

    if not (size.isfinite().all().item<bool>()) then
        invalidArg (nameof marks) "A mark of a pair is NaN or infinite: give a number, and 0 for a pair that does not count."

    let positive, negative = marks.gt (scalar 0.0), marks.lt (scalar 0.0)
    // Pairs that do not count weigh 1, so that neither the product nor the logarithm of a weight is without a gradient.
    let size = size.masked_fill (positive.logical_or(negative).logical_not(), scalar 1.0)
    let weights = if size.eq(scalar 1.0).all().item<bool>() then None else Some size
    { Labels = None; Positive = positive; Negative = negative; Weights = weights }

/// Labels B, or B B marks of pairs (see `marked`; the diagonal does not count) -> all pairs of the batch; an item is not paired with itself.
let all (labels: Tensor) : Pairs =
    match labels.dim () with
    | 2L when labels.shape[0] = labels.shape[1] ->
        let marks = labels.clone ()
        marks.diagonal().zero_() |> ignore
        marked marks
    | 1L ->
        let same = labels.unsqueeze(0L).eq(labels.unsqueeze 1L)
        let other = same.logical_not ()
        same.diagonal().zero_() |> ignore
        { Labels = Some labels; Positive = same; Negative = other; Weights = None }
    | _ ->
        invalidArg
            (nameof labels)
            $"Labels are class numbers B, or B B marks of the pairs, above 0 for alike and below 0 for unlike; these are {shapeText labels.shape}."

/// Similarities Q R -> unit. ArgumentException unless they are those of a batch with itself, for `what` needs them among the references.
let internal demandBatch what (similarities: Tensor) =
    if similarities.shape[0] <> similarities.shape[1] then
        invalidArg
            (nameof similarities)
            $"{what} needs the similarities of a batch with itself, B B, and these are {shapeText similarities.shape}: it does not go with a memory."

/// labels Q, labels R of references, Q R of bool where a reference is the query itself -> all pairs. References with a label below 0 do not count.
let between (labels: Tensor) (references: Tensor) (self: Tensor) : Pairs =
    let same = labels.unsqueeze(1L).eq(references.unsqueeze 0L)
    let there = references.ge(scalar 0.0).unsqueeze 0L

    { Labels = Some labels
      Positive = same.logical_and(self.logical_not ()).logical_and there
      Negative = same.logical_not().logical_and there
      Weights = None }

/// Q R, Q R of bool -> Q 1: the greatest marked entry of each row; minus infinity if there is none.
let rowMax (mask: Tensor) (x: Tensor) = x.masked_fill(mask.logical_not (), scalar -infinity).amax([| 1L |], keepdim = true)

/// Q R, Q R of bool -> Q 1: the smallest marked entry of each row; infinity if there is none.
let rowMin (mask: Tensor) (x: Tensor) = x.masked_fill(mask.logical_not (), scalar infinity).amin([| 1L |], keepdim = true)

/// Q R of bool, Q 1 of columns -> Q R of bool: keeps one column per row, where it was marked.
let only (mask: Tensor) (column: Tensor) =
    torch.zeros_like(mask).scatter(1L, column, torch.ones_like column |> _.``to``(torch.bool)).logical_and mask

/// The most triplets that are built: their indices and distances then take about a gigabyte.
let mostTriplets = 20_000_000L

/// How many triplets the pairs make: the sum over anchors of positives times negatives.
let countTriplets (pairs: Pairs) =
    let count (mask: Tensor) = mask.sum (1L, ``type`` = int64')
    (count pairs.Positive * count pairs.Negative).sum().item<int64>()

/// The most numbers that a comparison of positive pairs with all references may hold.
let mostCompared = 50_000_000L

let private refuse what count most =
    raise (
        InputException
            $"This batch makes {count:N0} {what}, more than the {most:N0} that are built: take a smaller batch or memory, a miner that chooses (batch-hard, multi-similarity), or a loss on pairs."
    )

/// The rows and columns of marks Q R, N of int64 each, for work with N R numbers. InputException, before anything is built, if these are more than `mostCompared`.
let places (marks: Tensor) =
    let compared = marks.sum(``type`` = int64').item<int64>() * marks.shape[1]
    if compared > mostCompared then refuse "comparisons of positive pairs with all references" compared mostCompared
    let places = marks.nonzero ()
    places.select (1L, 0L), places.select (1L, 1L)

/// Every anchor with every positive, and all its negatives for each. InputException, before anything is built, if these are more than `mostCompared` numbers.
let compared (pairs: Pairs) : Compared =
    withoutGradient (fun () ->
        let query, like = pairs.Positive.logical_and (pairs.Negative.any (1L, keepdim = true)) |> places
        { Query = query; Like = like; Against = pairs.Negative.index_select (0L, query) })

/// The triplets of compared pairs one by one. InputException, before anything is built, if there are more than `mostTriplets`.
let private oneByOne (c: Compared) : Triplets =
    withoutGradient (fun () ->
        let count = c.Against.sum(``type`` = int64').item<int64>()
        if count > mostTriplets then refuse "triplets" count mostTriplets
        let both = c.Against.nonzero ()
        let row = both.select (1L, 0L)

        { Anchor = c.Query.index_select (0L, row)
          Positive = c.Like.index_select (0L, row)
          Negative = both.select (1L, 1L) })

/// Every anchor with each of its positives and negatives. InputException, before anything is built, if there are more than `mostTriplets`.
let triplets (pairs: Pairs) : Triplets =
    let count = countTriplets pairs
    if count > mostTriplets then refuse "triplets" count mostTriplets
    compared pairs |> oneByOne

/// Q R, rows T, columns T -> T: single entries, with gradients.
let at (rows: Tensor) (columns: Tensor) (x: Tensor) = x.reshape(-1L).index_select(0L, rows * x.shape[1] + columns)

/// The triplets that a mark T of bool keeps.
let keep (mask: Tensor) (t: Triplets) : Triplets =
    let chosen (column: Tensor) = column.masked_select mask
    { Anchor = chosen t.Anchor; Positive = chosen t.Positive; Negative = chosen t.Negative }

/// The mined pairs; for triplets, the pairs that occur in them, each once.
let asPairs (pairs: Pairs) mined : Pairs =
    let places (rows: Tensor) (columns: Tensor) =
        torch
            .zeros_like(pairs.Positive)
            .reshape(-1L)
            .index_fill(0L, rows * pairs.Positive.shape[1] + columns, scalar 1.0)
            .reshape(pairs.Positive.shape)

    match mined with
    | OfPairs found -> found
    | OfTriplets t -> { pairs with Positive = places t.Anchor t.Positive; Negative = places t.Anchor t.Negative }
    | OfCompared c ->
        let whole = c.Against.any(1L).nonzero().reshape -1L
        let count = torch.zeros (pairs.Negative.shape, dtype = float32, device = pairs.Negative.device)

        { pairs with
            Positive = places (c.Query.index_select (0L, whole)) (c.Like.index_select (0L, whole))
            Negative = count.index_add_ (0L, c.Query, c.Against.``to`` float32, scalar 1.0) |> greaterThan 0.0 }

/// The mined triplets one by one; for pairs, all triplets that they make.
let asTriplets mined : Triplets =
    match mined with
    | OfTriplets t -> t
    | OfCompared c -> oneByOne c
    | OfPairs pairs -> triplets pairs

/// The same triplets in the form that is less work: as rows if half the references or more are negatives.
let asFewSteps mined =
    match mined with
    | OfPairs pairs ->
        let comparisons = pairs.Positive.sum(``type`` = int64').item<int64>() * pairs.Positive.shape[1]
        if 2L * countTriplets pairs >= comparisons then OfCompared(compared pairs) else OfTriplets(triplets pairs)
    | other -> other
