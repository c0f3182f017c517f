module CondEmbed.Tests.LayerTests

open System
open Expecto
open CondEmbed
open CondEmbed.Layers
open CondEmbed.Tests.Support
open TorchSharp

let private namesOf (layer: Layer<_, _>) = layer.Specs |> List.map _.Name

/// Adds the parameter `shift` to its input and reports what it saw as `seen`.
let private shift: Layer<Tensor, Tensor> =
    let spec name role =
        {
            Name = name
            Shape = [ 2L ]
            Role = role
            Init = Normal 1.0
        }

    Layer.create [ spec "shift" Trainable; spec "seen" Statistic ] (fun env x ->
        if env.Mode = Training then
            env.Report "seen" x

        x + env.Params["shift"])

let private composition =
    testList
        "composition"
        [
            tensorTest "named puts the same prefix before specs, parameters and reports" (fun () ->
                let layer = Layer.named "outer" (Layer.named "inner" shift)
                Expect.equal (namesOf layer) [ "outer.inner.shift"; "outer.inner.seen" ] "specs"
                let parameters, x = started layer.Specs, normal 1 [ 2 ]
                let output, reports = forward Training parameters layer x
                expectSame (x + parameters["outer.inner.shift"]) output "the parameter is found"
                Expect.equal (List.map fst reports) [ "outer.inner.seen" ] "the report"
                expectSame x (snd reports[0]) "the reported value")

            tensorTest "compose, its operator and sequence run one layer after the other and declare both" (fun () ->
                let a, b =
                    Layer.named "a" shift, Layer.named "b" (Layer.map (fun x -> 2.0 * x) shift)

                let parameters, x = started (a.Specs @ b.Specs), normal 1 [ 2 ]
                let expected = 2.0 * (x + parameters["a.shift"] + parameters["b.shift"])

                for layer in [ Layer.compose a b; a --> b; Layer.sequence [ a; b ] ] do
                    Expect.equal (namesOf layer) (namesOf a @ namesOf b) "specs"
                    expectClose 1e-15 expected (fst (forward Testing parameters layer x)) "output"

                let empty: Layer<Tensor, Tensor> = Layer.sequence []
                expectSame x (fst (forward Testing parameters empty x)) "no layer is the identity")

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

            testCase "the text for F# Interactive lists names and shapes" (fun () ->
                let text = string (Layer.named "fc" (linear 3 2))
                Expect.stringContains text "8 parameters" "the number"
                Expect.stringContains text "fc.weight [2, 3]" "a line each")
        ]

let private batchNormTests =
    testList
        "batchNorm"
        [
            tensorTest "equals torch.nn.BatchNorm2d over several steps, statistics included, once they are committed" (fun () ->
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

                expectClose 1e-12 variance (snd reports[1]) "the unbiased variance enters by a tenth")
        ]

/// Over images and places: a plain formula for each pooling of a map of one place list.
let private poolingTwins: (string * (float array -> float)) list =
    [
        "mean", Array.average
        "max", Array.max
        "mean-max", (fun places -> Array.average places + Array.max places)
        "gem", (fun places -> Math.Cbrt(places |> Array.averageBy (fun x -> (max x 1e-6) ** 3.0)))
    ]

let private naiveConvolution (x: Tensor) (w: Tensor) stride =
    let pad = w.shape[2] / 2L

    let side (size: int64) =
        (size + 2L * pad - w.shape[2]) / stride + 1L

    let at (x: Tensor) b c row column =
        if row < 0L || column < 0L || row >= x.shape[2] || column >= x.shape[3] then
            0.0
        else
            x[b, c, row, column].item<float>()

    let output b o row column =
        Seq.sum
            [
                for c in 0L .. w.shape[1] - 1L do
                    for i in 0L .. w.shape[2] - 1L do
                        for j in 0L .. w.shape[3] - 1L do
                            at x b c (row * stride + i - pad) (column * stride + j - pad) * w[o, c, i, j].item<float>()
            ]

    let rows, columns = side x.shape[2], side x.shape[3]

    torch
        .tensor(
            [|
                for b in 0L .. x.shape[0] - 1L do
                    for o in 0L .. w.shape[0] - 1L do
                        for row in 0L .. rows - 1L do
                            for column in 0L .. columns - 1L -> output b o row column
            |]
        )
        .reshape(x.shape[0], w.shape[0], rows, columns)

