/// Exports of a run: the comparison that each must pass, what the files say of themselves, and what is refused.
module CondEmbed.Tests.ExportTests

open System
open System.IO
open Expecto
open Microsoft.Extensions.DependencyInjection
open CondEmbed
open CondEmbed.Datasets
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Models
open CondEmbed.Runs
open CondEmbed.Export
open CondEmbed.Onnx
open CondEmbed.Reports
open CondEmbed.Storage
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.ExportSupport
open CondEmbed.Tests.ExportTensorTests
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private run = lazy finishedRun []

let private load () = EmbeddingModel.Load(run.Value, "cpu")

/// The network with something done to its embeddings.
let private changed (change: float32 array -> float32 array) (network: IEmbeddingNetwork) =
    { new IEmbeddingNetwork with
        member _.Dimension = network.Dimension
        member _.View = network.View
        member _.BatchSize = network.BatchSize
        member _.Fingerprint = network.Fingerprint
        member _.Embed(pixels, count) = change (network.Embed(pixels, count))
        member _.Dispose() = network.Dispose() }

let private comparison =
    testList
        "comparison"
        [ test "of a run: the same numbers and neighbours on its own images" {
              inFolder (fun folder ->
                  use model = load ()
                  let file = Path.Combine(folder, "run.onnx")
                  let exported = OnnxExport.Write(model, file, openOnnx)
                  Expect.isLessThan exported.Check.Greatest ExportCheck.Tolerance "numbers"
                  Expect.isLessThan exported.Check.WidestSwap ExportCheck.Tolerance "neighbours"
                  Expect.equal exported.Check.Images 48 "the test part"
                  Expect.equal exported.Check.Neighbours 10 "neighbours"
                  Expect.equal exported.Fingerprint model.Fingerprint "the network's own fingerprint"
                  Expect.isNull exported.Missing "the run's own images"
                  Expect.equal exported.Bytes (FileInfo(file).Length) "length"
                  // Again by hand, on all images and with the metrics that evaluate prints.
                  let data = RunData.Open model.Settings
                  use onnx = openOnnx file
                  expectNear 1e-5 (model.Embed data.Dataset).Values (onnx.Embed data.Dataset).Values "all images"
                  let expected = model.Evaluate(data.Dataset, data.Split)
                  Expect.equal (onnx.Evaluate(data.Dataset, data.Split).Recall 1) (expected.Recall 1) "Recall@1")
          }

          test "int8: what it costs is measured on the test classes" {
              inFolder (fun folder ->
                  use model = load ()
                  let file = Path.Combine(folder, "small.onnx")
                  let exported = OnnxExport.Write(model, file, openOnnx, OnnxExportOptions(Int8 = true))
                  Expect.isGreaterThan exported.Check.LeastCosine ExportCheck.LeastCosineOfInt8 "cosine"
                  let data = RunData.Open model.Settings
                  use onnx = openOnnx file
                  Expect.equal (exported.Before.Recall 1) (model.Evaluate(data.Dataset, data.Split).Recall 1) "before"
                  Expect.equal exported.After.MapAtR (onnx.Evaluate(data.Dataset, data.Split).MapAtR) "after"
                  Expect.equal (onnx.Embed(noise 1 1 32, 1).Length) 16 "embeds")
          }

          test "whose embeddings are off is not kept, and what was there stays" {
              inFolder (fun folder ->
                  use model = load ()
                  let file = Path.Combine(folder, "run.onnx")
                  File.WriteAllText(file, "old")

                  let exporting change int8 () =
                      OnnxExport.Write(model, file, openOnnx >> changed change, OnnxExportOptions(Int8 = int8)) |> ignore

                  let nudged (x: float32 array) = Array.mapi (fun i v -> if i = 3 then v + 2e-5f else v) x
                  rejects [ "run.onnx"; "not written"; "differ"; "2.0e-5" ] (exporting nudged false)
                  rejects [ "not written"; "cosine" ] (exporting (Array.map (fun v -> -v)) true)
                  rejects [ "not written" ] (exporting (Array.mapi (fun i v -> if i = 7 then nanf else v)) false)
                  Expect.equal (Directory.GetFiles folder) [| file |] "nothing beside it"
                  Expect.equal (File.ReadAllText file) "old" "the old file")
          }

          test "finds neighbours that have swapped, and how far apart they were" {
              // Three directions in the plane, seen from the first: the second is nearer by far, then by a hair, then the third is.
              let at (degrees: float list) =
                  let point d = [ single (cos (d * Math.PI / 180.0)); single (sin (d * Math.PI / 180.0)) ]
                  Embeddings<float32>(List.toArray (List.collect point degrees), degrees.Length, 2)

              let check a b = ExportCheck.Between("points", at a, at b)
              let same = check [ 0.0; 10.0; -20.0 ] [ 0.0; 10.0; -20.0 ]
              Expect.equal (same.Greatest, same.SameNeighbours, same.WidestSwap, same.SharedNeighbours) (0.0, 3, 0.0, 1.0) "the same"
              Expect.isNull (same.Problem false) "fits"
              let swapped = check [ 0.0; 10.0; -20.0 ] [ 0.0; 20.0; -10.0 ]
              Expect.equal swapped.SameNeighbours 2 "the first has others"
              let gap = cos (10.0 * Math.PI / 180.0) - cos (20.0 * Math.PI / 180.0)
              Expect.floatClose Accuracy.medium swapped.WidestSwap gap "gap"
              Expect.isNotNull (swapped.Problem false) "does not fit"
              Expect.equal (check [ 0.0; 10.0; -10.00001 ] [ 0.0; 10.00002; -10.0 ]).SameNeighbours 2 "by a hair"
              Expect.isNull ((check [ 0.0; 10.0; -10.00001 ] [ 0.0; 10.00002; -10.0 ]).Problem false) "which fits"
          }

          test "without the run's data, embedded emoji are compared, and no loss is claimed" {
              inFolder (fun folder ->
                  let data = Path.Combine(folder, "pictures")
                  unpack data 16
                  let others = Path.Combine(folder, "run")
                  train (settings data [ "steps", "1" ]) others |> ignore
                  Directory.Delete(data, true)
                  use model = EmbeddingModel.Load(others, "cpu")
                  let options = OnnxExportOptions(Int8 = true, Images = 20)
                  let exported = OnnxExport.Write(model, Path.Combine(folder, "a.onnx"), openOnnx, options)
                  Expect.stringContains exported.Missing data "why"
                  Expect.equal (exported.Check.Source, exported.Check.Images) ("emoji", 20) "emoji"
                  Expect.isNull exported.Before "no metrics")
          } ]

