/// From the terms of a loss to one number.
module CondEmbed.Reducers

open TorchSharp

/// The terms of a loss, of any shape X: their values, which of them count (X of bool), and the row of each one's anchor (X of int64) out of a number of anchors.
type Terms = { Values: Tensor; Counted: Tensor; Anchors: Tensor; Queries: int64 }

/// Terms -> scalar. Without any term this is 0, with a gradient of 0.
type Reducer = Terms -> Tensor

module Terms =
    /// Q, Q of bool: at most one term per anchor.
    let ofAnchors (counted: Tensor) (values: Tensor) =
        let queries = values.shape[0]
        { Values = values; Counted = counted; Anchors = indices queries values; Queries = queries }

    /// Q: one term per anchor.
    let ofEveryAnchor (values: Tensor) = ofAnchors (torch.ones_like (values, dtype = torch.bool)) values

    /// Q R, Q R of bool: one term per pair.
    let ofPairs (counted: Tensor) (values: Tensor) =
        let queries = values.shape[0]

        { Values = values
          Counted = counted
          Anchors = (indices queries values).unsqueeze(1L).expand_as values
          Queries = queries }

    /// T, T of int64: one term per triplet.
    let ofTriplets (anchors: Tensor) queries (values: Tensor) =
        { Values = values
          Counted = torch.ones_like (values, dtype = torch.bool)
          Anchors = anchors
          Queries = queries }

/// N of places from 0 to count - 1, N -> count: sums by place, in float32 at least, since a sum in bfloat16 stops growing at 256.
let totals (count: int64) (place: Tensor) (x: Tensor) =
    let wide = if x.dtype = float64 then float64 else float32
    x.new_zeros([| count |], dtype = wide).index_add(0L, place, x.``to`` wide, scalar 1.0).``to`` x.dtype

/// Groups X of int64, weights X, places X from 0 to bins -> groups x bins + 1: each group's histogram of its places, with each place's weight split
/// linearly between the two nearest whole numbers.
let histograms (bins: int) (groups: int64) (group: Tensor) (weight: Tensor) (places: Tensor) =
    let side = int64 bins + 1L
    // Clamped as whole numbers, so that a NaN gets a bin too and shows up in its count.
    let below = (places.detach().floor().``to`` int64').clamp_(0L.ToScalar(), (int64 bins - 1L).ToScalar())
    let above = (places - below) * weight
    let first = (group * side.ToScalar() + below).reshape -1L
    let count (bin: Tensor) (share: Tensor) = totals (groups * side) bin (share.reshape -1L)
    (count first (weight - above) + count (first + 1L.ToScalar()) above).reshape(groups, side)

let private zero (terms: Terms) = zeroLike terms.Values
let private counted terms = torch.where (terms.Counted, terms.Values, zero terms)

/// X of bool, X -> scalar: the mean of the marked, or 0.
let meanWhere (mask: Tensor) (values: Tensor) =
    torch.where(mask, values, zeroLike values).sum()
    / mask.sum(``type`` = values.dtype).clamp_min(scalar 1.0)

/// The sum of the terms that count.
let sum: Reducer = fun terms -> (counted terms).sum()

/// The mean of the terms that count; 0 if none does.
let mean: Reducer = fun terms -> meanWhere terms.Counted terms.Values

/// X of bool, X of bool -> X of bool: where the first is true and the second is not.
let private butNot (out: Tensor) (mask: Tensor) = mask.gt out

/// The mean of the terms within two bounds, both exclusive. A NaN counts, so that it does not go unnoticed.
let between (low: float) (high: float) : Reducer =
    fun terms ->
        let v = terms.Values.detach ()
        let outside = v.le(scalar low).logical_or(v.ge (scalar high))
        meanWhere (terms.Counted |> butNot outside) terms.Values

/// The mean of the terms above zero. A NaN counts, so that it does not go unnoticed.
let nonZero: Reducer = fun terms -> meanWhere (terms.Counted |> butNot (terms.Values.detach().le(scalar 0.0))) terms.Values

/// The mean over anchors of the mean of each one's terms; an anchor without terms counts as 0.
let perAnchor: Reducer =
    fun terms ->
        let flat (x: Tensor) = x.reshape -1L
        let total (x: Tensor) = totals terms.Queries (flat terms.Anchors) (flat x)
        let counts = total (terms.Counted.``to`` terms.Values.dtype)
        (total (counted terms) / counts.clamp_min (scalar 1.0)).mean()

/// Every reducer by name.
let all: Part<Reducer> list =
    [ Part.define "mean" "mean of all terms" { return mean }
      Part.define "non-zero" "mean of the terms above zero" { return nonZero }
      Part.define "sum" "sum of all terms" { return sum }
      Part.define "per-anchor" "mean over anchors of the mean of each one's terms" { return perAnchor }
      Part.define "within" "mean of the terms between two bounds" {
          let! low = Setting.number "low" 0.0 "terms up to this are left out"
          and! high = Setting.number "high" 1e30 "terms from this on are left out"
          return between low high
      } ]

/// The setting `reducer`, which names one.
let setting name = Part.setting "reducer" all "reducer" name "from terms to a number: mean, non-zero, sum, per-anchor, within"
