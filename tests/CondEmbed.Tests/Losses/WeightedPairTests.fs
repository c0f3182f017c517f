/// Pairs that count by their weights: losses against loops, and losses that refuse them.
module CondEmbed.Tests.WeightedPairTests

open System
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.LossLoops
open CondEmbed.Tests.Support
open TorchSharp

/// Marks with weights from 0.25 to 4, and some pairs that do not count.
let private weightedMarks seed count = randomMarks seed count * (normal (seed + 7) [ count; count ]).clamp(scalar -1.3, scalar 1.3).exp()

/// An anchor's others, with how much each counts and its similarity.
let private others sign (marks: Tensor) (s: Tensor) a =
    let mark, similarity = entry marks a, entry s a

    [ for i in 0 .. int marks.shape[0] - 1 do
          if i <> a && sign * mark i > 0.0 then abs (mark i), similarity i ]

let private anchors (marks: Tensor) = [ 0 .. int marks.shape[0] - 1 ]
let private positives marks s a = others 1.0 marks s a
let private negatives marks s a = others -1.0 marks s a
let private distance s = sqrt (max 0.0 (2.0 - 2.0 * s))

let private contrastive marks s =
    averageOfPositive
        [ for a in anchors marks do
              for w, s in positives marks s a -> w * distance s ]
    + averageOfPositive
        [ for a in anchors marks do
              for w, s in negatives marks s a -> w * (1.0 - distance s) ]

let private contrastiveCosine marks s =
    averageOfPositive
        [ for a in anchors marks do
              for w, s in positives marks s a -> w * (1.0 - s) ]
    + averageOfPositive
        [ for a in anchors marks do
              for w, s in negatives marks s a -> w * (s - 0.5) ]

let private multiSimilarity marks s =
    average
        [ for a in anchors marks ->
              let sum sign steep found = found |> List.sumBy (fun (w, s) -> w * exp (sign * steep * (s - 0.5)))

              log (1.0 + sum -1.0 2.0 (positives marks s a)) / 2.0
              + log (1.0 + sum 1.0 40.0 (negatives marks s a)) / 40.0 ]

let private ntXent marks s =
    average
        [ for a in anchors marks do
              let against = negatives marks s a |> List.sumBy (fun (w, s) -> w * exp (s / 0.07))
              for w, s in positives marks s a -> -w * log (exp (s / 0.07) / (exp (s / 0.07) + against)) ]

let private supCon marks s =
    averageOfPositive
        [ for a in anchors marks do
              let alike = positives marks s a
              let total = alike @ negatives marks s a |> List.sumBy (fun (w, s) -> w * exp (s / 0.1))

              if not alike.IsEmpty then log total - (alike |> List.sumBy (fun (w, s) -> w * s / 0.1)) / List.sumBy fst alike ]

let private twins =
    [ "contrastive", contrastive
      "contrastive-cosine", contrastiveCosine
      "multi-similarity(margin=-1)", multiSimilarity
      "nt-xent", ntXent
      "supcon", supCon ]

let private valueOf text (marks: Tensor) (embeddings: Tensor) =
    let layer = All.ofText text 4 (int embeddings.shape[1]) |> Loss.onEmbeddings
    fst (forward Training (started layer.Specs) layer (embeddings, marks))

/// Any losses whose marks must not have weights.
let private unweighted =
    All.names
    |> List.filter (fun name -> not (List.contains name All.weighted) && not (Loss.isOnProxies (All.ofText name 4 5)))

let tests =
    testList
        "WeightedPairs"
        [ for text, twin in twins do
              tensorTest $"{text} equals a loop, and its gradient finite differences" (fun () ->
                  for seed in 1..20 do
                      let embeddings = normal seed [ 2 + seed % 7; 5 ]
                      let marks = weightedMarks seed (int embeddings.shape[0])
                      close (valueOf text marks embeddings) (twin marks (Similarity.cosine embeddings)) $"batch {seed}"

                  let marks = weightedMarks 3 7
                  expectGradients 1e-6 (fun leaves -> valueOf text marks leaves["x"]) (Params.ofSeq [ "x", normal 21 [ 7; 4 ] ]))

          tensorTest "weights of 1 change nothing, and those of pairs that do not count, or of the diagonal, do not matter" (fun () ->
              for text in All.weighted do
                  let embeddings, marks = normal 4 [ 6; 5 ], randomMarks 4 6
                  let expected = valueOf text marks embeddings |> toFloat
                  let diagonal = marks * (1.0 - torch.eye (6L, dtype = float64)) + 3.0 * torch.eye (6L, dtype = float64)
                  Expect.equal (valueOf text diagonal embeddings |> toFloat) expected text
                  Expect.equal (valueOf text (marks.``to`` torch.int8) embeddings |> toFloat) expected $"{text}, whole numbers"
                  Expect.isNone (Mining.all diagonal).Weights "no weights")

          tensorTest
              "a weight of 2 is the pair twice where terms are summed, and equal weights leave SupCon as it is but for the logarithm"
              (fun () ->
                  let embeddings, marks = normal 5 [ 6; 5 ], randomMarks 5 6
                  let sum = "contrastive(reducer=sum)"

                  Expect.floatClose
                      Accuracy.high
                      (valueOf sum (2.0 * marks) embeddings |> toFloat)
                      (2.0 * toFloat (valueOf sum marks embeddings))
                      sum

                  let plain, doubled =
                      valueOf "supcon(reducer=mean)" marks embeddings, valueOf "supcon(reducer=mean)" (2.0 * marks) embeddings

                  Expect.floatClose Accuracy.high (toFloat doubled) (toFloat plain + log 2.0) "a total that is twice as large")

          tensorTest "values and gradients are finite in every type, also for a weight near 0" (fun () ->
              for text in All.weighted do
                  for dtype in [ float64; float32; torch.bfloat16 ] do
                      let leaf = (normal 6 [ 6; 5 ]).``to``(dtype).requires_grad_ true
                      let value = valueOf text ((weightedMarks 6 6) * 1e-30) leaf
                      Expect.equal value.dtype dtype text
                      expectFinite value $"{text}: value"
                      value.backward ()
                      expectFinite leaf.grad $"{text}: gradient")

          tensorTest "miners and levels keep the weights" (fun () ->
              let embeddings, marks = normal 7 [ 8; 5 ], weightedMarks 8 8
              let s = Similarity.cosine embeddings
              let pairs = Mining.all marks
              let mined = Miners.multiSimilarity 0.1 pairs s
              Expect.isTrue (Object.ReferenceEquals(mined.Weights.Value, pairs.Weights.Value)) "the same weights"
              let kept = torch.where (mined.Positive.logical_or mined.Negative, marks, torch.zeros_like marks)
              close (valueOf "multi-similarity" marks embeddings) (multiSimilarity kept s) "mined")

          for name in unweighted do
              tensorTest $"{name} refuses weights by its name, also within a sum" (fun () ->
                  let marks = weightedMarks 1 6

                  for text in [ name; $"0.5 * {name} + supcon" ] do
                      if not (text.Contains "supcon + supcon") then
                          let problem = Expect.throwsC (fun () -> valueOf text marks (normal 1 [ 6; 5 ]) |> ignore) id
                          Expect.isTrue (problem :? ArgumentException) text
                          Expect.stringContains problem.Message $"The loss '{name}' counts every pair alike" text) ]
