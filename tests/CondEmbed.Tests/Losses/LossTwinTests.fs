/// The losses and their stages against loops over the batch.
module CondEmbed.Tests.LossTwinTests

open System
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.LossLoops
open CondEmbed.Tests.Support
open TorchSharp

/// Distances in the ball from the definition, with the Mobius addition spelled out.
let private hyperbolicDistance (x: Tensor) (y: Tensor) =
    let c = 0.1

    let ball (v: Tensor) =
        let length = toFloat (v.norm ())
        let clipped = v * min 1.0 (2.3 / length)
        let n = min length 2.3
        clipped * (tanh (sqrt c * n) / (sqrt c * n))

    let x, y = -(ball x), ball y
    let dot (a: Tensor) (b: Tensor) = toFloat (a.dot b)
    let above = (1.0 + 2.0 * c * dot x y + c * dot y y) * x + (1.0 - c * dot x x) * y
    let sum = above / (1.0 + 2.0 * c * dot x y + c * c * dot x x * dot y y)
    2.0 / sqrt c * Math.Atanh(sqrt c * toFloat (sum.norm ()))

let private liftedStructureOriginal (items: Items) =
    average
        [ for a, p in items.PositivePairs ->
              let around i = items.Negatives i |> List.sumBy (fun n -> exp (1.0 - items.Distance i n))
              let push = around a + around p
              if push = 0.0 then 0.0 else (max 0.0 (log push + items.Distance a p)) ** 2.0 / 2.0 ]

let private rankedList balance tp tn (items: Items) =
    let weighted t (excess: float list) =
        let excess = excess |> List.filter (fun x -> x > 0.0)
        let weights = excess |> List.map (fun x -> exp (t * x))
        if excess.IsEmpty then 0.0 else List.sum (List.map2 (*) weights excess) / List.sum weights

    average
        [ for a in items.All ->
              (1.0 - balance) * weighted tp [ for p in items.Positives a -> items.Distance a p - 0.8 ]
              + balance * weighted tn [ for n in items.Negatives a -> 1.2 - items.Distance a n ] ]

let private twins =
    [ "contrastive", contrastive
      "contrastive-cosine", contrastiveCosine
      "triplet", triplet (fun _ _ -> true)
      "triplet-semi-hard", triplet (fun ap an -> an > ap && an <= ap + 0.2)
      "triplet-batch-hard", batchHard
      "margin(learn_beta=0, miner=all)", margin
      "margin(miner=all)", margin
      "multi-similarity", multiSimilarity
      "nt-xent", ntXent 0.07 _.S
      "supcon", supCon
      "circle", circle
      "fast-ap", fastAP
      "n-pairs", nPairs
      "lifted-structure", liftedStructure
      "lifted-structure-original", liftedStructureOriginal
      "ranked-list", rankedList 0.5 0.0 10.0
      "ranked-list(imbalance=0.3, tp=2, tn=0)", rankedList 0.3 2.0 0.0
      "nca", nca
      "angular", angular
      "tuplet-margin", tupletMargin
      "intra-pair-variance", intraPairVariance
      "histogram", histogram
      "pnp", pnp (fun x -> 1.0 - 1.0 / (1.0 + x))
      "pnp(variant=dq, a=4)", pnp (fun x -> 1.0 - (1.0 + x) ** -4.0)
      "pnp(variant=ds)", pnp (fun x -> log (1.0 + x))
      "pnp(variant=o)", pnp id
      "pnp(variant=iu)", pnp (fun x -> (1.0 + x) * log (1.0 + x))
      "pnp(variant=ib, b=3)", pnp (fun x -> (3.0 * x - log (1.0 + 3.0 * x)) / 9.0)
      "smooth-ap", smoothAP false
      "smooth-ap(count_query=1)", smoothAP true
      "recall-at-k", recallAtK false
      "recall-at-k(count_query=1)", recallAtK true ]

let private proxyTwins =
    [ "proxy-anchor", 1, proxyAnchor
      "proxy-nca", 1, entropy (fun given x c _ -> -(2.0 - 2.0 * given.S x c))
      "proxy-nca++", 1, entropy (fun given x c _ -> -9.0 * (2.0 - 2.0 * given.S x c))
      "normalised-softmax", 1, entropy (fun given x c _ -> given.S x c / 0.05)
      "cosface", 1, entropy (fun given x c own -> 64.0 * (given.S x c - (if own then 0.35 else 0.0)))
      "arcface", 1, entropy (fun given x c own -> arc (given.S x c) own)
      "sub-centre-arcface", 3, entropy (fun given x c own -> arc (List.max [ for k in 0..2 -> given.S x (3 * c + k) ]) own)
      "soft-triple", 10, entropy softTriple ]

