/// Which pairs and triplets of a batch a loss is to see. Nothing here has a gradient.
module CondEmbed.Mining

open TorchSharp

/// Q queries compared with R references: the pairs that count. In a batch the references are the batch itself (Q = R = B).
type Pairs =
    {
        /// Q: the class of each query.
        Labels: Tensor
        /// Q R of bool: same class, and not the query itself.
        Positive: Tensor
        /// Q R of bool: another class.
        Negative: Tensor
    }

/// Triplets of a comparison: T of int64 each, the row of the anchor and the columns of positive and negative.
type Triplets = { Anchor: Tensor; Positive: Tensor; Negative: Tensor }

/// What a miner finds.
type Mined =
    | OfPairs of Pairs
    | OfTriplets of Triplets

/// labels B -> all pairs of the batch; an item is no pair with itself.
let all (labels: Tensor) : Pairs =
    let same = labels.unsqueeze(0L).eq(labels.unsqueeze 1L)
    let self = torch.eye (labels.shape[0], dtype = torch.bool, device = labels.device)

    { Labels = labels; Positive = same.logical_and (self.logical_not ()); Negative = same.logical_not () }

/// labels Q, labels R of references, Q R of bool where a reference is the query itself -> all pairs. References with a label below 0 are none.
let between (labels: Tensor) (references: Tensor) (self: Tensor) : Pairs =
    let same = labels.unsqueeze(1L).eq(references.unsqueeze 0L)
    let there = references.ge(scalar 0.0).unsqueeze 0L

    { Labels = labels
      Positive = same.logical_and(self.logical_not ()).logical_and there
      Negative = same.logical_not().logical_and there }

/// Q R, Q R of bool -> Q 1: the greatest entry of each row among the marked; minus infinity where none is.
let rowMax (mask: Tensor) (x: Tensor) = x.masked_fill(mask.logical_not (), scalar -infinity).amax([| 1L |], keepdim = true)

/// Q R, Q R of bool -> Q 1: the smallest entry of each row among the marked; infinity where none is.
let rowMin (mask: Tensor) (x: Tensor) = x.masked_fill(mask.logical_not (), scalar infinity).amin([| 1L |], keepdim = true)

/// Keeps the marks of one column a row, and of it only what was marked. Q R of bool, Q 1 of columns -> Q R of bool.
let only (mask: Tensor) (column: Tensor) =
    torch.zeros_like(mask).scatter(1L, column, torch.ones_like column |> _.``to``(torch.bool)).logical_and mask

/// The most triplets that are built: their places and distances then take about a gigabyte.
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

/// The rows and columns of marks Q R, N of int64 each, for work with N R numbers. InputException, before anything is built, where these are more than `mostCompared`.
let places (marks: Tensor) =
    let compared = marks.sum(``type`` = int64').item<int64>() * marks.shape[1]
    if compared > mostCompared then refuse "comparisons of positive pairs with all references" compared mostCompared
    let places = marks.nonzero ()
    places.select (1L, 0L), places.select (1L, 1L)

/// Every anchor with every positive and every negative of it. InputException, before anything is built, where there are more than `mostTriplets`.
let triplets (pairs: Pairs) : Triplets =
    withoutGradient (fun () ->
        let count = countTriplets pairs
        if count > mostTriplets then refuse "triplets" count mostTriplets
        let anchor, positive = pairs.Positive.logical_and (pairs.Negative.any (1L, keepdim = true)) |> places
        let both = pairs.Negative.index_select(0L, anchor).nonzero()
        let row = both.select (1L, 0L)

        { Anchor = anchor.index_select (0L, row)
          Positive = positive.index_select (0L, row)
          Negative = both.select (1L, 1L) })

/// Q R, rows T, columns T -> T: single entries, with gradients.
let at (rows: Tensor) (columns: Tensor) (x: Tensor) = x.reshape(-1L).index_select(0L, rows * x.shape[1] + columns)

/// The triplets that a mark T of bool keeps.
let keep (mask: Tensor) (t: Triplets) : Triplets =
    let chosen (column: Tensor) = column.masked_select mask
    { Anchor = chosen t.Anchor; Positive = chosen t.Positive; Negative = chosen t.Negative }

/// The mined pairs; of triplets the pairs that occur in them, each once.
let asPairs (pairs: Pairs) mined : Pairs =
    match mined with
    | OfPairs found -> found
    | OfTriplets t ->
        let marked (columns: Tensor) =
            torch
                .zeros_like(pairs.Positive)
                .reshape(-1L)
                .index_fill(0L, t.Anchor * pairs.Positive.shape[1] + columns, scalar 1.0)
                .reshape(pairs.Positive.shape)

        { pairs with Positive = marked t.Positive; Negative = marked t.Negative }

/// The mined triplets; of pairs all triplets that they make.
let asTriplets mined : Triplets =
    match mined with
    | OfTriplets t -> t
    | OfPairs pairs -> triplets pairs
