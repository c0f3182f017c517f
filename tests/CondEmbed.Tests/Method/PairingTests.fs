/// Levels on chosen pairs, at once and in blocks, against all pairs.
module CondEmbed.Tests.PairingTests

open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Losses
open CondEmbed.Tests.LevelLoops
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Search

let private labels = [ 0; 0; 1; 1; 2; 2; 3 ]

let private positives () = (Mining.all (labelsOf labels)).Positive

/// The pairs {i, j} that each image and its k most similar others make, and those of one class, by sorting.
let private plainPairs k (s: Tensor) =
    let rows = AttentionTests.rowsOf s

    let others i =
        [ for j in 0 .. rows.Length - 1 do
              if j <> i then j ]

    set
        [ for i in 0 .. rows.Length - 1 do
              for j in others i |> List.sortByDescending (fun j -> rows[i].[j]) |> List.truncate k do
                  min i j, max i j

              for j in others i do
                  if labels[i] = labels[j] then min i j, max i j ]

let private listed (first: Tensor, second: Tensor) =
    List.zip (List.ofArray (first.data<int64>().ToArray())) (List.ofArray (second.data<int64>().ToArray()))

let private choiceTests =
    testList
        "nearest"
        [ testPropertyWithConfig
              (fewCases 25)
              "are the K most similar others and the positives of each image, each pair once"
              (fun seed (k: int) ->
                  Native.ensure ()

                  scoped (fun () ->
                      let k = 1 + abs (k % 8)
                      let s = Similarity.cosine (normal seed [ 7; 4 ])
                      let pairs, marked = Pairing.nearest k (positives ()) s
                      let found = listed pairs |> List.map (fun (i, j) -> int i, int j)
                      Expect.equal (List.distinct found) found "once"
                      Expect.equal (set found) (plainPairs k s) "pairs"
                      let wanted = torch.zeros (7L, 7L, dtype = float64)

                      for i, j in found do
                          wanted[int64 i, int64 j] <- torch.tensor 1.0
                          wanted[int64 j, int64 i] <- torch.tensor 1.0

                      expectSame wanted (marked.``to`` float64) "marks"
                      let ones = torch.ones (int64 found.Length, dtype = float64)
                      expectSame wanted (Pairing.matrix 7L pairs ones) "matrix"))

          tensorTest "are all pairs where K is B - 1 or more, also without positives" (fun () ->
              for k in [ 6; 7; 100 ] do
                  let pairs, _ = Pairing.nearest k (torch.zeros_like (positives ())) (Similarity.cosine (normal 1 [ 7; 4 ]))

                  Expect.equal
                      (listed pairs)
                      [ for i in 0L .. 6L do
                            for j in i + 1L .. 6L -> i, j ]
                      $"{k}") ]

let private loopTests =
    testList
        "chosen pairs have the similarities that they have among all"
        [ for name, options, isGiven in variants do
              tensorTest name (fun () ->
                  let layer = AttentionTests.conditional options
                  let parameters, views = unlike layer.Specs, viewsOf isGiven 7
                  let expected = similarities options parameters views
                  let pairs, marked = Pairing.nearest 2 (positives ()) (Similarity.cosine views.Embeddings)
                  let reads = Layer.run parameters (Hierarchy.keysAndValues options) views

                  let levels =
                      Layer.run
                          parameters
                          (Hierarchy.conditional options)
                          (Pairing.Chosen pairs, reads, AttentionTests.asking options views)

                  for expected, c in List.zip expected levels do
                      let s = Hierarchy.similarity options (Pairing.Chosen pairs) views.Embeddings c
                      let found = Pairing.matrix 7L pairs s

                      expectClose 1e-9 (asTensor expected * marked.``to`` float64) found "similarities") ]

