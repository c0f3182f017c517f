namespace CondEmbed.Interop

open CondEmbed
open TorchSharp

/// A rule by which several labels of two images make them alike: see the core's `Matching`. Labels are numbers, K of each image in succession; below 0 stands for
/// no label. It may be used from several threads.
[<Sealed>]
type PairRule internal (rule: Matching.Match) =
    /// The same label in one column at least.
    static member Any = PairRule Matching.any
    /// The same label in every column in which both have one.
    static member Every = PairRule Matching.every
    /// Labels in common that are at least this part of all labels of the two; unlike if there are none, and no pair in between.
    static member Jaccard(least: float) = PairRule(Matching.jaccard least)

    /// Q K labels of queries, R K of references -> Q R marks, row after row: 1 for alike, -1 for unlike, 0 for a pair that does not count.
    member _.Marks(queries: int64 array, references: int64 array, columns: int) : sbyte array =
        scoped (fun () ->
            let rows (labels: int64 array) = torch.tensor(labels, dtype = int64', device = torch.CPU).reshape(-1L, int64 columns)

            (rule (rows queries) (rows references)).``to``(torch.int8).contiguous().data<sbyte>().ToArray())
