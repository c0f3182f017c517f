/// Metrics of what a rule marks as relevant, against rankings by a full sort.
module CondEmbed.Tests.RelevanceTests

open System
open Expecto
open CondEmbed.Evaluation
open CondEmbed.Search
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.Support

let private relevance (marks: int -> int -> int) =
    { new IRelevance with
        member _.Mark(query, into) =
            for item in 0 .. into.Length - 1 do
                into[item] <- sbyte (marks query item) }

/// Rows of few distinct values, so that many similarities are equal.
let private tied (random: Random) count = Array.init count (fun _ -> Array.init 3 (fun _ -> float (random.Next 3) + 1.0))

let private options marks =
    EvaluationOptions(RecallAt = [| 1; 3 |], CutOffs = [| 2 |], Variants = true, ClassAverages = true, Relevance = relevance marks)

/// Of each query the number of relevant items and the ranks of these among all that count, by a full sort.
let private rankings (queries: float[][]) (gallery: float[][]) (self: int -> int) (marks: int -> int -> int) =
    let asked, items = (flatten queries).AtUnitLength(), (flatten gallery).AtUnitLength()

    [| for q in 0 .. queries.Length - 1 ->
           [ for i in 0 .. gallery.Length - 1 do
                 if i <> self q && marks q i <> 0 then i ]
           |> List.sortBy (fun i -> -(DotProduct.Exact(asked.Row q, items.Row i)), i)
           |> List.indexed
           |> List.filter (fun (_, i) -> marks q i > 0)
           |> List.map (fst >> (+) 1)
           |> Array.ofList |]

let private expectRankings (ranks: int array array) (metrics: RetrievalMetrics) =
    for q, ranks in Array.indexed ranks do
        let outcome = metrics.Outcomes[q]
        Expect.equal (outcome.Matches, outcome.FirstHit) (ranks.Length, Array.tryHead ranks |> Option.defaultValue 0) "matches, first hit"
        Expect.equal outcome.MapAtR (RankMetrics.AveragePrecisionAtR(ReadOnlySpan ranks, ranks.Length)) "MAP@R"
        Expect.equal outcome.AveragePrecision (RankMetrics.AveragePrecision(ReadOnlySpan ranks, ranks.Length)) "MAP"

    let hits k = ranks |> Array.averageBy (fun ranks -> if ranks.Length > 0 && ranks[0] <= k then 1.0 else 0.0)
    Expect.floatClose Accuracy.veryHigh (metrics.Recall 1) (hits 1) "Recall@1"
    Expect.floatClose Accuracy.veryHigh (metrics.Recall 3) (hits 3) "Recall@3"

let private randomMarks (random: Random) queries items =
    let marks = Array.init queries (fun _ -> Array.init items (fun _ -> random.Next 3 - 1))
    marks[0] <- Array.create items 1
    fun q i -> marks[q][i]

let tests =
    testList
        "Relevance"
        [ testPropertyWithConfig (fewCases 40) "all against all, as a full sort ranks what counts" (fun (seed: int) ->
              let random = Random seed
              let rows = tied random 25
              let marks = randomMarks random 25 25
              let labels = Array.init 25 (fun _ -> int64 (random.Next 4))
              expectRankings (rankings rows rows id marks) (Retrieval.Evaluate(flatten rows, labels, options marks)))

          testPropertyWithConfig (fewCases 40) "queries in a gallery, one of which a query may be" (fun (seed: int) ->
              let random = Random seed
              let queries, gallery = tied random 9, tied random 30
              let marks = randomMarks random 9 30
              let self = Array.init 9 (fun _ -> random.Next(-1, 30))

              let metrics =
                  Retrieval.Evaluate(flatten queries, Array.zeroCreate 9, flatten gallery, Array.zeroCreate 30, self, options marks)

              expectRankings (rankings queries gallery (fun q -> self[q]) marks) metrics)

          testPropertyWithConfig (fewCases 20) "relevance by classes measures what the classes do, in every metric" (fun (seed: int) ->
              let rows, labels = randomSet seed 40 4 5
              let byClass = options (fun q i -> if labels[q] = labels[i] then 1 else -1)
              let plain = EvaluationOptions(RecallAt = [| 1; 3 |], CutOffs = [| 2 |], Variants = true, ClassAverages = true)
              let expected = Retrieval.Evaluate(single (flatten rows), labels, plain)
              let found = Retrieval.Evaluate(single (flatten rows), labels, byClass)
              Expect.sequenceEqual found.Values expected.Values "values"
              Expect.sequenceEqual found.Outcomes expected.Outcomes "outcomes")

          test "nothing relevant is refused, and so are false matches, which need classes" {
              let rows = flatten [| [| 1.0 |]; [| 2.0 |] |]

              rejects [ "none of the 2 queries has an item that is relevant" ] (fun () ->
                  Retrieval.Evaluate(rows, [| 0L; 0L |], options (fun _ _ -> -1)) |> ignore)

              let both = EvaluationOptions(FalseMatchRates = [| 0.1 |], Relevance = relevance (fun _ _ -> 1))
              rejects [ "False non-match rates" ] (fun () -> Retrieval.Evaluate(rows, [| 0L; 0L |], both) |> ignore)
          }

          test "metrics by a column have a name for people" {
              Expect.equal (MetricNames.Display "recall@4_by_colour") "Recall@4, alike by colour" "recall"
              Expect.equal (MetricNames.Display "map_at_r_by_made_by") "MAP@R, alike by made_by" "MAP@R"
          } ]