let private nameOf (text: string) = text.Split('(').[0]

let private twinTests =
    testList
        "equals a loop over the batch"
        [ for text, twin in twins do
              tensorTest text (fun () ->
                  for seed in 1..30 do
                      let labels, embeddings = randomBatch seed
                      let s = Similarity.cosine embeddings
                      close (onPairs text labels s) (twin (itemsOf labels (entry s))) $"batch {seed}")

              tensorTest $"{text}, of pairs that no classes could give" (fun () ->
                  for seed in 1..30 do
                      let embeddings = normal seed [ 2 + seed % 8; 5 ]
                      let marks = randomMarks seed (int embeddings.shape[0])
                      let s = Similarity.cosine embeddings
                      close (onMarks text marks s) (twin (itemsOfMarks marks (entry s))) $"batch {seed}"
                      let layer = All.ofText text 4 5 |> Loss.onEmbeddings
                      let ofBatch, _ = forward Training (started layer.Specs) layer (embeddings, marks)
                      close ofBatch (twin (itemsOfMarks marks (entry s))) $"batch {seed}, by its embeddings")

          for name, centres, twin in proxyTwins do
              tensorTest name (fun () ->
                  for seed in 1..30 do
                      let labels, embeddings = randomBatch seed
                      let proxies = normal (-seed) [ 4 * centres; 5 ]
                      let s = (Layers.l2Normalise embeddings).matmul((Layers.l2Normalise proxies).t())
                      let loss = All.ofText name 4 5 |> Loss.onEmbeddings
                      let actual, _ = forward Training (Params.ofSeq [ "proxies", proxies ]) loss (embeddings, labelsOf labels)
                      close actual (twin { Labels = labels; S = entry s; Classes = 4 }) $"batch {seed}")

          tensorTest "hyperbolic" (fun () ->
              for seed in 1..30 do
                  let labels, embeddings = randomBatch seed
                  let distance i j = hyperbolicDistance embeddings[int64 (i: int)] embeddings[int64 (j: int)]
                  let loss = All.ofText "hyperbolic" 4 5 |> Loss.onEmbeddings
                  let actual, _ = forward Training (Params.ofSeq []) loss (embeddings, labelsOf labels)
                  close actual (ntXent 0.2 (fun _ i j -> -(distance i j)) (itemsOf labels (fun _ _ -> 0.0))) $"batch {seed}")

          tensorTest "hyperbolic, of pairs that no classes could give" (fun () ->
              for seed in 1..30 do
                  let embeddings = normal seed [ 6; 5 ]
                  let marks = randomMarks seed 6
                  let distance i j = hyperbolicDistance embeddings[int64 (i: int)] embeddings[int64 (j: int)]
                  let loss = All.ofText "hyperbolic" 4 5 |> Loss.onEmbeddings
                  let actual, _ = forward Training (Params.ofSeq []) loss (embeddings, marks)
                  close actual (ntXent 0.2 (fun _ i j -> -(distance i j)) (itemsOfMarks marks (fun _ _ -> 0.0))) $"batch {seed}")

          testCase "every loss has a loop here" (fun () ->
              let looped =
                  "hyperbolic" :: MoreLossTests.names
                  @ [ for text, _ in twins -> nameOf text ]
                  @ [ for name, _, _ in proxyTwins -> name ]

              Expect.equal (set looped) (set All.names) "names") ]

let private squaredTriplet (items: Items) =
    averageOfPositive
        [ for a, p in items.PositivePairs do
              for n in items.Negatives a do
                  2.0 * items.S a n - 2.0 * items.S a p + 0.2 ]

let private softTriplet (items: Items) =
    average
        [ for a, p in items.PositivePairs do
              for n in items.Negatives a do
                  log (1.0 + exp (items.Distance a p - items.Distance a n + 0.2)) ]

let private swappedTriplet (items: Items) =
    averageOfPositive
        [ for a, p in items.PositivePairs do
              for n in items.Negatives a do
                  items.Distance a p - min (items.Distance a n) (items.Distance p n) + 0.2 ]

let private perAnchorContrastive (items: Items) =
    let each others term = average [ for a in items.All -> average (List.map (term a) (others a)) ]

    each items.Positives items.Distance
    + each items.Negatives (fun a n -> max 0.0 (1.0 - items.Distance a n))

