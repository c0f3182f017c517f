/// The session that C# holds: training, saving and going on as if never stopped.
module CondEmbed.Tests.SessionTests

open System
open System.Collections.Generic
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Interop
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Models

[<Literal>]
let private Side = 32

let private config = { Config.standard with Embedding = 8; Heads = 2; Size = Side; Batch = 4; PerClass = 2; Seed = 3 }

let private pixels (seed: int) count =
    let bytes = Array.zeroCreate (count * Side * Side * 3)
    Random(seed).NextBytes bytes
    bytes

let private labels = [| 0L; 0L; 1L; 1L |]

let private advance (session: Session) steps = [ for step in steps -> session.Step(pixels step 4, Side, labels) ]

let private training () = Session.ForTraining(config, Device.choose "cpu", 2, 8)

let private expectSameTensors (expected: IReadOnlyList<TensorData>) (actual: IReadOnlyList<TensorData>) what =
    Expect.equal [ for data in actual -> data.Name ] [ for data in expected -> data.Name ] $"{what}: names"

    for a, b in Seq.zip expected actual do
        Expect.equal (b.ElementType, List.ofArray b.Shape) (a.ElementType, List.ofArray a.Shape) a.Name
        Expect.isTrue (a.Bytes.AsSpan().SequenceEqual(b.Bytes)) $"{what}: {a.Name}, bit for bit"

