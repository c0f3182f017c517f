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
              let s = Hierarchy.similarity (Hierarchy.plain attention 1) Pairing.All (normal 2 [ 4; 6 ]) c
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
                  Expect.floatClose { absolute = 1e-7; relative = 1e-9 } d apart "distance") ]
