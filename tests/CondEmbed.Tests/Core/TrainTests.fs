module CondEmbed.Tests.TrainTests

open System
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

/// Convolution, norm, pooled head; 8 wide; two levels and a loss with proxies.
let private network =
    Network.ofMap
        (Layer.named "conv" (Layers.conv2d 3 8 3 1) --> Layer.named "bn" (Layers.batchNorm 8) --> Layers.relu)
        (Layers.meanPool --> Layer.named "embedding" (Layers.linear 8 6))

let private hierarchy = Hierarchy.plain { Channels = 8; Embedding = 6; Heads = 2 } 2

let private everything: Groups.Rule = { Pattern = "*"; Treatment = Groups.Trained(1.0, 0.01) }

let private loss name = All.ofText name 3 6

let private recipe: Train.Method =
    { Objective = Objective.conditional network hierarchy 0.5 (loss "proxy-anchor") (loss "multi-similarity")
      Optimiser = Optimiser.adamW
      Rules = [ everything ]
      Beginnings = []
      Rate = fun _ -> 0.01
      Clip = 10.0
      Average = None
      Team = Team.alone }

/// Six images of three classes that differ in colour, with noise that the seed draws.
let private batchOf seed =
    let colours = matrixOf [ [ 1.0; 0.0; 0.0 ]; [ 0.0; 1.0; 0.0 ]; [ 0.0; 0.0; 1.0 ] ]
    let labels = labelsOf [ 0; 1; 2; 0; 1; 2 ]

    { Images = colours.index_select(0L, labels).reshape(6L, 3L, 1L, 1L) + 0.5 * normal seed [ 6; 3; 5; 5 ]
      Labels = labels }

let private start seed recipe = Train.start seed torch.CPU float64 recipe

let private train steps recipe state = [ for seed in 1..steps -> scoped (fun () -> Train.step recipe state (batchOf seed)) ]

let private copyOf (parameters: Params) = parameters |> Params.map (fun _ tensor -> tensor.detach().clone())

let private expectSameParams (expected: Params) (actual: Params) what =
    Expect.equal actual.Names expected.Names $"{what}: names"

    for name in expected.Names do
        expectSame (expected[name].detach()) (actual[name].detach()) $"{what}: {name}"