let private squareTests =
    testList
        "squares hold all pairs once, with the similarities that they have"
        [ for name, options, isGiven in variants do
              tensorTest name (fun () ->
                  let layer = AttentionTests.conditional options
                  let parameters, views = unlike layer.Specs, viewsOf isGiven 5
                  let expected = similarities options parameters views
                  let reads = Layer.run parameters (Hierarchy.keysAndValues options) views

                  for n in 1..6 do
                      let squares, kept, pairs = Pairing.squares n (torch.arange (5, dtype = int64'))

                      Expect.equal
                          (List.sort (listed pairs))
                          [ for i in 0L .. 4L do
                                for j in i + 1L .. 4L -> i, j ]
                          $"{n}: pairs"

                      let levels =
                          [ for square in squares ->
                                Layer.run parameters (Hierarchy.conditional options) (square, reads, AttentionTests.asking options views)
                                |> List.map (Hierarchy.similarity options square views.Embeddings) ]
                          |> List.transpose

                      for expected, level in List.zip expected levels do
                          let expected = asTensor expected
                          let found = torch.cat(List.toArray level, 0L).index_select(0L, kept) |> Pairing.matrix 5L pairs
                          let others = 1.0 - torch.eye (5L, dtype = float64)
                          expectClose 1e-9 (expected * others) found $"{n}: similarities") ]

let private network =
    Network.ofMap (Layer.named "conv" (Layers.conv2d 3 9 3 1)) (Layers.meanPool --> Layer.named "embedding" (Layers.linear 9 6))

/// Total, terms and all gradients of the objective of some options on a batch.
let private trained hierarchy conditional lossName =
    let loss = All.ofText lossName 4 6
    let objective = Objective.weighted network hierarchy 1.0 conditional loss loss
    let parameters = unlike objective.Specs
    let names = Params.trainable objective.Specs

    for name in names do
        parameters[name].requires_grad_ true |> ignore

    let batch = { Images = normal 1 [ 7; 3; 4; 4 ]; Labels = labelsOf labels }
    // Some losses draw.
    torch.manual_seed 1L |> ignore
    let scored, _ = forward Training parameters objective batch
    let gradients = Grad.gradients scored.Total [ for name in names -> name, parameters[name] ]
    toFloat scored.Total, [ for name, term in scored.Terms -> name, toFloat term ], gradients

let private expectAlike (expected, terms, gradients) (actual, otherTerms, otherGradients) what =
    Expect.floatClose Accuracy.high actual expected $"{what}: total"

    for (name, value), (_, other) in List.zip terms otherTerms do
        Expect.floatClose Accuracy.high other value $"{what}: {name}"

    for (name, gradient), (_, other) in List.zip gradients otherGradients do
        expectClose 1e-9 gradient other $"{what}: gradient by {name}"

let private everything = { Conditional.plain 0.5 with Distillation = 1.0 }

let private trainingTests =
    testList
        "training"
        [ for lossName in [ "multi-similarity"; "margin"; "smooth-ap" ] do
              tensorTest $"K = B - 1, and blocks of any size, train as all pairs do: {lossName}" (fun () ->
                  let hierarchy = { options 2 with Residual = true; After = Level.After.FeedForward }
                  let all = trained hierarchy everything lossName
                  expectAlike all (trained hierarchy { everything with Nearest = 6 } lossName) "K = B - 1"

                  for block in [ 1; 4; 100 ] do
                      expectAlike all (trained hierarchy { everything with Block = block } lossName) $"blocks of {block}")

          tensorTest "blocks of the nearest pairs train as the nearest pairs at once, and not as all pairs" (fun () ->
              let hierarchy = { options 2 with Query = Hierarchy.Query.Unconditional; Agreement = Hierarchy.Agreement.OneSided }
              let nearest = { everything with Nearest = 2 }
              let atOnce = trained hierarchy nearest "multi-similarity"
              expectAlike atOnce (trained hierarchy { nearest with Block = 3 } "multi-similarity") "blocks"
              let total (value, _, _) = value
              Expect.notEqual (total atOnce) (total (trained hierarchy everything "multi-similarity")) "fewer pairs")

          tensorTest "blocks keep only one block's results alive" (fun () ->
              let f (inputs: Tensor list) (piece: int) = (inputs.Head * float piece).exp().log().sum().reshape(1L, 1L)
              let x = normal 1 [ 100 ] / 100.0
              let before = torch.Tensor.TotalCount
              let pieces = [ 1..200 ]
              let values = Recomputed.values f [ x ] pieces
              let gradients = Recomputed.gradients f [ x ] pieces (torch.ones_like values)
              Expect.isLessThan (torch.Tensor.TotalCount - before) 450L "live tensors"
              expectClose 1e-6 (torch.ones (100L, dtype = float64) * 20100.0) gradients.Head "gradient") ]

let tests = testList "Pairing" [ choiceTests; loopTests; squareTests; trainingTests ]
