/// Exports as safetensors: names, what is said of them, and the network rebuilt in Python.
module CondEmbed.Tests.ExportTensorTests

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open Expecto
open CondEmbed
open CondEmbed.WeightFiles
open CondEmbed.Models
open CondEmbed.Export
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.ExportSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private python = "/usr/bin/python3"

let private script () = Path.Combine(repositoryRoot (), "tests/python/load_export.py")

let private runs file (arguments: string list) =
    use child = Process.Start(ProcessStartInfo(file, arguments, RedirectStandardOutput = true, RedirectStandardError = true))
    let error = child.StandardError.ReadToEndAsync()
    let out = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, out, error.Result

/// Torch for Python, as Debian has it.
let private hasPythonTorch =
    lazy
        (File.Exists python
         && (let code, _, _ = runs python [ "-c"; "import torch, numpy" ]
             code = 0))

let private demandPythonTorch () = if not hasPythonTorch.Value then skiptest "Python's torch is not there: apt-get install python3-torch"

let private writeNpy file (shape: int64 list) (pixels: byte array) =
    use stream = File.Create(file: string)
    Npy.Write(stream, NamedArray("pixels", ElementType.U8, List.toArray shape, ReadOnlyMemory pixels))

let readNpy (file: string) = MemoryMarshal.Cast<byte, float32>(Npy.Read(file).Data.Span).ToArray()

let tests =
    testList
        "safetensors"
        [ test "has torchvision's names, the head's, and how to rebuild the network" {
              inFolder (fun folder ->
                  use model = untrained [ "encoder", "resnet50-v1"; "size", "64"; "embedding", "8"; "pooling", "gem"; "head_norm", "true" ]
                  let file = Path.Combine(folder, "a.safetensors")
                  let written = SafetensorsExport.Write(model, file)
                  Expect.equal written.Names "torchvision" "names"
                  let found = WeightFile.Read file
                  let names = set [ for array in found.Arrays -> array.Name ]

                  for name in
                      [ "conv1.weight"
                        "layer1.0.downsample.1.running_var"
                        "head.embedding.weight"
                        "head.norm.running_mean"
                        "head.pool.p" ] do
                      Expect.contains names name "a name"

                  Expect.equal (found.Text "architecture") "torchvision: resnet50" "architecture"
                  Expect.stringContains (found.Text "rebuild") "conv1, not at conv2" "the stride"
                  Expect.equal (found.Text "mean") "[0.485, 0.456, 0.406]" "mean"
                  let fit = WeightFits.Of(found)[0]
                  Expect.isTrue fit.Report.Fits (string fit.Report)
                  Expect.equal fit.Encoder "resnet50-v1" "a run can start from it"
                  rejects [ "keras"; "timm" ] (fun () -> SafetensorsExport.Write(model, file, "keras") |> ignore))
          }

          test "says how to rebuild the network that photographs begin with" {
              inFolder (fun folder ->
                  use model = untrained [ "encoder", "resnet18-cntk"; "size", "64"; "embedding", "8" ]
                  let file = Path.Combine(folder, "a.safetensors")
                  SafetensorsExport.Write(model, file) |> ignore

                  Expect.stringContains
                      ((WeightFile.Read file).Text "rebuild")
                      "ResNet(torchvision.models.resnet.BasicBlock, [2, 2, 2, 3])"
                      "in torchvision"

                  let names = set [ for array in (WeightFile.Read file).Arrays -> array.Name ]

                  Expect.isTrue
                      (names.Contains "layer4.2.conv1.weight" && not (names.Contains "layer3.2.conv1.weight"))
                      "three blocks in the last stage")
          }

          // Of all twelve blocks, each with few numbers.
          tensorTest "has torchvision's names for a vision transformer, which are read back as ours" (fun () ->
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "a.safetensors")

                  let write encoder =
                      let network = narrow 12 [ "encoder", encoder; "size", "32"; "embedding", "8" ]
                      SafetensorsExport.Write(network.Settings, network.Weights, "none", file, "torchvision") |> ignore

                  write "vit-b16"
                  let names = [ for array in WeightFile.Read(file).Arrays -> array.Name ]
                  Expect.contains names "encoder.layers.encoder_layer_11.self_attention.in_proj_weight" "names"
                  Expect.contains names "encoder.pos_embedding" "names"

                  let ours =
                      [ for name in names do
                            if not (name.StartsWith "head.") then (WeightNames.rename name).Value ]

                  let expected = (Encoders.All.tryBuild "vit-b16" { Size = 32; Norms = Layers.Norms.Batch }).Value.Features.Specs
                  Expect.equal (set ours) (set [ for spec in expected -> spec.Name ]) "and back"

                  rejects [ "torchvision"; "vit-s16"; "timm" ] (fun () -> write "vit-s16")))

          for encoder, pooling in [ "resnet18", "mean"; "resnet50", "gem" ] do
              test $"{encoder} is rebuilt in Python to the same embeddings" {
                  demandPythonTorch ()

                  inFolder (fun folder ->
                      use model =
                          untrained [ "encoder", encoder; "size", "64"; "embedding", "16"; "pooling", pooling; "head_norm", "true" ]

                      let path name = Path.Combine(folder, name)
                      SafetensorsExport.Write(model, path "a.safetensors") |> ignore
                      let pixels = noise 6 3 64
                      writeNpy (path "pixels.npy") [ 3L; 64L; 64L; 3L ] pixels

                      let code, out, error = runs python [ script (); path "a.safetensors"; path "pixels.npy"; path "found.npy" ]

                      Expect.equal code 0 $"{out}\n{error}"
                      let found = readNpy (path "found.npy")
                      expectNear 1e-5 (model.Embed(pixels, 3)) found "in Python")
              } ]
