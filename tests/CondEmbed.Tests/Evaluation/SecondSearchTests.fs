/// Searching a second time without labels: k-reciprocal neighbours and expanded queries, against plain matrices.
module CondEmbed.Tests.SecondSearchTests

open System
open Expecto
open CondEmbed.Evaluation
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.Support

let private dot = Array.fold2 (fun sum x y -> sum + x * y) 0.0
let private unit row = let length = sqrt (dot row row) in Array.map (fun x -> x / length) row

/// The final distances of Zhong et al. of all images from all, by whole matrices, as their code has them.
let private reciprocalDistances k1 k2 share (rows: float[][]) =
    let n = rows.Length
    let squared = [| for a in rows -> [| for b in rows -> max 0.0 (2.0 - 2.0 * dot (unit a) (unit b)) |] |]
    let relative = squared |> Array.map (fun row -> row |> Array.map (fun d -> d / Array.max row))

    let ranked =
        [| for i in 0 .. n - 1 -> [| 0 .. n - 1 |] |> Array.sortBy (fun j -> (if i = j then -1.0 else squared[i][j]), j) |]

    let first k i = Array.truncate (k + 1) ranked[i]
    let reciprocal k i = first k i |> Array.filter (fun j -> Array.contains i (first k j))

    let encoded =
        [| for i in 0 .. n - 1 ->
               let own = reciprocal k1 i
               let theirs = own |> Array.map (reciprocal (int (Math.Round(float k1 / 2.0))))

               let near =
                   theirs
                   |> Array.filter (fun r -> 3 * (r |> Array.filter (fun j -> Array.contains j own) |> Array.length) > 2 * r.Length)

               let all = Array.concat [ own; Array.concat near ] |> Array.distinct
               let weight j = if Array.contains j all then exp (-(relative[i][j])) else 0.0
               let row = Array.init n weight
               row |> Array.map (fun w -> w / Array.sum row) |]

    let averaged =
        [| for i in 0 .. n - 1 ->
               let around = Array.truncate k2 ranked[i]
               Array.init n (fun j -> around |> Array.averageBy (fun a -> encoded[a][j])) |]

    [| for i in 0 .. n - 1 ->
           [| for j in 0 .. n - 1 ->
                  let shared = Array.fold2 (fun sum a b -> sum + min a b) 0.0 averaged[i] averaged[j]
                  (1.0 - share) * (1.0 - shared / (2.0 - shared)) + share * relative[i][j] |] |]

let private reciprocal =
    testList
        "k-reciprocal"
        [ testPropertyWithConfig
              (fewCases 40)
              "distances equal those by whole matrices, all against all and from queries of which some are in the gallery"
              (fun (seed: int) ->
                  let random = Random seed
                  let count = 6 + random.Next 30
                  let rows, _ = randomSet seed count 4 3
                  let k1, k2, share = 1 + random.Next 12, 1 + random.Next 6, random.NextDouble()
                  let options = KReciprocalOptions(5, Neighbours = k1, Averaged = k2, Share = share)
                  let expected = reciprocalDistances k1 k2 share rows
                  let self = [| 0 .. count - 1 |]
                  let all = flatten rows
                  let candidates = Reranking.Candidates(all, all, 5, self)
                  let found = KReciprocal.Similarities(all, all, candidates, options, self)

                  for at in 0 .. candidates.Items.Length - 1 do
                      Expect.floatClose
                          Accuracy.medium
                          (-(found[at]))
                          (expected[at / candidates.K][candidates.Items[at]])
                          "all against all"

                  // Queries 0 and 1 are not in the gallery; 2 is its first item. In the twin all images come in the order gallery, then queries.
                  let gallery, queries = rows[2..], rows[..2]
                  let order = Array.append gallery rows[..1]
                  let expected = reciprocalDistances k1 k2 share order
                  let self = [| -1; -1; 0 |]
                  let candidates = Reranking.Candidates(flatten queries, flatten gallery, 3, self)
                  let found = KReciprocal.Similarities(flatten queries, flatten gallery, candidates, options, self)
                  let place = [| gallery.Length; gallery.Length + 1; 0 |]

                  for at in 0 .. candidates.Items.Length - 1 do
                      Expect.floatClose Accuracy.medium (-(found[at])) (expected[place[at / candidates.K]][candidates.Items[at]]) "queries")

          test "metrics of the new order stand beside the others, and it is none of a rule" {
              let rows, labels = randomSet 3 60 4 5
              let all, self = flatten rows, [| 0..59 |]
              let options = EvaluationOptions(RecallAt = [| 1; 4 |], KReciprocal = KReciprocalOptions 20)
              let metrics = Retrieval.Evaluate(all, labels, options)
              let candidates = Reranking.Candidates(all, all, 20, self)
              let order = Reranking.Reorder(candidates, KReciprocal.Similarities(all, all, candidates, KReciprocalOptions 20, self))
              let expected = Reranking.Evaluate(all, labels, all, labels, order, self, EvaluationOptions(RecallAt = [| 1; 4 |]))
              Expect.equal metrics["recall@4_k_reciprocal"] (expected.Recall 4) "Recall@4"
              Expect.equal metrics["map_at_r_k_reciprocal"] expected.MapAtR "MAP@R"
              Expect.equal (MetricNames.Display "recall@4_k_reciprocal") "Recall@4, re-ranked by k-reciprocal neighbours" "name"

              let rule =
                  { new IRelevance with
                      member _.Mark(_, marks) = marks.Fill 1y }

              rejects [ "Re-ranking is measured by classes alone"; "Leave out KReciprocal" ] (fun () ->
                  Retrieval.Evaluate(all, labels, EvaluationOptions(KReciprocal = KReciprocalOptions 20, Relevance = rule))
                  |> ignore)
          }

          test "equal images, and as many neighbours as there are images, do no harm" {
              let same = Array.create 6 [| 1.0; 2.0 |]

              let metrics =
                  Retrieval.Evaluate(flatten same, [| 0L; 0L; 0L; 1L; 1L; 1L |], EvaluationOptions(KReciprocal = KReciprocalOptions 100))

              Expect.isTrue (Double.IsFinite metrics["map_at_r_k_reciprocal"]) "a number"

              for wrong in
                  [ KReciprocalOptions 0
                    KReciprocalOptions(Neighbours = 0)
                    KReciprocalOptions(Averaged = 0)
                    KReciprocalOptions(Share = 1.5) ] do
                  Expect.throws
                      (fun () ->
                          Retrieval.Evaluate(flatten same, Array.zeroCreate 6, EvaluationOptions(KReciprocal = wrong))
                          |> ignore)
                      $"{wrong}"
          } ]