let private formulas =
    testList
        "formulas"
        [
            for kernel, stride in [ 3, 1; 3, 2; 1, 2 ] do
                tensorTest $"conv2d is the sum over the window, kernel {kernel}, stride {stride}" (fun () ->
                    let layer = conv2d 2 3 kernel stride
                    let parameters, x = started layer.Specs, normal 1 [ 2; 2; 5; 4 ]
                    let expected = naiveConvolution x parameters["weight"] (int64 stride)
                    expectClose 1e-12 expected (Layer.run parameters layer x) "output")

            tensorTest "linear is x W^T + b, projection x W^T" (fun () ->
                let x = normal 1 [ 2; 3; 4 ]
                let full = started (linear 4 5).Specs
                let expected = x.matmul (full["weight"].t())
                expectClose 1e-12 (expected + full["bias"]) (Layer.run full (linear 4 5) x) "linear"
                expectClose 1e-12 expected (Layer.run full (projection 4 5) x) "projection"
                Expect.equal (namesOf (projection 4 5)) [ "weight" ] "no bias")

            tensorTest "layerNorm brings each vector to mean 0 and deviation 1, then scales and shifts" (fun () ->
                let parameters = Params.ofSeq [ "weight", normal 1 [ 6 ]; "bias", normal 2 [ 6 ] ]
                let x = 3.0 * normal 3 [ 2; 4; 6 ] + 1.0
                let centred = x - x.mean ([| -1L |], keepdim = true)
                let variance = (centred * centred).mean([| -1L |], keepdim = true)

                let expected =
                    centred / (variance + 1e-5).sqrt() * parameters["weight"] + parameters["bias"]

                expectClose 1e-12 expected (Layer.run parameters (layerNorm 6) x) "output")

            for name, twin in poolingTwins do
                tensorTest $"pooling {name} equals its plain formula" (fun () ->
                    let _, _, layer = poolings |> List.find (fun (known, _, _) -> known = name)
                    let x = normal 1 [ 2; 3; 2; 3 ]

                    let expected =
                        torch.tensor(numbers x |> Array.chunkBySize 6 |> Array.map twin).reshape(2L, 3L)

                    expectClose 1e-12 expected (Layer.run (started layer.Specs) layer x) "output")

            testCase "every pooling has a plain formula here" (fun () ->
                let known = [ for name, _, _ in poolings -> name ]
                Expect.equal known (List.map fst poolingTwins @ [ "grid" ]) "names")

            tensorTest "pooling grid joins the means of 6 x 6 fields with mean plus maximum" (fun () ->
                let x = normal 1 [ 2; 3; 12; 18 ]

                let field row column =
                    x.narrow(2L, 2L * row, 2L).narrow(3L, 3L * column, 3L).mean [| 2L; 3L |]

                let fields = torch.stack ([| for row in 0L .. 5L do for column in 0L .. 5L -> field row column |], 2L)
                let whole = x.mean [| 2L; 3L |] + x.amax [| 2L; 3L |]
                let expected = torch.cat ([| fields.flatten 1L; whole |], 1L)
                expectClose 1e-12 expected (Layer.run (started []) gridPool x) "output")

            testCase "every pooling makes as many features of a channel as it says" (fun () ->
                Native.ensure ()

                for name, features, layer in poolings do
                    scoped (fun () ->
                        let pooled = Layer.run (started layer.Specs) layer (normal 1 [ 2; 3; 7; 7 ])
                        Expect.sequenceEqual pooled.shape [ 2L; 3L * int64 features ] name))

            tensorTest "averagePool takes the means of 2 x 2, at an odd edge of what there is" (fun () ->
                let x = torch.arange(scalar 9.0, dtype = float64).reshape(1L, 1L, 3L, 3L)
                expectSame (matrixOf [ [ 2.0; 3.5 ]; [ 6.5; 8.0 ] ]) (Layer.run (started []) averagePool x).[0L, 0L] "output")

            tensorTest "maxPool takes the greatest of windows of 3 at stride 2" (fun () ->
                let x = torch.arange(scalar 16.0, dtype = float64).reshape(1L, 1L, 4L, 4L)
                expectSame (matrixOf [ [ 5.0; 7.0 ]; [ 13.0; 15.0 ] ]) (Layer.run (started []) maxPool x).[0L, 0L] "output")

            tensorTest "gelu is x times the normal distribution function, relu max(x, 0)" (fun () ->
                let x = normal 1 [ 20 ]
                expectClose 1e-12 (x * 0.5 * (1.0 + (x / sqrt 2.0).erf())) (Layer.run (started []) gelu x) "gelu"
                expectSame (x.clamp_min (scalar 0.0)) (Layer.run (started []) relu x) "relu")

            tensorTest "dropout zeroes a share and scales the rest in training, and does nothing at test time" (fun () ->
                let x = torch.ones (20000L, dtype = float64)
                torch.manual_seed 3L |> ignore
                let dropped = forward Training (started []) (dropout 0.25) x |> fst |> numbers
                Expect.equal (set dropped) (set [ 0.0; 1.0 / 0.75 ]) "the values"
                let share = dropped |> Array.filter ((=) 0.0) |> Array.length |> float
                Expect.floatClose { absolute = 0.02; relative = 0.0 } (share / 20000.0) 0.25 "the share"
                expectSame x (fst (forward Testing (started []) (dropout 0.25) x)) "at test time")

            tensorTest "l2Normalise gives length 1 and leaves the zero vector" (fun () ->
                let x = torch.cat ([| normal 1 [ 3; 4 ]; torch.zeros (1L, 4L, dtype = float64) |])
                let lengths = (l2Normalise x).norm(-1)
                expectClose 1e-12 (torch.tensor [| 1.0; 1.0; 1.0; 0.0 |]) lengths "lengths")

            tensorTest "normalisePixels is (x / 255 - mean) / deviation for each channel, in channels-last strides" (fun () ->
                let bytes = torch.randint (256L, [| 2L; 3L; 5L; 3L |], dtype = torch.uint8)
                let mean, deviation = [ 0.1; 0.2; 0.3 ], [ 0.4; 0.5; 0.6 ]
                let output = Layer.run (started []) (normalisePixels mean deviation) bytes
                let plain = bytes.``to``(float64).permute(0L, 3L, 1L, 2L) / 255.0

                let column (values: float list) =
                    (torch.tensor (List.toArray values)).reshape(1L, 3L, 1L, 1L)

                Expect.equal output.dtype float32 "the type"
                expectClose 1e-5 ((plain - column mean) / column deviation) output "values"
                Expect.sequenceEqual (output.stride ()) [ 45L; 1L; 15L; 3L ] "strides")

            tensorTest "tokens reads a map row by row" (fun () ->
                let map = normal 1 [ 2; 3; 2; 4 ]
                let tokens = Layers.tokens map
                Expect.sequenceEqual tokens.shape [ 2L; 8L; 3L ] "shape"
                expectSame (map.select(0L, 1L).select(1L, 1L).select(1L, 2L)) (tokens.select(0L, 1L).select(0L, 6L)) "row 1, column 2")
        ]

