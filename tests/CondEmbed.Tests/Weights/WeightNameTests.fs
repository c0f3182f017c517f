/// The weights of other programs under our names, and what is done to make them fit.
module CondEmbed.Tests.WeightNameTests

open System.Collections.Generic
open System.Text.RegularExpressions
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Encoders
open CondEmbed.Interop
open CondEmbed.Tests.Support
open TorchSharp

let private renames =
    [ "module.layer1.0.conv1.weight", "layer1.0.conv1.weight"
      "module.backbone.blocks.3.attn.qkv.bias", "blocks.3.attn.qkv.bias"
      "backbone.cls_token", "cls_token"
      "model.encoder.conv1.weight", "conv1.weight"
      "class_token", "cls_token"
      "conv_proj.bias", "patch_embed.proj.bias"
      "encoder.pos_embedding", "pos_embed"
      "encoder.layers.encoder_layer_11.ln_1.weight", "blocks.11.norm1.weight"
      "encoder.layers.encoder_layer_0.ln_2.bias", "blocks.0.norm2.bias"
      "encoder.layers.encoder_layer_0.self_attention.in_proj_weight", "blocks.0.attn.qkv.weight"
      "encoder.layers.encoder_layer_0.self_attention.out_proj.bias", "blocks.0.attn.proj.bias"
      "encoder.layers.encoder_layer_0.mlp.0.weight", "blocks.0.mlp.fc1.weight"
      "encoder.layers.encoder_layer_0.mlp.linear_2.bias", "blocks.0.mlp.fc2.bias"
      "encoder.ln.weight", "norm.weight"
      "heads.head.weight", "heads.head.weight" ]

let private specsOf name size = (All.tryBuild name { Size = size; Norms = Layers.Norms.Batch }).Value.Features.Specs

/// Names and shapes of an encoder as a file may have them.
let private shapesOf name = Dictionary(dict [ for spec in specsOf name 224 -> spec.Name, spec.Shape ])

let private encoderName = "resnet18"

/// Our names -> torchvision's for its vision transformer.
let private torchvisionName (name: string) =
    let parts =
        [ "cls_token", "class_token"
          "pos_embed", "encoder.pos_embedding"
          "patch_embed.proj", "conv_proj"
          "blocks.", "encoder.layers.encoder_layer_"
          "norm1", "ln_1"
          "norm2", "ln_2"
          "attn.qkv.", "self_attention.in_proj_"
          "attn.proj", "self_attention.out_proj"
          "mlp.fc1", "mlp.0"
          "mlp.fc2", "mlp.3" ]

    if name.StartsWith "norm." then
        name.Replace("norm.", "encoder.ln.")
    else
        (name, parts) ||> List.fold (fun name (ours, theirs) -> name.Replace(ours, theirs))

/// torch's bicubic kernel, a = -0.75.
let private kernel x =
    let a, x = -0.75, abs x

    if x <= 1.0 then ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    elif x < 2.0 then ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    else 0.0

/// The value at (row, column) of a grid resized to side x side: 16 neighbours, those outside as at the edge.
let private bicubic (grid: float array2d) side row column =
    let from = Array2D.length1 grid
    let place i = (float i + 0.5) * float from / float side - 0.5
    let inside i = max 0 (min (from - 1) i)
    let y, x = place row, place column

    [ for i in int (floor y) - 1 .. int (floor y) + 2 do
          for j in int (floor x) - 1 .. int (floor x) + 2 -> kernel (y - float i) * kernel (x - float j) * grid[inside i, inside j] ]
    |> List.sum

