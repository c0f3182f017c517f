/// The losses against loops over triplets, and where batches leave them nothing to work on.
module CondEmbed.Tests.LossTwinTests

open System
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let private average (terms: float list) = if terms.IsEmpty then 0.0 else List.average terms

let private averageOfPositive = List.filter (fun term -> term > 0.0) >> average

/// Labels and cosines of a batch, for loops.
type private Items =
    { Labels: int array
      S: int -> int -> float }

    member this.All = [ 0 .. this.Labels.Length - 1 ]

    member this.Positives a = this.All |> List.filter (fun i -> i <> a && this.Labels[i] = this.Labels[a])

    member this.Negatives a = this.All |> List.filter (fun i -> this.Labels[i] <> this.Labels[a])

    member this.Distance a b = sqrt (max 0.0 (2.0 - 2.0 * this.S a b))

    member this.PositivePairs = this.All |> List.collect (fun a -> [ for p in this.Positives a -> a, p ])

    member this.NegativePairs = this.All |> List.collect (fun a -> [ for n in this.Negatives a -> a, n ])

let private contrastive (items: Items) =
    averageOfPositive [ for a, p in items.PositivePairs -> items.Distance a p - 0.0 ]
    + averageOfPositive [ for a, n in items.NegativePairs -> 1.0 - items.Distance a n ]

let private contrastiveCosine (items: Items) =
    averageOfPositive [ for a, p in items.PositivePairs -> 1.0 - items.S a p ]
    + averageOfPositive [ for a, n in items.NegativePairs -> items.S a n - 0.5 ]

let private triplet accepts (items: Items) =
    averageOfPositive
        [ for a, p in items.PositivePairs do
              for n in items.Negatives a do
                  if accepts (items.Distance a p) (items.Distance a n) then items.Distance a p - items.Distance a n + 0.2 ]

let private batchHard (items: Items) =
    averageOfPositive
        [ for a in items.All do
              let positives, negatives = items.Positives a, items.Negatives a

              if not positives.IsEmpty && not negatives.IsEmpty then
                  let farthest = positives |> List.map (items.Distance a) |> List.max
                  let nearest = negatives |> List.map (items.Distance a) |> List.min
                  farthest - nearest + 0.2 ]

let private multiSimilarity (items: Items) =
    average
        [ for a in items.All do
              let positives, negatives = items.Positives a |> List.map (items.S a), items.Negatives a |> List.map (items.S a)

              let hard = positives |> List.filter (fun s -> negatives |> List.exists (fun n -> s - 0.1 < n))

              let near = negatives |> List.filter (fun s -> positives |> List.exists (fun p -> s + 0.1 > p))

              log (1.0 + List.sumBy (fun s -> exp (-2.0 * (s - 0.5))) hard) / 2.0
              + log (1.0 + List.sumBy (fun s -> exp (40.0 * (s - 0.5))) near) / 40.0 ]

let private supCon (items: Items) =
    averageOfPositive
        [ for a in items.All do
              let others = items.All |> List.filter ((<>) a)
              let total = others |> List.sumBy (fun i -> exp (items.S a i / 0.1))
              -(average [ for p in items.Positives a -> items.S a p / 0.1 - log total ]) ]

let private twins =
    [ "contrastive", contrastive
      "contrastive-cosine", contrastiveCosine
      "triplet", triplet (fun _ _ -> true)
      "triplet-semi-hard", triplet (fun ap an -> an > ap && an <= ap + 0.2)
      "triplet-batch-hard", batchHard
      "multi-similarity", multiSimilarity
      "supcon", supCon ]

/// Proxies' cosines with embeddings, as in the paper: over proxies with images, and over all.
let private proxyAnchor (labels: int array) (s: int -> int -> float) classes =
    let images = [ 0 .. labels.Length - 1 ]

    let term sign p belongs =
        log (
            1.0
            + List.sumBy (fun x -> if belongs x then exp (sign * 32.0 * (s x p + sign * 0.1)) else 0.0) images
        )

    let present =
        [ for p in 0 .. classes - 1 do
              if Array.contains p labels then p ]

    average [ for p in present -> term -1.0 p (fun x -> labels[x] = p) ]
    + average [ for p in 0 .. classes - 1 -> term 1.0 p (fun x -> labels[x] <> p) ]

