module CondEmbed.Tests.EncoderTests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Tests.Support
open TorchSharp

/// Names and shapes as torchvision's ResNet class gives them: convolution by convolution, each followed by its norm.
let private torchvision bottleneck (blocks: int list) =
    let conv name outputs inputs kernel = [ $"{name}.weight", List.map int64 [ outputs; inputs; kernel; kernel ] ]

    let norm name channels = [ for leaf in [ "weight"; "bias"; "running_mean"; "running_var" ] -> $"{name}.{leaf}", [ int64 channels ] ]

    let expansion = if bottleneck then 4 else 1

    let block name inputs width downsamples =
        let pair index outputs inputs kernel = conv $"{name}.conv{index}" outputs inputs kernel @ norm $"{name}.bn{index}" outputs

        [ if bottleneck then
              yield! pair 1 width inputs 1 @ pair 2 width width 3 @ pair 3 (4 * width) width 1
          else
              yield! pair 1 width inputs 3 @ pair 2 width width 3

          if downsamples then
              yield! conv $"{name}.downsample.0" (expansion * width) inputs 1
              yield! norm $"{name}.downsample.1" (expansion * width) ]

    [ yield! conv "conv1" 64 3 7 @ norm "bn1" 64

      for stage, count in List.indexed blocks do
          let width = 64 <<< stage
          let outputs = expansion * width
          let before = if stage = 0 then 64 else outputs / 2

          for i in 0 .. count - 1 do
              let inputs = if i = 0 then before else outputs
              yield! block $"layer{stage + 1}.{i}" inputs width (i = 0 && inputs <> outputs) ]

let private options: EncoderOptions = { Size = 224; Norms = Layers.Norms.Batch }

let private shapesOf (encoder: Encoder) = [ for spec in encoder.Features.Specs -> spec.Name, spec.Shape ]

/// Names and shapes in the header of a safetensors file: 8 bytes of length, then JSON.
let private headerOf (path: string) =
    use reader = new BinaryReader(File.OpenRead path)
    let length = reader.ReadUInt64()
    use header = JsonDocument.Parse(reader.ReadBytes(int length))

    [ for entry in header.RootElement.EnumerateObject() do
          if entry.Name <> "__metadata__" then
              entry.Name, [ for size in entry.Value.GetProperty("shape").EnumerateArray() -> size.GetInt64() ] ]

let private published =
    testList
        "published facts"
        [
          // Numbers of the parameters without the classifier fc: torchvision's published 11,689,512, 21,797,672 and 25,557,032 less
          // 512 (or 2,048) x 1,000 + 1,000. CNTK's has one block more than ResNet-18: 2 x 512 x 512 x 3 x 3 and 4 x 512.
          for name, bottleneck, blocks, leaves, numbers in
              [ "resnet18", false, [ 2; 2; 2; 2 ], 60, 11_176_512L
                "resnet18-cntk", false, [ 2; 2; 2; 3 ], 66, 15_897_152L
                "resnet34", false, [ 3; 4; 6; 3 ], 108, 21_284_672L
                "resnet50", true, [ 3; 4; 6; 3 ], 159, 23_508_032L
                "resnet50-v1", true, [ 3; 4; 6; 3 ], 159, 23_508_032L ] do
              testCase $"{name} has torchvision's names, shapes and {numbers} parameters" (fun () ->
                  let encoder = (All.tryBuild name options).Value
                  Expect.equal (shapesOf encoder) (torchvision bottleneck blocks) "names and shapes"

                  let trainable, statistics = encoder.Features.Specs |> List.partition (fun spec -> spec.Role = Trainable)

                  Expect.equal trainable.Length leaves "leaves"
                  Expect.equal (Params.count trainable) numbers "numbers"
                  Expect.all statistics (fun spec -> EncoderTwinTests.isStatistic spec.Name) "statistics by name"
                  Expect.equal statistics.Length (leaves / 3 * 2) "two statistics for each of the norms"
                  Expect.equal encoder.Channels (if bottleneck then 2048 else 512) "channels")

          testCase "small has about 0.6 million parameters and 128 channels" (fun () ->
              let encoder = Residual.small options
              let count = float (Params.count encoder.Features.Specs)
              Expect.floatClose { absolute = 0.05e6; relative = 0.0 } count 0.6e6 "parameters"
              Expect.equal encoder.Channels 128 "channels")

          testCase "an unknown name is no encoder; every listed name is one" (fun () ->
              Expect.isNone (All.tryBuild "resnet5" options) "unknown"

              for name in All.names do
                  Expect.isSome (All.tryBuild name options) name)

          testCase "ImageNet's ResNet-50 file fits but for its classifier" (fun () ->
              let header = headerOf (sharedData "resnet50_imagenet.safetensors") |> dict |> Dictionary

              let specs = (Residual.resNet50 Residual.OnFirst options).Features.Specs
              let report = Weights.compare specs header
              Expect.isTrue report.Fits (string report)
              Expect.equal report.Loaded.Length 265 "53 convolutions with 4 tensors of a norm each"
              Expect.equal (set report.Classifier) (set [ "fc.weight"; "fc.bias" ]) "the classifier")

          tensorTest "feature maps have the size that the strides give" (fun () ->
              for name, side, channels, expected in [ "small", 48, 128, 6L; "resnet18", 64, 512, 2L; "resnet50", 33, 2048, 2L ] do
                  let encoder = (All.tryBuild name options).Value
                  let parameters = drawn 1L float32 encoder.Features.Specs

                  let features = Layer.run parameters encoder.Features ((normal 1 [ 1; 3; side; side ]).``to`` float32)

                  Expect.isNone features.Token "class token"
                  Expect.sequenceEqual features.Map.shape [ 1L; int64 channels; expected; expected ] name

                  let earlier = [ for map in features.Earlier -> int map.shape[1] ]
                  Expect.equal earlier encoder.EarlierChannels $"{name}: channels of the stages before"
                  Expect.isNonEmpty earlier $"{name}: stages"

                  for coarse, fine in List.pairwise (features.Map :: features.Earlier) do
                      Expect.isLessThanOrEqual coarse.shape[2] fine.shape[2] $"{name}: coarser to finer"

                  Params.dispose parameters) ]

let tests = testList "Encoder" [ published; EncoderTwinTests.tests ]
