/// Networks of other programs as runs: what pytorch-metric-learning, open-metric-learning and timm save, against the same weights put in by hand.
module CondEmbed.Tests.ImportTests

open System
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Comparisons
open CondEmbed.Encoders
open CondEmbed.Importing
open CondEmbed.Models
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.PickleWriter
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Torch
open CondEmbed.WeightFiles
open TorchSharp

let private features, side = 8, 32

/// The encoder `small` as another program has it, with a head of its own.
let private encoder = lazy (All.tryBuild "small" { Size = side; Norms = Layers.Norms.Batch }).Value

let private networkWith withNorm (pooling, pool) =
    Network.ofEncoder encoder.Value (1, Layer.compose (Layer.lift Features.map) pool, (pooling = "mean")) withNorm features

/// Parameters with statistics that are not those of a fresh norm, so that a norm left out is seen.
let private parametersOf (network: Network) =
    Native.ensure ()

    [ for spec in (Network.embed network).Specs do
          let start = (Params.init 3L torch.CPU torch.float32 [ spec ])[spec.Name]
          spec.Name, (if spec.Role = Statistic then start + 0.5f.ToScalar() else start) ]

/// The bytes of a tensor, and how a PyTorch file describes it.
let private entry (key: string) (value: Tensor) =
    let shape = List.ofArray value.shape
    let strides = List.scanBack (*) shape 1L |> List.tail
    let values = value.contiguous().data<float32>().ToArray()
    tensor (storage "Float" key (int64 values.Length)) 0L shape strides, (key, singles values)

/// A dictionary of tensors under other names, and what it stores.
let private state prefix (named: (string * Tensor) list) =
    let entries = [ for name, value in named -> name, entry $"{prefix}{name}" value ]
    Dictionary [ for name, (described, _) in entries -> Text name, described ], [ for _, (_, stored) in entries -> stored ]

let private isHead (name: string) = name.StartsWith "embedding."

/// The head's tensors under the names that another program has for them.
let private renamed (names: (string * string) list) parameters =
    [ for ours, theirs in names -> theirs, parameters |> List.find (fun (name, _) -> name = ours) |> snd ]

let private linear name = [ "embedding.weight", $"{name}.weight"; "embedding.bias", $"{name}.bias" ]

let private trunkOf parameters = parameters |> List.filter (fst >> isHead >> not)

let private prefixed prefix named = [ for name, value in named -> prefix + name, value ]

let private photographs = lazy Datasets.FolderDataset.Open imageFolder.Value

/// What the imported run makes of an image is what the layers make of it with the parameters as they were.
let private isAlike run (network: Network) parameters =
    use model = EmbeddingModel.Load run
    use _ = torch.NewDisposeScope()
    let image = Images.SkiaDecoder().Decode(photographs.Value.Read 0, "image")
    let pixels = model.View.Apply(image).Pixels
    let input = torch.tensor(pixels, dtype = torch.uint8).reshape(1L, int64 side, int64 side, 3L)
    let expected = (Layer.run (Params.ofSeq parameters) (Network.embed network) input).data<float32>().ToArray()
    let found = model.Embed image
    Expect.equal found.Length features "features"

    for expected, found in Seq.zip expected found do
        Expect.isLessThan (abs (expected - found)) 2e-6f "the same embedding"

let private options checkpoint run =
    ImportOptions(
        Checkpoint = checkpoint,
        Out = run,
        Settings = Collections.Generic.Dictionary(dict [ "size", string side; "resize", string side ])
    )

let private importTo run checkpoint = CheckpointImport.Run(options checkpoint run)

let private mean = "mean", Layers.meanPool