let private roundTrip =
    testList
        "session"
        [ tensorTest "restored in a new session goes on to the same weights as one that never stopped, bit for bit" (fun () ->
              use whole = training ()
              advance whole [ 1..2 ] |> ignore
              let weights, moments, random = whole.Weights(), whole.Moments(), whole.RandomState()
              let expected = advance whole [ 3..4 ]
              use resumed = training ()
              torch.manual_seed 99L |> ignore
              resumed.Restore(weights, moments, random, 2)
              Expect.equal resumed.StepsDone 2 "steps"
              Expect.sequenceEqual (resumed.RandomState()) random "random state"
              let actual = advance resumed [ 3..4 ]

              for a, b in List.zip expected actual do
                  Expect.equal (b.Step, b.Loss, b.LearningRate, b.GradientNorm) (a.Step, a.Loss, a.LearningRate, a.GradientNorm) "report"

              expectSameTensors (whole.Weights()) (resumed.Weights()) "weights"
              expectSameTensors (whole.Moments()) (resumed.Moments()) "moments"
              Expect.sequenceEqual (resumed.RandomState()) (whole.RandomState()) "random state at the end")

          for name, change in
              [ "an average, and a teacher of features after a while",
                (fun c -> { c with Average = 0.5; FeatureDistillation = 10.0; FeatureDistillationStart = 0.4 })
                "stages that begin before and after the restore", (fun c -> { c with Unfreeze = "layer3*@0.2,layer1*@0.3,conv1*@0.5" })
                "similarity mixup, on levels too", (fun c -> { c with SimilarityMixup = true; LevelBlock = 4 })
                "levels that averages of the weights ask",
                (fun c -> { c with Average = 0.5; LevelAverage = Conditional.Average.QueriesAndKeys; Residual = false })
                "warm-up and distillation",
                (fun c -> { c with LevelWarmUp = 0.75; Distillation = 1.0; LevelGradients = Choices.LevelGradients.Levels })
                "a few images at a time", (fun c -> { c with MicroBatch = 1; FreezeNorm = true; Loss = "margin" })
                "askers drawn for proxies", (fun c -> { c with Loss = "proxy-anchor"; LevelAskers = 2 })
                "values of the head, nearest pairs in blocks, every step of a level",
                (fun c ->
                    { c with
                        Levels = 2
                        LevelValues = Choices.LevelValues.Head
                        Pooling = "mean"
                        HeadNorm = false
                        LevelPairs = 1
                        LevelBlock = 2
                        LevelAfter = Level.After.FeedForward
                        LevelPosition = Positions.Code.Learned }) ] do
              tensorTest $"options of the levels go on after a restore, bit for bit: {name}" (fun () ->
                  let config = change config
                  use whole = Session.ForTraining(config, Device.choose "cpu", 2, 8)
                  advance whole [ 1..2 ] |> ignore
                  let weights, moments, random = whole.Weights(), whole.Moments(), whole.RandomState()
                  advance whole [ 3..4 ] |> ignore
                  use resumed = Session.ForTraining(config, Device.choose "cpu", 2, 8)
                  resumed.Restore(weights, moments, random, 2)
                  advance resumed [ 3..4 ] |> ignore
                  expectSameTensors (whole.Weights()) (resumed.Weights()) "weights"
                  expectSameTensors (whole.Moments()) (resumed.Moments()) "moments"
                  Expect.sequenceEqual (resumed.Embed(pixels 9 4, 4, Side)) (whole.Embed(pixels 9 4, 4, Side)) "embeddings")

          tensorTest "with an average it embeds, compares and saves by the average, and trains as without it" (fun () ->
              let config = { config with Freeze = "conv1*,bn1*" }
              use plain = Session.ForTraining(config, Device.choose "cpu", 2, 8)
              use averaged = Session.ForTraining({ config with Average = 0.9 }, Device.choose "cpu", 2, 8)
              let images = pixels 9 4
              let same what = Expect.sequenceEqual (averaged.Embed(images, 4, Side)) (plain.Embed(images, 4, Side)) what
              same "before the first step"

              for session in [ plain; averaged ] do
                  advance session [ 1 ] |> ignore

              same "after one step, which is all there is to average"

              for session in [ plain; averaged ] do
                  advance session [ 2..4 ] |> ignore

              expectSameTensors (plain.Weights()) (averaged.Weights()) "weights"
              use loaded = Session.ForComparing(config, Device.choose "cpu")
              loaded.Load [| yield! averaged.EmbeddingWeights(); yield! averaged.LevelWeights() |] |> ignore
              let embeddings = averaged.Embed(images, 4, Side)
              Expect.sequenceEqual embeddings (loaded.Embed(images, 4, Side)) "what is saved"
              Expect.notEqual embeddings (plain.Embed(images, 4, Side)) "the last step alone"
              let onTrunk = averaged.EmbedOnTrunk(averaged.Trunk(images, 4, Side, "F32"))
              Expect.isLessThan (Seq.map2 (fun a b -> abs (a - b)) embeddings onTrunk |> Seq.max) 1e-5f "on the trunk")

          tensorTest "weights are copies: later steps do not change them" (fun () ->
              use session = training ()
              let before = session.Weights()
              let kept = [ for data in before -> Array.copy data.Bytes ]
              advance session [ 1 ] |> ignore

              for data, bytes in Seq.zip before kept do
                  Expect.sequenceEqual data.Bytes bytes data.Name)

          tensorTest "reports terms, rate and steps as plain numbers" (fun () ->
              use session = training ()
              let result = (advance session [ 1 ]).Head
              Expect.equal (set result.Terms.Keys) (set [ "loss"; "level1" ]) "terms"
              Expect.floatClose Accuracy.medium result.Loss (Seq.sum result.Terms.Values) "the sum"
              Expect.equal (result.Step, session.StepsDone) (1, 1) "steps"
              Expect.equal (session.Device, session.Dimension) ("cpu", 8) "device and dimension")

          tensorTest "embeds one by one as in a batch, in rows of length 1" (fun () ->
              use session = training ()
              let bytes = pixels 5 3
              let together = session.Embed(bytes, 3, Side) |> Array.chunkBySize 8

              for i, row in Array.indexed together do
                  let length = row |> Array.sumBy (fun x -> float x * float x) |> sqrt
                  Expect.floatClose { absolute = 1e-5; relative = 0.0 } length 1.0 "length"
                  let size = Side * Side * 3
                  let alone = session.Embed(Array.sub bytes (i * size) size, 1, Side)

                  for a, b in Array.zip alone row do
                      Expect.floatClose { absolute = 1e-5; relative = 0.0 } (float a) (float b) "alone")

          tensorTest "an embedding session takes up a training's weights and embeds alike" (fun () ->
              use trained = training ()
              advance trained [ 1..2 ] |> ignore
              use embedding = Session.ForEmbedding(config, Device.choose "cpu")
              let report = embedding.Load(trained.EmbeddingWeights())
              Expect.isTrue report.Fits (string report)
              Expect.isEmpty report.Fresh "fresh"
              let bytes = pixels 5 3
              Expect.sequenceEqual (embedding.Embed(bytes, 3, Side)) (trained.Embed(bytes, 3, Side)) "embeddings"
              Expect.equal embedding.TrainingParameters trained.EmbeddingParameters "nothing of the training"
              Expect.isGreaterThan trained.TrainingParameters trained.EmbeddingParameters "the hierarchy"
              use frozen = Session.ForTraining({ config with Freeze = "conv1*" }, Device.choose "cpu", 2, 8)
              Expect.isLessThan frozen.TrainedParameters trained.TrainedParameters "without what is frozen"
              Expect.isGreaterThan frozen.TrainedParameters 0L "but something"

              Expect.throwsT<InvalidOperationException> (fun () -> embedding.Step(pixels 1 4, Side, labels) |> ignore) "it cannot train")

          tensorTest "refuses a moment that lacks a tensor, and pixels of another size" (fun () ->
              use session = training ()

              let weights, moments, random = session.Weights(), session.Moments(), session.RandomState()

              let problemOf action = (Expect.throwsC action id).Message
              let fewer = Seq.skip 1 moments |> Seq.toArray

              Expect.stringContains
                  (problemOf (fun () -> session.Restore(weights, fewer, random, 1)))
                  $"lacks '{moments[0].Name}'"
                  "the name"

              Expect.stringContains
                  (problemOf (fun () -> session.Step(pixels 1 3, Side, labels) |> ignore))
                  "4 images of side 32 take 12288 bytes, not 9216"
                  "the numbers")

          tensorTest "a type that no tensor has is refused with those that there are" (fun () ->
              let data = TensorData("x", "Q8", [| 1L |], [| 0uy |])
              let problem = (Expect.throwsC (fun () -> Bytes.toTensor data |> ignore) id).Message

              for word in [ "'x'"; "Q8"; "BF16" ] do
                  Expect.stringContains problem word "the message")

          tensorTest "leaves no tensor behind when it is disposed" (fun () ->
              let used () =
                  use session = training ()
                  advance session [ 1 ] |> ignore
                  session.Embed(pixels 5 1, 1, Side) |> ignore
                  session.Load(session.Weights()) |> ignore

              used ()
              let before = heldTensors ()
              used ()
              Expect.equal torch.Tensor.TotalCount before "live tensors") ]

