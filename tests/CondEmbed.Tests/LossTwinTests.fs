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

    member this.Paired = this.All |> List.filter (fun a -> not (this.Positives a).IsEmpty)

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

let private ntXent t (score: Items -> int -> int -> float) (items: Items) =
    average
        [ for a, p in items.PositivePairs ->
              let e i = exp (score items a i / t)
              -log(e p / (e p + (items.Negatives a |> List.sumBy e))) ]

let private circle (items: Items) =
    averageOfPositive
        [ for a in items.All do
              let positives, negatives = items.Positives a |> List.map (items.S a), items.Negatives a |> List.map (items.S a)

              if not positives.IsEmpty && not negatives.IsEmpty then
                  let pull = positives |> List.sumBy (fun s -> exp (-80.0 * max 0.0 (1.4 - s) * (s - 0.6)))
                  let push = negatives |> List.sumBy (fun s -> exp (80.0 * max 0.0 (s + 0.4) * (s - 0.4)))
                  log (1.0 + pull * push) ]

let private fastAP (items: Items) =
    let pulse bin d = max 0.0 (1.0 - abs (d - 0.4 * float bin) / 0.4)
    let count bin a others = others |> List.sumBy (fun i -> pulse bin (2.0 - 2.0 * items.S a i))

    average
        [ for a in items.Paired do
              let positives = items.Positives a
              let upTo bin others = List.sum [ for b in 0..bin -> count b a others ]

              let share bin =
                  let h = count bin a positives
                  if h = 0.0 then 0.0 else h * upTo bin positives / upTo bin (positives @ items.Negatives a)

              1.0 - List.sumBy share [ 0..10 ] / float positives.Length ]

let private nPairs (items: Items) =
    let pairs =
        items.Paired
        |> List.groupBy (fun a -> items.Labels[a])
        |> List.map (fun (_, anchors) -> anchors.Head, (items.Positives anchors.Head).Head)

    average [ for a, p in pairs -> -(items.S a p) + log (pairs |> List.sumBy (fun (_, other) -> exp (items.S a other))) ]

let private liftedStructure (items: Items) =
    let logSum (terms: float list) = if terms.IsEmpty then 0.0 else log (List.sumBy exp terms)

    average
        [ for a in items.All ->
              max
                  0.0
                  (logSum [ for p in items.Positives a -> items.Distance a p ]
                   + logSum [ for n in items.Negatives a -> 1.0 - items.Distance a n ]) ]

let private margin (items: Items) =
    let terms =
        [ for a, p in items.PositivePairs do
              for n in items.Negatives a do
                  max 0.0 (items.Distance a p - 1.2 + 0.2)
                  max 0.0 (1.2 - items.Distance a n + 0.2) ]

    averageOfPositive terms

let private sigmoid x = 1.0 / (1.0 + exp -x)

/// Smooth rank of p for the query among some others; the query's own place among them where it counts.
let private smoothRank t countQuery (items: Items) q p (others: int list) =
    let similarity i = if i = q then 1.0 else items.S q i
    let others = if countQuery && p <> q then q :: others else others

    1.0
    + (others |> List.filter ((<>) p) |> List.sumBy (fun i -> sigmoid ((similarity i - similarity p) / t)))

let private smoothAP countQuery (items: Items) =
    1.0
    - average
        [ for q in items.Paired do
              let positives = items.Positives q
              let every = positives @ items.Negatives q
              let ratio p = smoothRank 0.01 countQuery items q p positives / smoothRank 0.01 countQuery items q p every
              average (List.map ratio (if countQuery then q :: positives else positives)) ]
    |> fun loss -> if items.Paired.IsEmpty then 0.0 else loss

let private recallAtK countQuery (items: Items) =
    let recall q k =
        let positives = items.Positives q
        let every = positives @ items.Negatives q
        let hits = positives |> List.sumBy (fun p -> sigmoid (float k - smoothRank 0.01 countQuery items q p every))
        min hits (float k) / min (float k) (float positives.Length)

    if items.Paired.IsEmpty then
        0.0
    else
        1.0 - average [ for q in items.Paired -> average [ for k in [ 1; 2; 4; 8; 16 ] -> recall q k ] ]

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
      "smooth-ap", smoothAP false
      "smooth-ap(count_query=1)", smoothAP true
      "recall-at-k", recallAtK false
      "recall-at-k(count_query=1)", recallAtK true ]

/// Images and proxies: labels, cosines image by image and proxy by proxy, classes, centres of a class.
type private Classified = { Labels: int array; S: int -> int -> float; Classes: int }

let private proxyAnchor (given: Classified) =
    let images = [ 0 .. given.Labels.Length - 1 ]

    let term sign p belongs =
        log (
            1.0
            + List.sumBy (fun x -> if belongs x then exp (sign * 32.0 * (given.S x p + sign * 0.1)) else 0.0) images
        )

    let present =
        [ for p in 0 .. given.Classes - 1 do
              if Array.contains p given.Labels then p ]

    average [ for p in present -> term -1.0 p (fun x -> given.Labels[x] = p) ]
    + average [ for p in 0 .. given.Classes - 1 -> term 1.0 p (fun x -> given.Labels[x] <> p) ]