let private forms =
    [ "pytorch-metric-learning: a file for the trunk and one for the embedder",
      false,
      fun folder parameters ->
          let trunk, stored = state "t" (trunkOf parameters @ [ "bn1.num_batches_tracked", torch.tensor [| 7.0f |] ])
          torchFile (Path.Combine(folder, "trunk_best12.pth")) trunk stored
          let head, stored = state "h" (renamed (linear "net.0") parameters)
          torchFile (Path.Combine(folder, "embedder_best12.pth")) head stored
          "trunk_best12.pth"
      "both as dictionaries of one file, beside an optimiser's",
      false,
      fun folder parameters ->
          let trunk, storedTrunk = state "t" (trunkOf parameters)
          let head, storedHead = state "h" (renamed (linear "module.0") parameters)
          let optimiser, storedOptimiser = state "o" [ "exp_avg", torch.ones (8L, 128L) ]
          let all = [ Text "trunk", trunk; Text "embedder", head; Text "optimizer", optimiser ]
          torchFile (Path.Combine(folder, "model.pth")) (Dictionary all) (storedTrunk @ storedHead @ storedOptimiser)
          "model.pth"
      "state dictionaries by their long names",
      false,
      fun folder parameters ->
          let trunk, storedTrunk = state "t" (trunkOf parameters)
          let head, storedHead = state "h" (renamed (linear "fc") parameters)

          torchFile
              (Path.Combine(folder, "both.pth"))
              (Dictionary [ Text "trunk_state_dict", trunk; Text "embedder_state_dict", head ])
              (storedTrunk @ storedHead)

          "both.pth"
      "open-metric-learning: Lightning's state_dict with the extractor below model, and a criterion",
      false,
      fun folder parameters ->
          let network = prefixed "model.model." (trunkOf parameters) @ renamed (linear "model.model.fc") parameters
          let all, stored = state "" (network @ [ "criterion.weight", torch.ones (5L, 8L) ])

          torchFile
              (Path.Combine(folder, "last.ckpt"))
              (Dictionary [ Text "state_dict", all; Text "epoch", Whole 3L; Text "optimizer_states", List [] ])
              stored

          "last.ckpt"
      "timm: one layer after the encoder, in safetensors",
      false,
      fun folder parameters ->
          let network = trunkOf parameters @ renamed (linear "fc") parameters

          let arrays =
              [| for name, value in network ->
                     NamedArray(name, ElementType.F32, value.shape, ReadOnlyMemory(singles (value.contiguous().data<float32>().ToArray()))) |]

          Safetensors.Write(Path.Combine(folder, "timm.safetensors"), arrays, [])
          "timm.safetensors"
      "BatchNorm and a linear layer one after the other",
      true,
      fun folder parameters ->
          let norm = [ for part in [ "weight"; "bias"; "running_mean"; "running_var" ] -> $"embedding.norm.{part}", $"head.0.{part}" ]
          let all, stored = state "" (prefixed "backbone." (trunkOf parameters) @ renamed (norm @ linear "head.1") parameters)
          torchFile (Path.Combine(folder, "neck.pth")) all stored
          "neck.pth" ]

let private imports =
    [ for name, withNorm, write in forms ->
          test name {
              inFolder (fun folder ->
                  let network = networkWith withNorm mean
                  let parameters = parametersOf network
                  let checkpoint = Path.Combine(folder, write folder parameters)
                  let run = Path.Combine(folder, "run")
                  let imported = importTo run checkpoint
                  Expect.equal (imported.Encoder, imported.Embedding) ("small", features) "found"
                  isAlike run network parameters)
          } ]
    @ [ test "GeM, whose power open-metric-learning's checkpoints do not have" {
            inFolder (fun folder ->
                let network = networkWith false ("gem", Layers.gemPool)
                let power = torch.tensor [| 5.0f |]
                let parameters = [ for name, value in parametersOf network -> name, (if name = "embedding.pool.p" then power else value) ]
                let all, stored = state "" (trunkOf parameters @ renamed (linear "fc") parameters)
                let checkpoint, run = Path.Combine(folder, "gem.pth"), Path.Combine(folder, "run")
                torchFile checkpoint all stored

                let settings = (options "" "").Settings

                CheckpointImport.Run(ImportOptions(Checkpoint = checkpoint, Out = run, Power = Nullable 5.0, Settings = settings))
                |> ignore

                isAlike run network parameters

                let all, stored = state "" (trunkOf parameters @ renamed (("embedding.pool.p", "avgpool.p") :: linear "fc") parameters)
                torchFile checkpoint all stored
                let other = Path.Combine(folder, "other")
                importTo other checkpoint |> ignore
                isAlike other network parameters)
        } ]