let private data name elementType (shape: int64 list) (bytes: byte array) = TensorData(name, elementType, List.toArray shape, bytes)

let private zeros name (shape: int64 list) = data name "F32" shape (Array.zeroCreate (4 * int (List.fold (*) 1L shape)))

let private loading =
    testList
        "loading"
        [ tensorTest "reports what is missing, unexpected, wrongly shaped, of a classifier and fresh" (fun () ->
              use session = training ()

              let given =
                  [| for weights in session.Weights() do
                         if weights.Name.StartsWith "embedding." |> not && weights.Name.StartsWith "hierarchy." |> not then
                             match weights.Name with
                             | "bn1.bias" -> ()
                             | "bn1.weight" -> zeros "bn1.weight" [ 7L ]
                             | name -> data name weights.ElementType (List.ofArray weights.Shape) weights.Bytes
                     zeros "fc.weight" [ 10L; 256L ]
                     zeros "layer9.conv1.weight" [ 1L ]
                     zeros "bn1.num_batches_tracked" [] |]

              let report = session.Load given
              Expect.isFalse report.Fits "fits"
              Expect.sequenceEqual report.Missing [ "bn1.bias" ] "missing"
              Expect.sequenceEqual report.Unexpected [ "layer9.conv1.weight" ] "unexpected"
              Expect.sequenceEqual report.WrongShape [ "bn1.weight is [7], the model has [32]" ] "wrongly shaped"
              Expect.sequenceEqual report.Classifier [ "fc.weight" ] "classifier"
              Expect.all report.Fresh (fun name -> name.StartsWith "embedding." || name.StartsWith "hierarchy.") "fresh"
              Expect.equal report.Fresh.Count 10 "linear layer, norm with its statistics, and one level"
              Expect.contains report.Loaded "conv1.weight" "loaded"

              for text in [ "missing: 1"; "bn1.bias"; "unexpected: 1"; "wrongly shaped: 1"; "fc.weight" ] do
                  Expect.stringContains (string report) text "the text")

          tensorTest "takes up other number types, and leaves what does not fit as it was" (fun () ->
              use session = Session.ForEmbedding(config, Device.choose "cpu")
              let before = session.Weights() |> Seq.find (fun data -> data.Name = "bn1.bias")

              let halves = Array.collect (fun (x: Half) -> BitConverter.GetBytes x) (Array.create 32 (Half.CreateChecked 0.5))

              session.Load [| data "module.bn1.weight" "F16" [ 32L ] halves; zeros "bn1.bias" [ 3L ] |] |> ignore

              let after name = session.Weights() |> Seq.find (fun data -> data.Name = name)

              Expect.sequenceEqual
                  (after "bn1.weight").Bytes
                  (Array.collect (fun (x: float32) -> BitConverter.GetBytes x) (Array.create 32 0.5f))
                  "half precision"

              Expect.sequenceEqual (after "bn1.bias").Bytes before.Bytes "the wrong shape")

          testCase "renames drop wrappers' prefixes and counters" (fun () ->
              let name = "module.backbone.layer1.0.conv1.weight"
              let naming = WeightNames.find (fun _ ours -> ours = "layer1.0.conv1.weight") (WeightNames.read [ name ])
              Expect.equal (naming.Prefix, naming.Names) ("module.backbone.", [ "layer1.0.conv1.weight", name ]) "prefixes"
              Expect.equal (WeightNames.rename "bn1.num_batches_tracked") None "counter")

          tensorTest "every number type survives the way to bytes and back" (fun () ->
              for elementType, dtype in
                  [ "F32", torch.float32
                    "F64", torch.float64
                    "F16", torch.float16
                    "BF16", torch.bfloat16
                    "I64", torch.int64
                    "I32", torch.int32
                    "I16", torch.int16
                    "I8", torch.int8
                    "U8", torch.uint8
                    "BOOL", torch.bool ] do
                  let tensor = torch.tensor([| 1.0; 0.0; 3.0; 2.0; 1.0; 0.0 |]).``to``(dtype).reshape(2L, 3L)

                  let bytes = Bytes.ofTensor "x" (tensor.t ())
                  Expect.equal (bytes.ElementType, List.ofArray bytes.Shape) (elementType, [ 3L; 2L ]) "type and shape"
                  expectSame (tensor.t().contiguous()) (Bytes.toTensor bytes) elementType

              let problem = Expect.throwsC (fun () -> Bytes.toTensor (data "x" "F8_E4M3" [ 1L ] [| 0uy |]) |> ignore) id

              Expect.stringContains problem.Message "F8_E4M3" "an unknown type"
              let short = data "x" "F32" [ 2L ] [| 0uy |]
              let problem = Expect.throwsC (fun () -> Bytes.toTensor short |> ignore) id
              Expect.stringContains problem.Message "'x' has 1 bytes; F32 [2] takes 8" "too short") ]

let tests = testList "Interop" [ roundTrip; loading ]
