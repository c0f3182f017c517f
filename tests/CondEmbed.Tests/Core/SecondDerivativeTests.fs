/// Second derivatives of every loss and of whole objectives, against differences of the first: whatever saves work or memory by knowing one derivative only has to step aside.
module CondEmbed.Tests.SecondDerivativeTests

open Expecto
open CondEmbed
open CondEmbed.Layers
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

/// What holds a part of itself fixed by definition: its gradient is not that of any function, so neither is what follows.
let private holdsFixed = set [ "circle" ]

/// Any, of a few embeddings: its gradient against differences of its values; and the gradient's own along a direction.
let private ofLosses =
    testList
        "losses twice"
        [ for name in All.names do
              if not (holdsFixed.Contains name) then
                  tensorTest $"{name}: second derivatives equal differences of the first" (fun () ->
                      let labels, e, along = labelsOf [ 0; 0; 1; 1; 2; 2 ], normal 7 [ 6; 5 ], normal 8 [ 6; 5 ]
                      let loss = Loss.onEmbeddings (All.ofText name 3 5)
                      let parameters = started loss.Specs

                      let value e =
                          // Some losses draw.
                          torch.manual_seed 5L |> ignore
                          Layer.apply Mode.Training parameters loss (e, labels)

                      let moved (step: float) = Grad.grad value (e + step * along)
                      let differences = (moved 1e-5 - moved -1e-5) / 2e-5
                      let size = max 1.0 (toFloat (differences.abs().max()))
                      expectClose (1e-6 * size) differences (Grad.hvp value e along) "H v"

                      // By hand, with nobody told that there will be a second one.
                      let leaf = e.clone().requires_grad_ true
                      let first = Grad.differentiable (value leaf) [ "e", leaf ] |> List.head |> snd

                      if first.requires_grad then
                          let byHand = Grad.gradientsOrZero ((first * along).sum()) [ "e", leaf ] |> List.head |> snd
                          expectClose (1e-6 * size) differences byHand "by hand") ]

/// The whole objective by its parameters, in each way in which its levels and features can be computed; memory is saved by second passes, which know first derivatives only.
let private ofObjectives =
    let network norm =
        Network.ofMap
            (Layer.named "conv" (conv2d 3 4 3 1) --> Layer.named "norm" norm --> gelu)
            (meanPool --> Layer.named "embedding" (linear 4 5))

    let hierarchy = Hierarchy.plain { Channels = 4; Embedding = 5; Heads = 1 } 1
    // Made by the tests, since the list of them is made before there is a torch.
    let batch () : Batch = { Images = normal 1 [ 6; 3; 4; 4 ]; Labels = labelsOf [ 0; 0; 1; 1; 2; 2 ] }

    let objective norm size (conditional: Conditional.Options) =
        let loss = All.ofText "nt-xent(temperature=0.5)" 3 5
        Objective.inMicroBatches size (network norm) hierarchy 0.7 conditional FeatureDistillation.none loss loss

    testList
        "objectives twice"
        [ for name, norm, size, block in
              [ "all pairs, a norm in training", batchNorm 4, 0, 0
                "pairs in blocks", Layer.frozen (batchNorm 4), 0, 4
                "images a few at a time", Layer.frozen (batchNorm 4), 2, 0 ] do
              tensorTest $"{name}: second derivatives by the parameters equal differences of the first" (fun () ->
                  let batch = batch ()
                  let objective = objective norm size { Conditional.plain 0.5 with Block = block }
                  let parameters = started objective.Specs
                  let value parameters = (Layer.apply Mode.Training parameters objective batch).Total
                  let flat = Params.flat parameters
                  let trained = set (Params.trainable objective.Specs)

                  // Statistics count as constants.
                  let along =
                      Params.shaped parameters (normal 9 [ int (flat.numel ()) ])
                      |> Params.map (fun name x -> if trained.Contains name then x else torch.zeros_like x)
                      |> Params.flat

                  let moved (step: float) = Params.shaped parameters (flat + step * along) |> Grad.ofParams Grad.grad value

                  let differences = (moved 1e-6 - moved -1e-6) / 2e-6
                  let product = parameters |> Grad.ofParams (fun f x -> Grad.hvp f x along) value
                  let size = max 1.0 (toFloat (differences.abs().max()))
                  expectClose (1e-5 * size) differences product "H v") ]

let tests = testList "Second derivatives" [ ofLosses; ofObjectives ]