let private perAnchorTriplet (items: Items) =
    average
        [ for a in items.All ->
              average
                  [ for p in items.Positives a do
                        for n in items.Negatives a do
                            max 0.0 (items.Distance a p - items.Distance a n + 0.2) ] ]

let private pairMarginContrastive (items: Items) =
    averageOfPositive
        [ for a, p in items.PositivePairs do
              if items.Distance a p > 0.9 then items.Distance a p ]
    + averageOfPositive
        [ for a, n in items.NegativePairs do
              if items.Distance a n < 0.8 then 1.0 - items.Distance a n ]

let private pairRanges (items: Items) =
    averageOfPositive
        [ for a, p in items.PositivePairs do
              if items.Distance a p > 0.9 && items.Distance a p <= 1.3 then items.Distance a p ]
    + averageOfPositive
        [ for a, n in items.NegativePairs do
              if items.Distance a n < 1.2 && items.Distance a n >= 0.6 then 1.0 - items.Distance a n ]

let private stageTests =
    testList
        "stages"
        [ for text, twin in
              [ "triplet(distance=squared-l2)", squaredTriplet
                "triplet(distance=cosine, margin=0.1)", (fun items -> squaredTriplet items / 2.0)
                "triplet(soft=1, reducer=mean)", softTriplet
                "triplet(swap=1)", swappedTriplet
                "triplet(reducer=per-anchor)", perAnchorTriplet
                "contrastive(reducer=per-anchor)", perAnchorContrastive
                "contrastive(miner=pair-margin(positive=0.9, negative=0.8))", pairMarginContrastive
                "contrastive(miner=pair-margin(positive=0.9, positive_most=1.3, negative=1.2, negative_least=0.6))", pairRanges
                "triplet(miner=semi-hard, margin=0.2)", triplet (fun ap an -> an > ap && an <= ap + 0.2)
                "triplet(reducer=within(low=0.1, high=0.4), miner=all)",
                (fun items ->
                    average
                        [ for a, p in items.PositivePairs do
                              for n in items.Negatives a do
                                  let term = items.Distance a p - items.Distance a n + 0.2
                                  if term > 0.1 && term < 0.4 then term ])
                "multi-similarity(centred=1)", centredMultiSimilarity
                "supcon(reducer=sum)", (fun items -> supCon items * float items.Paired.Length)
                "0.5 * supcon + 2 * triplet", (fun items -> 0.5 * supCon items + 2.0 * triplet (fun _ _ -> true) items) ] do
              tensorTest text (fun () ->
                  for seed in 1..20 do
                      let labels, embeddings = randomBatch seed
                      let s = Similarity.cosine embeddings
                      close (onPairs text labels s) (twin (itemsOf labels (entry s))) $"batch {seed}") ]

let private centredTests =
    testList
        "a centred loss"
        [ tensorTest "has the gradient of one with that base, since its base has none" (fun () ->
              for seed in 1..5 do
                  let labels, embeddings = randomBatch seed
                  let s = Similarity.cosine embeddings
                  let at = middle (itemsOf labels (entry s))

                  let gradientOf text =
                      let leaf = s.detach().requires_grad_ true
                      Grad.gradients (onPairs text labels leaf) [ "s", leaf ] |> List.head |> snd

                  expectClose
                      1e-12
                      (gradientOf $"multi-similarity(base={at})")
                      (gradientOf "multi-similarity(centred=1, base=0.9)")
                      $"batch {seed}")

          tensorTest "is finite for one kind of pairs, or none" (fun () ->
              for labels in [ [ 0; 0; 0 ]; [ 0; 1; 2 ]; [ 0 ] ] do
                  let leaf = (Similarity.cosine (normal 1 [ labels.Length; 5 ])).detach().requires_grad_ true
                  let value = onPairs "multi-similarity(centred=1, margin=-1)" (Array.ofList labels) leaf
                  expectFinite value "loss"
                  expectFinite (Grad.gradients value [ "s", leaf ] |> List.head |> snd) "gradient")

          testCase "only a loss with a base can be centred" (fun () ->
              Expect.throwsC (fun () -> All.ofText "triplet(centred=1)" 2 2 |> ignore) (fun problem ->
                  Expect.stringContains problem.Message "he loss 'triplet' has no setting 'centred'" "the message")) ]

let tests = testList "twins" [ twinTests; stageTests; centredTests ]