let private defaultLoss name = All.make (All.tryFind name).Value []

/// A random batch of 2 to 10 images of up to 4 classes.
let private randomBatch (seed: int) =
    let random = Random seed
    let count = random.Next(2, 11)
    let labels = Array.init count (fun _ -> random.Next 4)
    labels, normal seed [ count; 5 ]

let private entry (x: Tensor) i j = x[int64 i, int64 j].item<float>()

let private onEmbeddings loss labels (embeddings: Tensor) =
    match loss with
    | OnSimilarities f -> f labels (Similarity.cosine embeddings)
    | OnProxies make ->
        let layer: Layer<Tensor * Tensor, Tensor> = make 4 (int embeddings.shape[1])
        let proxies = (started layer.Specs).["proxies"].``to`` embeddings.dtype
        fst (forward Training (Params.ofSeq [ "proxies", proxies ]) layer (embeddings, labels))

let private twinTests =
    testList
        "equals a loop over the batch"
        [ for name, twin in twins do
              tensorTest name (fun () ->
                  for seed in 1..30 do
                      let labels, embeddings = randomBatch seed
                      let s = Similarity.cosine embeddings
                      let expected = twin { Labels = labels; S = entry s }
                      let actual = onEmbeddings (defaultLoss name) (labelsOf labels) embeddings
                      Expect.floatClose { absolute = 1e-7; relative = 1e-9 } (toFloat actual) expected $"batch {seed}")

          tensorTest "proxy-anchor" (fun () ->
              for seed in 1..30 do
                  let labels, embeddings = randomBatch seed
                  let proxies = normal (-seed) [ 4; 5 ]
                  let s = (Layers.l2Normalise embeddings).matmul((Layers.l2Normalise proxies).t())
                  let leaves = Params.ofSeq [ "proxies", proxies ]

                  let actual, _ = forward Training leaves (ProxyAnchor.loss 32.0 0.1 4 5) (embeddings, labelsOf labels)

                  Expect.floatClose Accuracy.high (toFloat actual) (proxyAnchor labels (entry s) 4) $"batch {seed}")

          testCase "every loss has a loop here" (fun () ->
              Expect.equal (set ("proxy-anchor" :: List.map fst twins)) (set All.names) "names") ]

let private tinyBatches =
    [ "no positives", [ 0; 1; 2; 3 ], (fun () -> normal 1 [ 4; 3 ])
      "no negatives", [ 1; 1; 1; 1 ], (fun () -> normal 1 [ 4; 3 ])
      "one image", [ 2 ], (fun () -> normal 1 [ 1; 3 ])
      "all embeddings equal", [ 0; 0; 1; 1 ], (fun () -> torch.ones (4L, 3L, dtype = float64))
      "equal embeddings of one class", [ 0; 0; 0; 0 ], (fun () -> torch.ones (4L, 3L, dtype = float64))
      "opposite embeddings", [ 0; 0; 1; 1 ], (fun () -> matrixOf [ [ 1.0; 0.0 ]; [ -1.0; 0.0 ]; [ 1.0; 0.0 ]; [ -1.0; 0.0 ] ])
      "a zero embedding", [ 0; 0; 1; 1 ], (fun () -> normal 1 [ 4; 3 ] * matrixOf [ [ 0.0 ]; [ 1.0 ]; [ 1.0 ]; [ 1.0 ] ])
      "zero embeddings alone", [ 0; 0; 1; 1 ], (fun () -> torch.zeros (4L, 3L, dtype = float64)) ]

