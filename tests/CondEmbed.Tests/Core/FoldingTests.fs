/// Norms folded into convolutions: the same numbers as with the norms apart, which is the slow twin here.
module CondEmbed.Tests.FoldingTests

open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Encoders
open CondEmbed.Interop
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Models

let private options: EncoderOptions = { Size = 48; Norms = Layers.Norms.Batch }

let private builds =
    [ "small", Residual.small
      "resnet18", Residual.resNet18
      "resnet18-cntk", Residual.resNet18Cntk
      "resnet50", Residual.resNet50 Residual.OnSecond
      "resnet50-v1", Residual.resNet50 Residual.OnFirst ]

/// Encoders, each built from one description with its norms apart and folded.
let private networks =
    [ for name, build in builds -> name, build options, build { options with Norms = Layers.Norms.Folded } ]

/// The same forms with two blocks a stage and few channels.
let private narrow =
    [ for name, build in builds ->
          let encoder norms = Narrow.encoder norms 2 options.Size (build options)
          name, encoder Layers.Norms.Batch, encoder Layers.Norms.Folded ]

let private mapOf (encoder: Encoder) = encoder.Features |> Layer.map Features.map

/// As after a training: no statistic, scale or shift is what it started as.
let private trained (specs: ParamSpec list) =
    let drawn name (tensor: Tensor) =
        let noise = normal (String.length name) [ for size in tensor.shape -> int size ]

        if name.EndsWith ".running_var" then 0.5 + noise.square ()
        elif tensor.shape.Length > 1 then tensor
        else tensor + 0.3 * noise

    started specs |> Params.map drawn

let private numbersOf (parameters: Params) = [ for name, tensor in Params.toSeq parameters -> name, numbers tensor ]

let private equal =
    testList
        "equals the norms apart"
        [ for name, apart, folded in narrow do
              tensorTest $"{name}, narrow, in float64" (fun () ->
                  let layer, foldedLayer = mapOf apart, mapOf folded
                  let parameters = trained layer.Specs
                  let x = normal 60 [ 2; 3; 37; 40 ]
                  let apart = Layer.run parameters layer x
                  let folded = Layer.run (Folding.parameters layer.Specs foldedLayer.Specs parameters) foldedLayer x
                  let largest = toFloat (apart.abs().max())
                  expectClose (1e-10 * max 1.0 largest) apart folded "features")

          for name, apart, folded in networks do
              test $"{name}: every norm is folded, and each convolution has a bias for it" {
                  let layer, folded = mapOf apart, mapOf folded
                  let norms = layer.Specs |> List.filter (fun spec -> spec.Name.EndsWith ".running_var") |> List.length
                  Expect.all folded.Specs (fun spec -> spec.Role = Trainable) "no statistics are left"
                  let biases = folded.Specs |> List.filter (fun spec -> spec.Name.EndsWith ".bias")
                  Expect.equal biases.Length norms "a bias for each norm"
                  Expect.equal folded.Specs.Length (2 * norms) "and its weight"
              }

          tensorTest "embeddings of length 1 in float32 are within 1e-5" (fun () ->
              let config = { Config.standard with Encoder = "resnet18"; Embedding = 32; Size = 64 }
              let layer, foldedLayer = Network.embed (Recipe.network config), Network.embed (Recipe.folded config)
              let parameters = trained layer.Specs |> Params.map (fun _ tensor -> tensor.``to`` float32)
              let images = torch.randint (0L, 256L, [| 3L; 64L; 64L; 3L |], dtype = torch.uint8, device = torch.CPU)
              let folded = Layer.run (Folding.parameters layer.Specs foldedLayer.Specs parameters) foldedLayer images
              expectClose 1e-5 (Layer.run parameters layer images) folded "embeddings") ]

/// The small network, its norms apart and folded.
let private small = mapOf (Residual.small options), mapOf (Residual.small { options with Norms = Layers.Norms.Folded })