let private resizing =
    testList
        "positions"
        [ for from, side in [ 2, 3; 5, 3; 4, 7 ] do
              tensorTest $"of {from} x {from} places are resized to {side} x {side} as a loop does it" (fun () ->
                  let positions = normal 3 [ 1; 1 + from * from; 2 ]
                  let resized = Weights.resizePositions (int64 side) positions
                  Expect.sequenceEqual resized.shape [ 1L; 1L + int64 (side * side); 2L ] "shape"
                  expectSame (positions.narrow (1L, 0L, 1L)) (resized.narrow (1L, 0L, 1L)) "class token"

                  for channel in 0L .. 1L do
                      let numbers = numbers (positions.select (2L, channel))
                      let grid = Array2D.init from from (fun i j -> numbers[1 + i * from + j])

                      let expected =
                          matrixOf
                              [ [ for i in 0 .. side - 1 do
                                      for j in 0 .. side - 1 -> bicubic grid side i j ] ]

                      let actual = resized.narrow(1L, 1L, int64 (side * side)).select(2L, channel)
                      expectClose 1e-12 expected actual $"channel {channel}")

          tensorTest "are resized when a session loads weights of another size, and the report says so" (fun () ->
              let session size = Session.ForEmbedding({ Config.startFor "vit-s16" with Size = size }, Device.choose "cpu")
              use source = session 32
              use target = session 48
              let weights = source.EmbeddingWeights()
              let report = target.Load weights
              Expect.isTrue report.Fits (string report)
              Expect.equal (List.ofSeq report.Changed) [ "pos_embed: positions resized from 2 x 2 to 3 x 3 (bicubic)" ] "changed"
              Expect.stringContains (string report) "changed to fit: 1" "text"

              let find (tensors: IReadOnlyList<TensorData>) =
                  Bytes.toTensor (tensors |> Seq.find (fun tensor -> tensor.Name = "pos_embed"))

              expectSame (Weights.resizePositions 3L (find weights)) (find (target.EmbeddingWeights())) "positions") ]

/// ResNet-18 as Hugging Face names it.
let private huggingFace (name: string) =
    let block = Regex.Match(name, @"^layer(\d)\.(\d)\.(conv|bn|downsample\.)(\d)\.(.*)$")
    let part (at: int) = block.Groups[at].Value
    let kind isConvolution = if isConvolution then "convolution" else "normalization"

    if block.Success && part 3 = "downsample." then
        $"""encoder.stages.{int (part 1) - 1}.layers.{part 2}.shortcut.{kind (part 4 = "0")}.{part 5}"""
    elif block.Success then
        $"""encoder.stages.{int (part 1) - 1}.layers.{part 2}.layer.{int (part 4) - 1}.{kind (part 3 = "conv")}.{part 5}"""
    else
        name.Replace("conv1.", "embedder.embedder.convolution.").Replace("bn1.", "embedder.embedder.normalization.")

/// ResNet-18 as nn.Sequential(*children) numbers its parts.
let private numbered (name: string) =
    ([ "conv1.", "0."; "bn1.", "1." ] @ [ for stage in 1..4 -> $"layer{stage}.", $"{stage + 3}." ])
    |> List.pick (fun (ours, number) -> if name.StartsWith ours then Some(number + name.Substring ours.Length) else None)

/// What a training leaves: what the names begin with, how they go on, and what lies beside the network.
let private left: (string * (string -> string) * string list) list =
    [ for prefix in
          [ ""
            "_orig_mod."
            "module._orig_mod."
            "net."
            "trunk."
            "resnet."
            "model."
            "encoder.module."
            "_forward_module.model.backbone.net." ] do
          prefix, id, []
      "resnet.", huggingFace, [ "classifier.1.weight" ]
      "", huggingFace, []
      "backbone.", numbered, [ "projection_head.layers.0.weight" ]
      "module.backbone.", id, [ "module.head.mlp.0.weight"; "module.head.last_layer.weight_v" ]
      "module.base_encoder.", id, [ "module.predictor.0.weight" ]
      "module.", id, [ "n_averaged" ] ]

