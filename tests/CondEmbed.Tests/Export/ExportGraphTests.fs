/// Every encoder, pooling and head as an ONNX graph against torch's forward pass.
module CondEmbed.Tests.ExportGraphTests

open System
open System.IO
open Expecto
open FsCheck
open CondEmbed
open CondEmbed.Models
open CondEmbed.Export
open CondEmbed.Interop
open CondEmbed.Onnx
open CondEmbed.Tests.ExportSupport
open CondEmbed.Tests.Support

let private sameAsTorch (network: Exported) (side: int) =
    inFolder (fun folder ->
        let file = Path.Combine(folder, "model.onnx")
        writeExported file network
        use onnx = OnnxModel.Load file
        Expect.equal onnx.Dimension network.Dimension "D"

        for count in [ 1; 3 ] do
            let pixels = noise count count side
            let expected = network.Embed pixels count
            expectNear 1e-5 expected (onnx.Embed(pixels, count)) $"{count} images"
            // Embeddings that are all alike would be near each other whatever the graph does.
            if count = 3 then
                let rows = Array.chunkBySize network.Dimension expected
                Expect.isGreaterThan (Seq.map2 (fun x y -> abs (x - y)) rows[0] rows[1] |> Seq.max) 1e-3f "images differ")

/// The named encoder as it is.
let private wholly given (side: int) =
    use model = untrained (("size", string side) :: given)
    sameAsTorch (whole model) side

/// Its form with few numbers: a graph is read off the weights and the form, however many blocks and channels there are.
let private narrowly given (side: int) = sameAsTorch (narrow 2 (("size", string side) :: given)) side

