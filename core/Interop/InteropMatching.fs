namespace CondEmbed.Interop

open CondEmbed
open TorchSharp

/// A rule by which several labels of two images make them alike: see the core's `Matching`. Labels are numbers, those of an image in succession, column by column; below 0
/// stands for no label. It may be used from several threads.
[<Sealed>]
type PairRule internal (rule: Matching.Match) =
    /// The same label in one column at least.
    static member Any = PairRule Matching.any
    /// The same label in every column in which both have one.
    static member Every = PairRule Matching.every
    /// Labels in common that are at least this part of all labels of the two; unlike if there are none, and no pair in between.
    static member Jaccard(least: float) = PairRule(Matching.jaccard least)
    /// The same, and alike pairs weigh as much as that part.
    static member WeightedJaccard(least: float) = PairRule(Matching.weightedJaccard least)

    /// Q K S labels of queries, R K S of references, up to S in each of K columns -> Q R marks, row after row: above 0 for alike, below 0 for unlike, 0 for a pair that does not count.
    member _.Marks(queries: int64 array, references: int64 array, columns: int, perColumn: int) : float32 array =
        scoped (fun () ->
            let rows (labels: int64 array) =
                torch.tensor(labels, dtype = int64', device = torch.CPU).reshape(-1L, int64 columns, int64 perColumn)

            (rule (rows queries) (rows references)).contiguous().data<float32>().ToArray())
