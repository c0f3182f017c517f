/// What people get wrong at the prompt, and the messages that say what is wrong and how to fix it.
module CondEmbed.Tests.MistakeTests

open System
open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.Models
open CondEmbed.Layers
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let private zeros (shape: int64 list) = torch.zeros (List.toArray shape, dtype = float32, device = torch.CPU)

let private start (specs: ParamSpec list) = Params.init 0L torch.CPU float32 specs

let private runFresh (layer: Layer<'In, 'Out>) input = Layer.run (start layer.Specs) layer input |> ignore

let private block name inputs outputs =
    Layer.named name (Layer.named "conv" (conv2d inputs outputs 3 2) --> Layer.named "norm" (batchNorm outputs))

let private network =
    Network.ofMap
        (normalisePixels [ 0.0; 0.0; 0.0 ] [ 1.0; 1.0; 1.0 ] --> block "first" 3 8)
        (meanPool --> Layer.named "embedding" (linear 8 4))

let private levels channels embedding count = Hierarchy.plain { Channels = channels; Embedding = embedding; Heads = 2 } count

let private loss = lazy All.ofText "multi-similarity" 3 4

let private objective (hierarchy: Hierarchy.Options) = Objective.conditional network hierarchy 1.0 loss.Value loss.Value

let private images count : Tensor =
    torch.arange(0, 7 * 8 * 8 * 3, dtype = torch.uint8, device = torch.CPU).reshape(7L, 8L, 8L, 3L).narrow(0L, 0L, count)

let private step objective images labels =
    let training = Train.plain 1e-3 10 objective
    use state = Train.start 0L torch.CPU float32 training
    Train.step training state { Images = images; Labels = labels } |> ignore

let private firstOf objective images labels =
    let training = Train.plain 1e-3 10 objective
    use state = Train.start 0L torch.CPU float32 training
    Train.steps 1 (fun _ -> { Images = images; Labels = labels }) training state |> List.ofSeq

let private baseline () = objective (levels 8 4 0)

let private labels = [ 0; 0; 1; 1 ]

/// A step with an objective of one weight, which is 0.
let private objectiveOf (total: Tensor -> Tensor) =
    let objective: Objective =
        Layer.create [ { Name = "w"; Shape = []; Role = Trainable; Init = Constant 0.0 } ] (fun env _ ->
            let total = total env.Params["w"]
            { Total = total; Terms = [ "loss", total.sum () ] })

    step objective (images 4L) (labelsOf labels)