let private commands =
    [ test "condembed import makes a run that evaluate, embed, search, export and card take" {
          inFolder (fun folder ->
              let path name = Path.Combine(folder, name)
              let network = networkWith false mean

              let all, stored =
                  state
                      ""
                      (prefixed "model." (trunkOf (parametersOf network))
                       @ renamed (linear "model.fc") (parametersOf network))

              torchFile (path "model.pth") all stored
              let run = path "run"
              let sized = [ "--set"; $"size={side}"; "--set"; $"resize={side}" ]
              let out = succeeds ([ "import"; path "model.pth"; "--out"; run; "--embedding"; string features ] @ sized)
              Expect.stringContains out run "the folder"
              Expect.stringContains (succeeds [ "evaluate"; run; imageFolder.Value ]) "Recall@1" "evaluate"
              succeeds [ "embed"; run; imageFolder.Value; "--out"; path "all.csv" ] |> ignore
              let query = Path.Combine(imageFolder.Value, photographs.Value.Items[0].Path)
              Expect.stringContains (succeeds [ "search"; run; "--gallery"; imageFolder.Value; "--query"; query ]) "1.000" "itself"
              succeeds [ "export"; run; "--onnx"; path "model.onnx" ] |> ignore
              let card = succeeds [ "card"; run ]

              for words in [ "Another program trained it"; "Not measured"; "`model.pth "; "not known here" ] do
                  Expect.stringContains card words "card"

              let outcome = condembed [ "evaluate"; run ]
              Expect.equal outcome.Code 2 outcome.Everything
              Expect.stringContains outcome.Error "imported without data" "which data?"
              Expect.stringContains (condembed [ "import"; path "model.pth"; "--out"; run ]).Error "a finished run is there" "once"

              Expect.stringContains
                  (condembed [ "import"; path "model.pth"; "--out"; path "b"; "--embedding"; "9" ]).Error
                  "9 are asked for"
                  "wrong"

              Expect.isFalse (Directory.Exists(path "b")) "nothing is left"
              Expect.equal (CSharp.PmlUser.Import(path "model.pth", path "c")).Embedding features "from C#")
      }
      test "a network with ImageNet's classifier: the pooled features, or the scores, and words for either" {
          inFolder (fun folder ->
              let path name = Path.Combine(folder, name)
              let weight, bias = torch.randn (1000L, 128L), torch.zeros 1000L
              // Without a shift by its statistics, the encoder gives features that are not all zero.
              let trunk =
                  [ for name, value in trunkOf (parametersOf (networkWith false mean)) ->
                        name, (if name.EndsWith "running_mean" then torch.zeros_like value else value) ]

              let named = trunk @ [ "fc.weight", weight; "fc.bias", bias ]
              let all, stored = state "" named
              torchFile (path "imagenet.pth") all stored
              let sized = [ "--set"; $"size={side}"; "--set"; $"resize={side}" ]
              let import name more = condembed ([ "import"; path "imagenet.pth"; "--out"; path name ] @ more @ sized)
              let pooled, scores = import "pooled" [], import "scores" [ "--embedding"; "1000" ]

              for outcome, words in
                  [ pooled,
                    [ "fc.weight is ImageNet's classifier"
                      "scores of 1000 classes"
                      "left out"
                      "--embedding 1000"
                      "the pooled features are" ]
                    scores, [ "a linear layer to 1000 features"; "an embedding is the scores of its 1000 classes" ] ] do
                  Expect.equal outcome.Code 0 outcome.Everything

                  for word in words do
                      Expect.stringContains outcome.Everything word "said"

              use pooled = EmbeddingModel.Load(path "pooled")
              use scores = EmbeddingModel.Load(path "scores")
              use _ = torch.NewDisposeScope()
              let image = Images.SkiaDecoder().Decode(photographs.Value.Read 0, "image")
              let features = torch.tensor (pooled.Embed image)
              Expect.equal features.shape [| 128L |] "pooled features"
              let expected = torch.nn.functional.normalize (torch.nn.functional.linear (features, weight), dim = 0L)
              Expect.isGreaterThan ((expected * torch.tensor (scores.Embed image)).sum().item<float32>()) 0.99999f "scores"
              Expect.equal (CSharp.PmlUser.Import(path "imagenet.pth", path "c")).Embedding 0 "from C#")
      }
      test "with data it is measured like any run, and its card and a comparison say how well it does" {
          inFolder (fun folder ->
              let path name = Path.Combine(folder, name)
              let parameters = parametersOf (networkWith false mean)
              let all, stored = state "" (trunkOf parameters @ renamed (linear "fc") parameters)
              torchFile (path "model.pth") all stored
              let settings = (options "" "").Settings

              let imported =
                  CheckpointImport.Run(
                      ImportOptions(Checkpoint = path "model.pth", Out = path "run", Data = imageFolder.Value, Settings = settings)
                  )

              let measured = jsonOf (succeeds [ "evaluate"; path "run"; "--json" ])
              Expect.equal (measured.GetProperty("map_at_r").GetDouble()) imported.Metrics["map_at_r"] "as evaluate measures"

              Expect.stringContains
                  (ModelCard.Of(path "run"))
                  $"""| MAP@R | {Common.Readable.Percent imported.Metrics["map_at_r"]} |"""
                  "card"

              let card = ModelCard.Of(path "run")
              Expect.stringContains card "was trained on any of it, its files do not say.\n" "a whole sentence"

              for words in [ "never seen"; "one seed"; "step 0"; "other seeds" ] do
                  Expect.isFalse (card.Contains words) $"'{words}' is not known of it"

              let compared = succeeds [ "compare"; path "run"; finishedRun [] ]
              Expect.stringContains compared "MAP@R" "compared"
              Expect.isMatch compared @"(?m)^run +imported" "no steps of its own"
              Expect.isMatch compared @"(?m)^steps +- +6" "nor settings of a training")
      } ]

let tests = testList "Import" (imports @ commands)
