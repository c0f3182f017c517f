/// Vision transformers against plain loops over tokens and heads.
module CondEmbed.Tests.TransformerTests

open Expecto
open CondEmbed
open CondEmbed.Images
open CondEmbed.Options
open CondEmbed.Encoders
open CondEmbed.Tests.Support
open TorchSharp

/// Images of 8 px in patches of 4: four tokens and the class token, 6 wide, two blocks of two heads.
let private tiny: VisionTransformer.Options =
    { Patch = 4
      Size = 8
      Width = 6
      Depth = 2
      Heads = 2
      Mean = [ 0.5; 0.5; 0.5 ]
      Deviation = [ 0.5; 0.5; 0.5 ] }

/// Parameters that are all different.
let private different (specs: ParamSpec list) =
    let parameters = started specs

    for i, name in List.indexed parameters.Names do
        let shape = [ for size in parameters[name].shape -> int size ]
        Params.commit parameters [ name, 0.5 * normal i shape ]

    parameters

/// C -> C, mean 0 and deviation 1, scaled and shifted.
let private norm (p: Params) name (x: Tensor) =
    let centred = x - x.mean ()
    centred / ((centred * centred).mean() + 1e-6).sqrt() * p[name + ".weight"] + p[name + ".bias"]

let private affine (p: Params) name (x: Tensor) = p[name + ".weight"].mv x + p[name + ".bias"]

/// Each token reads all tokens, head by head: a loop for every query and key.
let private attention (p: Params) name (tokens: Tensor list) =
    let width = int64 tiny.Width / int64 tiny.Heads
    let qkv = tokens |> List.map (affine p (name + ".qkv"))

    let part which head (x: Tensor) = x.narrow (0L, int64 which * int64 tiny.Width + int64 head * width, width)

    let read query head =
        let scores = [ for key in qkv -> (part 0 head query).dot(part 1 head key) / sqrt (float width) ]
        let powers = [ for score in scores -> score.exp () ]
        let sum = List.reduce (fun (a: Tensor) b -> a + b) powers

        List.map2 (fun (power: Tensor) value -> power / sum * part 2 head value) powers qkv
        |> List.reduce (fun a b -> a + b)

    [ for query in qkv -> torch.cat [| for head in 0 .. tiny.Heads - 1 -> read query head |] |> affine p (name + ".proj") ]

let private gelu (x: Tensor) = 0.5 * x * (1.0 + (x / sqrt 2.0).erf())

let private block (p: Params) (tokens: Tensor list) index =
    let name = $"blocks.{index}"
    let read = tokens |> List.map (norm p (name + ".norm1")) |> attention p (name + ".attn")
    let tokens = List.map2 (fun (x: Tensor) y -> x + y) tokens read

    [ for x in tokens ->
          x
          + (x
             |> norm p (name + ".norm2")
             |> affine p (name + ".mlp.fc1")
             |> gelu
             |> affine p (name + ".mlp.fc2")) ]

/// 3 H W -> the class token and the patches, row by row.
let private twin (p: Params) (image: Tensor) =
    let patch row column =
        let square = image.narrow(1L, 4L * row, 4L).narrow(2L, 4L * column, 4L)
        p["patch_embed.proj.weight"].flatten(1L).mv(square.flatten ()) + p["patch_embed.proj.bias"]

    let tokens =
        p["cls_token"].flatten()
        :: [ for row in 0L .. 1L do
                 for column in 0L .. 1L -> patch row column ]

    let placed = tokens |> List.mapi (fun i x -> x + p["pos_embed"].select(0L, 0L).select(0L, int64 i))

    (placed, [ 0..1 ]) ||> List.fold (block p) |> List.map (norm p "norm")

/// The names of timm's vision transformer of 12 blocks.
let private timmNames =
    set
        [ "cls_token"
          "pos_embed"
          for leaf in [ "weight"; "bias" ] do
              $"patch_embed.proj.{leaf}"
              $"norm.{leaf}"

              for index in 0..11 do
                  for part in [ "norm1"; "attn.qkv"; "attn.proj"; "norm2"; "mlp.fc1"; "mlp.fc2" ] do
                      $"blocks.{index}.{part}.{leaf}" ]

