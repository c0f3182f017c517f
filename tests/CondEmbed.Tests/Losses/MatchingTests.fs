/// Which images are alike: by classes, by several labels each, and by marks of pairs.
module CondEmbed.Tests.MatchingTests

open System
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Losses
open CondEmbed.Tests.LossLoops
open CondEmbed.Tests.Support
open TorchSharp

/// Labels of some images in three columns, some of them missing.
let private randomLabels (seed: int) count =
    let random = Random seed in Array.init count (fun _ -> Array.init 3 (fun _ -> random.Next 4 - 1))

let private tensorOf (labels: int array array) =
    torch.tensor(Array.collect (Array.map int64) labels, dtype = int64', device = torch.CPU).reshape(int64 labels.Length, 3L)

/// The columns in which both have a label, and those in which it is the same.
let private shared (a: int array) (b: int array) =
    let both = [ 0..2 ] |> List.filter (fun k -> a[k] >= 0 && b[k] >= 0)
    both, both |> List.filter (fun k -> a[k] = b[k])

let private mark alike unlike =
    if alike then 1
    elif unlike then -1
    else 0

let private rules: (string * Matching.Match * (int array -> int array -> int)) list =
    [ "any",
      Matching.any,
      (fun a b ->
          let both, same = shared a b
          mark (not same.IsEmpty) (not both.IsEmpty))
      "every",
      Matching.every,
      (fun a b ->
          let both, same = shared a b
          mark (not both.IsEmpty && same = both) (not both.IsEmpty))
      "jaccard",
      Matching.jaccard 0.5,
      (fun a b ->
          let _, same = shared a b

          let sets =
              [ for x in [ a; b ] ->
                    set
                        [ for k in 0..2 do
                              if x[k] >= 0 then k, x[k] ] ]

          let all = Set.unionMany sets
          mark (not same.IsEmpty && 2 * same.Length >= all.Count) (same.IsEmpty && not all.IsEmpty))
      "column", Matching.column 1, (fun a b -> mark (a[1] >= 0 && a[1] = b[1]) (a[1] >= 0 && b[1] >= 0)) ]

let private marksOf (pairs: Mining.Pairs) = pairs.Positive.``to`` float64 - pairs.Negative.``to`` float64

let tests =
    testList
        "Matching"
        [ for name, rule, plain in rules do
              testPropertyWithConfig
                  (fewCases 30)
                  $"{name} marks queries and references as a loop over their labels does"
                  (fun (seed: int) ->
                      Native.ensure ()

                      scoped (fun () ->
                          let queries, references = randomLabels seed 5, randomLabels (seed + 1) 7
                          let expected = matrixOf [ for a in queries -> [ for b in references -> float (plain a b) ] ]
                          expectSame expected ((rule (tensorOf queries) (tensorOf references)).``to`` float64) "marks"))

          tensorTest "tags as zeros and ones are labels of one column" (fun () ->
              let rows = [ [ 1.0; 0.0; 1.0 ]; [ 0.0; 0.0; 1.0 ]; [ 0.0; 1.0; 0.0 ]; [ 0.0; 0.0; 0.0 ] ]
              let tags = matrixOf rows
              let shared = tags.mm (tags.t ())
              let some = (tags.sum 1L).gt(scalar 0.0).``to`` float64
              let both = some.unsqueeze 0L * some.unsqueeze 1L
              let expected = both * (2.0 * shared.gt(scalar 0.0).``to`` float64 - 1.0)
              expectSame expected ((Matching.batch Matching.any (Matching.ofMultiHot tags)).``to`` float64) "marks")

          tensorTest "two places in a column instead of one label change nothing, and weights are those of sets" (fun () ->
              for seed in 1..10 do
                  let queries, references = tensorOf (randomLabels seed 5), tensorOf (randomLabels (seed + 1) 7)
                  let wide (x: Tensor) = torch.cat ([| x.unsqueeze 2L; torch.full_like(x, scalar -1.0).unsqueeze 2L |], 2L)

                  for name, rule, _ in rules do
                      expectSame (rule queries references) (rule (wide queries) (wide references)) name

                  let plain = Matching.jaccard 0.5 queries references
                  let weighted = Matching.weightedJaccard 0.5 queries references
                  expectSame (plain.sign ()) (weighted.sign ()) "the same pairs"

              // {0, 1 | 5} and {1, 2 | 5}: two of four labels in common; and {3 | }: none.
              let labels = torch.tensor([| 0L; 1L; 5L; -1L; 1L; 2L; 5L; -1L; 3L; -1L; -1L; -1L |]).reshape(3L, 2L, 2L)
              let expected = matrixOf [ [ 1.0; 0.5; -1.0 ]; [ 0.5; 1.0; -1.0 ]; [ -1.0; -1.0; 1.0 ] ]
              expectSame expected ((Matching.batch (Matching.weightedJaccard 0.5) labels).``to`` float64) "weights"
              expectSame (expected.sign ()) ((Matching.batch (Matching.jaccard 0.5) labels).``to`` float64) "marks"
              expectSame (expected.round ()) ((Matching.batch (Matching.weightedJaccard 0.6) labels).``to`` float64) "less than the least")

          tensorTest "one column without gaps is what classes give, by every rule" (fun () ->
              for seed in 1..10 do
                  let labels, _ = randomBatch seed
                  let expected = Mining.all (labelsOf labels)
                  let one = (labelsOf labels).unsqueeze 1L

                  for rule in [ Matching.any; Matching.every; Matching.jaccard 0.5; Matching.column 0 ] do
                      let pairs = Mining.all (Matching.batch rule one)
                      expectSame expected.Positive pairs.Positive "positives"
                      expectSame expected.Negative pairs.Negative "negatives")

          tensorTest "marks of classes make every loss what the classes make it, its gradient too" (fun () ->
              for name in Losses.All.names |> List.filter (fun name -> not (Loss.isOnProxies (Losses.All.ofText name 4 5))) do
                  for seed in 1..3 do
                      let labels, embeddings = randomBatch seed
                      let classes = labelsOf labels
                      let layer = Losses.All.ofText name 4 5 |> Loss.onEmbeddings

                      let value given (leaves: Params) =
                          torch.manual_seed 1L |> ignore
                          fst (forward Training (started layer.Specs) layer (leaves["x"], given))

                      let leaves = Params.ofSeq [ "x", embeddings ]
                      let marks = Matching.batch Matching.any (classes.unsqueeze 1L)
                      expectClose 1e-10 (value classes leaves) (value marks leaves) name

                      for (_, expected), (_, actual) in List.zip (gradientsOf (value classes) leaves) (gradientsOf (value marks) leaves) do
                          expectClose 1e-10 expected actual $"{name}: gradient")

          for name in Losses.All.names |> List.filter (fun name -> not (Loss.isOnProxies (Losses.All.ofText name 4 5))) do
              tensorTest
                  $"{name}: pairs that no classes could give have a gradient equal to finite differences, and nothing to compare is 0"
                  (fun () ->
                      let text = if name = "margin" then "margin(miner=all)" else name
                      let layer = Losses.All.ofText text 4 4 |> Loss.onEmbeddings
                      let value marks (leaves: Params) = fst (forward Training (started layer.Specs) layer (leaves["x"], marks))
                      let leaves = Params.ofSeq [ "x", normal 21 [ 7; 4 ] ]

                      // The circle loss holds its weights fixed.
                      if name <> "circle" then
                          for seed in 1..2 do
                              expectGradients 1e-6 (value (randomMarks seed 7)) leaves

                      let nothing = torch.zeros (7L, 7L)

                      if not (name.StartsWith "embedding-") then
                          Expect.floatClose Accuracy.high (toFloat (value nothing leaves)) 0.0 "no pair counts"

                      for _, gradient in gradientsOf (fun leaves -> value nothing leaves + 0.0 * leaves["x"].sum()) leaves do
                          expectFinite gradient "gradient")

          tensorTest "an image is in no pair with itself, whatever the diagonal says" (fun () ->
              let marks = randomMarks 1 6
              let off = marks * (1.0 - torch.eye (6L, dtype = float64))
              expectSame off (marksOf (Mining.all marks)) "marks"
              expectSame off (marksOf (Mining.all off)) "marks with a diagonal of zeros"
              Expect.isNone (Mining.all marks).Labels "no classes")

          tensorTest "queries are compared with references of another number" (fun () ->
              for seed in 1..10 do
                  let e, memory = Layers.l2Normalise (normal seed [ 4; 5 ]), Layers.l2Normalise (normal (seed + 50) [ 9; 5 ])
                  let marks = (randomMarks seed 9).narrow(0L, 0L, 4L)
                  let s = matmul e (memory.t ())
                  let layer = Losses.All.ofText "contrastive" 4 5 |> Loss.onSimilarities
                  let found, _ = forward Training (Params.ofSeq []) layer (Mining.marked marks, s)

                  let mark, similarity = entry marks, entry s

                  let terms wanted term =
                      [ for i in 0..3 do
                            for j in 0..8 do
                                if mark i j = wanted then
                                    let d = sqrt (max 0.0 (2.0 - 2.0 * similarity i j))
                                    if term d > 0.0 then term d ]
                      |> average

                  close found (terms 1.0 id + terms -1.0 (fun d -> 1.0 - d)) $"batch {seed}")

          tensorTest "a step trains on marks, with levels and in every form of pairs" (fun () ->
              let network =
                  Network.ofMap
                      (Layer.named "conv" (Layers.conv2d 3 9 3 1))
                      (Layers.meanPool --> Layer.named "embedding" (Layers.linear 9 6))

              let hierarchy = Hierarchy.plain { Channels = 9; Embedding = 6; Heads = 2 } 1
              let loss = Losses.All.ofText "multi-similarity" 4 6
              let classes = labelsOf [ 0; 0; 1; 1; 2; 2 ]
              let images = normal 1 [ 6; 3; 4; 4 ]

              for options in
                  [ Conditional.plain 0.5
                    { Conditional.plain 0.5 with Nearest = 2; Block = 2; On = Conditional.On.Negatives } ] do
                  let recipe = Train.plain 0.01 10 (Objective.weighted network hierarchy 1.0 options loss loss)

                  let after labels =
                      use state = Train.start 1L torch.CPU float64 recipe
                      Train.step recipe state { Images = images; Labels = labels }

                  let expected = after classes
                  let found = after (Matching.batch Matching.any (classes.unsqueeze 1L))
                  Expect.floatClose Accuracy.high found.Loss expected.Loss "marks of classes"
                  Expect.floatClose Accuracy.high found.GradientNorm expected.GradientNorm "gradient"
                  Expect.notEqual (after (randomMarks 1 6)).Loss expected.Loss "other pairs")

          tensorTest "what needs classes says so" (fun () ->
              let marks = randomMarks 1 6
              let embeddings = normal 1 [ 6; 5 ]

              for loss, words in
                  [ Losses.All.ofText "proxy-anchor" 4 5, "proxies of classes needs class numbers"
                    Losses.All.ofText "margin(per_class=1, miner=all)" 4 5, "learns something of each class needs class numbers"
                    Memory.remembering { Size = 9; Start = 0; Weight = 1.0 } 5 (Losses.All.ofText "supcon" 4 5), "keeps the class numbers" ] do
                  let layer = Loss.onEmbeddings loss
                  let problem = Expect.throwsC (fun () -> forward Training (started layer.Specs) layer (embeddings, marks) |> ignore) id
                  Expect.isTrue (problem :? ArgumentException) "kind"
                  Expect.stringContains problem.Message words "message"

              let problem = Expect.throwsC (fun () -> Mining.all (marks.narrow (0L, 0L, 4L)) |> ignore) id
              Expect.stringContains problem.Message "these are [4, 6]" "a matrix that is not square") ]
