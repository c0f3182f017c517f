module CondEmbed.Tests.OptimiserTests

open System
open Expecto
open CondEmbed
open CondEmbed.Tests.Support
open TorchSharp

let private close = { absolute = 1e-12; relative = 1e-12 }

/// Ten steps on one leaf with given gradients by torch's own optimiser.
let private byTorch (make: Modules.Parameter -> torch.optim.Optimizer) (start: Tensor) (gradients: Tensor list) =
    use leaf = torch.nn.Parameter(start.clone ())
    use optimiser = make leaf

    [ for gradient in gradients do
          leaf.grad <- gradient.clone ()
          optimiser.step () |> ignore
          (leaf :> Tensor).detach().clone() ]

/// leaf, mean, square, gradient, all of one shape -> new values of the first three: a step of AdamW as the paper writes it; t counts from 1.
let private pureAdamW
    (b1: float, b2: float, epsilon: float)
    (rate: float)
    (decay: float)
    t
    (leaf: Tensor, mean: Tensor, square: Tensor)
    (g: Tensor)
    =
    let mean = b1 * mean + (1.0 - b1) * g
    let square = b2 * square + (1.0 - b2) * g * g

    let direction = mean / (1.0 - b1 ** float t) / ((square / (1.0 - b2 ** float t)).sqrt() + epsilon)

    leaf - rate * (direction + decay * leaf), mean, square

/// leaf, momentum (zero before the first step), gradient, all of one shape -> new values of the first two: a step of SGD as torch.optim writes it.
let private pureSgd (momentum: float, nesterov) (rate: float) (decay: float) (leaf: Tensor, velocity: Tensor) (g: Tensor) =
    let g = g + decay * leaf
    let velocity = momentum * velocity + g
    leaf - rate * (if nesterov then g + momentum * velocity else velocity), velocity

let private start () = normal 1 [ 3; 2 ]

let private gradients () = [ for step in 1..10 -> normal (10 + step) [ 3; 2 ] ]

/// Ten steps of ours in place; the leaf after each.
let private inPlace rule rate decay =
    let leaf = start ()
    let moments = [ for _ in Optimiser.moments rule -> torch.zeros_like leaf ]
    let handle = leaf.Handle

    [ for step, gradient in List.indexed (gradients ()) do
          Optimiser.step rule rate decay (step + 1) [| { Leaf = leaf; Kept = moments; Gradient = gradient } |]
          Expect.equal leaf.Handle handle "the leaf keeps its identity"
          leaf.clone () ]

let private expectSteps (expected: Tensor list) (actual: Tensor list) =
    for step, (expected, actual) in List.indexed (List.zip expected actual) do
        expectClose 1e-13 expected actual $"after step {step + 1}"