let private learning =
    testList
        "learning"
        [ tensorTest "lowers the loss, and reports step, terms, rate and gradient" (fun () ->
              use state = start 1L recipe
              let reports = train 60 recipe state
              let mean (reports: Train.Report list) = reports |> List.averageBy _.Loss
              Expect.isLessThan (mean (List.skip 50 reports)) (0.7 * mean (List.take 10 reports)) "the loss"
              Expect.equal [ for report in reports -> report.Step ] [ 1..60 ] "steps"
              Expect.equal state.Step 60 "steps of the state"
              let first = reports.Head
              Expect.equal (List.map fst first.Terms) [ "loss"; "level1"; "level2" ] "terms"

              let term name = first.Terms |> List.find (fst >> (=) name) |> snd

              Expect.floatClose Accuracy.high first.Loss (term "loss" + 0.5 * (term "level1" + term "level2")) "the weighted sum"
              Expect.equal first.Rate 0.01 "the rate"
              Expect.isGreaterThan first.GradientNorm 0.0 "the gradient")

          tensorTest "from the same seed gives the same weights, bit for bit; from another seed not" (fun () ->
              use first = start 1L recipe
              use second = start 1L recipe
              use other = start 2L recipe

              for state in [ first; second; other ] do
                  train 5 recipe state |> ignore

              expectSameParams first.Params second.Params "parameters"
              expectSameParams first.Moments second.Moments "moments"
              Expect.isFalse (first.Params["conv.weight"].allclose other.Params["conv.weight"]) "another seed")

          tensorTest "keeps each leaf's identity and makes no tensor that outlives the step" (fun () ->
              use state = start 1L recipe

              let handles () = [ for _, tensor in Params.toSeq state.Params -> tensor.Handle ]

              let before = handles ()
              let batch = batchOf 1
              let step () = Train.step recipe state batch |> ignore

              let liveAfter steps =
                  for _ in 1..steps do
                      step ()

                  GC.Collect()
                  GC.WaitForPendingFinalizers()
                  torch.Tensor.TotalCount

              let few = liveAfter 10
              let many = liveAfter 190
              Expect.equal many few "live tensors after steps 10 and 200"
              Expect.equal (handles ()) before "identity")

          tensorTest "averages weights and statistics as loops do, and trains as without that" (fun () ->
              let ofNetwork = network.Features.Specs @ network.Head.Specs
              let averaging = { recipe with Average = Some { Decay = 0.3; Of = ofNetwork } }
              use state = start 1L averaging
              use plain = start 1L recipe
              expectSameParams state.Params state.Evaluated "before the first step"
              let mutable expected = copyOf state.Params

              for step in 0..6 do
                  let batch = batchOf step
                  Train.step averaging state batch |> ignore
                  Train.step recipe plain batch |> ignore
                  let kept = min 0.3 (float step / float (step + 9))
                  expected <- expected |> Params.map (fun name x -> kept * x + (1.0 - kept) * state.Params[name].detach())

              expectSameParams plain.Params state.Params "training"

              for spec in ofNetwork do
                  expectClose 1e-12 expected[spec.Name] (state.Evaluated[spec.Name].detach()) spec.Name

              Expect.isFalse (state.Evaluated["conv.weight"].allclose state.Params["conv.weight"]) "an average"
              expectSame (state.Params["loss.proxies"].detach()) (state.Evaluated["loss.proxies"].detach()) "what is for training alone"
              expectSameParams plain.Params plain.Evaluated "without an average")

          tensorTest "begins leaves later: untouched until then, and from then on as by an optimiser made then" (fun () ->
              let late = { recipe with Beginnings = [ { Leaves = "conv.*"; Step = 3 }; { Leaves = "bn.*"; Step = 3 } ] }

              let rules: Groups.Rule list =
                  [ { Pattern = "conv.*"; Treatment = Groups.Frozen }
                    { Pattern = "bn.*"; Treatment = Groups.Frozen }
                    everything ]

              use state = start 1L late
              use frozen = start 1L { recipe with Rules = rules }
              let first = copyOf state.Params
              train 3 late state |> ignore
              train 3 { recipe with Rules = rules } frozen |> ignore
              expectSameParams frozen.Params state.Params "as frozen"
              expectSame first["conv.weight"] (state.Params["conv.weight"].detach()) "untouched"
              use fresh = start 1L recipe
              Params.commit fresh.Params (copyOf state.Params |> Params.toSeq)

              for seed in 11..13 do
                  // The others are not compared: they go on with their moments, and this twin's begin.
                  let others =
                      copyOf state.Params
                      |> Params.toSeq
                      |> Seq.filter (fun (name, _) -> not (name.StartsWith "conv." || name.StartsWith "bn."))

                  Params.commit fresh.Params others
                  Train.step late state (batchOf seed) |> ignore
                  Train.step recipe fresh (batchOf seed) |> ignore

                  for name in [ "conv.weight"; "bn.weight"; "bn.running_mean" ] do
                      expectSame (fresh.Params[name].detach()) (state.Params[name].detach()) name

              Expect.isFalse (state.Params["conv.weight"].allclose first["conv.weight"]) "it is trained"

              let words pattern =
                  Expect.throwsC (fun () -> start 1L { recipe with Beginnings = [ { Leaves = pattern; Step = 3 } ] } |> ignore) _.Message

              Expect.stringContains (words "layer9*") "'layer9*' matches no parameter that is trained" "a misspelt pattern"
              use none = start 1L { recipe with Beginnings = [ { Leaves = "*"; Step = 3 } ] }

              Expect.throwsC
                  (fun () -> Train.step { recipe with Beginnings = [ { Leaves = "*"; Step = 3 } ] } none (batchOf 1) |> ignore)
                  (fun problem -> Expect.stringContains problem.Message "nothing to train" "nothing has begun"))

          tensorTest "commits the statistics that the layers report" (fun () ->
              use state = start 1L recipe
              let batch = batchOf 1

              let map = fst (forward Training state.Params (Layer.named "conv" (Layers.conv2d 3 8 3 1)) batch.Images)

              Train.step recipe state batch |> ignore
              expectClose 1e-12 (0.1 * map.detach().mean [| 0L; 2L; 3L |]) state.Params["bn.running_mean"] "running mean")

          tensorTest "counts steps from one: the first step of AdamW is as long as the rate, in each leaf" (fun () ->
              use state = start 1L recipe
              let before = copyOf state.Params
              train 1 recipe state |> ignore

              for name in Params.trainable recipe.Objective.Specs do
                  let decayed = (1.0 - 0.01 * 0.01) * before[name]
                  let longest = (state.Params[name] - decayed).abs().max() |> toFloat
                  Expect.floatClose { absolute = 1e-5; relative = 0.0 } longest 0.01 name)

          tensorTest "asks the rate of the step about to be done, and scales it by each group's factor" (fun () ->
              let slow =
                  { recipe with
                      Optimiser = Optimiser.Sgd(0.0, false)
                      Clip = 0.0
                      Rules = [ { Pattern = "embedding.*"; Treatment = Groups.Trained(0.0, 0.0) }; everything ]
                      Rate = fun step -> float step }

              use state = start 1L slow
              let before = copyOf state.Params
              let reports = train 1 slow state
              Expect.equal reports.Head.Rate 0.0 "the first step is step 0"
              expectSame before["conv.weight"] (state.Params["conv.weight"].detach()) "no rate, no move"
              train 1 slow state |> ignore
              expectSame before["embedding.weight"] (state.Params["embedding.weight"].detach()) "factor 0"
              Expect.isFalse (before["conv.weight"].allclose state.Params["conv.weight"]) "factor 1")

          tensorTest "does not move frozen leaves, and keeps no moments of them" (fun () ->
              let half = { recipe with Rules = [ { Pattern = "conv.*"; Treatment = Groups.Frozen }; everything ] }

              use state = start 1L half
              let before = copyOf state.Params
              train 3 half state |> ignore
              expectSame before["conv.weight"] state.Params["conv.weight"] "frozen"
              Expect.isFalse state.Params["conv.weight"].requires_grad "no gradient"
              Expect.isFalse (before["embedding.weight"].allclose state.Params["embedding.weight"]) "trained"

              let ofConv = state.Moments.Names |> List.filter (fun name -> name.StartsWith "conv.")

              Expect.isEmpty ofConv "moments")

          tensorTest "clips the gradient before the update, and reports its length before" (fun () ->
              let plain =
                  { recipe with
                      Optimiser = Optimiser.Sgd(0.0, false)
                      Rate = fun _ -> 1.0
                      Rules = [ { everything with Treatment = Groups.Trained(1.0, 0.0) } ]
                      Clip = 0.001 }

              use state = start 1L plain
              let before = copyOf state.Params
              let report = (train 1 plain state).Head
              Expect.isGreaterThan report.GradientNorm 0.01 "the whole gradient"

              let moved = [ for name in Params.trainable plain.Objective.Specs -> name, (state.Params[name] - before[name]).detach() ]

              Expect.floatClose Accuracy.medium (toFloat (Grad.norm moved)) 0.001 "the clipped one") ]