/// A scalar of all outputs with fixed weights, as a function of the trainable leaves and the input.
let private scalarOf (layer: Layer<Tensor, Tensor>) mode (statistics: Params) (leaves: Params) =
    let parameters =
        Seq.append (Params.toSeq statistics) (Params.toSeq leaves) |> Params.ofSeq

    let output = fst (forward mode parameters layer leaves["input"])
    (output * normal 99 [ for size in output.shape -> int size ]).sum()

let private gradientTests =
    let images = [ 2; 2; 4; 3 ]

    testList
        "gradients equal finite differences"
        [
            for name, layer, mode, input in
                [
                    "conv2d", conv2d 2 3 3 2, Training, images
                    "linear", linear 3 2, Training, [ 4; 3 ]
                    "projection", projection 3 2, Training, [ 2; 4; 3 ]
                    "batchNorm in training", batchNorm 2, Training, images
                    "batchNorm at test time", batchNorm 2, Testing, images
                    "layerNorm", layerNorm 3, Training, [ 4; 3 ]
                    "gemPool", Layer.lift (fun (x: Tensor) -> x.exp ()) --> gemPool, Training, images
                    "gelu", gelu, Training, [ 5 ]
                ] do
                tensorTest name (fun () ->
                    let parameters = started layer.Specs
                    let trainable = set (Params.trainable layer.Specs)

                    let leaves, statistics =
                        Params.toSeq parameters |> Seq.toList |> List.partition (fun (name, _) -> trainable.Contains name)

                    ("input", normal 5 input) :: leaves
                    |> Params.ofSeq
                    |> expectGradients 1e-7 (scalarOf layer mode (Params.ofSeq statistics)))
        ]

let tests =
    testList "Layer" [ composition; batchNormTests; formulas; gradientTests ]
