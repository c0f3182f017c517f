/// A few images at a time through the encoder, against the whole batch at once.
module CondEmbed.Tests.MicroBatchTests

open System
open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let private networkOf = TwoStages.networkOf 9

let private featuresOf norm last = TwoStages.featuresOf norm 9 last

let private frozen = featuresOf (Layer.frozen (Layers.batchNorm 5)) (Layer.lift id)

let private batch () : Batch = { Images = normal 1 [ 7; 3; 4; 4 ]; Labels = labelsOf [ 0; 0; 0; 1; 1; 2; 3 ] }

let private none = Hierarchy.plain { Channels = 9; Embedding = 6; Heads = 2 } 0
let private levels count = { none with Levels = count }
let private noLevels = Conditional.plain 0.5

/// What a step is made of.
type private Case =
    { Network: Network
      Hierarchy: Hierarchy.Options
      Conditional: Conditional.Options
      Teacher: FeatureDistillation.Options
      Loss: Loss
      LevelLoss: Loss }

let private plain =
    let loss = Losses.All.ofText "multi-similarity" 4 6

    { Network = networkOf frozen "mean" true
      Hierarchy = none
      Conditional = noLevels
      Teacher = FeatureDistillation.none
      Loss = loss
      LevelLoss = loss }

let private objective size case : Objective =
    Objective.inMicroBatches size case.Network case.Hierarchy 0.7 case.Conditional case.Teacher case.Loss case.LevelLoss

let private parametersOf (objective: Objective) =
    let parameters =
        started [ for spec in objective.Specs -> if spec.Role = Trainable then { spec with Init = Normal 0.4 } else spec ]

    for name in Params.trainable objective.Specs do
        parameters[name].requires_grad_ true |> ignore

    parameters

/// Total, terms, statistics and gradients of a step.
let private taken size case =
    let objective = objective size case
    let parameters = parametersOf objective
    // Some losses draw.
    torch.manual_seed 5L |> ignore
    let scored, reported = forward Training parameters objective (batch ())

    [ "total", scored.Total; yield! scored.Terms; yield! reported ],
    Grad.gradients scored.Total [ for name in Params.trainable objective.Specs -> name, parameters[name] ],
    Randomness.state ()