let private failing =
    testList
        "a step that fails"
        [ tensorTest "because something is not finite names the terms and leaves the state as it was" (fun () ->
              use state = start 1L recipe
              train 2 recipe state |> ignore
              let parameters, moments = copyOf state.Params, copyOf state.Moments
              let broken = batchOf 3
              broken.Images[0L, 0L, 0L, 0L] <- torch.tensor nan
              let problem = Expect.throwsC (fun () -> Train.step recipe state broken |> ignore) id
              Expect.isTrue (problem :? ArithmeticException) "an ArithmeticException"

              for word in [ "Step 3 is not finite"; "loss"; "level2"; "learning rate" ] do
                  Expect.stringContains problem.Message word "the message"

              Expect.equal state.Step 2 "steps"
              expectSameParams parameters state.Params "parameters"
              expectSameParams moments state.Moments "moments")

          tensorTest "because a leaf is not used names it" (fun () ->
              let objective =
                  Layer.create (recipe.Objective.Specs @ (Layer.named "unused" (Layers.linear 2 2)).Specs) recipe.Objective.Forward

              let wasteful = { recipe with Objective = objective }
              use state = start 1L wasteful

              let problem = Expect.throwsC (fun () -> Train.step wasteful state (batchOf 1) |> ignore) id

              Expect.stringContains problem.Message "'unused.weight'" "the name")

          tensorTest "because every leaf is frozen says so" (fun () ->
              let still = { recipe with Rules = [ { everything with Treatment = Groups.Frozen } ] }

              use state = start 1L still
              rejects [ "Every parameter is frozen"; "freeze" ] (fun () -> Train.step still state (batchOf 1) |> ignore))

          testCase "levels refuse proxies that the loss does not have; the baseline takes any" (fun () ->
              let anchor = loss "proxy-anchor"

              let refused (labels: Tensor) words =
                  let objective = Objective.baseline network anchor
                  let images = normal 1 [ 4; 3; 8; 8 ]

                  Expect.throwsC
                      (fun () -> Layer.run (started objective.Specs) objective { Images = images; Labels = labels } |> ignore)
                      (fun error ->
                          for word in words do
                              Expect.stringContains error.Message word "the message")

              refused (labelsOf [ 0; 1 ]) [ "4 images"; "[2]" ]
              refused (torch.zeros (4L, dtype = float32)) [ "Int64"; "Float32" ]
              refused (labelsOf [ 0; 1; 2; 3 ]) [ "0 to 2"; "to 3" ]

              let problem =
                  Expect.throwsC (fun () -> Objective.conditional network hierarchy 1.0 (loss "multi-similarity") anchor |> ignore) id

              Expect.isTrue (problem :? ArgumentException) "an ArgumentException"
              Expect.contains [ for spec in (Objective.baseline network anchor).Specs -> spec.Name ] "loss.proxies" "proxies") ]

let tests = testList "Train" [ learning; failing; SessionTests.tests ]
