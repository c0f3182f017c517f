/// Virtual images between two of a class, against their embeddings.
module CondEmbed.Tests.SimilarityMixupTests

open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let private labels = [ 0; 0; 0; 1; 1; 2 ]

let private random (shape: int64 array) (seed: uint64) : Tensor = torch.rand (shape, dtype = float64, generator = new torch.Generator(seed))

let private drawn () = random [| 6L; 6L |] 4UL, random [| 6L |] 5UL

/// The virtual image of each image with another of its class, by loops: the two it is made of, and the share of the first.
let private virtuals () =
    let partners, shares = drawn ()

    [ for i, label in List.indexed labels do
          let others =
              [ for j, other in List.indexed labels do
                    if j <> i && other = label then j ]

          if not others.IsEmpty then
              i, others |> List.maxBy (fun j -> toFloat partners[int64 i, int64 j]), toFloat shares[int64 i] ]

let private twins =
    testList
        "equals embeddings of virtual images"
        [ tensorTest "similarities, classes and pairs" (fun () ->
              let e = Layers.l2Normalise (normal 3 [ 6; 4 ])
              let weights = SimilarityMixup.weights (labelsOf labels) <|| drawn ()

              let rows =
                  [ for i in 0..5 -> e[int64 i], labels[i], set [ i ]
                    for i, j, share in virtuals () -> share * e[int64 i] + (1.0 - share) * e[int64 j], labels[i], set [ i; j ] ]

              Expect.hasLength rows 11 "the only image of its class has no virtual one"
              let embeddings = torch.stack [| for row, _, _ in rows -> row |]

              expectClose
                  1e-12
                  (matmul embeddings (embeddings.t ()))
                  (SimilarityMixup.similarities weights (Similarity.cosine e))
                  "similarities"

              let pairs = SimilarityMixup.pairs weights (labelsOf labels)

              for q, (_, label, sources) in List.indexed rows do
                  Expect.equal (Loss.classesOf(pairs).[int64 q].item<int64>()) (int64 label) "class"

                  for r, (_, other, others) in List.indexed rows do
                      let apart = Set.isEmpty (Set.intersect sources others)
                      Expect.equal (pairs.Positive[int64 q, int64 r].item<bool>()) (apart && label = other) $"positive {q} {r}"
                      Expect.equal (pairs.Negative[int64 q, int64 r].item<bool>()) (apart && label <> other) $"negative {q} {r}")

          tensorTest "a loss, and its gradient by the embeddings" (fun () ->
              let loss = All.ofText "multi-similarity" 3 4
              let weights = SimilarityMixup.weights (labelsOf labels) <|| drawn ()
              let pairs = SimilarityMixup.pairs weights (labelsOf labels)
              let score s = Layer.apply Training (Params.ofSeq []) (Loss.onSimilarities loss) (pairs, s)
              let leaves = Params.ofSeq [ "e", normal 3 [ 6; 4 ] ]

              let bySimilarities (leaves: Params) = Similarity.cosine leaves["e"] |> SimilarityMixup.similarities weights |> score

              let byEmbeddings (leaves: Params) =
                  let e = Layers.l2Normalise leaves["e"]
                  let all = torch.cat ([| e; matmul weights e |], 0L)
                  score (matmul all (all.t ()))

              expectClose 1e-12 (byEmbeddings leaves) (bySimilarities leaves) "value"

              let gradient f = gradientsOf f leaves |> Seq.exactlyOne |> snd
              expectClose 1e-12 (gradient byEmbeddings) (gradient bySimilarities) "gradient") ]

/// After a number of steps.
let private counted (steps: float) = Params.ofSeq [ "mixup", torch.tensor ([| steps |], dtype = float64) ]

let private draws =
    testList
        "what is drawn"
        [ tensorTest "depends on seed and step, counts steps, and leaves the global generator alone" (fun () ->
              let score seed step =
                  let layer = Loss.onEmbeddings (SimilarityMixup.mixed seed (All.ofText "multi-similarity" 3 4))
                  let parameters = counted step
                  let value, reported = forward Training parameters layer (normal 3 [ 6; 4 ], labelsOf labels)
                  Expect.equal [ for name, value in reported -> name, toFloat value ] [ "mixup", step + 1.0 ] "the next step"
                  toFloat value

              let before = Randomness.state ()
              Expect.equal (score 1L 7.0) (score 1L 7.0) "the same"
              Expect.hasLength (List.distinct [ score 1L 7.0; score 1L 8.0; score 2L 7.0 ]) 3 "others"
              Expect.sequenceEqual (Randomness.state ()) before "the global generator")

          tensorTest "is for losses on the similarities of a batch" (fun () ->
              let mixed = SimilarityMixup.mixed 1L

              for loss in [ "proxy-anchor"; "hyperbolic" ] do
                  Expect.throwsT<System.ArgumentException> (fun () -> mixed (All.ofText loss 3 4) |> ignore) loss

              let plain = All.ofText "multi-similarity" 3 4
              let pairs = Mining.between (labelsOf [ 0; 1 ]) (labelsOf [ 0; 1; 2 ]) (torch.zeros ([| 2L; 3L |], dtype = torch.bool))
              let score loss = Layer.run (counted 0.0) (Loss.onSimilarities loss) (pairs, normal 1 [ 2; 3 ])
              expectSame (score plain) (score (mixed plain)) "a memory is compared as it is") ]

let tests = testList "Mixup" [ twins; draws ]