let private parameters =
    testList
        "parameters"
        [ tensorTest "those of the training are as they were, and shared where nothing is folded" (fun () ->
              let networkOf norms =
                  mapOf (Residual.small { options with Norms = norms })
                  --> Layers.meanPool
                  --> Layer.named "fc" (Layers.linear 128 4)

              let layer, foldedLayer = networkOf Layers.Norms.Batch, networkOf Layers.Norms.Folded
              let before = trained layer.Specs
              let values = numbersOf before
              let folded = Folding.parameters layer.Specs foldedLayer.Specs before
              Expect.equal (numbersOf before) values "nothing was changed"
              Expect.isTrue (obj.ReferenceEquals(folded["fc.weight"], before["fc.weight"])) "the same tensor"

              let shapes = System.Collections.Generic.Dictionary<string, int64 list>()

              for name, tensor in Params.toSeq folded do
                  shapes[name] <- List.ofArray tensor.shape

              Expect.isEmpty (Params.mismatches foldedLayer.Specs shapes) "they fit the folded layer")

          tensorTest "those of one layer do not run the other" (fun () ->
              let layer, foldedLayer = small
              let parameters, x = trained layer.Specs, normal 61 [ 1; 3; 16; 16 ]
              let folded = Folding.parameters layer.Specs foldedLayer.Specs parameters
              Expect.throwsT<System.ArgumentException> (fun () -> Layer.run folded layer x |> ignore) "norms are missing"

              Expect.throwsT<System.ArgumentException> (fun () -> Layer.run parameters foldedLayer x |> ignore) "biases are missing"

              Expect.throwsT<LayerException> (fun () -> Layer.apply Training folded foldedLayer x |> ignore) "nothing to train")

          tensorTest "a network without norms behind convolutions is itself" (fun () ->
              let specsOf norms = (VisionTransformer.small { Size = 224; Norms = norms }).Features.Specs
              Expect.equal (specsOf Layers.Norms.Folded) (specsOf Layers.Norms.Batch) "specs"
              let layer = Layer.named "fc" (Layers.linear 3 2)
              let parameters = started layer.Specs
              let folded = Folding.parameters layer.Specs layer.Specs parameters
              Expect.isTrue (obj.ReferenceEquals(folded["fc.weight"], parameters["fc.weight"])) "the same tensor")

          testCase "networks that are not built from one description are refused" (fun () ->
              let layer, other = Layer.named "a" (Layers.linear 3 2), Layer.named "b" (Layers.linear 3 2)

              Expect.throwsC (fun () -> Folding.parameters layer.Specs other.Specs (started layer.Specs) |> ignore) (fun problem ->
                  Expect.stringContains problem.Message "'b.weight' is not the bias" "what and why")) ]

let private config = { Config.standard with Embedding = 8; Levels = 0; Size = 32; Batch = 4; PerClass = 2; Seed = 3 }

let private pixels (seed: int) =
    let bytes = Array.zeroCreate (4 * 32 * 32 * 3)
    System.Random(seed).NextBytes bytes
    bytes

/// What a session without a past makes of another's weights.
let private afresh (session: Session) =
    use other = Session.ForEmbedding(config, Device.choose "cpu")
    other.Load(session.EmbeddingWeights()) |> ignore
    other.Embed(pixels 1, 4, 32)

let private sessions =
    tensorTest "a session embeds with the parameters that it has now, after steps, a load and a return" (fun () ->
        use session = Session.ForTraining(config, Device.choose "cpu", 2, 8)
        let kept = session.Weights(), session.Moments(), session.RandomState()
        let first = session.Embed(pixels 1, 4, 32)

        for seed in 1..3 do
            session.Step(pixels seed, 32, [| 0L; 0L; 1L; 1L |]) |> ignore
            Expect.equal (session.Embed(pixels 1, 4, 32)) (afresh session) $"after step {seed}"

        Expect.notEqual (session.Embed(pixels 1, 4, 32)) first "the steps changed something"
        let weights, moments, random = kept
        session.Restore(weights, moments, random, 0)
        Expect.equal (session.Embed(pixels 1, 4, 32)) first "gone back"
        use trained = Session.ForTraining({ config with Seed = 4 }, Device.choose "cpu", 2, 8)
        session.Load(trained.EmbeddingWeights()) |> ignore
        Expect.equal (session.Embed(pixels 1, 4, 32)) (trained.Embed(pixels 1, 4, 32)) "loaded")

let private tidied =
    testList
        "what is made on the way"
        [ tensorTest "is freed at the end of each block, in training too, and reports are not" (fun () ->
              let layer = mapOf (Residual.resNet18 options)
              let parameters = trained layer.Specs
              let x = normal 62 [ 2; 3; 32; 32 ]
              use scope = torch.NewDisposeScope()
              let _, reports = forward Training parameters layer x
              let kept = scope.DisposablesCount
              // Stem, four stages, and two statistics of each of twenty norms; nothing of the blocks.
              Expect.equal reports.Length 40 "statistics"
              Expect.isLessThan kept (40 + 10) "tensors that are left"

              for name, value in reports do
                  expectFinite value name)

          tensorTest "takes the place of what was made before it, and never of the input" (fun () ->
              let layer, folded = small
              let parameters, x = trained layer.Specs, normal 63 [ 2; 3; 32; 32 ]
              let before = numbers x
              forward Training parameters layer x |> ignore
              Layer.run (Folding.parameters layer.Specs folded.Specs parameters) folded x |> ignore
              Expect.equal (numbers x) before "the input") ]

let tests = testList "Folding" [ equal; parameters; sessions; tidied ]
