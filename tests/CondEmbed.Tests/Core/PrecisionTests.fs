/// Encoders in bfloat16: near the float32 twin in training, the very same numbers at test time. A number of bfloat16 is off by up to 2^-9 = 0.2 %; a dozen
/// layers add that up to some percent of a feature's usual size, which is the tolerance here.
module CondEmbed.Tests.PrecisionTests

open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Tests.Support
open TorchSharp

let private encoders =
    [ for name in [ "small"; "resnet18"; "vit-s16" ] -> name, (All.tryBuild name { Size = 32; Norms = Layers.Norms.Batch }).Value ]

let private started (encoder: Encoder) =
    let parameters = drawn 3L float32 encoder.Features.Specs

    for name in Params.trainable encoder.Features.Specs do
        parameters[name].requires_grad_ true |> ignore

    parameters

let private images () = (normal 1 [ 8; 3; 32; 32 ]).``to`` float32

/// The largest difference by the largest number.
let private off (expected: Tensor) (actual: Tensor) = toFloat ((actual - expected).abs().max() / expected.abs().max())

let private alike (a: Tensor) (b: Tensor) =
    let a, b = a.flatten().``to`` float64, b.flatten().``to`` float64
    toFloat (a.dot b / (a.norm () * b.norm ()))

/// Features and statistics of a training pass, and the gradients of a sum over random weights of the features.
let private pass (layer: Layer<Tensor, Features>) parameters =
    let reported = ResizeArray()
    let report name value = reported.Add(name, value)
    let map = (layer.Forward { Params = parameters; Mode = Training; Report = report; Team = Team.alone } (images ())).Map
    let weights = (normal 2 [ for size in map.shape -> int size ]).``to`` float32
    let leaves = [ for name in Params.trainable layer.Specs -> name, parameters[name] ]
    map, List.ofSeq reported, Grad.gradientsOrZero ((map * weights).sum()) leaves

let tests =
    testList
        "Precision"
        [ for name, encoder in encoders do
              tensorTest $"{name}: features, statistics and gradients are near those of float32, and are float32" (fun () ->
                  let parameters = started encoder
                  let map, statistics, gradients = pass encoder.Features parameters
                  let map', statistics', gradients' = pass (Precision.bfloat16 encoder.Features) parameters
                  Expect.equal map'.dtype float32 "type of the features"
                  Expect.isLessThan (off map map') 0.1 "features"
                  Expect.isGreaterThan (off map map') 0.0 "they are computed otherwise"

                  for (name, expected), (_, actual) in List.zip statistics statistics' do
                      Expect.equal actual.dtype float32 $"type of {name}"
                      Expect.isLessThan (off expected actual) 0.1 name

                  for (name, gradient) in gradients' do
                      Expect.equal gradient.dtype float32 $"type of the gradient of {name}"

                  let whole gradients = torch.cat [| for _, g: Tensor in gradients -> g.flatten () |]
                  Expect.isGreaterThan (alike (whole gradients) (whole gradients')) 0.9 "direction of the gradient")

          for name, encoder in encoders do
              tensorTest $"{name}: at test time nothing changes" (fun () ->
                  let parameters = started encoder
                  let embed layer = (Layer.run parameters layer (images ())).Map
                  expectSame (embed encoder.Features) (embed (Precision.bfloat16 encoder.Features)) "features")

          tensorTest "a training in bfloat16 learns as one in float32 does" (fun () ->
              let last precision =
                  let config = { Config.standard with Precision = precision; Size = 24; Embedding = 16; Levels = 1; Heads = 2; Lr = 0.003 }

                  let recipe = Recipe.build config 4 25
                  use state = Train.start 1L torch.CPU float32 recipe.Method
                  let labels = [ for i in 0..15 -> i % 4 ]
                  let shades = [| for label in labels -> single (40 + 50 * label) |]

                  let batch step =
                      let noise = (normal step [ 16; 24; 24; 3 ]).``to`` float32 * 20.0
                      let images = (noise + torch.tensor(shades).reshape(-1L, 1L, 1L, 1L)).clamp(scalar 0.0, scalar 255.0)
                      { Images = images.``to`` torch.uint8; Labels = labelsOf labels }

                  let losses = [ for report in Train.steps 25 batch recipe.Method state -> report.Loss ]
                  List.average (List.skip 20 losses) / List.head losses

              let float, bfloat = last Choices.Precision.Float32, last Choices.Precision.Bfloat16
              Expect.isLessThan float 0.8 "float32 learns"
              Expect.isLessThan (abs (float - bfloat)) 0.1 $"shares of the first loss that are left: {float} and {bfloat}") ]
