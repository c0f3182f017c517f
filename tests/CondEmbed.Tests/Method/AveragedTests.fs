/// Levels that are asked by averages of the weights.
module CondEmbed.Tests.AveragedTests

open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.LevelLoops
open CondEmbed.Tests.Support
open TorchSharp

let private loops =
    testList
        "equals loops over pairs"
        [ for name, options, isGiven in variants do
              if not options.Residual then
                  for keys in [ false; true ] do
                      tensorTest $"{name}, keys {keys}" (fun () ->
                          let layer = AttentionTests.conditional options
                          let parameters, views = unlike layer.Specs, viewsOf isGiven 3 |> averaged keys
                          let expected = conditionals options parameters views

                          for level, (expected, actual) in List.indexed (List.zip expected.Tail (Layer.run parameters layer views)) do
                              let rows = [ for row in Array.concat expected -> List.ofArray row ]
                              expectClose 1e-9 ((matrixOf rows).reshape(3L, 3L, 6L)) actual $"level {level + 1}") ]

let private network =
    Network.ofMap
        (Layer.named "conv" (Layers.conv2d 3 9 3 1) --> Layer.named "bn" (Layers.batchNorm 9))
        (Layers.meanPool --> Layer.named "embedding" (Layers.linear 9 6))

let private loss = All.ofText "multi-similarity" 3 6

let private options average = { Conditional.plain 0.5 with Average = average }

let private objective hierarchy average = Objective.weighted network hierarchy 1.0 (options average) loss loss

let private training average : Train.Method =
    let objective = objective (LevelLoops.options 1) average
    let ofTests (spec: ParamSpec) = not (spec.Name.StartsWith "loss.")

    { Train.plain 0.05 20 objective with
        Average = Some { Decay = 0.7; Of = List.filter ofTests objective.Specs } }

let private batchOf seed : Batch = { Images = normal seed [ 6; 3; 4; 4 ]; Labels = labelsOf [ 0; 0; 1; 1; 2; 2 ] }

let private start recipe = Train.start 1L torch.CPU float64 recipe

/// The views of a batch with some parameters.
let private viewsBy mode parameters (batch: Batch) =
    let env = { Params = parameters; Mode = mode; Report = (fun _ _ -> ()); Team = Team.alone }
    let features = network.Features.Forward env batch.Images
    Hierarchy.viewsOf network (LevelLoops.options 1) env features (network.Head.Forward env features)

let private steps =
    testList
        "training"
        [ for average in [ Conditional.Average.Queries; Conditional.Average.QueriesAndKeys ] do
              tensorTest $"asks by what evaluation would embed: {average}" (fun () ->
                  let recipe = training average
                  use state = start recipe

                  for step in 0..4 do
                      let batch = batchOf step

                      let views =
                          { viewsBy Training state.Params batch with
                              Averaged = Some { Of = viewsBy Testing state.Evaluated batch; Keys = average.IsQueriesAndKeys } }

                      let terms = Conditional.terms (LevelLoops.options 1) (options Conditional.Average.None) loss
                      let expected = fst (forward Training state.Params terms (views, batch.Labels))
                      let expected = toFloat (snd expected.Named.Head)
                      let report = scoped (fun () -> Train.step recipe state batch)
                      Expect.floatClose Accuracy.veryHigh (List.last report.Terms |> snd) expected $"level 1 at step {step}")

          tensorTest "is another one than without averages" (fun () ->
              let run average =
                  let recipe = training average
                  use state = start recipe
                  [ for step in 0..3 -> (scoped (fun () -> Train.step recipe state (batchOf step))).Loss ]

              let losses =
                  [ for average in [ Conditional.Average.None; Conditional.Average.Queries; Conditional.Average.QueriesAndKeys ] ->
                        run average ]

              Expect.hasLength (List.distinct losses) 3 "losses")

          tensorTest "has averages, and levels that do not add to the embeddings" (fun () ->
              let recipe = { training Conditional.Average.Queries with Average = None }
              use state = start recipe

              Expect.throwsC (fun () -> Train.step recipe state (batchOf 1) |> ignore) (fun problem ->
                  Expect.stringContains problem.Message "Average" "no averages")

              Expect.throwsT<System.ArgumentException>
                  (fun () -> objective { LevelLoops.options 1 with Residual = true } Conditional.Average.Queries |> ignore)
                  "residual levels") ]

let tests = testList "Averaged" [ loops; steps ]
