/// From several labels of each image to marks of the pairs: above 0 where two images are alike, below 0 where they are not, 0 where a pair should not count. Nothing here has a
/// gradient.
module CondEmbed.Matching

open TorchSharp

/// (labels Q K, labels R K of references) -> Q R of float32, the marks. Each column numbers its own labels; a number below 0 is no label. Where an image may have several labels in a column,
/// up to S, the labels are Q K S and R K S, each label once.
type Match = Tensor -> Tensor -> Tensor

/// Q K, or Q K S -> Q K S.
let private places (labels: Tensor) =
    match labels.dim () with
    | 2L -> labels.unsqueeze 2L
    | 3L -> labels
    | _ ->
        invalidArg
            (nameof labels)
            $"Several labels of each image are B K, a number for each of K columns, or B K S, up to S in each; these are {shapeText labels.shape}. One column: labels.unsqueeze 1."

/// B T of 0 and 1, which of T tags an image has -> B 1 T: the labels of one column. ArgumentException for other numbers.
let ofMultiHot (tags: Tensor) : Tensor =
    if tags.dim () <> 2L then
        invalidArg
            (nameof tags)
            $"Tags are B T, a 1 for each tag that an image has and a 0 for each other; these are {shapeText tags.shape}."

    let has = tags.``to`` torch.bool

    if (has.``to`` tags.dtype).ne(tags).any().item<bool>() then
        invalidArg (nameof tags) "Tags are 0 or 1, and one of these is neither: numbers of labels go to Matching as they are."

    let numbers = indices tags.shape[1] tags
    torch.where(has, numbers, (torch.full_like (numbers, (-1L).ToScalar()))).unsqueeze 1L

let private has (labels: Tensor) = labels.ge (scalar 0.0)

/// Q K S, R K S -> Q R K of numbers, the labels in common; and Q R K of bool: both images have one.
let private compared (queries: Tensor) (references: Tensor) =
    let there (labels: Tensor) = (has labels).any 2L
    let both = (there queries).unsqueeze(1L).logical_and((there references).unsqueeze 0L)
    let queries, references = queries.unsqueeze(1L).unsqueeze 4L, references.unsqueeze(0L).unsqueeze 3L
    queries.eq(references).logical_and(has queries).sum([| 3L; 4L |], ``type`` = float32), both

/// alike Q R, unlike Q R, of bool -> the marks.
let private marks (alike: Tensor) (unlike: Tensor) = alike.``to`` float32 - unlike.``to`` float32

let private ofColumns rule : Match = fun queries references -> compared (places queries) (places references) ||> rule

/// Alike with a label in common in one column at least; unlike otherwise. A pair without a column in which both have a label does not count.
let any: Match =
    ofColumns (fun shared both ->
        let alike = (greaterThan 0.0 shared).any 2L
        marks alike (both.any(2L).logical_and(alike.logical_not ())))

/// Alike with a label in common in every column in which both have one; unlike otherwise. A pair without such a column does not count.
let every: Match =
    ofColumns (fun shared both ->
        let there = both.any 2L
        let alike = (greaterThan 0.0 shared).eq(both).all(2L).logical_and there
        marks alike (there.logical_and (alike.logical_not ())))

/// Q R of numbers twice: the labels in common, and all labels of the two.
let private overlap queries references =
    let queries, references = places queries, places references
    let shared = (fst (compared queries references)).sum 2L
    let count labels = (has labels).sum([| 1L; 2L |], ``type`` = float32)
    shared, (count queries).unsqueeze 1L + (count references).unsqueeze 0L - shared

/// The marks of those that share this part at least, by what marks them of the part; of those that share none, -1.
let private byOverlap (least: float) (mark: Tensor -> Tensor) : Match =
    fun queries references ->
        let shared, all = overlap queries references
        let part = shared / all.clamp_min (scalar 1.0)
        let alike = part.ge(scalar least).logical_and(greaterThan 0.0 shared)
        let unlike = shared.eq(scalar 0.0).logical_and(greaterThan 0.0 all)
        mark part * alike.``to`` float32 - unlike.``to`` float32

/// Alike if the labels that two images share are at least this part of all labels of the two (Jaccard's index), unlike if they share none; those between do not
/// count.
let jaccard (least: float) : Match = byOverlap least (fun part -> torch.ones_like part)

/// The same, and a pair that is alike weighs as much as that part: 1 where all labels are the same.
let weightedJaccard (least: float) : Match = byOverlap least id

/// By one column alone; an image without a label there is in no pair.
let column (place: int) : Match =
    fun queries references ->
        let one (x: Tensor) =
            if x.dim () > 1L && (place < 0 || int64 place >= x.shape[1]) then
                invalidArg
                    (nameof place)
                    $"There is no column {place}: the labels are {shapeText x.shape}, so columns are 0 to {x.shape[1] - 1L}."

            (if x.dim () > 1L then x else places x).narrow(1L, int64 place, 1L)

        any (one queries) (one references)

/// labels B K, or B K S -> B B: the marks of all pairs of a batch, as `Mining.all` takes them.
let batch (matching: Match) (labels: Tensor) = matching labels labels