/// The mistake, its words, and how it is made.
let private mistakes: (string * string list * (unit -> unit)) list =
    [ "a convolution that gets other channels",
      [ "second.conv"; "32 channels"; "[2, 8, 4, 4]"; "which has 8"; "Make the layer for 8" ],
      fun () -> runFresh (block "first" 3 8 --> block "second" 32 16) (zeros [ 2L; 3L; 8L; 8L ])

      "a convolution that gets channels last",
      [ "first.conv"; "[2, 8, 8, 3]"; "permute (0, 3, 1, 2)" ],
      fun () -> runFresh (block "first" 3 8) (zeros [ 2L; 8L; 8L; 3L ])

      "a convolution that gets no batch",
      [ "first.conv"; "B 3 H W"; "[3, 8, 8]" ],
      fun () -> runFresh (block "first" 3 8) (zeros [ 3L; 8L; 8L ])

      "a linear layer that gets another width",
      [ "head.fc"; "16 features"; "[2, 12]"; "which has 12"; "Make the layer for 12" ],
      fun () -> runFresh (Layer.named "head" (Layer.named "fc" (linear 16 4))) (zeros [ 2L; 12L ])

      "fewer labels than embeddings",
      [ "6 embeddings"; "[6, 4]"; "[3]" ],
      fun () -> runFresh (Loss.onEmbeddings loss.Value) (zeros [ 6L; 4L ], labelsOf [ 0; 0; 1 ])

      "marks of pairs as bools", [ "Bool"; "torch.float32" ], (fun () -> Mining.marked (torch.ones (2L, 2L, dtype = torch.bool)) |> ignore)

      "marks of pairs that are NaN", [ "NaN" ], fun () -> Mining.marked (torch.full ([| 2L; 2L |], scalar nan)) |> ignore

      "several labels in one dimension", [ "[3]"; "unsqueeze 1" ], fun () -> Matching.batch Matching.any (labelsOf [ 0; 1; 1 ]) |> ignore

      "a column of labels that is not there",
      [ "no column 9"; "0 to 1" ],
      fun () -> Matching.batch (Matching.column 9) (torch.zeros (3L, 2L, dtype = int64')) |> ignore

      "labels as tags", [ "neither" ], (fun () -> Matching.ofMultiHot (torch.full ([| 2L; 3L |], scalar 2.0)) |> ignore)

      "a learning rate below zero", [ "-1"; "above 0" ], (fun () -> Train.plain -1.0 10 (baseline ()) |> ignore)

      "a step after the last one of a schedule",
      [ "over 3 steps" ],
      fun () ->
          let training = Train.plain 1e-3 3 (baseline ())
          use state = Train.start 0L torch.CPU float32 training

          Train.steps 4 (fun _ -> { Images = images 4; Labels = labelsOf labels }) training state
          |> Seq.iter ignore

      "an encoder that is not there",
      [ "'resnet51'"; "vit-s16"; "did you mean 'resnet50'" ],
      (fun () -> Recipe.encoder { Config.standard with Encoder = "resnet51" } |> ignore)

      "proxies of no class", [ "0 classes" ], (fun () -> All.ofText "arcface(margin=28)" 0 4 |> ignore)

      "an objective that is no single number", [ "[2]"; ".mean ()" ], fun () -> objectiveOf (fun weight -> torch.stack [| weight; weight |])

      "an objective that depends on nothing", [ "depends on nothing" ], (fun () -> objectiveOf _.detach())

      "an objective of NaN at the first step", [ "Step 1"; "logarithm" ], (fun () -> objectiveOf (fun weight -> (weight - 5.0).log()))

      "parameters that are whole numbers",
      [ "Int64"; "torch.float32" ],
      fun () -> Train.start 0L torch.CPU torch.int64 (Train.plain 1e-3 10 (baseline ())) |> ignore

      "a tensor out of the scope that frees it", [ "keeping" ], fun () -> scoped (fun () -> torch.ones 3L) |> ignore

      "a norm of other channels",
      [ "norm"; "16 channels"; "[2, 8, 4, 4]" ],
      fun () -> runFresh (Layer.named "norm" (batchNorm 16)) (zeros [ 2L; 8L; 4L; 4L ])

      "a layer norm of another width",
      [ "norm"; "16 features"; "[2, 8]" ],
      fun () -> runFresh (Layer.named "norm" (layerNorm 16)) (zeros [ 2L; 8L ])

      "a norm over one number a channel while training",
      [ "norm"; "more than one number a channel"; "[1, 4]"; "Layer.frozen" ],
      fun () ->
          let layer = Layer.named "norm" (batchNorm 4)
          Layer.apply Training (start layer.Specs) layer (zeros [ 1L; 4L ]) |> ignore

      "a pooling of what is pooled already",
      [ "pooling"; "B C H W"; "[2, 8]" ],
      (fun () -> runFresh (meanPool --> meanPool) (zeros [ 2L; 8L; 3L; 3L ]))

      "patches of other channels",
      [ "proj"; "3 channels"; "[2, 4, 8, 8]" ],
      fun () -> runFresh (Layer.named "proj" (patches 3 8 4)) (zeros [ 2L; 4L; 8L; 8L ])

      "what libtorch refuses in a layer of one's own",
      [ "mine"; "Float32 [2, 3]" ],
      fun () -> runFresh (Layer.named "mine" (Layer.lift (fun (x: Tensor) -> x + zeros [ 5L ]))) (zeros [ 2L; 3L ])

      "images with their channels first",
      [ "B H W 3"; "[4, 3, 8, 8]"; "permute (0, 2, 3, 1)" ],
      fun () -> step (baseline ()) (images(4L).permute(0L, 3L, 1L, 2L)) (labelsOf labels)

      "images of floats",
      [ "B H W 3 bytes"; "Float32 [4, 8, 8, 3]"; "torch.uint8" ],
      fun () -> step (baseline ()) (images(4L).``to``(float32) / 255.0) (labelsOf labels)

      "one image that is no batch", [ "[8, 8, 3]"; "unsqueeze 0" ], (fun () -> runFresh (Network.embed network) (images(1L).squeeze(0L)))

      "labels of another length",
      [ "4 images need 4 labels"; "[3]"; "[4, 8, 8, 3]" ],
      fun () -> step (baseline ()) (images 4L) (labelsOf [ 0; 0; 1 ])

      "labels of floats",
      [ "Int64"; "Float32 [4]"; "``to`` torch.int64" ],
      fun () -> step (baseline ()) (images 4L) ((labelsOf labels).``to`` float32)

      "labels in a column", [ "in one dimension"; "[4, 1]" ], (fun () -> step (baseline ()) (images 4L) ((labelsOf labels).unsqueeze 1L))

      "an empty batch", [ "empty batch"; "[0, 8, 8, 3]" ], (fun () -> step (baseline ()) (images 0L) (labelsOf []))

      "a batch of one class",
      [ "All 4 images"; "class 2"; "several classes" ],
      fun () -> firstOf (baseline ()) (images 4L) (labelsOf [ 2; 2; 2; 2 ]) |> ignore

      "a name twice in a model",
      [ "'conv.weight'"; "Layer.named" ],
      fun () ->
          let twice = Layer.named "conv" (conv2d 3 3 3 1) --> Layer.named "conv" (conv2d 3 3 3 1)
          start twice.Specs |> ignore

      "an empty name", [ "name cannot be empty" ], (fun () -> Layer.named "" (linear 2 2) |> ignore)

      "a parameter without numbers",
      [ "'weight' is [0, 3]"; "at least 1" ],
      (fun () -> start [ { Name = "weight"; Shape = [ 0L; 3L ]; Role = Trainable; Init = Normal 1.0 } ] |> ignore)

      "parameters of another model",
      [ "missing: fc.bias [4]"
        "fc.weight is [4, 6], the model has [4, 8]"
        "They also hold other.bias"
        "Params.init" ],
      fun () ->
          let layer = Layer.named "fc" (linear 8 4)

          Layer.run (Params.ofSeq [ "fc.weight", zeros [ 4L; 6L ]; "other.bias", zeros [ 4L ] ]) layer (zeros [ 2L; 8L ])
          |> ignore

      "parameters below another name",
      [ "missing: fc.weight [4, 8]"; "Params.inside \"student\"" ],
      fun () ->
          let layer = Layer.named "fc" (linear 8 4)
          Layer.run (start (Layer.named "student" layer).Specs) layer (zeros [ 2L; 8L ]) |> ignore

      "a state of another objective",
      [ "another model's"; "hierarchy.level1.query.weight" ],
      fun () ->
          use state = Train.start 0L torch.CPU float32 (Train.plain 1e-3 10 (baseline ()))
          let batch = { Images = images 4L; Labels = labelsOf labels }
          Train.step (Train.plain 1e-3 10 (objective (levels 8 4 1))) state batch |> ignore

      "parameters of another type",
      [ "first.conv"; "Float32"; "Float64"; "``to`` parameter.dtype" ],
      fun () -> Layer.run (started (Network.embed network).Specs) (Network.embed network) (images 2L) |> ignore

      "input on another device",
      [ "fc"; "on meta"; "on cpu"; "``to`` parameter.device" ],
      fun () -> runFresh (Layer.named "fc" (linear 8 4)) (torch.zeros (2L, 8L, dtype = float32, device = torch.META))

      "a loss that is not known",
      [ "multi-similarty"; "did you mean 'multi-similarity'" ],
      (fun () -> All.ofText "multi-similarty" 3 4 |> ignore)

      "fewer than no levels", [ "-1 levels"; "0 is the baseline" ], (fun () -> objective (levels 8 4 -1) |> ignore)

      "levels for other channels",
      [ "hierarchy"; "16 channels (Channels)"; "[4, 8, 4, 4]" ],
      fun () -> step (objective (levels 16 4 1)) (images 4L) (labelsOf labels)

      "levels for other embeddings",
      [ "hierarchy"; "6 features (Embedding)"; "[4, 4]" ],
      fun () -> step (objective (levels 8 6 1)) (images 4L) (labelsOf labels)

      "heads that do not divide the embedding", [ "2 heads"; "embedding of 5" ], (fun () -> objective (levels 8 5 1) |> ignore)

      "proxies of another width",
      [ "loss"; "6 features"; "[4, 4]" ],
      fun () -> step (Objective.baseline network (All.ofText "proxy-anchor" 3 6)) (images 4L) (labelsOf labels)

      "labels without a proxy",
      [ "classes 0 to 1"; "labels from 0 to 2" ],
      fun () -> step (Objective.baseline network (All.ofText "proxy-anchor" 2 4)) (images 4L) (labelsOf [ 0; 0; 1; 2 ])

      "a class token of a network without one",
      [ "no class token"; "pool its map" ],
      fun () -> Features.token (Features.ofMap (zeros [ 1L; 2L; 3L; 3L ])) |> ignore

      "embeddings of different widths in an evaluation",
      [ "queries have 4 numbers"; "the gallery 6" ],
      fun () ->
          let some n width = Embeddings<float32>(Array.create (n * width) 1f, n, width)
          Retrieval.Evaluate(some 2 4, [| 0L; 1L |], some 2 6, [| 0L; 1L |]) |> ignore

      "similarities of maps", [ "B D"; "[2, 4, 3, 3]"; "pool" ], (fun () -> Similarity.cosine (zeros [ 2L; 4L; 3L; 3L ]) |> ignore)

      "embeddings that are no matrix", [ "N x D"; "[4]" ], (fun () -> TensorEmbeddings.Of(zeros [ 4L ]) |> ignore)

      "a leaf that nothing depends on",
      [ "does not depend on 'idle.weight'"; "freeze" ],
      fun () ->
          let idle = Layer.named "idle" (linear 2 2)
          let some = baseline ()
          step (Layer.create (some.Specs @ idle.Specs) some.Forward) (images 4L) (labelsOf labels) ]

let private told (action: unit -> unit) =
    try
        action ()
        failtest "nothing was refused"
    with
    | :? ArgumentException as error -> error.Message
    | :? InputException as error -> error.Message
    | :? InvalidOperationException as error -> error.Message
    | :? ArithmeticException as error -> error.Message

let tests =
    testList
        "Mistake"
        [ for name, words, mistake in mistakes @ LossMistakes.all do
              tensorTest name (fun () ->
                  let message = told mistake

                  for word in words do
                      Expect.stringContains message word "the message"

                  for noise in [ "frame #"; "Exception raised from"; "\n   at " ] do
                      Expect.isFalse (message.Contains noise) $"no stack of libtorch: {message}")

          tensorTest "a batch of one class is no mistake where a loss has proxies" (fun () ->
              match firstOf (Objective.baseline network (All.ofText "proxy-anchor" 3 4)) (images 4L) (labelsOf [ 2; 2; 2; 2 ]) with
              | [ report ] ->
                  Expect.equal report.Step 1 "a step"
                  Expect.isTrue (report.Loss > 0.0 && report.GradientNorm > 0.0) $"it learns: {report}"
              | reports -> failtest $"{reports.Length} reports")

          tensorTest "parameters may hold more than a layer needs" (fun () ->
              let whole = start (Layer.named "more" (linear 2 2) --> Layer.named "fc" (linear 2 3)).Specs
              let output = Layer.run whole (Layer.named "fc" (linear 2 3)) (zeros [ 4L; 2L ])
              Expect.sequenceEqual output.shape [ 4L; 3L ] "shape") ]
