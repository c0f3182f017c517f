/// Losses on smooth ranks: SmoothAP, the recall@k surrogate, and the penalty on negatives before positives (PNP).
module CondEmbed.Losses.Ranks

open CondEmbed
open CondEmbed.Mining
open TorchSharp

/// For each positive pair (query q, positive p) what ranks p: N pairs, and sigmoid((s_qj - s_qp) / t) for every other reference j.
type private Ranked =
    {
        /// N: the query of each pair.
        Query: Tensor
        /// N: 1 + the sum over all others of the sigmoid.
        AmongAll: Tensor
        /// N: 1 + the sum over the other positives.
        AmongPositives: Tensor
    }

/// Counts in N R numbers, N the number of positive pairs. If the query is counted, it is one of the others and one of the positives in its own ranking, at similarity 1.
let private rank (temperature: float) countQuery (pairs: Pairs) (s: Tensor) =
    let query, positive = places pairs.Positive
    let value = at query positive s
    let ahead = ((s.index_select (0L, query) - value.unsqueeze 1L) / temperature).sigmoid()
    let itself = (only (pairs.Positive.index_select (0L, query)) (positive.unsqueeze 1L)).logical_not()
    let own = if countQuery then ((1.0 - value) / temperature).sigmoid() else torch.zeros_like value
    let count (mask: Tensor) = 1.0 + own + Masked.rowSum (mask.index_select(0L, query).logical_and itself) ahead

    { Query = query
      AmongAll = count (pairs.Positive.logical_or pairs.Negative)
      AmongPositives = count pairs.Positive }

/// Q of places, N -> Q: sums of pairs by query.
let private byQuery queries (query: Tensor) (x: Tensor) = Reducers.totals queries query x

/// Pairs, similarities Q R -> scalar: 1 - the mean over queries with positives of the mean over their positives of rank among positives / rank among
/// all, ranks smooth: 1 + sum of sigmoid((s_j - s_p) / t). Brown et al., Smooth-AP, ECCV 2020, eq. 8. The authors' code counts the query
/// as a positive of itself, at similarity 1; that is `countQuery`.
let smoothAP (temperature: float) countQuery (pairs: Pairs) (s: Tensor) =
    let ranked = rank temperature countQuery pairs s
    let found = byQuery s.shape[0] ranked.Query (ranked.AmongPositives / ranked.AmongAll)
    let positives = pairs.Positive.sum (1L, ``type`` = s.dtype)

    let precision =
        if countQuery then
            let ahead = ((s - 1.0) / temperature).sigmoid()

            let itself =
                (1.0 + Masked.rowSum pairs.Positive ahead)
                / (1.0 + Masked.rowSum (pairs.Positive.logical_or pairs.Negative) ahead)

            (found + itself) / (positives + 1.0)
        else
            found / positives.clamp_min (scalar 1.0)

    Reducers.meanWhere (Masked.anyInRow pairs.Positive) (1.0 - precision)

/// Pairs, similarities Q R -> scalar: 1 - the mean over queries with positives and over k of min(sum over positives of sigmoid((k - r) / t2), k) / min(k, |P|),
/// r the smooth rank with temperature t1. Patel, Tolias and Matas, CVPR 2022, eqs. 5 to 7. The authors' code counts the query in the ranks: `countQuery`.
let recallAt (depths: int list) (t1: float) (t2: float) countQuery (pairs: Pairs) (s: Tensor) =
    let ranked = rank t1 countQuery pairs s
    let positives = pairs.Positive.sum (1L, ``type`` = s.dtype)

    let recall (depth: int) =
        let k = float depth
        let hits = byQuery s.shape[0] ranked.Query (((k - ranked.AmongAll) / t2).sigmoid())
        hits.clamp_max (scalar k) / positives.clamp (scalar 1.0, scalar k)

    let missed = 1.0 - torch.stack([| for depth in depths -> recall depth |], 0L).mean [| 0L |]
    Reducers.meanWhere (Masked.anyInRow pairs.Positive) missed