/// Cross-entropy of a logit of (cosines, image, class, whether it is the image's own).
let private entropy logit (given: Classified) =
    average
        [ for x, own in Seq.indexed given.Labels ->
              let logits = [ for c in 0 .. given.Classes - 1 -> logit given x c (c = own) ]
              log (List.sumBy exp logits) - logits[own] ]

let private arc cosine own =
    let margin = 28.6 * Math.PI / 180.0
    let angle = acos (min 1.0 (max -1.0 cosine))

    64.0
    * if not own then cosine
      elif angle <= Math.PI - margin then cos (angle + margin)
      else cosine - margin * sin margin

let private softTriple given x c own =
    let s = [ for k in 0..9 -> (given: Classified).S x (10 * c + k) ]
    let weights = [ for s in s -> exp (s / 0.1) ]
    let total = List.sum weights
    20.0 * (List.sum (List.map2 (fun s w -> s * w / total) s weights) - (if own then 0.01 else 0.0))

let private proxyTwins =
    [ "proxy-anchor", 1, proxyAnchor
      "proxy-nca", 1, entropy (fun given x c _ -> -(2.0 - 2.0 * given.S x c))
      "proxy-nca++", 1, entropy (fun given x c _ -> -9.0 * (2.0 - 2.0 * given.S x c))
      "normalised-softmax", 1, entropy (fun given x c _ -> given.S x c / 0.05)
      "cosface", 1, entropy (fun given x c own -> 64.0 * (given.S x c - (if own then 0.35 else 0.0)))
      "arcface", 1, entropy (fun given x c own -> arc (given.S x c) own)
      "sub-centre-arcface", 3, entropy (fun given x c own -> arc (List.max [ for k in 0..2 -> given.S x (3 * c + k) ]) own)
      "soft-triple", 10, entropy softTriple ]

/// A random batch of 2 to 10 images of up to 4 classes.
let private randomBatch (seed: int) =
    let random = Random seed
    let count = random.Next(2, 11)
    let labels = Array.init count (fun _ -> random.Next 4)
    labels, normal seed [ count; 5 ]

let private entry (x: Tensor) i j = x[int64 i, int64 j].item<float>()

let private close actual expected what = Expect.floatClose { absolute = 1e-7; relative = 1e-9 } (toFloat actual) expected what

let private onPairs text (labels: int seq) (similarities: Tensor) =
    let layer = All.ofText text 4 5 |> Loss.onSimilarities
    fst (forward Training (started layer.Specs) layer (Mining.all (labelsOf labels), similarities))

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

let private nameOf (text: string) = text.Split('(').[0]

let private twinTests =
    testList
        "equals a loop over the batch"
        [ for text, twin in twins do
              tensorTest text (fun () ->
                  for seed in 1..30 do
                      let labels, embeddings = randomBatch seed
                      let s = Similarity.cosine embeddings
                      close (onPairs text labels s) (twin { Labels = labels; S = entry s }) $"batch {seed}")

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
                  close actual (ntXent 0.2 (fun _ i j -> -(distance i j)) { Labels = labels; S = fun _ _ -> 0.0 }) $"batch {seed}")

          testCase "every loss has a loop here" (fun () ->
              let looped = "hyperbolic" :: [ for text, _ in twins -> nameOf text ] @ [ for name, _, _ in proxyTwins -> name ]
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
                "triplet(miner=semi-hard, margin=0.2)", triplet (fun ap an -> an > ap && an <= ap + 0.2)
                "triplet(reducer=within(low=0.1, high=0.4), miner=all)",
                (fun items ->
                    average
                        [ for a, p in items.PositivePairs do
                              for n in items.Negatives a do
                                  let term = items.Distance a p - items.Distance a n + 0.2
                                  if term > 0.1 && term < 0.4 then term ])
                "supcon(reducer=sum)", (fun items -> supCon items * float items.Paired.Length)
                "0.5 * supcon + 2 * triplet", (fun items -> 0.5 * supCon items + 2.0 * triplet (fun _ _ -> true) items) ] do
              tensorTest text (fun () ->
                  for seed in 1..20 do
                      let labels, embeddings = randomBatch seed
                      let s = Similarity.cosine embeddings
                      close (onPairs text labels s) (twin { Labels = labels; S = entry s }) $"batch {seed}")

          tensorTest "terms weighted by class" (fun () ->
              let labels, weights = labelsOf [ 0; 1; 1 ], torch.tensor ([| 2.0; 10.0 |])
              let terms = Reducers.Terms.ofAnchors (torch.tensor [| true; true; false |]) (torch.tensor [| 1.0; 3.0; 5.0 |])
              Expect.floatClose Accuracy.high (toFloat (Reducers.classWeighted weights labels terms)) 16.0 "the mean of 2 and 30") ]

