/// What a file says of its own network counts for more than what its tensors fit.
module CondEmbed.Tests.ImportDeclaredTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support
open CondEmbed.Torch
open CondEmbed.WeightFiles

let tests =
    testList
        "Import of declared networks"
        [ test "a file that says where its stride is chooses the encoder, and one of our own is not imported" {
              inFolder (fun folder ->
                  let path name = Path.Combine(folder, name)
                  Native.ensure ()

                  let resNet = (All.tryBuild "resnet50" { Size = 32; Norms = Layers.Norms.Batch }).Value

                  let zeros (spec: ParamSpec) = ReadOnlyMemory(Array.zeroCreate<byte>(4 * int (List.fold (*) 1L spec.Shape)))

                  let arrays =
                      [| for spec in resNet.Features.Specs -> NamedArray(spec.Name, ElementType.F32, List.toArray spec.Shape, zeros spec) |]

                  for stride, encoder in [ "first 1x1 convolution of a bottleneck", "resnet50-v1"; "3x3 convolution", "resnet50" ] do
                      Safetensors.Write(path "net.safetensors", arrays, [ KeyValuePair("stride", stride) ])
                      let run = path encoder
                      succeeds [ "import"; path "net.safetensors"; "--out"; run ] |> ignore
                      Expect.stringContains (File.ReadAllText(Path.Combine(run, "config.toml"))) $"encoder = \"{encoder}\"" "declared"
                      let other = if encoder = "resnet50" then "resnet50-v1" else "resnet50"
                      let refused = condembed [ "import"; path "net.safetensors"; "--out"; path "no"; "--encoder"; other ]
                      Expect.equal refused.Code 2 refused.Everything
                      Expect.stringContains refused.Error "declares its stride" "named another"

                  let own = condembed [ "import"; Path.Combine(path "resnet50", "last.safetensors"); "--out"; path "own" ]
                  Expect.equal own.Code 2 own.Everything
                  Expect.stringContains own.Error "nothing to import" "our own")
          } ]