let private poolings as' what encoder side names =
    [ for pooling in names do
          tensorTest $"{encoder}{what} at {side} px, pooling {pooling}" (fun () ->
              as' [ "encoder", encoder; "pooling", pooling; "embedding", "24" ] side) ]

let private wholes encoder side names = poolings wholly "" encoder side names

let private narrows encoder side names = poolings narrowly ", narrow," encoder side names

let private ofMaps = [ "mean"; "max"; "mean-max"; "gem"; "grid" ]

let private graphs =
    testList
        "equals torch's forward pass"
        [ yield! wholes "small" 48 ofMaps
          yield! narrows "small" 48 [ "mean" ]
          yield! wholes "resnet18" 64 [ "mean" ]
          yield! narrows "resnet18" 64 ofMaps
          yield! wholes "resnet18-cntk" 64 [ "mean" ]
          yield! wholes "resnet34" 64 [ "gem" ]
          yield! wholes "resnet50" 64 [ "mean" ]
          yield! wholes "resnet50-v1" 64 [ "mean-max" ]
          yield! wholes "vit-s16" 32 [ "class" ]
          yield! narrows "vit-s16" 32 ("class" :: ofMaps)
          yield! narrows "vit-s16-dino" 48 [ "class" ]
          yield! narrows "vit-b16" 32 [ "class" ]
          yield! narrows "vit-b16-dino" 32 [ "mean" ]

          // Maps of 5, 7 and 13 places a side: shortcuts that average at an odd edge, and fields of the grid that overlap.
          for side in [ 37; 50; 100 ] do
              yield! wholes "small" side [ "grid" ]

          for norm in [ "true"; "false" ] do
              for embedding in [ "0"; "24" ] do
                  tensorTest $"head norm {norm}, embedding {embedding}" (fun () ->
                      wholly [ "encoder", "small"; "pooling", "mean"; "head_norm", norm; "embedding", embedding ] 32) ]

let private coverage =
    testList
        "nothing is forgotten"
        [ test "every encoder and pooling of the core has a graph" {
              for name, _, _ in Encoders.All.poolings do
                  use model =
                      match name with
                      | "class" -> untrained [ "encoder", "vit-s16"; "size", "16"; "pooling", name ]
                      | _ -> untrained [ "encoder", "small"; "size", "32"; "pooling", name ]

                  OnnxExport.Message(model, false) |> ignore

              for encoder in CoreSettings.Encoders do
                  let layers = OnnxLayers(OnnxGraph(), [||], false)

                  // One that has a graph asks for its first weight; one that has none is refused before.
                  Expect.throwsT<System.Collections.Generic.KeyNotFoundException>
                      (fun () -> OnnxEncoders.Build(encoder, layers, OnnxMap("x", 3, 32)) |> ignore)
                      encoder
          }

          test "what has no graph is refused by name" {
              let layers = OnnxLayers(OnnxGraph(), [||], false)
              rejects [ "'resnet9'"; "resnet50" ] (fun () -> OnnxEncoders.Build("resnet9", layers, OnnxMap("x", 3, 32)) |> ignore)
              let map = Func<OnnxMap>(fun () -> OnnxMap("x", 8, 4))

              for pooling in [ "class"; "median" ] do
                  rejects [ $"'{pooling}'"; "mean-max" ] (fun () -> OnnxHead.Build(pooling, layers, OnnxFeatures(map, null)) |> ignore)
          } ]

let private int8 =
    testList
        "int8"
        [ testProperty
              "a weight is off by at most half its channel's scale, and the greatest is 127"
              (fun (NormalFloat seed) (PositiveInt channels) ->
                  let random = Random(hash seed)
                  let stride, blocks = random.Next(1, 6), random.Next(1, 6)
                  let channels = channels % 7 + 1
                  let weights = [| for _ in 1 .. blocks * channels * stride -> single (random.NextDouble() - 0.5) * 1e-3f |]
                  let small = Int8.Of(ReadOnlySpan weights, channels, stride)

                  for channel in 0 .. channels - 1 do
                      let own =
                          [ for i in 0 .. weights.Length - 1 do
                                if i / stride % channels = channel then i ]

                      let greatest = own |> Seq.map (fun i -> abs weights[i]) |> Seq.max
                      Expect.floatClose Accuracy.low (float small.Scales[channel] * 127.0) (float greatest) "scale"
                      Expect.equal (own |> Seq.map (fun i -> abs (int small.Values[i])) |> Seq.max) 127 "the greatest"

                      for i in own do
                          let off = abs (float weights[i] - float small.Values[i] * float small.Scales[channel])
                          Expect.isLessThanOrEqual off (0.5001 * float small.Scales[channel]) "half a scale")

          test "a channel of zeros stays zero" {
              let small = Int8.Of(ReadOnlySpan [| 0f; 0f; 1f; -2f |], 2, 2)
              Expect.equal small.Values [| 0y; 0y; 64y; -127y |] "values"
              Expect.equal small.Scales[0] 0f "scale"
          }

          for encoder, side in [ "small", 48; "resnet18", 64; "vit-s16", 32 ] do
              test $"{encoder} is a quarter of the size and close" {
                  inFolder (fun folder ->
                      use model = untrained [ "encoder", encoder; "size", string side; "embedding", "24" ]
                      let whole, small = Path.Combine(folder, "a.onnx"), Path.Combine(folder, "b.onnx")
                      writeOnnx whole false model
                      writeOnnx small true model
                      Expect.isLessThan (float (FileInfo(small).Length) / float (FileInfo(whole).Length)) 0.28 "size"
                      use onnx = OnnxModel.Load small
                      let pixels = noise 4 3 side
                      let expected, found = model.Embed(pixels, 3), onnx.Embed(pixels, 3)

                      for x, y in Seq.zip (Array.chunkBySize 24 expected) (Array.chunkBySize 24 found) do
                          let cosine = Seq.map2 (fun x y -> float x * float y) x y |> Seq.sum
                          Expect.isGreaterThan cosine ExportCheck.LeastCosineOfInt8 "cosine"

                      Expect.notEqual found expected "int8 is not float32"
                      Expect.notEqual onnx.Fingerprint model.Fingerprint "the fingerprint is another")
              } ]

let tests = testList "graph" [ graphs; coverage; int8 ]
