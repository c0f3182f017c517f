/// The leaves against plain formulas and loops.
module CondEmbed.Tests.LayerFormulaTests

open System
open Expecto
open CondEmbed
open CondEmbed.Layers
open CondEmbed.Tests.Support
open TorchSharp

/// Over images and places: a plain formula for each pooling of a map of one place list.
let private poolingTwins: (string * (float array -> float)) list =
    [ "mean", Array.average
      "max", Array.max
      "mean-max", (fun places -> Array.average places + Array.max places)
      "gem", (fun places -> Math.Cbrt(places |> Array.averageBy (fun x -> (max x 1e-6) ** 3.0))) ]

let private naiveConvolution (x: Tensor) (w: Tensor) stride =
    let pad = w.shape[2] / 2L

    let side (size: int64) = (size + 2L * pad - w.shape[2]) / stride + 1L

    let reader (x: Tensor) =
        let values, shape = numbers x, x.shape
        fun b c row column -> values[int (((b * shape[1] + c) * shape[2] + row) * shape[3] + column)]

    let input, weight = reader x, reader w

    let at b c row column = if row < 0L || column < 0L || row >= x.shape[2] || column >= x.shape[3] then 0.0 else input b c row column

    let output b o row column =
        Seq.sum
            [ for c in 0L .. w.shape[1] - 1L do
                  for i in 0L .. w.shape[2] - 1L do
                      for j in 0L .. w.shape[3] - 1L do
                          at b c (row * stride + i - pad) (column * stride + j - pad) * weight o c i j ]

    let rows, columns = side x.shape[2], side x.shape[3]

    torch
        .tensor(
            [| for b in 0L .. x.shape[0] - 1L do
                   for o in 0L .. w.shape[0] - 1L do
                       for row in 0L .. rows - 1L do
                           for column in 0L .. columns - 1L -> output b o row column |]
        )
        .reshape(x.shape[0], w.shape[0], rows, columns)

let tests =
    testList
        "Layers"
        [ for kernel, stride in [ 3, 1; 3, 2; 1, 2 ] do
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
              Expect.equal [ for spec in (projection 4 5).Specs -> spec.Name ] [ "weight" ] "no bias")

          tensorTest "layerNorm brings each vector to mean 0 and deviation 1, then scales and shifts" (fun () ->
              let parameters = Params.ofSeq [ "weight", normal 1 [ 6 ]; "bias", normal 2 [ 6 ] ]
              let x = 3.0 * normal 3 [ 2; 4; 6 ] + 1.0
              let centred = x - x.mean ([| -1L |], keepdim = true)
              let variance = (centred * centred).mean([| -1L |], keepdim = true)

              let expected = centred / (variance + 1e-5).sqrt() * parameters["weight"] + parameters["bias"]

              expectClose 1e-12 expected (Layer.run parameters (layerNorm 6) x) "output")

          for name, twin in poolingTwins do
              tensorTest $"pooling {name} equals its plain formula" (fun () ->
                  let _, _, layer = poolings |> List.find (fun (known, _, _) -> known = name)
                  let x = normal 1 [ 2; 3; 2; 3 ]

                  let expected = torch.tensor(numbers x |> Array.chunkBySize 6 |> Array.map twin).reshape(2L, 3L)

                  expectClose 1e-12 expected (Layer.run (started layer.Specs) layer x) "output")

          for height, width in [ 8L, 15L; 6L, 6L ] do
              tensorTest
                  $"pooling grid of {height} x {width} is the means of 6 x 6 fields of each channel, then mean plus maximum"
                  (fun () ->
                      let x = channelsLast (normal 1 [ 2; 3; int height; int width ])
                      let range size (i: int64) = i * size / 6L, ((i + 1L) * size + 5L) / 6L

                      let field (i: int64, j: int64) =
                          let (top, bottom), (left, right) = range height i, range width j
                          x.narrow(2L, top, bottom - top).narrow(3L, left, right - left).mean [| 2L; 3L |]

                      let fields = List.allPairs [ 0L .. 5L ] [ 0L .. 5L ] |> List.map field |> List.toArray
                      let whole = Layer.run (started []) meanMaxPool x
                      let expected = torch.cat ([| (torch.stack (fields, 2L)).flatten 1L; whole |], 1L)
                      expectClose 1e-12 expected (Layer.run (started []) gridPool x) "output")

          tensorTest "every pooling makes as many features of a channel as it says" (fun () ->
              for name, features, layer in poolings do
                  let pooled = Layer.run (started layer.Specs) layer (normal 1 [ 2; 3; 7; 7 ])
                  Expect.sequenceEqual pooled.shape [ 2L; 3L * int64 features ] name)

          testCase "every pooling has a plain formula here" (fun () ->
              Expect.equal [ for name, _, _ in poolings -> name ] (List.map fst poolingTwins @ [ "grid" ]) "names")

          tensorTest "averagePool takes the mean of 2 x 2 places, at an odd edge of what there is" (fun () ->
              let x = torch.arange(scalar 9.0, dtype = float64).reshape(1L, 1L, 3L, 3L)
              let output = (Layer.run (started []) averagePool x).reshape(2L, 2L)
              expectClose 1e-12 (matrixOf [ [ 2.0; 3.5 ]; [ 6.5; 8.0 ] ]) output "output")

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

              let column (values: float list) = (torch.tensor (List.toArray values)).reshape(1L, 3L, 1L, 1L)

              Expect.equal output.dtype float32 "the type"
              expectClose 1e-5 ((plain - column mean) / column deviation) output "values"
              Expect.sequenceEqual (output.stride ()) [ 45L; 1L; 15L; 3L ] "strides")

          tensorTest "tokens reads a map row by row" (fun () ->
              let map = normal 1 [ 2; 3; 2; 4 ]
              let tokens = Layers.tokens map
              Expect.sequenceEqual tokens.shape [ 2L; 8L; 3L ] "shape"
              expectSame (map.select(0L, 1L).select(1L, 1L).select(1L, 2L)) (tokens.select(0L, 1L).select(0L, 6L)) "row 1, column 2") ]