/// How the number of negatives before a positive is weighed: Li et al., AAAI 2022, eqs. 8 to 12.
type Penalty =
    /// x
    | Original
    /// (1 + x) log(1 + x)
    | IncreasingUnbounded
    /// (b x - log(1 + b x)) / b^2
    | IncreasingBounded of b: float
    /// log(1 + x)
    | DecreasingSlowly
    /// 1 - 1 / (1 + x)^a
    | DecreasingQuickly of a: float

/// Pairs, similarities Q R -> scalar: the mean over queries of the mean over their positives and themselves (similarity 1) of the penalty of the smooth
/// number of negatives before it. Li et al., "Rethinking the Optimization of Average Precision", AAAI 2022, as in the authors' code.
let negativesBefore (temperature: float) penalty (pairs: Pairs) (s: Tensor) =
    let weigh (x: Tensor) =
        match penalty with
        | Original -> x
        | IncreasingUnbounded -> (1.0 + x) * (1.0 + x).log()
        | IncreasingBounded b -> (b * x - (1.0 + b * x).log()) / (b * b)
        | DecreasingSlowly -> (1.0 + x).log()
        | DecreasingQuickly a -> 1.0 - (1.0 + x).pow(scalar -a)

    let query, positive = places pairs.Positive
    let before (negative: Tensor) (rows: Tensor) (value: Tensor) = Masked.rowSum negative (((rows - value) / temperature).sigmoid())

    let ofPositives =
        before (pairs.Negative.index_select (0L, query)) (s.index_select (0L, query)) ((at query positive s).unsqueeze 1L)

    let ofItself = before pairs.Negative s (s.new_full ([| 1L; 1L |], scalar 1.0))
    let total = weigh ofItself + byQuery s.shape[0] query (weigh ofPositives)
    (total / (pairs.Positive.sum (1L, ``type`` = s.dtype) + 1.0)).mean()

let private countQuery meaning = Setting.onOff "count_query" false meaning
let private temperature = Setting.positive "temperature" 0.01 "of the sigmoid that compares similarities"

let smoothAPPart =
    Part.define "smooth-ap" "Brown et al., ECCV 2020" {
        let! temperature = temperature
        and! countQuery = countQuery "1: the query counts as a positive of itself, as in the authors' code"
        return OnSimilarities(smoothAP temperature countQuery)
    }

let recallPart =
    Part.define "recall-at-k" "Patel, Tolias and Matas, CVPR 2022" {
        let! t1 = Setting.positive "t1" 0.01 "temperature of the ranks"
        and! t2 = Setting.positive "t2" 1.0 "temperature of being among the first k"
        and! greatest = Setting.whole "greatest_k" 16 "k is 1, 2, 4 ... up to this"
        and! countQuery = countQuery "1: the query counts in the ranks, as in the authors' code"
        let depths = [ 0..29 ] |> List.map (fun power -> 1 <<< power) |> List.takeWhile (fun k -> k <= greatest)
        return OnSimilarities(recallAt depths t1 t2 countQuery)
    }

let private penalty (variant: Call) a b =
    if not variant.Given.IsEmpty then
        raise (System.ArgumentException $"The variant of pnp takes no settings: write pnp(variant={variant.Name}, a=2).")

    match variant.Name with
    | "o" -> Original
    | "iu" -> IncreasingUnbounded
    | "ib" -> IncreasingBounded b
    | "ds" -> DecreasingSlowly
    | "dq" -> DecreasingQuickly a
    | other -> raise (System.ArgumentException $"There is no variant '{other}' of pnp; there are dq, ds, iu, ib, o.")

let pnpPart =
    Part.define "pnp" "Li et al., AAAI 2022" {
        let! variant = Setting.part "variant" "dq" "how negatives before a positive count: dq, ds, iu, ib, o"
        and! a = Setting.positive "a" 1.0 "of variant dq"
        and! b = Setting.positive "b" 2.0 "of variant ib"
        and! temperature = temperature
        return OnSimilarities(negativesBefore temperature (penalty variant a b))
    }