let private written folder =
    use model = load ()
    let file = Path.Combine(folder, "run.onnx")
    writeOnnx file false model
    file

let private models =
    testList
        "model"
        [ test "says what an image goes through, and embeds it from its file as the run does" {
              inFolder (fun folder ->
                  use model = load ()
                  let onnx = OnnxModel.Load(written folder, OnnxOptions(Threads = 1, BatchSize = 7))
                  Expect.equal onnx.View model.View "view"
                  Expect.equal onnx.BatchSize 7 "batch"
                  Expect.stringContains onnx.Settings "encoder = \"small\"" "settings"
                  use embedder = new Embedder(onnx)
                  let image = Directory.EnumerateFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories) |> Seq.head
                  expectNear 1e-5 (model.Embed image) (embedder.Embed image) "one image"
                  Expect.equal embedder.Fingerprint model.Fingerprint "fingerprint")
          }

          test "is read from a stream as from a file" {
              inFolder (fun folder ->
                  let path = written folder
                  use ofFile = OnnxModel.Load path
                  use stream = File.OpenRead path
                  use ofStream = OnnxModel.Load(stream)
                  Expect.equal (ofStream.Fingerprint, ofStream.View) (ofFile.Fingerprint, ofFile.View) "the network"
                  let pixels = noise 9 2 32
                  Expect.equal (ofStream.Embed(pixels, 2)) (ofFile.Embed(pixels, 2)) "embeddings"
                  Expect.isTrue stream.CanRead "still open"

                  rejects [ "shop.onnx"; "not an ONNX model" ] (fun () ->
                      use text = new MemoryStream("not a model"B)
                      OnnxModel.Load(text, name = "shop.onnx").Dispose()))
          }

          test "embeds on many threads at once" {
              inFolder (fun folder ->
                  use onnx = OnnxModel.Load(written folder)
                  let pixels = noise 9 2 32
                  let expected = onnx.Embed(pixels, 2)
                  let all = Array.Parallel.init 40 (fun _ -> onnx.Embed(pixels, 2))
                  Expect.all all (fun found -> found = expected) "each the same"
                  Expect.isEmpty (onnx.Embed([||], 0)) "no image, no numbers")
          }

          test "is a service of an application" {
              inFolder (fun folder ->
                  let services = ServiceCollection()
                  services.AddCondEmbedOnnx(written folder, OnnxOptions(Threads = 1)) |> ignore
                  let service = services |> Seq.filter (fun service -> service.ServiceType = typeof<Embedder>) |> Seq.exactlyOne
                  Expect.equal service.Lifetime ServiceLifetime.Singleton "one embedder"
                  use provider = services.BuildServiceProvider()
                  Expect.equal (provider.GetRequiredService<Embedder>()).Dimension 16 "of the network")
          }

          test "refuses pixels of another number of images" {
              inFolder (fun folder ->
                  use onnx = OnnxModel.Load(written folder)
                  Expect.throwsT<ArgumentException> (fun () -> onnx.Embed(noise 9 2 32, 3) |> ignore) "three of two")
          }

          test "refuses files that are no exports, and says why" {
              inFolder (fun folder ->
                  let file name (bytes: byte array) =
                      let path = Path.Combine(folder, name)
                      File.WriteAllBytes(path, bytes)
                      path

                  let good = File.ReadAllBytes(written folder)
                  let load (path: string) () = OnnxModel.Load(path).Dispose()
                  rejects [ "none.onnx"; "no such file"; "OnnxExport.Write" ] (load (Path.Combine(folder, "none.onnx")))
                  rejects [ "text.onnx"; "not an ONNX model" ] (load (file "text.onnx" "not a model"B))
                  rejects [ "half.onnx"; "damaged" ] (load (file "half.onnx" good[.. good.Length / 2]))
                  rejects [ "empty.onnx" ] (load (file "empty.onnx" [||]))

                  let other name metadata side =
                      let graph = OnnxGraph()
                      let pixels = graph.Input(OnnxNames.Input, OnnxType.UInt8, OnnxNames.Batch, side, side, 3)
                      let numbers = graph.Node("Cast", [| pixels |], OnnxGraph.Attribute("to", 1L))
                      let flat = graph.Node("Flatten", [| numbers |])
                      graph.Output(flat, OnnxNames.Output, OnnxType.Float, OnnxNames.Batch, side * side * 3)
                      use stream = File.Create(Path.Combine(folder, name))
                      let model = graph.Model [ for key, text in metadata -> Collections.Generic.KeyValuePair(key, text) ]
                      Google.Protobuf.MessageExtensions.WriteTo(model, stream)
                      Path.Combine(folder, name)

                  let view = Preprocessing(EvalTransform(36, 32), [| 0.5; 0.5; 0.5 |], [| 0.5; 0.5; 0.5 |])
                  let all = [ OnnxNames.Preprocessing, view.ToJson(); OnnxNames.Fingerprint, "x"; OnnxNames.Config, "" ]
                  rejects [ "foreign.onnx"; "not one that this program wrote" ] (load (other "foreign.onnx" [] 32))
                  rejects [ "side.onnx"; "input"; "48"; "32" ] (load (other "side.onnx" all 48))

                  rejects
                      [ "json.onnx"; OnnxNames.Preprocessing ]
                      (load (other "json.onnx" ((OnnxNames.Preprocessing, "{}") :: all.Tail) 32))

                  load (other "fits.onnx" all 32) ())
          }

          test "has nothing of torch or of F# behind it" {
              let file = Path.Combine(repositoryRoot (), "shell/CondEmbed.Onnx/bin/Release/net10.0/CondEmbed.Onnx.deps.json")
              if not (File.Exists file) then skiptest $"{file} is not there: dotnet build -c Release"
              let text = File.ReadAllText file
              Expect.stringContains text "Microsoft.ML.OnnxRuntime" "the runtime"

              for word in [ "TorchSharp"; "libtorch"; "FSharp.Core"; "CondEmbed.Core" ] do
                  Expect.isFalse (text.Contains(word, StringComparison.OrdinalIgnoreCase)) word
          } ]

