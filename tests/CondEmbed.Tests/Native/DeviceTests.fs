/// That everything takes its device from its inputs or parameters, shown without a GPU: the default device is one that holds no data, the
/// parameters and the batch lie on the CPU, and a tensor that is made without naming its device fails the step that meets it.
module CondEmbed.Tests.DeviceTests

open System
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Interop
open CondEmbed.Checks
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Search
open CondEmbed.Models

let private whileDefaultIsMeta (body: unit -> unit) =
    let before = torch.get_default_device ()
    torch.set_default_device torch.META

    try
        body ()
    finally
        torch.set_default_device before

let private strayTest name body = tensorTest name (fun () -> whileDefaultIsMeta body)

let private tiny = { Config.standard with Embedding = 8; Heads = 2; Size = 32; Clip = 1.0 }

let private images side : Tensor =
    use generator = new torch.Generator(5UL, torch.CPU)
    torch.randint (256L, [| 4L; side; side; 3L |], dtype = torch.uint8, device = torch.CPU, generator = generator)

/// A whole step, and embedding, on the CPU.
let private step (config: Config) =
    Expect.isEmpty (ConfigValidation.problems config) "settings"
    let recipe = Recipe.build config 2 10
    use state = Train.start 1L torch.CPU float32 recipe.Method
    let images = images (int64 config.Size)

    let batch = { Images = images; Labels = labelsOf [ 0; 0; 1; 1 ] }

    let report = Train.step recipe.Method state batch
    Expect.isTrue (Double.IsFinite report.Loss) "loss"
    let embeddings = Layer.run state.Params recipe.Embed images
    Expect.equal embeddings.device.``type`` DeviceType.CPU "device of the embeddings"
    Expect.sequenceEqual embeddings.shape [ 4L; int64 config.Embedding ] "embeddings"

/// Encoders that are taken as they are. The others are the same code with other numbers of blocks and channels.
let private taken = set [ "small"; "resnet18"; "vit-s16" ]

/// A whole step of the narrow form of an encoder, on levels.
let private narrowStep (config: Config) =
    let encoder = Narrow.encoder Layers.Norms.Batch 2 config.Size (Recipe.encoder config)

    let name, features, pooling =
        Encoders.All.poolings
        |> List.find (fun (name, _, _) -> name = (if encoder.HasToken then "class" else "mean"))

    let network = Network.ofEncoder encoder (features, pooling, name = "mean") true config.Embedding
    let hierarchy = Hierarchy.plain { Channels = encoder.Channels; Embedding = config.Embedding; Heads = config.Heads } 2
    let loss = Losses.All.ofText "multi-similarity" 2 config.Embedding
    let training = Objective.conditional network hierarchy 0.5 loss loss |> Train.plain 1e-3 10
    use state = Train.start 1L torch.CPU float32 training
    let images = images (int64 config.Size)
    let report = Train.step training state { Images = images; Labels = labelsOf [ 0; 0; 1; 1 ] }
    Expect.isTrue (Double.IsFinite report.Loss) "loss"
    let embeddings = Layer.run state.Params (Network.embed network) images
    Expect.equal embeddings.device.``type`` DeviceType.CPU "device of the embeddings"

let private strayTests =
    testList
        "no stray device in a whole training step"
        [ strayTest "the trap holds: what names no device lands on meta" (fun () ->
              let expectMeta (x: Tensor) = Expect.equal x.device.``type`` DeviceType.META (string x)

              for made in [ torch.zeros (2L); torch.tensor [| 1.0 |]; torch.arange (scalar 3.0); torch.eye 2L; torch.rand (2L) ] do
                  expectMeta made)

          for case in Cases.all do
              if case.Group <> "encoders" || taken.Contains case.Name then
                  strayTest $"{case.Group}: {case.Name}" (fun () -> step case.Config)
              else
                  strayTest $"{case.Group}: {case.Name}, narrow" (fun () -> narrowStep case.Config)

          strayTest "attention maps and finite differences" (fun () ->
              let e = normal 1 [ 4; 8 ]
              let hierarchy = Hierarchy.plain { Channels = 3; Embedding = 8; Heads = 2 } 2

              let maps = AttentionTests.attentionOf hierarchy

              let views: Hierarchy.Views = { Maps = [ normal 2 [ 4; 3; 5; 1 ] ]; Embeddings = e; Head = None; Averaged = None }

              for map in Layer.run (started maps.Specs) maps views do
                  expectFinite map "attention"

              expectFinite (Grad.finiteDifferences 1e-3 (fun x -> x.sum ()) e) "slopes")

          strayTest "a session of the host program" (fun () ->
              let config = { tiny with Size = 16 }
              let pixels = Array.create (4 * 16 * 16 * 3) 100uy
              use session = Session.ForTraining(config, Device.choose "cpu", 2, 10)
              session.Step(pixels, 16, [| 0L; 0L; 1L; 1L |]) |> ignore
              Expect.isTrue (session.LevelMeasures(pixels, 16, [| 0L; 0L; 1L; 1L |]).ContainsKey "level1_variation") "the levels"
              session.Restore(session.Weights(), session.Moments(), session.RandomState(), 1)
              session.Load(session.EmbeddingWeights()) |> ignore
              session.StartHead(session.Pool(pixels, 4, 16))
              Expect.all (session.Embed(pixels, 4, 16)) Single.IsFinite "embeddings") ]

let private choice =
    testList
        "choose"
        [ testCase "takes cpu and auto in any case" (fun () ->
              Native.ensure ()
              Expect.equal (Device.choose "cpu").``type`` DeviceType.CPU "cpu"
              Expect.equal (Device.choose " CPU ").``type`` DeviceType.CPU "spaces and case"
              let first = if (Native.devices ()).Length > 1 then "cuda:0" else "cpu"
              Expect.equal (string (Device.choose "auto")) first "auto")

          testCase "refuses a device that is not there, and says what there is and how to get it" (fun () ->
              rejects [ "no device 'cuda:99'"; "cpu"; "CondEmbedTorch=cuda-linux"; "libtorch" ] (fun () ->
                  Device.choose "cuda:99" |> ignore)

              if (Native.devices ()).Length = 1 then
                  rejects [ "no device 'cuda', only cpu" ] (fun () -> Device.choose "cuda" |> ignore))

          for wrong in [ "gpu"; ""; "cuda:"; "cuda:x"; "cuda:-1"; "cpu:0" ] do
              testCase $"refuses '{wrong}', and says what can be chosen" (fun () ->
                  rejects [ $"'{wrong}' is not a device"; "auto, cpu, cuda or cuda:N" ] (fun () -> Device.choose wrong |> ignore)) ]

let tests = testList "Device" [ choice; strayTests ]
