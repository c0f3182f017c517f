/// Ties of equal cosines, whatever the order and scale of the numbers, and embeddings that are strange.
module CondEmbed.Tests.TieTests

open System
open System.IO
open Expecto
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.WeightFiles
open CondEmbed.Interchange
open CondEmbed.Models
open CondEmbed.Tests.Support

let private ties =
    let recall (queries: float list list) (gallery: float list list) labels =
        let set rows =
            Embeddings<float>(
                [| for row in rows do
                       yield! row |],
                List.length rows,
                List.length (List.head rows)
            )

        (Retrieval.Evaluate(set queries, [| 1L |], set gallery, Array.ofList labels)).Recall 1

    testList
        "ties"
        [ test "of equal cosines the lower index comes first, whatever the order and scale of the numbers" {
              let cases =
                  [ [ 1.0; 1.0 ], [ 1.0; -1.0 ], [ -1.0; 1.0 ]
                    [ 1.0; 1.0; 1.0 ], [ 1.0; 2.0; 2.0 ], [ 2.0; 1.0; 2.0 ]
                    [ 0.3; 0.1; 0.2 ], [ 3.0; 3.0; 3.0 ], [ 7.0; 7.0; 7.0 ]
                    [ 0.1; 0.2; 0.7 ], [ 0.2; 0.1; 0.7 ], [ 0.4; 0.2; 1.4 ] ]

              for query, first, second in cases do
                  Expect.equal (recall [ query ] [ first; second ] [ 0L; 1L ]) 0.0 $"{query}: the wrong one is first"
                  Expect.equal (recall [ query ] [ second; first ] [ 1L; 0L ]) 1.0 $"{query}: the right one is first"
          }

          test "a file of single precision says what one of double precision says" {
              inFolder (fun folder ->
                  let write name (rows: float32 list) labels =
                      let path = Path.Combine(folder, name + ".npy")
                      use stream = File.Create path
                      Npy.Write(stream, NamedArray.Of(name, [| int64 (List.length rows / 2); 2L |], ReadOnlySpan(Array.ofList rows)))
                      File.WriteAllLines(Path.Combine(folder, name + ".labels.txt"), List.toArray labels)
                      path

                  let query = write "query" [ 1.0f; 1.0f ] [ "b" ]
                  let gallery = write "gallery" [ 1.0f; -1.0f; -1.0f; 1.0f ] [ "a"; "b" ]
                  let metrics = (LabelledEmbeddings.Read query).Evaluate(LabelledEmbeddings.Read gallery)
                  Expect.equal (metrics.Recall 1) 0.0 "the lower index first")
          }

          testProperty "the exact product does not depend on the order of its terms" (fun (seed: int) ->
              let random = Random seed
              let length = 1 + random.Next 40
              let a = [| for _ in 1..length -> random.NextDouble() - 0.5 |]
              let b = [| for _ in 1..length -> random.NextDouble() - 0.5 |]
              let order = Array.init length id
              random.Shuffle order
              let moved (row: float array) = [| for at in order -> row[at] |]
              let exact (a: float array) (b: float array) = DotProduct.Exact(ReadOnlySpan a, ReadOnlySpan b)
              let straight = exact a b
              Expect.equal (exact (moved a) (moved b)) straight "moved"
              let plain = Array.fold2 (fun sum x y -> sum + decimal x * decimal y) 0M a b
              Expect.isLessThan (abs (straight - float plain)) 1e-14 "its value; a decimal has fifteen digits of each factor") ]

let private strange =
    test "embeddings of length zero, or all alike, are told of" {
        let notices (rows: float array array) =
            (Retrieval.Evaluate(Embeddings<float>(Array.concat rows, rows.Length, 2), [| for i in 0 .. rows.Length - 1 -> int64 (i / 2) |]))
                .Notices

        let zero = notices [| [| 1.0; 1.0 |]; [| 0.0; 0.0 |]; [| 1.0; 2.0 |]; [| 2.0; 1.0 |] |]
        Expect.hasLength zero 1 "one notice"
        Expect.stringContains zero[0] "1 of 4 embeddings have length zero (first: row 1" "which"
        let alike = notices [| [| 1.0; 1.0 |]; [| 2.0; 2.0 |]; [| 3.0; 3.0 |]; [| 1.0; 1.0 |] |]
        Expect.stringContains alike[0] "same direction" "all alike"
        let one = (Retrieval.Evaluate(Embeddings<float>([| 1.0; 2.0; 3.0; 4.0 |], 2, 2), [| 7L; 7L |])).Notices
        Expect.stringContains (Seq.head one) "All 2 embeddings belong to one class" "one class"
        Expect.isEmpty (notices [| [| 1.0; 1.0 |]; [| 2.0; 1.0 |]; [| 3.0; 3.0 |]; [| 1.0; 1.0 |] |]) "nothing strange"
    }

let tests = testList "Ties" [ ties; strange ]