let private edgeTests =
    testList
        "finite value and gradient"
        [ for name in All.names do
              tensorTest $"{name}, in float64, float32 and bfloat16" (fun () ->
                  for title, labels, embeddings in tinyBatches do
                      for dtype in [ float64; float32; torch.bfloat16 ] do
                          let leaf = (embeddings ()).``to``(dtype).requires_grad_ true
                          let value = onEmbeddings (defaultLoss name) (labelsOf labels) leaf
                          Expect.equal value.dtype dtype $"{title}: type"
                          expectFinite value $"{title}, {dtype}: value"
                          value.backward ()
                          expectFinite leaf.grad $"{title}, {dtype}: gradient")

          tensorTest "a batch that offers nothing to compare is worth 0" (fun () ->
              for name in All.names |> List.except [ "proxy-anchor" ] do
                  let value = onEmbeddings (defaultLoss name) (labelsOf [ 2 ]) (normal 1 [ 1; 3 ])
                  Expect.equal (toFloat value) 0.0 name)

          tensorTest "steep settings do not overflow in float32" (fun () ->
              let steep =
                  [ All.make MultiSimilarity.entry [ "alpha", 1000.0; "beta", 1000.0; "margin", -1.0 ]
                    All.make ProxyAnchor.entry [ "alpha", 1000.0 ]
                    All.make SupCon.entry [ "temperature", 0.001 ] ]

              for loss in steep do
                  let leaf = (normal 1 [ 6; 3 ]).``to``(float32).requires_grad_ true
                  let value = onEmbeddings loss (labelsOf [ 0; 0; 1; 1; 2; 2 ]) leaf
                  expectFinite value "value"
                  value.backward ()
                  expectFinite leaf.grad "gradient") ]

let private properties =
    testList
        "properties"
        [ testPropertyWithConfig (fewCases 25) "scaling an embedding changes no loss" (fun (seed: int) ->
              Native.ensure ()

              scoped (fun () ->
                  let labels, embeddings = randomBatch seed
                  let scales = (normal (seed + 1) [ labels.Length; 1 ]).exp()

                  for name in All.names do
                      let at x = onEmbeddings (defaultLoss name) (labelsOf labels) x |> toFloat

                      Expect.floatClose { absolute = 1e-7; relative = 1e-9 } (at (scales * embeddings)) (at embeddings) name))

          testPropertyWithConfig (fewCases 25) "the order of the batch changes no loss" (fun (seed: int) ->
              Native.ensure ()

              scoped (fun () ->
                  let labels, embeddings = randomBatch seed
                  let order = [| 0 .. labels.Length - 1 |]
                  Random(seed).Shuffle order
                  let moved = embeddings.index_select (0L, labelsOf order)

                  for name in All.names do
                      let loss = defaultLoss name
                      let before = onEmbeddings loss (labelsOf labels) embeddings |> toFloat

                      let after = onEmbeddings loss (labelsOf [ for i in order -> labels[i] ]) moved |> toFloat

                      Expect.floatClose { absolute = 1e-7; relative = 1e-9 } after before name))

          for name in All.names do
              tensorTest $"{name}: the gradient equals finite differences" (fun () ->
                  let labels = labelsOf [ 0; 1; 0; 2; 1; 2; 0 ]
                  let leaves = Params.ofSeq [ "embeddings", normal 21 [ 7; 4 ] ]
                  expectGradients 1e-6 (fun leaves -> onEmbeddings (defaultLoss name) labels leaves["embeddings"]) leaves)

          tensorTest "proxies start as Kaiming's and have a gradient each" (fun () ->
              let layer = ProxyAnchor.loss 32.0 0.1 4 3
              let leaves = Params.ofSeq [ "proxies", normal 3 [ 4; 3 ] ]

              Expect.equal
                  [ for spec in layer.Specs -> spec.Name, spec.Shape, spec.Init ]
                  [ "proxies", [ 4L; 3L ], KaimingFanOut ]
                  "declared"

              let value leaves = fst (forward Training leaves layer (normal 1 [ 5; 3 ], labelsOf [ 0; 1; 1; 3; 0 ]))

              let _, gradient = (gradientsOf value leaves).Head
              let reached = gradient.abs().amax [| 1L |]
              Expect.isGreaterThan (reached.min().item<float>()) 0.0 "also those without an image, as negatives"
              expectGradients 1e-6 value leaves) ]

let tests = testList "twins" [ twinTests; edgeTests; properties ]