let tests =
    testList
        "Vision transformer"
        [ // Without a classifier: 22,050,664 and 86,567,656 less width x 1,000 + 1,000.
          for name, width, numbers in
              [ "vit-s16", 384, 21_665_664L
                "vit-s16-dino", 384, 21_665_664L
                "vit-b16", 768, 85_798_656L
                "vit-b16-dino", 768, 85_798_656L ] do
              testCase $"{name} has timm's names and {numbers} parameters" (fun () ->
                  let encoder = (All.tryBuild name { Size = 224; Norms = Layers.Norms.Frozen }).Value
                  Expect.equal (set [ for spec in encoder.Features.Specs -> spec.Name ]) timmNames "names"
                  Expect.equal (Params.count encoder.Features.Specs) numbers "numbers"
                  Expect.equal (encoder.Channels, encoder.HasToken, encoder.Multiple) (width, true, 16) "what it is"
                  let dino = name.EndsWith "dino"
                  Expect.equal encoder.Mean.Head (if dino then 0.485 else 0.5) "mean"
                  let config = Config.startFor name
                  Expect.isEmpty (ConfigValidation.problems config) "settings"
                  Expect.equal (config.Pooling, HostSettings.StartFor(name).Filter) ("class", ResampleFilter.Bicubic) "settings")

          tensorTest "equals loops over tokens and heads, gradients included" (fun () ->
              let encoder = VisionTransformer.build tiny
              let parameters, x = different encoder.Features.Specs, normal 90 [ 2; 3; 8; 8 ]
              let features = Layer.run parameters encoder.Features x
              Expect.sequenceEqual features.Map.shape [ 2L; 6L; 2L; 2L ] "map"

              for image in 0L .. 1L do
                  let tokens = twin parameters (x.select (0L, image))
                  expectClose 1e-10 tokens.Head (features.Token.Value.select (0L, image)) "class token"
                  let places = Layers.tokens(features.Map).select(0L, image)
                  expectClose 1e-10 (torch.stack (Array.ofList tokens.Tail)) places "patches"

              let total (parts: Tensor list) = (torch.stack (Array.ofList parts)).pow(scalar 2.0).sum()

              let ofLayer p =
                  let f, _ = forward Training p encoder.Features (x.narrow (0L, 0L, 1L))
                  f.Map.pow(scalar 2.0).sum() + f.Token.Value.pow(scalar 2.0).sum()

              let expected = gradientsOf (fun p -> total (twin p (x.select (0L, 0L)))) parameters

              for (name, expected), (_, actual) in Seq.zip expected (gradientsOf ofLayer parameters) do
                  expectClose 1e-8 expected actual $"gradient by {name}")

          tensorTest "a norm of equal numbers, whose epsilon shows" (fun () ->
              let layer = Layers.layerNormOf 1e-6 2
              let x = matrixOf [ [ 1e-3; -1e-3 ] ]

              expectClose
                  1e-12
                  (matrixOf [ [ 1.0 / sqrt 2.0; -1.0 / sqrt 2.0 ] ])
                  (Layer.run (started layer.Specs) layer x)
                  "half of it is epsilon")

          tensorTest "images of another size, and sizes that are no multiple of the patch, are refused" (fun () ->
              let features = (VisionTransformer.build tiny).Features
              let run () = Layer.run (started features.Specs) features (normal 1 [ 1; 3; 12; 12 ]) |> ignore
              Expect.throwsT<System.ArgumentException> run "another size"

              for options, what in
                  [ { tiny with Size = 10 }, "10 px"
                    { tiny with Size = 0 }, "0 px"
                    { tiny with Patch = 0 }, "patches of 0"
                    { tiny with Heads = 0 }, "0 heads"
                    { tiny with Heads = 4 }, "4 heads" ] do
                  Expect.throwsC (fun () -> VisionTransformer.build options |> ignore) (fun problem ->
                      Expect.isTrue (problem :? System.ArgumentException) $"{what}: {problem}"
                      Expect.stringContains problem.Message what "the message")

              let problems = ConfigValidation.problems { Config.startFor "vit-s16" with Size = 100 }
              Expect.equal [ for problem in problems -> problem.Key ] [ "size" ] "key"
              Expect.stringContains problems.Head.Message "the nearest are 96 and 112" "the fix") ]