let private expansion =
    testList
        "query expansion"
        [ testPropertyWithConfig
              (fewCases 40)
              "queries are themselves and their nearest, each by a power of its similarity"
              (fun (seed: int) ->
                  let random = Random seed
                  let rows, _ = randomSet seed (8 + random.Next 20) 4 3
                  let queries, gallery, self = rows[..3], rows[2..], [| -1; -1; 0; 1 |]
                  let nearest, alpha = 1 + random.Next 5, [| 0.0; 1.0; 3.0 |][random.Next 3]
                  let found = QueryExpansion.Expand(flatten queries, flatten gallery, QueryExpansionOptions(nearest, alpha), self)

                  for q in 0..3 do
                      let near =
                          [| 0 .. gallery.Length - 1 |]
                          |> Array.filter ((<>) self[q])
                          |> Array.map (fun i -> dot (unit queries[q]) (unit gallery[i]), i)
                          |> Array.sortBy (fun (s, i) -> -s, i)
                          |> Array.truncate nearest

                      let add sum (s, i) = Array.map2 (fun x y -> x + (max 0.0 s ** alpha) * y) sum (unit gallery[i])
                      let expected = near |> Array.fold add (unit queries[q]) |> unit

                      for x, y in Array.zip expected (found.Row(q).ToArray()) do
                          Expect.floatClose Accuracy.high y x $"query {q}")

          test "metrics of expanded queries stand beside the others, by a rule too" {
              let rows, labels = randomSet 4 60 4 5
              let all, self = flatten rows, [| 0..59 |]

              let rule =
                  { new IRelevance with
                      member _.Mark(query, marks) =
                          for item in 0 .. marks.Length - 1 do
                              marks[item] <- if labels[query] = labels[item] then 1y else -1y }

              let expanded = QueryExpansion.Expand(all, all, QueryExpansionOptions 5, self)
              let expected = Retrieval.Evaluate(expanded, labels, all, labels, self)

              for relevance in [ Unchecked.defaultof<IRelevance>; rule ] do
                  let metrics =
                      Retrieval.Evaluate(all, labels, EvaluationOptions(Expansion = QueryExpansionOptions 5, Relevance = relevance))

                  Expect.equal metrics["recall@1_expanded"] (expected.Recall 1) "Recall@1"
                  Expect.floatClose Accuracy.veryHigh metrics["map_at_r_expanded"] expected.MapAtR "MAP@R"
                  Expect.notEqual metrics["map_at_r_expanded"] metrics.MapAtR "another order"

              Expect.throws (fun () -> QueryExpansion.Expand(all, all, QueryExpansionOptions 0) |> ignore) "none"
              Expect.throws (fun () -> QueryExpansion.Expand(all, all, QueryExpansionOptions(3, -1.0)) |> ignore) "a power below 0"
          } ]

let tests = testList "SecondSearch" [ reciprocal; expansion ]