let private program =
    testList
        "program"
        [ test "exports both, as JSON, and embeds and searches with the ONNX file alone" {
              inFolder (fun folder ->
                  let path name = Path.Combine(folder, name)
                  let onnx, tensors = path "a.onnx", path "a.safetensors"
                  let out = succeeds [ "export"; run.Value; "--onnx"; onnx; "--safetensors"; tensors; "--json" ] |> jsonOf
                  let check = out.GetProperty("onnx").GetProperty "check"
                  Expect.isLessThan (check.GetProperty("greatest").GetDouble()) 1e-5 "numbers"
                  Expect.isTrue (File.Exists tensors) "safetensors"
                  succeeds [ "embed"; onnx; imageFolder.Value; "--out"; path "a.npy" ] |> ignore
                  use model = load ()
                  expectNear 1e-5 (model.Embed(FolderDataset.Open(imageFolder.Value))).Values (readNpy (path "a.npy")) "embedded"
                  let query = Directory.EnumerateFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories) |> Seq.head
                  let search run = succeeds [ "search"; run; "--gallery"; imageFolder.Value; "--query"; query; "--top"; "3" ]
                  Expect.stringContains (search onnx) (Path.GetFileName query) "found"
                  let measured = jsonOf (succeeds [ "evaluate"; onnx; "--json" ])
                  let written = MetricsFile.Read(RunFolder(run.Value).Metrics).After
                  Expect.equal (measured.GetProperty("recall@1").GetDouble()) written["recall@1"] "Recall@1")
          }

          test "says what int8 costs" {
              inFolder (fun folder ->
                  let out = succeeds [ "export"; run.Value; "--onnx"; Path.Combine(folder, "a.onnx"); "--int8" ]

                  for words in [ "int8: least cosine"; "int8: Recall@1"; "int8: MAP@R" ] do
                      Expect.stringContains out words "the loss")
          }

          test "refuses what cannot be meant" {
              for arguments, words in
                  [ [], [ "--onnx FILE" ]
                    [ "--onnx"; "a.txt" ], [ "a.txt"; ".onnx" ]
                    [ "--int8"; "--safetensors"; "a.safetensors" ], [ "--int8" ]
                    [ "--onnx"; "a.onnx"; "--names"; "timm" ], [ "--names" ]
                    [ "--safetensors"; "a.safetensors"; "--names"; "timm" ], [ "small" ]
                    [ "--onnx"; "/no/such/a.onnx" ], [ "/no/such" ] ] do
                  let outcome = condembed ("export" :: run.Value :: arguments)
                  Expect.equal outcome.Code 2 outcome.Everything

                  for word in words do
                      Expect.stringContains outcome.Error word "what is wrong"
          } ]

let tests = testList "Export" [ ExportGraphTests.tests; comparison; models; ExportTensorTests.tests; program ]
