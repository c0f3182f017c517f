/// Miners against loops over the batch; their golden tuples are in LossTests.
module CondEmbed.Tests.MinerTests

open System
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.LossLoops
open CondEmbed.Tests.Support
open TorchSharp

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

                      for seed in 1..40 do
                          let labels, embeddings = randomBatch seed
                          let s = Similarity.cosine embeddings
                          let marks = randomMarks seed labels.Length

                          let pairs, items =
                              if seed <= 20 then
                                  Mining.all (labelsOf labels), itemsOf labels (entry s)
                              else
                                  Mining.all marks, itemsOfMarks marks (entry s)

                          if positive = Miners.SemiHardest && negative = Miners.SemiHardest then
                              Expect.throwsT<ArgumentException> (fun () -> mine pairs s |> ignore) "each waits for the other"
                          else
                              Expect.equal (tuples (Mining.triplets (mine pairs s))) (chosenBy positive negative items) $"batch {seed}")

          tensorTest "every positive with the nearest negative: pairs, also of anchors that have only one kind" (fun () ->
              for seed in 1..20 do
                  let labels, embeddings = randomBatch seed
                  let s = Similarity.cosine embeddings
                  let pairs = Mining.all (labelsOf labels)
                  let mined = Miners.batchEasyHard Distances.l2 Miners.Every Miners.Hardest pairs s
                  expectSame pairs.Positive mined.Positive "positives"
                  let items = itemsOf labels (entry s)
                  let nearest a = items.Negatives a |> List.sortBy (items.Distance a) |> List.truncate 1

                  for a in items.All do
                      let kept =
                          [ for n in items.All do
                                if mined.Negative[int64 a, int64 n].item<bool>() then n ]

                      Expect.equal kept (nearest a) $"negatives of {a}")

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

              let hardest = Miners.batchEasyHard Distances.l2 Miners.Hardest Miners.Hardest pairs s
              Expect.equal (Mining.countTriplets hardest) 1200L "batch-hard is not refused")

          tensorTest "positives without a negative make no triplets, and comparisons are counted before they are built" (fun () ->
              let alone = Mining.triplets (Mining.all (labelsOf (List.replicate 1200 0)))
              Expect.equal alone.Anchor.shape[0] 0L "one class has no triplets"
              let pairs = Mining.all (labelsOf [ for i in 0..599 -> i % 2 ])

              for loss in [ "smooth-ap"; "recall-at-k"; "pnp"; "angular" ] do
                  rejects [ "107,640,000 comparisons"; "50,000,000" ] (fun () ->
                      let layer = All.ofText loss 2 4 |> Loss.onSimilarities
                      forward Training (Params.ofSeq []) layer (pairs, Similarity.cosine (normal 1 [ 600; 4 ])) |> ignore))

          tensorTest "pairs in mined triplets, each once" (fun () ->
              let pairs = Mining.all (labelsOf [ 0; 0; 1; 1 ])
              let found = Mining.asPairs pairs (Mining.OfTriplets(Mining.triplets pairs))
              expectSame pairs.Positive found.Positive "positive"
              expectSame pairs.Negative found.Negative "negative") ]

let tests = minerTests
