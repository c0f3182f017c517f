module CondEmbed.Tests.LayerTests

open System
open Expecto
open CondEmbed
open CondEmbed.Layers
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Datasets

let private namesOf (layer: Layer<_, _>) = layer.Specs |> List.map _.Name

/// Adds the parameter `shift` to its input and reports what it saw as `seen`.
let private shift: Layer<Tensor, Tensor> =
    let spec name role = { Name = name; Shape = [ 2L ]; Role = role; Init = Normal 1.0 }

    Layer.create [ spec "shift" Trainable; spec "seen" Statistic ] (fun env x ->
        if env.Mode = Training then env.Report "seen" x

        x + env.Params["shift"])

/// Expects an ArgumentException whose message holds every one of the words.
let private throwsWith (words: string list) (action: unit -> unit) =
    try
        action ()
        failtest "nothing was thrown"
    with :? ArgumentException as problem ->
        for word in words do
            Expect.stringContains problem.Message word "message"

let private composition =
    testList
        "composition"
        [ tensorTest "named puts the same prefix before specs, parameters and reports" (fun () ->
              let layer = Layer.named "outer" (Layer.named "inner" shift)
              Expect.equal (namesOf layer) [ "outer.inner.shift"; "outer.inner.seen" ] "specs"
              let parameters, x = started layer.Specs, normal 1 [ 2 ]
              let output, reports = forward Training parameters layer x
              expectSame (x + parameters["outer.inner.shift"]) output "the parameter is found"
              Expect.equal (List.map fst reports) [ "outer.inner.seen" ] "the report"
              expectSame x (snd reports[0]) "the reported value")

          tensorTest "compose, its operator and sequence run one layer after the other and declare both" (fun () ->
              let a, b = Layer.named "a" shift, Layer.named "b" (Layer.map (fun x -> 2.0 * x) shift)

              let parameters, x = started (a.Specs @ b.Specs), normal 1 [ 2 ]
              let expected = 2.0 * (x + parameters["a.shift"] + parameters["b.shift"])

              for layer in [ Layer.compose a b; a --> b; Layer.sequence [ a; b ] ] do
                  Expect.equal (namesOf layer) (namesOf a @ namesOf b) "specs"
                  expectClose 1e-15 expected (fst (forward Testing parameters layer x)) "output"

              let empty: Layer<Tensor, Tensor> = Layer.sequence []
              expectSame x (fst (forward Testing parameters empty x)) "no layer is the identity")

          tensorTest "the operator takes functions, too" (fun () ->
              let layer =
                  Layer.named "a" shift
                  --> torch.tanh
                  --> (fun (x: Tensor) -> x.sum ())
                  --> (fun (x: Tensor) -> toFloat x)

              let parameters, x = started layer.Specs, normal 1 [ 2 ]
              let expected = torch.tanh(x + parameters["a.shift"]).sum() |> toFloat
              Expect.equal (namesOf layer) (namesOf (Layer.named "a" shift)) "specs"
              Expect.equal (fst (forward Testing parameters layer x)) expected "output")

          test "no layer is made for no features, or for no channels" {
              let refused words make = throwsWith [ words; "at least 1" ] (fun () -> ignore<Layer<Tensor, Tensor>>(make ()))
              refused "inputs is 0" (fun () -> Layers.linear 0 3)
              refused "outputs is -1" (fun () -> Layers.projection 3 -1)
              refused "features is 0" (fun () -> Layers.layerNorm 0)
              refused "channels is 0" (fun () -> Layers.batchNorm 0)
              refused "kernel is 0" (fun () -> Layers.conv2d 3 4 0 1)
          }

          tensorTest "repeat has parameters of its own for each copy, and residual adds the input" (fun () ->
              let layer = Layer.repeat "block" 3 (Layer.residual shift)

              Expect.equal
                  (namesOf layer |> List.filter (fun name -> name.EndsWith "shift"))
                  [ for i in 0..2 -> $"block.{i}.shift" ]
                  "specs"

              let parameters, x = started layer.Specs, normal 1 [ 2 ]
              let block (x: Tensor) i = x + (x + parameters[$"block.{i}.shift"])
              expectClose 1e-15 (List.fold block x [ 0..2 ]) (fst (forward Testing parameters layer x)) "output"
              throwsWith [ "once or more"; "0 times" ] (fun () -> Layer.repeat "block" 0 shift |> ignore)
              let narrows = Layer.named "in" (Layer.residual (Layer.lift (fun (x: Tensor) -> x.sum ())))
              throwsWith [ "in: a residual layer must keep the shape"; "[] of [2]" ] (fun () -> Layer.run (started []) narrows x |> ignore))

          tensorTest "both gives one input to two layers; lift needs no parameters" (fun () ->
              let layer = Layer.both (Layer.named "a" shift) (Layer.lift (fun x -> -x))
              let parameters, x = started layer.Specs, normal 1 [ 2 ]
              let (left: Tensor, right: Tensor), _ = forward Testing parameters layer x
              expectSame (x + parameters["a.shift"]) left "left"
              expectSame -x right "right")

          tensorTest "run works as at test time and records no gradient" (fun () ->
              let layer = batchNorm 3 --> dropout 0.5
              let parameters = started layer.Specs
              parameters["weight"].requires_grad_ true |> ignore
              let x = normal 1 [ 4; 3; 2; 2 ]
              let output = Layer.run parameters layer x
              Expect.isFalse output.requires_grad "no gradient"
              expectSame ((fst (forward Testing parameters layer x)).detach()) output "as at test time")

          tensorTest "a frozen layer uses stored statistics in training, and reports none" (fun () ->
              let layer = batchNorm 3
              let parameters, x = started layer.Specs, normal 1 [ 4; 3; 2; 2 ]
              Params.commit parameters [ "running_mean", normal 2 [ 3 ]; "running_var", (normal 3 [ 3 ]).abs() ]
              let output, reports = forward Training parameters (Layer.frozen layer) x
              Expect.isEmpty reports "reports"
              expectSame (fst (forward Testing parameters layer x)) output "as at test time")

          tensorTest "apply keeps the history for gradients and drops reports" (fun () ->
              let layer = batchNorm 3
              let parameters, x = started layer.Specs, (normal 1 [ 4; 3; 2; 2 ]).requires_grad_ true
              let output = Layer.apply Training parameters layer x
              Expect.isTrue output.requires_grad "history"
              expectSame (fst (forward Training parameters layer x)) output "as in training") ]