let private stepTests =
    testList
        "ten steps"
        [ for decay in [ 0.0; 0.1 ] do
              tensorTest $"of AdamW equal torch's and the pure twin, weight decay {decay}" (fun () ->
                  let constants = 0.8, 0.95, 1e-6
                  let ours = inPlace (Optimiser.AdamW constants) 0.05 decay

                  let torchs =
                      byTorch
                          (fun leaf ->
                              torch.optim.AdamW([| leaf |], lr = 0.05, beta1 = 0.8, beta2 = 0.95, eps = 1e-6, weight_decay = decay))
                          (start ())
                          (gradients ())

                  let zero = torch.zeros_like (start ())

                  let pure' =
                      ((start (), zero, zero), List.indexed (gradients ()))
                      ||> List.scan (fun state (step, g) -> pureAdamW constants 0.05 decay (step + 1) state g)
                      |> List.tail
                      |> List.map (fun (leaf, _, _) -> leaf)

                  expectSteps torchs ours
                  expectSteps pure' ours)

          for momentum, nesterov, decay in [ 0.0, false, 0.0; 0.0, false, 0.1; 0.9, false, 0.1; 0.9, true, 0.1 ] do
              tensorTest $"of SGD equal torch's and the pure twin, momentum {momentum}, Nesterov {nesterov}, decay {decay}" (fun () ->
                  let ours = inPlace (Optimiser.Sgd(momentum, nesterov)) 0.05 decay

                  let torchs =
                      byTorch
                          (fun leaf -> torch.optim.SGD([| leaf |], 0.05, momentum = momentum, weight_decay = decay, nesterov = nesterov))
                          (start ())
                          (gradients ())

                  let pure' =
                      ((start (), torch.zeros_like (start ())), gradients ())
                      ||> List.scan (pureSgd (momentum, nesterov) 0.05 decay)
                      |> List.tail
                      |> List.map fst

                  expectSteps torchs ours
                  expectSteps pure' ours)

          tensorTest "leave the gradient as it was" (fun () ->
              let leaf, g = start (), normal 3 [ 3; 2 ]
              Optimiser.step (Optimiser.Sgd(0.0, false)) 0.1 0.5 1 [| { Leaf = leaf; Kept = []; Gradient = g } |]
              expectSame (normal 3 [ 3; 2 ]) g "gradient")

          for rule in [ Optimiser.adamW; Optimiser.Sgd(0.9, true) ] do
              tensorTest $"of a kernel are the same in either layout, whatever the gradient's: {rule}" (fun () ->
                  let moved layout gradientLayout =
                      let leaf: Tensor = normal 1 [ 4; 3; 2; 5 ] |> layout
                      let kept = [ for _ in Optimiser.moments rule -> torch.zeros_like leaf ]

                      for t in 1..3 do
                          let gradient = normal (10 + t) [ 4; 3; 2; 5 ] |> gradientLayout
                          Optimiser.step rule 0.05 0.1 t [| { Leaf = leaf; Kept = kept; Gradient = gradient } |]

                      leaf

                  let expected = moved id id

                  for layout, gradientLayout in [ id, channelsLast; channelsLast, id; channelsLast, channelsLast ] do
                      expectSame expected (moved layout gradientLayout) "leaf")

          tensorTest "find the kernels of a network channels-last, which its gradients are too" (fun () ->
              let layer = Layers.conv2d 3 4 3 1
              let parameters = drawn 1L float32 layer.Specs
              let kernel = parameters["weight"].requires_grad_ true
              let found = Layer.apply Training parameters layer ((channelsLast (normal 2 [ 2; 3; 5; 5 ])).``to`` float32)
              let gradient = Grad.gradients (found.sum ()) [ "weight", kernel ] |> List.head |> snd
              Expect.equal (kernel.stride ()) (channelsLast kernel |> _.stride()) "kernel"
              Expect.equal (gradient.stride ()) (kernel.stride ()) "gradient")

          testCase "keep the moments that each rule needs" (fun () ->
              Expect.equal (Optimiser.moments Optimiser.adamW) [ "mean"; "square" ] "AdamW"
              Expect.equal (Optimiser.moments (Optimiser.Sgd(0.9, true))) [ "momentum" ] "SGD"
              Expect.isEmpty (Optimiser.moments (Optimiser.Sgd(0.0, false))) "plain SGD") ]

let private expectFactors (schedule: Schedule.Schedule) expected =
    for step, factor in expected do
        Expect.floatClose close (schedule step) factor $"step {step}"

let private scheduleTests =
    testList
        "schedule"
        [ testCase "constant is 1, stepwise multiplies at regular steps" (fun () ->
              expectFactors Schedule.constant [ 0, 1.0; 1000, 1.0 ]
              expectFactors (Schedule.stepwise 10 0.1) [ 0, 1.0; 9, 1.0; 10, 0.1; 19, 0.1; 20, 0.01 ]
              expectFactors (Schedule.stepwise 0 0.1) [ 0, 1.0; 1, 0.1; 2, 0.01 ])

          testCase "cosine goes from 1 to 0 and stays there" (fun () ->
              let quarter = 0.5 * (1.0 + sqrt 0.5)
              expectFactors (Schedule.cosine 100) [ 0, 1.0; 25, quarter; 50, 0.5; 75, 1.0 - quarter; 100, 0.0; 150, 0.0 ]
              expectFactors (Schedule.cosine 0) [ 0, 1.0 ])

          testCase "warm-up rises evenly from above zero to 1 and then goes on from the schedule's start" (fun () ->
              let schedule = Schedule.withWarmUp 4 (Schedule.cosine 100)
              expectFactors schedule [ 0, 0.25; 1, 0.5; 3, 1.0; 4, 1.0; 54, 0.5; 104, 0.0 ]
              expectFactors (Schedule.withWarmUp 0 (Schedule.cosine 100)) [ 0, 1.0; 50, 0.5 ])

          testProperty "every factor lies in 0..1" (fun (FsCheck.NonNegativeInt step) (FsCheck.PositiveInt steps) ->
              let factor = Schedule.withWarmUp (steps / 4) (Schedule.cosine steps) step
              factor >= 0.0 && factor <= 1.0) ]

let private rule pattern treatment : Groups.Rule = { Pattern = pattern; Treatment = treatment }

let private groupTests =
    let trained = Groups.Trained(1.0, 0.1)
    let bare = Groups.Trained(2.0, 0.0)

    testList
        "groups"
        [ testCase "the first rule that fits a leaf holds" (fun () ->
              let rules = [ rule "layer?.*" Groups.Frozen; rule "*.bias" bare; rule "*" trained ]

              Expect.equal
                  (Groups.assign rules [ "layer1.conv.weight"; "layer2.bias"; "fc.bias"; "fc.weight" ])
                  [ "layer1.conv.weight", Groups.Frozen; "layer2.bias", Groups.Frozen; "fc.bias", bare; "fc.weight", trained ]
                  "treatments")

          testCase "a dot in a pattern is a dot, and case counts" (fun () ->
              let rules = [ rule "a.b" Groups.Frozen; rule "*" trained ]
              Expect.equal (Groups.assign rules [ "a.b"; "axb"; "A.b" ] |> List.map snd) [ Groups.Frozen; trained; trained ] "treatments")

          testCase "a leaf that no rule covers is an error that names it and the fix" (fun () ->
              rejects [ "No rule covers 2 parameters"; "b, c"; "'*'" ] (fun () ->
                  Groups.assign [ rule "a" trained ] [ "a"; "b"; "c" ] |> ignore))

          testCase "a pattern that fits no leaf is an error that names it and what there is" (fun () ->
              rejects [ "'layr1*'"; "did you mean 'layer1*'" ] (fun () ->
                  Groups.assign [ rule "layr1*" Groups.Frozen; rule "*" trained ] [ "layer1.weight" ] |> ignore)

              rejects [ "'*' matches no parameter"; "there are none" ] (fun () -> Groups.assign [ rule "*" trained ] [] |> ignore))

          tensorTest "rules that do not fit are refused before parameters are made, which nobody would free" (fun () ->
              let objective: Objective = Layer.create (Layers.linear 3 2).Specs (fun _ _ -> invalidOp "It is not run.")
              let training = Train.plain 0.1 10 objective

              for wrong in
                  [ { training with Beginnings = [ { Leaves = "layr1*"; Step = 3 } ] }
                    { training with Rules = [ rule "layr1*" Groups.Frozen; rule "*" trained ] } ] do
                  let before = heldTensors ()
                  rejects [ "'layr1*'" ] (fun () -> Train.start 0L torch.CPU float32 wrong |> ignore)
                  Expect.equal torch.Tensor.TotalCount before "live tensors")

          testCase "applicable keeps the rules that fit some leaf, in their order" (fun () ->
              let rules = [ rule "x*" bare; rule "a*" Groups.Frozen; rule "*" trained ]
              Expect.equal (Groups.applicable [ "a.b" ] rules) (List.tail rules) "rules") ]

let private gradTests =
    testList
        "gradients"
        [ tensorTest "valueAndGradient finds each leaf's gradient in the order of the leaves" (fun () ->
              let a, b = (normal 1 [ 2 ]).requires_grad_ true, (normal 2 [ 2 ]).requires_grad_ true

              let gradients = Grad.gradients ((a * a * b).sum()) [ "b", b; "a", a ]
              Expect.equal (List.map fst gradients) [ "b"; "a" ] "names"
              expectClose 1e-14 ((a * a).detach()) (snd gradients[0]) "by b"
              expectClose 1e-14 ((2.0 * a * b).detach()) (snd gradients[1]) "by a")

          tensorTest "a leaf that the value does not depend on is an error that names it" (fun () ->
              let a, b = (normal 1 [ 2 ]).requires_grad_ true, (normal 2 [ 2 ]).requires_grad_ true

              let problem = Expect.throwsC (fun () -> Grad.gradients (a.sum ()) [ "a", a; "b.weight", b ] |> ignore) id

              Expect.isTrue (problem :? ArgumentException) "an ArgumentException"
              Expect.stringContains problem.Message "does not depend on 'b.weight'" "the name")

          tensorTest "norm is the length of all gradients together; clip bounds it and keeps the direction" (fun () ->
              let gradients = [ "a", matrixOf [ [ 3.0; 0.0 ] ]; "b", matrixOf [ [ 4.0 ] ] ]
              let length = Grad.norm gradients
              Expect.floatClose close (toFloat length) 5.0 "length"
              Grad.clip 10.0 length gradients
              expectSame (matrixOf [ [ 3.0; 0.0 ] ]) (snd gradients[0]) "a short gradient stays"
              Grad.clip 1.0 length gradients
              expectClose 1e-6 (matrixOf [ [ 0.6; 0.0 ] ]) (snd gradients[0]) "a"
              expectClose 1e-6 (matrixOf [ [ 0.8 ] ]) (snd gradients[1]) "b"
              Expect.isLessThanOrEqual (toFloat (Grad.norm gradients)) 1.0 "the new length")

          tensorTest "finite differences give a polynomial's slope in the shape of x" (fun () ->
              let x = normal 1 [ 2; 3 ]
              let slopes = Grad.finiteDifferences 1e-5 (fun x -> (x * x * x).sum()) x
              expectClose 1e-8 (3.0 * x * x) slopes "3 x^2"
              expectSame (normal 1 [ 2; 3 ]) x "x stays") ]

let tests = testList "Optimiser" [ stepTests; scheduleTests; groupTests; gradTests ]
