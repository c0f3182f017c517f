module CondEmbed.Tests.SimilarityTests

open Expecto
open CondEmbed
open CondEmbed.Tests.AttentionTests
open CondEmbed.Tests.Support
open TorchSharp

let tests =
    testList
        "Similarity"
        [ tensorTest "the mutual cosine is symmetric, and one between a pair that agrees" (fun () ->
              let c = normal 1 [ 4; 4; 6 ]
              let s = Similarity.mutualCosine c
              expectClose 1e-15 (s.t ()) s "symmetric"
              expectClose 1e-12 (torch.ones (4L, dtype = float64)) (s.diagonal ()) "an image with itself"
              let rows = rowsOf c
              let cosine a b = dot a b / sqrt (dot a a * dot b b)
              Expect.floatClose Accuracy.high (s[1L, 3L].item<float>()) (cosine rows[1 * 4 + 3] rows[3 * 4 + 1]) "cos(c[1|3], c[3|1])")

          tensorTest "the cosine is that of all pairs, the distance that of unit vectors" (fun () ->
              let e = normal 1 [ 4; 6 ]
              let s = Similarity.cosine e
              let rows = rowsOf (Layers.l2Normalise e)

              for i, j in List.allPairs [ 0..3 ] [ 0..3 ] do
                  Expect.floatClose Accuracy.high (s[int64 i, int64 j].item<float>()) (dot rows[i] rows[j]) "cosine"

                  let apart = sqrt (Array.fold2 (fun sum a b -> sum + (a - b) ** 2.0) 0.0 rows[i] rows[j])

                  let d = (Similarity.distanceFromCosine s).[int64 i, int64 j].item<float>()
                  Expect.floatClose { absolute = 1e-7; relative = 1e-9 } d apart "distance")

          tensorTest "the K most similar are those of a full sort, whatever the block, ties in gallery order" (fun () ->
              let axes = torch.eye (3L, dtype = float64)
              let gallery = torch.cat [| axes; -axes; axes; -axes |]
              let queries = normal 3 [ 7; 3 ]

              let cosines = rowsOf ((Layers.l2Normalise queries).matmul((Layers.l2Normalise gallery).t()))

              let expected =
                  cosines
                  |> Array.collect (fun row -> [| 0L .. 11L |] |> Array.sortBy (fun i -> -row[int i], i) |> Array.take 6)

              for block in [ 1; 3; 7; 100 ] do
                  let values, places = Similarity.topK block 6 queries gallery
                  Expect.sequenceEqual (places.data<int64>().ToArray()) expected $"places, block {block}"

                  let wanted = [ for q in 0..6 -> [ for k in 0..5 -> cosines[q].[int expected[6 * q + k]] ] ]

                  expectClose 1e-12 (matrixOf wanted) values "values")

          tensorTest "of a gallery smaller than K all rows are found, and no block outlives the search" (fun () ->
              let queries, gallery = normal 4 [ 50; 3 ], normal 5 [ 4; 3 ]

              scoped (fun () ->
                  let before = torch.Tensor.TotalCount
                  let values, places = Similarity.topK 1 9 queries gallery
                  Expect.equal (List.ofArray places.shape) [ 50L; 4L ] "places"
                  Expect.equal (List.ofArray values.shape) [ 50L; 4L ] "values"
                  // Three a block, its query and what it found, and a few of the whole; what it computed is gone.
                  Expect.isLessThan (torch.Tensor.TotalCount - before) 160L "live tensors")) ]