let private batchNormTests =
    testList
        "batchNorm"
        [ tensorTest "equals torch.nn.BatchNorm2d over several steps, statistics included, once they are committed" (fun () ->
              use reference = torch.nn.BatchNorm2d(3L, dtype = float64)
              let layer = batchNorm 3
              let parameters = started layer.Specs
              let weight, bias = normal 1 [ 3 ], normal 2 [ 3 ]
              Params.commit parameters [ "weight", weight; "bias", bias ]

              withoutGradient (fun () ->
                  reference.weight.copy_ weight |> ignore
                  reference.bias.copy_ bias |> ignore)

              for step in 1..5 do
                  let x = float step * normal step [ 4; 3; 5; 2 ] + float step
                  let output, reports = forward Training parameters layer x
                  expectClose 1e-12 (reference.forward x) output $"output of step {step}"
                  Params.commit parameters reports
                  expectClose 1e-12 reference.running_mean parameters["running_mean"] $"mean of step {step}"
                  expectClose 1e-12 reference.running_var parameters["running_var"] $"variance of step {step}"

              reference.eval ()
              let x = normal 9 [ 4; 3; 5; 2 ]
              expectClose 1e-12 (reference.forward x) (Layer.run parameters layer x) "at test time")

          tensorTest "reports the new statistics and leaves the stored ones untouched" (fun () ->
              let layer = batchNorm 3
              let parameters, x = started layer.Specs, 3.0 + normal 1 [ 4; 3; 5; 2 ]
              let _, reports = forward Training parameters layer x
              Expect.equal (List.map fst reports) [ "running_mean"; "running_var" ] "what is reported"
              expectSame (torch.zeros (3L, dtype = float64)) parameters["running_mean"] "the stored mean"
              expectSame (torch.ones (3L, dtype = float64)) parameters["running_var"] "the stored variance"

              let variance = 0.9 + 0.1 * x.transpose(0L, 1L).flatten(1L).var(1L, unbiased = true)

              expectClose 1e-12 variance (snd reports[1]) "the unbiased variance enters by a tenth") ]

/// A scalar of all outputs with fixed weights, as a function of the trainable leaves and the input.
let private scalarOf (layer: Layer<Tensor, Tensor>) mode (statistics: Params) (leaves: Params) =
    let parameters = Seq.append (Params.toSeq statistics) (Params.toSeq leaves) |> Params.ofSeq

    let output = fst (forward mode parameters layer leaves["input"])
    (output * normal 99 [ for size in output.shape -> int size ]).sum()

let private gradientTests =
    let images = [ 2; 2; 4; 3 ]

    testList
        "gradients equal finite differences"
        [ for name, layer, mode, input in
              [ "conv2d", conv2d 2 3 3 2, Training, images
                "linear", linear 3 2, Training, [ 4; 3 ]
                "projection", projection 3 2, Training, [ 2; 4; 3 ]
                "batchNorm in training", batchNorm 2, Training, images
                "batchNorm at test time", batchNorm 2, Testing, images
                "layerNorm", layerNorm 3, Training, [ 4; 3 ]
                "gemPool", Layer.lift (fun (x: Tensor) -> x.exp ()) --> gemPool, Training, images
                "gelu", gelu, Training, [ 5 ] ] do
              tensorTest name (fun () ->
                  let parameters = started layer.Specs
                  let trainable = set (Params.trainable layer.Specs)

                  let leaves, statistics =
                      Params.toSeq parameters |> Seq.toList |> List.partition (fun (name, _) -> trainable.Contains name)

                  ("input", normal 5 input) :: leaves
                  |> Params.ofSeq
                  |> expectGradients 1e-7 (scalarOf layer mode (Params.ofSeq statistics))) ]

let private misfits =
    testList
        "misfits"
        [ tensorTest "an input of a wrong shape names the layer's path, both shapes, and nothing of libtorch's stack" (fun () ->
              let layer = Layer.named "block" (Layer.named "conv" (conv2d 3 4 3 1) --> Layer.named "norm" (batchNorm 4))

              let message =
                  try
                      Layer.run (started layer.Specs) layer (normal 1 [ 2; 5; 8; 8 ]) |> ignore
                      failtest "nothing was refused"
                  with :? LayerException as error ->
                      Expect.equal error.Path "block.conv" "path"
                      error.Message

              for word in [ "block.conv"; "[2, 5, 8, 8]"; "3 channels" ] do
                  Expect.stringContains message word "the message"

              Expect.isFalse (message.Contains "frame #") "no stack")

          tensorTest "images that are not B H W 3 are refused with their shape" (fun () ->
              Expect.throwsC
                  (fun () ->
                      Layer.run (started []) (normalisePixels [ 0.0; 0.0; 0.0 ] [ 1.0; 1.0; 1.0 ]) (normal 1 [ 2; 3; 8; 8 ])
                      |> ignore)
                  (fun error -> Expect.stringContains error.Message "[2, 3, 8, 8]" "the message")) ]

let tests = testList "Layer" [ composition; batchNormTests; gradientTests; misfits ]