let private chosenBy (positive: Miners.Choice) (negative: Miners.Choice) (items: Items) =
    let d = items.Distance

    let farthest a =
        function
        | [] -> None
        | some -> Some(List.maxBy (d a) some)

    let nearest a =
        function
        | [] -> None
        | some -> Some(List.minBy (d a) some)

    [ for a in items.All do
          let positives, negatives = items.Positives a, items.Negatives a
          let plainPositive = if positive = Miners.Easiest then nearest a positives else farthest a positives
          let plainNegative = if negative = Miners.Easiest then farthest a negatives else nearest a negatives

          let p =
              match positive, plainNegative with
              | Miners.SemiHardest, Some n -> farthest a (positives |> List.filter (fun p -> d a p < d a n))
              | Miners.SemiHardest, None -> None
              | _ -> plainPositive

          let n =
              match negative, plainPositive with
              | Miners.SemiHardest, Some p -> nearest a (negatives |> List.filter (fun n -> d a n > d a p))
              | Miners.SemiHardest, None -> None
              | _ -> plainNegative

          match p, n with
          | Some p, Some n -> [| a; p; n |]
          | _ -> () ]

let private tuples (t: Mining.Triplets) =
    [ for a, p, n in Seq.zip3 (numbers t.Anchor) (numbers t.Positive) (numbers t.Negative) -> [| int a; int p; int n |] ]

let private minerTests =
    testList
        "miners"
        [ for positive in [ Miners.Easiest; Miners.Hardest; Miners.SemiHardest ] do
              for negative in [ Miners.Easiest; Miners.Hardest; Miners.SemiHardest ] do
                  tensorTest $"{positive} positive, {negative} negative equals a loop" (fun () ->
                      let mine = Miners.batchEasyHard Distances.l2 positive negative

                      for seed in 1..20 do
                          let labels, embeddings = randomBatch seed
                          let s = Similarity.cosine embeddings
                          let pairs = Mining.all (labelsOf labels)

                          if positive = Miners.SemiHardest && negative = Miners.SemiHardest then
                              Expect.throwsT<ArgumentException> (fun () -> mine pairs s |> ignore) "each waits for the other"
                          else
                              Expect.equal
                                  (tuples (mine pairs s))
                                  (chosenBy positive negative { Labels = labels; S = entry s })
                                  $"batch {seed}")

          tensorTest "distance-weighted draws a negative below the bound for every positive pair, nearer ones more often" (fun () ->
              let angles = [ 0.0; 0.1; 0.6; 1.2; 3.0 ]
              let embeddings = matrixOf [ for a in angles -> [ cos a; sin a ] ]
              let pairs = Mining.all (labelsOf [ 0; 0; 1; 1; 1 ])
              let s = Similarity.cosine embeddings
              torch.manual_seed 1L |> ignore

              let drawn =
                  [ for _ in 1..300 do
                        yield! tuples (Miners.distanceWeighted 4 0.5 1.4 pairs s) ]

              let ofFirst =
                  [ for t in drawn do
                        if t[0] = 0 then t[2] ]

              Expect.equal ofFirst.Length 300 "one a pair"
              Expect.equal (set ofFirst) (set [ 2; 3 ]) "4 is beyond the bound"
              // q(d)^-1 at d = 2 sin(angle / 2): D = 4.
              let weight angle = let d = max 0.5 (2.0 * sin (angle / 2.0)) in d ** -2.0 * (1.0 - d * d / 4.0) ** -0.5
              let share = weight 0.6 / (weight 0.6 + weight 1.2)
              let found = float (ofFirst |> List.filter ((=) 2) |> List.length) / 300.0
              Expect.isLessThan (abs (found - share)) 0.08 $"share of the nearer one, expected {share}")

          tensorTest "too many triplets are counted before they are built" (fun () ->
              let labels = labelsOf [ for i in 0..1199 -> i / 40 ]
              let pairs = Mining.all labels
              Expect.equal (Mining.countTriplets pairs) (1200L * 39L * 1160L) "the count"

              rejects [ "54,288,000 triplets"; "20,000,000"; "batch-hard" ] (fun () -> Mining.triplets pairs |> ignore)

              let s = Similarity.cosine (normal 1 [ 1200; 4 ])

              Expect.equal
                  (Miners.batchEasyHard Distances.l2 Miners.Hardest Miners.Hardest pairs s).Anchor.shape[0]
                  1200L
                  "batch-hard is not refused")

          tensorTest "pairs in mined triplets, each once" (fun () ->
              let pairs = Mining.all (labelsOf [ 0; 0; 1; 1 ])
              let found = Mining.asPairs pairs (Mining.OfTriplets(Mining.triplets pairs))
              expectSame pairs.Positive found.Positive "positive"
              expectSame pairs.Negative found.Negative "negative") ]

let tests = testList "twins" [ twinTests; stageTests; minerTests ]
