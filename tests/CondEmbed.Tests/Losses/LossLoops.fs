/// The losses as loops over a batch: slow, plain, and near to their papers.
module CondEmbed.Tests.LossLoops

open System
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let average (terms: float list) = if terms.IsEmpty then 0.0 else List.average terms

let averageOfPositive = List.filter (fun term -> term > 0.0) >> average

/// A batch for loops: how many images, the mark of each pair (1 alike, -1 unlike, 0 neither) and its cosine.
type Items =
    { Count: int
      Mark: int -> int -> int
      S: int -> int -> float }

    member this.All = [ 0 .. this.Count - 1 ]

    member this.Positives a = this.All |> List.filter (fun i -> i <> a && this.Mark a i = 1)

    member this.Negatives a = this.All |> List.filter (fun i -> i <> a && this.Mark a i = -1)

    member this.Distance a b = sqrt (max 0.0 (2.0 - 2.0 * this.S a b))

    member this.Paired = this.All |> List.filter (fun a -> not (this.Positives a).IsEmpty)

    member this.PositivePairs = this.All |> List.collect (fun a -> [ for p in this.Positives a -> a, p ])

    member this.NegativePairs = this.All |> List.collect (fun a -> [ for n in this.Negatives a -> a, n ])

/// Images of the same class are alike, others are not.
let itemsOf (labels: int array) s : Items = { Count = labels.Length; Mark = (fun a b -> if labels[a] = labels[b] then 1 else -1); S = s }

let contrastive (items: Items) =
    averageOfPositive [ for a, p in items.PositivePairs -> items.Distance a p - 0.0 ]
    + averageOfPositive [ for a, n in items.NegativePairs -> 1.0 - items.Distance a n ]

let contrastiveCosine (items: Items) =
    averageOfPositive [ for a, p in items.PositivePairs -> 1.0 - items.S a p ]
    + averageOfPositive [ for a, n in items.NegativePairs -> items.S a n - 0.5 ]

let triplet accepts (items: Items) =
    averageOfPositive
        [ for a, p in items.PositivePairs do
              for n in items.Negatives a do
                  if accepts (items.Distance a p) (items.Distance a n) then items.Distance a p - items.Distance a n + 0.2 ]

let batchHard (items: Items) =
    averageOfPositive
        [ for a in items.All do
              let positives, negatives = items.Positives a, items.Negatives a

              if not positives.IsEmpty && not negatives.IsEmpty then
                  let farthest = positives |> List.map (items.Distance a) |> List.max
                  let nearest = negatives |> List.map (items.Distance a) |> List.min
                  farthest - nearest + 0.2 ]

