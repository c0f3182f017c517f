/// From several labels of each image to marks of the pairs: 1 where two images are alike, -1 where they are not, 0 where a pair should not count. Nothing here has a
/// gradient.
module CondEmbed.Matching

open TorchSharp

/// (labels Q K, labels R K of references) -> Q R of float32, the marks. Each column numbers its own labels; a number below 0 is no label.
type Match = Tensor -> Tensor -> Tensor

/// Q K, R K -> Q R K of bool twice: the same label, and both images have one.
let private compared (queries: Tensor) (references: Tensor) =
    let queries, references = queries.unsqueeze 1L, references.unsqueeze 0L
    let both = queries.ge(scalar 0.0).logical_and(references.ge (scalar 0.0))
    queries.eq(references).logical_and both, both

/// alike Q R, unlike Q R, of bool -> the marks.
let private marks (alike: Tensor) (unlike: Tensor) = alike.``to`` float32 - unlike.``to`` float32

/// Alike with the same label in one column at least; unlike otherwise. A pair without a column in which both have a label does not count.
let any: Match =
    fun queries references ->
        let same, both = compared queries references
        let alike = same.any 2L
        marks alike (both.any(2L).logical_and(alike.logical_not ()))

/// Alike with the same label in every column in which both have one; unlike otherwise. A pair without such a column does not count.
let every: Match =
    fun queries references ->
        let same, both = compared queries references
        let there = both.any 2L
        let alike = same.eq(both).all(2L).logical_and there
        marks alike (there.logical_and (alike.logical_not ()))

/// Alike if the labels that two images share are at least this part of all labels of the two (Jaccard's index), unlike if they share none; those between do not
/// count.
let jaccard (least: float) : Match =
    fun queries references ->
        let same, _ = compared queries references
        let count (x: Tensor) = x.sum (-1L, ``type`` = float32)
        let shared = count same
        let has (x: Tensor) = count (x.ge (scalar 0.0))
        let all = (has queries).unsqueeze 1L + (has references).unsqueeze 0L - shared
        let there = greaterThan 0.0 all
        let part = shared / all.clamp_min (scalar 1.0)
        marks (part.ge(scalar least).logical_and(greaterThan 0.0 shared)) (shared.eq(scalar 0.0).logical_and there)

/// By one column alone; an image without a label there is in no pair.
let column (place: int) : Match =
    fun queries references ->
        let one (x: Tensor) = x.narrow (1L, int64 place, 1L)
        any (one queries) (one references)

/// labels B K -> B B: the marks of all pairs of a batch, as `Mining.all` takes them.
let batch (matching: Match) (labels: Tensor) = matching labels labels
