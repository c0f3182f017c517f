module CondEmbed.Tests.SearchTests

open System
open System.Threading
open Expecto
open CondEmbed.Evaluation
open CondEmbed.Models
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.Support

let private galleryTests =
    testList
        "query and gallery"
        [ test "a set against itself, with itself left out by index, is all against all" {
              let embeddings, labels, _, _ = cases.Value[0]
              let all = Retrieval.Evaluate(embeddings, labels)

              let split = Retrieval.Evaluate(embeddings, labels, embeddings, labels, [| 0 .. labels.Length - 1 |])

              Expect.sequenceEqual split.Outcomes all.Outcomes "outcomes"
          }

          test "nothing is left out of another set" {
              let embeddings, labels, _, _ = cases.Value[0]
              let metrics = Retrieval.Evaluate(embeddings, labels, embeddings, labels)
              Expect.equal (metrics.Recall 1) 1.0 "every query finds its copy"
              Expect.equal metrics.QueriesWithoutMatch 0 "even the lone class"
          }

          test "top K equals a full sort, ties by index, and never finds itself" {
              let rows, _ = randomSet 5 50 4 3
              let rows = Array.append rows rows
              let embeddings = flatten rows
              let found = NeighbourSearch.TopK(embeddings, embeddings, 7, true)

              for q in 0..99 do
                  let cosine j =
                      let dot (a: float[]) b = Array.fold2 (fun sum x y -> sum + x * y) 0.0 a b

                      dot rows[q] rows[j] / sqrt (dot rows[q] rows[q] * dot rows[j] rows[j])

                  let expected =
                      [ 0..99 ]
                      |> List.filter ((<>) q)
                      |> List.sortBy (fun j -> -Math.Round(cosine j, 12), j)
                      |> List.take 7

                  Expect.equal (List.ofArray (found.Of(q).ToArray())) expected $"query {q}"
                  Expect.floatClose Accuracy.high (found.SimilaritiesOf(q)[0]) (cosine expected[0]) "similarity"
          }

          test "K larger than the gallery gives what there is" {
              let two = flatten [| [| 1.0 |]; [| -1.0 |] |]
              Expect.equal (NeighbourSearch.TopK(two, two, 9, true)).K 1 "without itself"
              Expect.equal (NeighbourSearch.TopK(two, two, 9, false)).Items [| 0; 1; 1; 0 |] "with itself"
          } ]

let private problemTests =
    testList
        "problems"
        [ test "rows that are not finite are named" {
              let rows = Array.init 5 (fun i -> [| (if i = 3 then nan else 1.0); 2.0 |])
              rejects [ "1 of 5"; "rows 3" ] (fun () -> Retrieval.Evaluate(flatten rows, [| 0L; 0L; 1L; 1L; 1L |]) |> ignore)
          }

          test "no two of a label" {
              rejects [ "none of the 2 queries" ] (fun () -> Retrieval.Evaluate(flatten [| [| 1.0 |]; [| 2.0 |] |], [| 0L; 1L |]) |> ignore)
          }

          test "zero, tiny and huge embeddings" {
              let rows = [| [| 0.0; 0.0 |]; [| 1e-300; 0.0 |]; [| 1e300; 1e299 |]; [| 0.0; 5.0 |] |]

              let found = NeighbourSearch.TopK(flatten rows, flatten rows, 3, true)
              Expect.equal (found.Of(1)[0]) 2 "the tiny one lies near the huge one"
              Expect.equal (found.SimilaritiesOf(0).ToArray()) [| 0.0; 0.0; 0.0 |] "zero has no direction"
          }

          test "cancelling stops" {
              let embeddings, labels, _, _ = cases.Value[0]

              Expect.throwsT<OperationCanceledException>
                  (fun () -> Retrieval.Evaluate(embeddings, labels, null, CancellationToken true) |> ignore)
                  "cancelled"
          } ]

let tests = testList "Search" [ galleryTests; problemTests ]