let private multiSimilarityAt (baseOf: Items -> float) (items: Items) =
    let base' = baseOf items

    average
        [ for a in items.All do
              let positives, negatives = items.Positives a |> List.map (items.S a), items.Negatives a |> List.map (items.S a)

              let hard = positives |> List.filter (fun s -> negatives |> List.exists (fun n -> s - 0.1 < n))

              let near = negatives |> List.filter (fun s -> positives |> List.exists (fun p -> s + 0.1 > p))

              log (1.0 + List.sumBy (fun s -> exp (-2.0 * (s - base'))) hard) / 2.0
              + log (1.0 + List.sumBy (fun s -> exp (40.0 * (s - base'))) near) / 40.0 ]

let multiSimilarity = multiSimilarityAt (fun _ -> 0.5)

/// Its base lies halfway between the mean of the positives and that of the negatives.
let middle (items: Items) =
    [ items.PositivePairs; items.NegativePairs ]
    |> List.filter (List.isEmpty >> not)
    |> List.map (List.averageBy (fun (a, b) -> items.S a b))
    |> average

let centredMultiSimilarity = multiSimilarityAt middle

let supCon (items: Items) =
    averageOfPositive
        [ for a in items.All do
              let others = items.Positives a @ items.Negatives a
              let total = others |> List.sumBy (fun i -> exp (items.S a i / 0.1))
              -(average [ for p in items.Positives a -> items.S a p / 0.1 - log total ]) ]

let ntXent t (score: Items -> int -> int -> float) (items: Items) =
    average
        [ for a, p in items.PositivePairs ->
              let e i = exp (score items a i / t)
              -log(e p / (e p + (items.Negatives a |> List.sumBy e))) ]

let circle (items: Items) =
    averageOfPositive
        [ for a in items.All do
              let positives, negatives = items.Positives a |> List.map (items.S a), items.Negatives a |> List.map (items.S a)

              if not positives.IsEmpty && not negatives.IsEmpty then
                  let pull = positives |> List.sumBy (fun s -> exp (-80.0 * max 0.0 (1.4 - s) * (s - 0.6)))
                  let push = negatives |> List.sumBy (fun s -> exp (80.0 * max 0.0 (s + 0.4) * (s - 0.4)))
                  log (1.0 + pull * push) ]

let fastAP (items: Items) =
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

let nPairs (items: Items) =
    let isFirst a = items.Paired |> List.exists (fun earlier -> earlier < a && items.Mark a earlier = 1) |> not
    let pairs = [ for a in items.Paired |> List.filter isFirst -> a, (items.Positives a).Head ]

    average [ for a, p in pairs -> -(items.S a p) + log (pairs |> List.sumBy (fun (_, other) -> exp (items.S a other))) ]

let liftedStructure (items: Items) =
    let logSum (terms: float list) = if terms.IsEmpty then 0.0 else log (List.sumBy exp terms)

    average
        [ for a in items.All ->
              max
                  0.0
                  (logSum [ for p in items.Positives a -> items.Distance a p ]
                   + logSum [ for n in items.Negatives a -> 1.0 - items.Distance a n ]) ]

let margin (items: Items) =
    let terms =
        [ for a, p in items.PositivePairs do
              for n in items.Negatives a do
                  max 0.0 (items.Distance a p - 1.2 + 0.2)
                  max 0.0 (1.2 - items.Distance a n + 0.2) ]

    averageOfPositive terms

let nca (items: Items) =
    average
        [ for a in items.Paired ->
              let e i = exp (2.0 * items.S a i - 2.0)
              let own = items.Positives a |> List.sumBy e
              -log(own / (own + (items.Negatives a |> List.sumBy e))) ]

let angular (items: Items) =
    let t = tan (40.0 * Math.PI / 180.0) ** 2.0
    let term a p n = exp (4.0 * t * (items.S a n + items.S p n) - 2.0 * (1.0 + t) * items.S a p)
    average [ for a, p in items.PositivePairs -> log (1.0 + (items.Negatives a |> List.sumBy (term a p))) ]

let tupletMargin (items: Items) =
    let margin = 5.73 * Math.PI / 180.0
    let angle a p = acos (min 1.0 (max -1.0 (items.S a p)))

    average
        [ for a, p in items.PositivePairs ->
              let own = cos (angle a p - margin)
              log (1.0 + (items.Negatives a |> List.sumBy (fun n -> exp (64.0 * (items.S a n - own))))) ]

let intraPairVariance (items: Items) =
    let part sign slack pairs =
        let s = [ for a, b in pairs -> items.S a b ]
        let mean = average s
        average [ for s in s -> (max 0.0 (sign * ((1.0 - sign * slack) * mean - s))) ** 2.0 ]

    part 1.0 0.01 items.PositivePairs + part -1.0 0.01 items.NegativePairs

let histogram (items: Items) =
    let share bin pairs = average [ for a, b in pairs -> max 0.0 (1.0 - abs (items.S a b + 1.0 - 0.02 * float bin) / 0.02) ]
    let upTo bin = List.sum [ for b in 0..bin -> share b items.PositivePairs ]
    List.sum [ for bin in 0..100 -> share bin items.NegativePairs * upTo bin ]

let sigmoid x = 1.0 / (1.0 + exp -x)

/// Smooth rank of p for the query among some others; the query's own place among them where it counts.
let smoothRank t countQuery (items: Items) q p (others: int list) =
    let similarity i = if i = q then 1.0 else items.S q i
    let others = if countQuery && p <> q then q :: others else others

    1.0
    + (others |> List.filter ((<>) p) |> List.sumBy (fun i -> sigmoid ((similarity i - similarity p) / t)))

let smoothAP countQuery (items: Items) =
    1.0
    - average
        [ for q in items.Paired do
              let positives = items.Positives q
              let every = positives @ items.Negatives q
              let ratio p = smoothRank 0.01 countQuery items q p positives / smoothRank 0.01 countQuery items q p every
              average (List.map ratio (if countQuery then q :: positives else positives)) ]
    |> fun loss -> if items.Paired.IsEmpty then 0.0 else loss

let pnp penalty (items: Items) =
    average
        [ for q in items.All ->
              let similarity i = if i = q then 1.0 else items.S q i
              let before i = items.Negatives q |> List.sumBy (fun n -> sigmoid ((items.S q n - similarity i) / 0.01))
              average [ for i in q :: items.Positives q -> penalty (before i) ] ]

let recallAtK countQuery (items: Items) =
    let recall q k =
        let positives = items.Positives q
        let every = positives @ items.Negatives q
        let hits = positives |> List.sumBy (fun p -> sigmoid (float k - smoothRank 0.01 countQuery items q p every))
        min hits (float k) / min (float k) (float positives.Length)

    if items.Paired.IsEmpty then
        0.0
    else
        1.0 - average [ for q in items.Paired -> average [ for k in [ 1; 2; 4; 8; 16 ] -> recall q k ] ]

/// Images and proxies: labels, cosines image by image and proxy by proxy, classes, centres of a class.
type Classified = { Labels: int array; S: int -> int -> float; Classes: int }

let proxyAnchor (given: Classified) =
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
let entropy logit (given: Classified) =
    average
        [ for x, own in Seq.indexed given.Labels ->
              let logits = [ for c in 0 .. given.Classes - 1 -> logit given x c (c = own) ]
              log (List.sumBy exp logits) - logits[own] ]

let arc cosine own =
    let margin = 28.6 * Math.PI / 180.0
    let angle = acos (min 1.0 (max -1.0 cosine))

    64.0
    * if not own then cosine
      elif angle <= Math.PI - margin then cos (angle + margin)
      else cosine - margin * sin margin

let softTriple given x c own =
    let s = [ for k in 0..9 -> (given: Classified).S x (10 * c + k) ]
    let weights = [ for s in s -> exp (s / 0.1) ]
    let total = List.sum weights
    20.0 * (List.sum (List.map2 (fun s w -> s * w / total) s weights) - (if own then 0.01 else 0.0))

/// A random batch of 2 to 10 images of up to 4 classes.
let randomBatch (seed: int) =
    let random = Random seed
    let count = random.Next(2, 11)
    let labels = Array.init count (fun _ -> random.Next 4)
    labels, normal seed [ count; 5 ]

/// Marks -1, 0 and 1 of the pairs of a batch, mostly such that no classes could give them: not transitive and, every other time, not symmetric.
let randomMarks (seed: int) count : Tensor =
    let random = Random(seed + 1000)
    let marks = Array2D.init count count (fun _ _ -> random.Next 3 - 1)
    let isSymmetric = seed % 2 = 0
    matrixOf [ for i in 0 .. count - 1 -> [ for j in 0 .. count - 1 -> float (if isSymmetric && j < i then marks[j, i] else marks[i, j]) ] ]

/// One number of a matrix. Give it the matrix once and the places later: it reads all numbers at once, where x[i, j].item() makes a tensor each time, which
/// lives until the test ends.
let entry (x: Tensor) =
    let values, columns = numbers x, int x.shape[1]
    let table = Array2D.init (int x.shape[0]) columns (fun i j -> values[i * columns + j])
    fun (i: int) (j: int) -> table[i, j]

let close actual expected what = Expect.floatClose { absolute = 1e-7; relative = 1e-9 } (toFloat actual) expected what

/// Labels, or marks of pairs.
let onMarks text (labels: Tensor) (similarities: Tensor) =
    let layer = All.ofText text 4 5 |> Loss.onSimilarities
    fst (forward Training (started layer.Specs) layer (Mining.all labels, similarities))

let onPairs text (labels: int seq) (similarities: Tensor) = onMarks text (labelsOf labels) similarities

/// Marks of pairs and their cosines.
let itemsOfMarks (marks: Tensor) s : Items =
    let mark = entry marks
    { Count = int marks.shape[0]; Mark = (fun a b -> int (mark a b)); S = s }