let private prefixes =
    testList
        "what stands before all names"
        [ for prefix, rename, beside in left do
              testCase $"'{prefix}' and {rename (List.head (specsOf encoderName 224)).Name} beside {beside.Length}" (fun () ->
                  let files =
                      dict
                          [ for KeyValue(name, shape) in shapesOf encoderName do
                                prefix + rename name, shape
                            for name in beside do
                                name, [ 7L; 7L ] ]

                  let report = Weights.compare (specsOf encoderName 224) (Dictionary files)
                  Expect.isTrue report.Fits (string report)
                  Expect.equal (report.Share, report.Prefix) (1.0, prefix) "all of it"
                  Expect.equal (report.Beside @ report.Classifier) beside "beside"
                  if prefix <> "" then Expect.stringContains (string report) $"'{prefix}'" "said"

                  for KeyValue(ours, file) in report.Sources do
                      Expect.equal file (prefix + rename ours) ours)

          for taken, other in
              [ "module.encoder_q.", "module.encoder_k."
                "base_encoder.", "momentum_encoder."
                "online_network.", "target_network."
                "teacher.backbone.", "student.backbone."
                "model.", "ema_model." ] do
              testCase $"of '{taken}' and '{other}' the first is taken, whatever their order, and both are named" (fun () ->
                  for order in [ [ taken; other ]; [ other; taken ] ] do
                      let files =
                          [ for prefix in order do
                                for KeyValue(name, shape) in shapesOf encoderName -> prefix + name, shape ]

                      let report = Weights.compare (specsOf encoderName 224) (Dictionary(dict files))
                      Expect.isTrue report.Fits (string report)
                      Expect.equal (report.Prefix, report.OtherPrefixes) (taken, [ other ]) "which"
                      Expect.equal report.Beside.Length report.Loaded.Length "left out"
                      Expect.stringContains (string report) (other.TrimEnd '.') "said")

          testCase "wrappers within names are passed over" (fun () ->
              let wrapped (name: string) = name.Replace("layer1.0.", "layer1.0._checkpoint_wrapped_module._orig_mod.")
              let files = dict [ for KeyValue(name, shape) in shapesOf encoderName -> wrapped name, shape ]
              let report = Weights.compare (specsOf encoderName 224) (Dictionary files)
              Expect.isTrue report.Fits (string report))

          testCase "weights of nothing have no share" (fun () ->
              let files = dict [ for KeyValue(name, shape) in shapesOf encoderName -> "any.thing." + name + "_", shape ]
              let report = Weights.compare (specsOf encoderName 224) (Dictionary files)
              Expect.equal (report.Share, report.Loaded, report.Prefix) (0.0, [], "any.thing.") "nothing") ]

let tests =
    testList
        "Weight names"
        [ testCase "torchvision's, timm's and DINO's names become ours" (fun () ->
              for theirs, ours in renames do
                  let naming = WeightNames.find (fun _ name -> name = ours) (WeightNames.read [ theirs ])
                  Expect.equal naming.Names [ ours, theirs ] theirs
                  Expect.isEmpty naming.Beside "beside"

              Expect.isEmpty (WeightNames.read [ "module.bn1.num_batches_tracked" ]) "counters"
              Expect.isNone (WeightNames.rename "bn1.num_batches_tracked") "a counter")

          prefixes

          testCase "torchvision's vit_b_16 fits, classifier aside" (fun () ->
              let renamed =
                  Dictionary(
                      dict
                          [ for KeyValue(name, shape) in shapesOf "vit-b16" do
                                (WeightNames.rename (torchvisionName name)).Value, shape
                            "heads.head.weight", [ 1000L; 768L ] ]
                  )

              let report = Weights.compare (specsOf "vit-b16-dino" 224) renamed
              Expect.isTrue report.Fits (string report)
              Expect.equal report.Classifier [ "heads.head.weight" ] "classifier")

          for encoder, change, words in
              [ "resnet50", ("conv1.weight", "conv1.0.weight"), "resnet50d"
                "resnet50", ("layer2.0.downsample.0.weight", "layer2.0.downsample.2.weight"), "ResNet-D"
                "resnet50", ("layer1.0.conv2.weight", "layer1.0.se.fc1.weight"), "squeeze"
                "vit-s16", ("norm.weight", "blocks.0.ls1.gamma"), "DINOv2"
                "vit-s16", ("norm.weight", "dist_token"), "DeiT"
                "vit-s16", ("norm.weight", "fc_norm.weight"), "fc_norm" ] do
              testCase $"{encoder} with {snd change} is said to be another network" (fun () ->
                  let shapes = shapesOf encoder
                  shapes[snd change] <- shapes[fst change]
                  shapes.Remove(fst change) |> ignore
                  let report = Weights.compare (specsOf encoder 224) shapes
                  Expect.isFalse report.Fits "fits"
                  Expect.stringContains (defaultArg report.Foreign "") words "what it is"
                  Expect.stringContains (string report) words "in the report")

          testCase "of all encoders those that fit come first" (fun () ->
              for encoder in [ "resnet18"; "resnet34"; "small" ] do
                  let fits =
                      EncoderFit.Of [ for KeyValue(name, shape) in shapesOf encoder -> KeyValuePair("module." + name, List.toArray shape) ]

                  Expect.equal
                      [ for fit in fits do
                            if fit.Report.Fits then fit.Encoder ]
                      [ encoder ]
                      "fits"

                  Expect.equal fits[0].Encoder encoder "first"
                  Expect.equal fits.Count All.names.Length "all of them")

          resizing ]