let private expectAlike case =
    let values, gradients, random = taken 0 case

    for size in [ 1; 3; 6; 7; 100 ] do
        let values', gradients', random' = taken size case
        Expect.equal (List.map fst values') (List.map fst values) $"{size}: what there is"

        for (name, expected), (_, actual) in List.zip (values @ gradients) (values' @ gradients') do
            expectClose 1e-10 (expected.detach ()) (actual.detach ()) $"{size}: {name}"

        Expect.sequenceEqual random' random $"{size}: what the loss draws"

let private conditional = { noLevels with Distillation = 1.0 }

let private cases =
    [ for loss in Losses.All.names do
          $"the loss {loss}", { plain with Loss = Losses.All.ofText loss 4 6 }
      for pooling in [ "mean"; "max"; "gem"; "grid"; "class" ] do
          $"pooling {pooling}, head without a norm", { plain with Network = networkOf frozen pooling false }
      "a network with a head of its own",
      { plain with
          Network = Network.ofMap (frozen |> Layer.map _.Map) (Layers.meanPool --> Layer.named "embedding" (Layers.linear 9 6)) }
      "features with the images themselves among them",
      (let features =
          Layer.create frozen.Specs (fun env images ->
              let features = frozen.Forward env images
              { features with Earlier = features.Earlier @ [ images ] })

       let head = Layers.meanPool --> Layer.named "embedding" (Layers.linear 9 6)
       { plain with Network = { Network.ofMap (Layer.lift id) head with Features = features } })
      "a memory", { plain with Loss = plain.Loss |> CondEmbed.Memory.remembering { Size = 9; Start = 0; Weight = 1.0 } 6 }
      "a teacher of features", { plain with Teacher = { Weight = 3.0; Temperature = 0.7; Start = 0 } }
      "levels, taught and teaching",
      { plain with
          Hierarchy = { levels 2 with Residual = true; After = Level.After.FeedForward }
          Conditional = conditional
          Teacher = { Weight = 3.0; Temperature = 0.7; Start = 0 } }
      "levels that read stages and the class token's embedding",
      { plain with
          Network = networkOf frozen "class" true
          Hierarchy = { levels 2 with Stages = [ 9; 5 ] }
          Conditional = conditional }
      "levels on the nearest pairs in blocks",
      { plain with Hierarchy = levels 2; Conditional = { conditional with Nearest = 2; Block = 3 } }
      "levels that read tokens through the head and its norm",
      { plain with Hierarchy = { levels 1 with Form = Level.Form.Group None }; Conditional = conditional }
      "levels alone", { plain with Hierarchy = levels 1; Conditional = { conditional with LevelsAlone = true } }
      "levels by proxies",
      (let proxies = Losses.All.ofText "proxy-anchor" 4 6
       { plain with Hierarchy = levels 1; Loss = proxies; LevelLoss = proxies }) ]

let private method' size : Train.Method = { Train.plain 0.01 10 (objective size { plain with Hierarchy = levels 1 }) with Clip = 1.0 }

/// Drops half of the numbers of the map.
let private dropping = networkOf (featuresOf (Layer.frozen (Layers.batchNorm 5)) (Layers.dropout 0.5)) "mean" true

let tests =
    testList
        "Micro-batches"
        [ testList
              "equal the whole batch in values, statistics, gradients and draws"
              [ for name, case in cases do
                    tensorTest name (fun () -> expectAlike case) ]

          tensorTest "train as the whole batch does, step after step" (fun () ->
              use whole = Train.start 1L torch.CPU float64 (method' 0)
              use pieces = Train.start 1L torch.CPU float64 (method' 3)

              for _ in 1..5 do
                  let expected = Train.step (method' 0) whole (batch ())
                  let report = Train.step (method' 3) pieces (batch ())
                  Expect.floatClose Accuracy.high report.Loss expected.Loss "loss"
                  Expect.floatClose Accuracy.high report.GradientNorm expected.GradientNorm "length of the gradient"

              for name, expected in Params.toSeq whole.Params do
                  expectClose 1e-8 (expected.detach ()) (pieces.Params[name].detach()) name)

          tensorTest "draw the same in both passes, and the second pass leaves the generator alone" (fun () ->
              let objective = objective 3 { plain with Network = dropping }

              let total (leaves: Params) =
                  torch.manual_seed 3L |> ignore
                  (fst (forward Training leaves objective (batch ()))).Total

              let parameters = parametersOf objective |> Params.map (fun _ leaf -> leaf.detach ())
              let conv = parameters["conv1.weight"]
              let byConv leaf = parameters |> Params.map (fun name other -> if name = "conv1.weight" then leaf else other) |> total
              Expect.isLessThan (Grad.deviation byConv conv) 1e-7 "the gradient by the encoder"
              let after = Randomness.state ()
              torch.manual_seed 3L |> ignore

              for start, count in [ 0L, 3L; 3L, 3L; 6L, 1L ] do
                  forward Training parameters dropping.Features ((batch ()).Images.narrow(0L, start, count)) |> ignore

              let once = Randomness.state ()

              total (
                  parameters
                  |> Params.map (fun name leaf -> leaf.detach().requires_grad_(not (name.Contains "running")))
              )
              |> ignore

              Expect.sequenceEqual (Randomness.state ()) once "the state after a step"
              Expect.sequenceEqual after once "the state without gradients")

          tensorTest "are refused where a norm of the encoder takes statistics of the batch" (fun () ->
              let objective = objective 3 { plain with Network = networkOf (featuresOf (Layers.batchNorm 5) (Layer.lift id)) "mean" true }
              let parameters = parametersOf objective
              let problem = Expect.throwsC (fun () -> forward Training parameters objective (batch ()) |> ignore) id
              Expect.isTrue (problem :? ArgumentException) "kind"
              Expect.stringContains problem.Message "'bn1.running_mean' is a statistic of the whole batch" "message") ]
