/// What values look like at the prompt.
module CondEmbed.Tests.PrintingTests

open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.Models
open CondEmbed.Runs
open CondEmbed.Studies
open CondEmbed.Layers
open CondEmbed.Tests.Support
open TorchSharp

let private body = Layer.named "body" (Layer.named "conv" (conv2d 3 32 3 1) --> Layer.named "norm" (batchNorm 32))

let private layer = body --> meanPool --> Layer.named "fc" (linear 32 1000)

/// With the margin that the text of a test has.
let private lines (text: string) =
    text.Split '\n'
    |> Array.filter (fun line -> line.Trim() <> "")
    |> Array.map (fun line -> line.Substring 10)
    |> String.concat "\n"

let private tree =
    lines
        """
          33,928 parameters and 64 statistics
            body                                992
              conv.weight     [32, 3, 3, 3]     864
              norm                              128
                weight        [32]               32
                bias          [32]               32
                running_mean  [32]               32  statistic
                running_var   [32]               32  statistic
            fc                               33,000
              weight          [1000, 32]     32,000
              bias            [1000]          1,000
        """

let tests =
    testList
        "Shown"
        [ testCase "a layer is its tree of names, shapes and numbers, each part with its sum" (fun () ->
              Expect.equal (string layer) tree "the text"
              Expect.stringContains (sprintf "%A" layer) "running_mean  [32]               32  statistic" "by %A, as F# Interactive prints")

          testCase "a layer without parameters says so, also composed and by %A" (fun () ->
              for layer in
                  [ relu
                    relu --> gelu --> Layer.lift id
                    Layer.named "act" relu
                    Layer.sequence []
                    relu --> (fun (x: Tensor) -> x.tanh ()) ] do
                  Expect.equal (string layer) "no parameters" "the text"
                  Expect.equal (sprintf "%A" layer) "no parameters" "by %A")

          testCase "what stands between parameters changes nothing of the tree" (fun () ->
              let wrapped =
                  relu
                  --> (Layer.frozen body --> gelu)
                  --> Layer.map id meanPool
                  --> (fun (x: Tensor) -> x)
                  --> Layer.named "fc" (Layer.tidied (linear 32 1000))

              Expect.equal (string wrapped) tree "the text")

          testCase "layers without names are shown in their order, and what must be named" (fun () ->
              let expected =
                  lines
                      """
          268 parameters and 16 statistics
            weight        [8, 3, 3, 3]  216  declared 3 times: give its layers names, by Layer.named
            weight        [8]             8  declared 3 times: give its layers names, by Layer.named
            bias          [8]             8  declared 2 times: give its layers names, by Layer.named
            running_mean  [8]             8  statistic
            running_var   [8]             8  statistic
            weight        [4, 8]         32  declared 3 times: give its layers names, by Layer.named
            bias          [4]             4  declared 2 times: give its layers names, by Layer.named
                      """

              Expect.equal (string (conv2d 3 8 3 1 --> batchNorm 8 --> relu --> meanPool --> linear 8 4)) expected "the text")

          testCase "a tree has every parameter, in the order in which it was composed" (fun () ->
              let named (names: string list) =
                  Layer.create
                      [ for name in names -> { Name = name; Shape = [ 2L ]; Role = Trainable; Init = Constant 0.0 } ]
                      (fun _ (x: Tensor) -> x)

              let shownBy (layer: Layer<Tensor, Tensor>) =
                  let mutable path = []

                  [ for line in (string layer).Split '\n' |> Array.tail do
                        let words = line.Split([| ' ' |], System.StringSplitOptions.RemoveEmptyEntries)
                        let depth = (line.Length - line.TrimStart().Length) / 2 - 1
                        path <- List.truncate depth path @ [ words[0] ]
                        if line.Contains '[' then String.concat "." path ]

              let part = Gen.elements [ "a"; "b"; "c" ]

              let names =
                  Gen.choose (1, 3)
                  |> Gen.bind (fun depth -> Gen.listOfLength depth part)
                  |> Gen.map (String.concat ".")
                  |> Gen.listOf
                  |> Gen.map (List.truncate 18)

              Check.One(
                  FsCheck.Config.QuickThrowOnFailure.WithMaxTest 300,
                  Prop.forAll (Arb.fromGen names) (fun names -> names.IsEmpty || shownBy (named names) = names)
              ))

          testCase "one parameter is not plural" (fun () -> Expect.equal (string gemPool) "1 parameter\n  p  [1]  1" "the text")

          testCase "of a large tree the upper levels are shown" (fun () ->
              let network = Recipe.network { Config.standard with Encoder = "resnet50"; Size = 224 }
              let shown = (string network).Split '\n'
              Expect.isLessThan shown.Length 63 "lines"

              Expect.exists
                  shown
                  (fun line -> line.StartsWith "  layer3" && line.TrimEnd().EndsWith "7,118,848")
                  "sums of what is not shown"

              Expect.stringContains (Array.last shown) "lines below these are not shown" "says so")

          testCase "a network shows the tree of both its parts" (fun () ->
              let network = Network.ofMap body (meanPool --> Layer.named "fc" (linear 32 1000))
              Expect.equal (string network) tree "the text"
              Expect.stringContains (sprintf "%A" network) "33,928 parameters" "by %A")

          tensorTest "parameters are their tree with type and device" (fun () ->
              let shown = string (started layer.Specs)
              Expect.stringContains shown "7 tensors of 33,992 numbers, Float64 on cpu" "head"
              Expect.equal (sprintf "%A" (started layer.Specs)) shown "by %A"
              Expect.stringContains shown "  weight          [1000, 32]     32,000" "a leaf"
              let mixed = string (Params.ofSeq [ "a", torch.zeros (2L, dtype = float32); "b", torch.zeros (3L, dtype = float64) ])
              Expect.stringContains mixed "  b  [3]  3  Float64 on cpu" "types that differ stand at each")

          tensorTest
              "a state, its parameters and its objective list the same names in the order of composition, first the network's"
              (fun () ->
                  let network = Network.ofMap body (meanPool --> Layer.named "fc" (linear 32 1000))
                  let objective = Objective.baseline network (Losses.All.ofText "proxy-anchor" 3 1000)
                  use state = Train.start 0L torch.CPU float32 (Train.plain 0.1 10 objective)
                  let namesIn (text: string) = [ for line in text.Split '\n' |> Array.tail -> (line.Trim().Split ' ')[0] ]
                  let shown = namesIn (string objective)
                  Expect.equal shown (namesIn (string network) @ [ "loss.proxies" ]) "the network first"
                  Expect.equal (namesIn (string state)) shown "the state"
                  Expect.equal (namesIn (sprintf "%A" state)) shown "the state by %A"
                  Expect.equal (namesIn (string state.Params)) shown "its parameters"
                  Expect.equal (namesIn (string state.Evaluated)) shown "what is evaluated")

          testCase "how an objective is trained is a few lines, without the tree of the objective" (fun () ->
              let network = Network.ofMap body (meanPool --> Layer.named "fc" (linear 32 1000))
              let objective = Objective.baseline network (Losses.All.ofText "proxy-anchor" 3 1000)
              let plain = Train.plain 0.1 10 objective

              let expected =
                  "AdamW (0.9, 0.999, 1e-08)\n  *: rate x 1, weight decay 0.01\n  objective: 36,928 parameters and 64 statistics"

              Expect.equal (string plain) expected "the text"
              Expect.equal (sprintf "%A" plain) expected "by %A"
              let clipped = string { plain with Clip = 2.0; Beginnings = [ { Leaves = "fc*"; Step = 3 } ] }
              Expect.stringContains clipped "\n  fc*: from step 3 on\n  gradients of length 2 at most\n" "what is not usual")

          testCase "an image and a split are told, not dumped" (fun () ->
              let image = CondEmbed.Images.RgbImage(4, 3, Array.zeroCreate 36)
              Expect.equal (string image) "image, 4 x 3 px" "an image"
              let split = CondEmbed.Datasets.ClassSplit.Make(CondEmbed.Datasets.EmojiDataset.Open())
              Expect.stringContains (string split) "\ntrain: 208 classes, 1248 images\n" "a split"
              Expect.equal (sprintf "%A" split) (string split) "by %A")

          tensorTest "a tensor is one line, never the whole" (fun () ->
              let x = torch.arange(0.0, 1000.0, dtype = float32, device = torch.CPU).reshape(10L, 100L)

              Expect.equal (Show.tensor x) "[10, 100] Float32 on cpu: 0 1 2 3 4 5 ...  min 0  mean 499.5  max 999" "many numbers"
              Expect.equal (Show.tensor (torch.tensor (0.25, dtype = float64))) "[] Float64 on cpu: 0.25" "one number"
              Expect.equal (Show.tensor (torch.tensor [| true; false |])) "[2] Bool on cpu: 1 0  min 0  mean 0.5  max 1" "truths"
              Expect.equal (Show.tensor (torch.zeros (0L, 3L, dtype = float32))) "[0, 3] Float32 on cpu" "none"
              Expect.equal (Show.tensor (torch.zeros (2L, dtype = float32, device = torch.META))) "[2] Float32 on meta" "no data"
              x.Dispose()
              Expect.equal (Show.tensor x) "tensor, disposed" "freed")

          testCase "a step's report is one line" (fun () ->
              let report: Train.Report =
                  { Step = 20; Loss = 1.25; Terms = [ "loss", 1.0; "level1", 0.25 ]; Rate = 0.003; GradientNorm = 2.5 }

              let expected = "step 20  loss 1.2500 (loss 1.0000, level1 0.2500)  lr 0.003  gradient 2.5"
              Expect.equal (string report) expected "the text"
              Expect.equal (sprintf "%A" report) expected "by %A")

          testCase "an estimate is its mean and interval" (fun () ->
              Expect.equal (string (Estimate.Of [ 1.0; 2.0; 3.0 ])) "+2 [-0.4841, +4.4841], n = 3" "the text")

          testCase "metrics are a line each, in per cent" (fun () ->
              let embeddings = Embeddings<float32>([| 1f; 0f; 1f; 0.1f; 0f; 1f; 0.1f; 1f |], 4, 2)
              let shown = string (Retrieval.Evaluate(embeddings, [| 0L; 0L; 1L; 1L |]))
              Expect.stringContains shown "4 queries, in percent\n  Recall@1     100.00" "the text"
              Expect.stringStarts (sprintf "%A" (Retrieval.Evaluate(embeddings, [| 0L; 0L; 1L; 1L |]))) "4 queries" "by %A"
              Expect.isFalse (shown.Contains "possible") "what says the same twice is left out")

          testCase "a training's result is a table" (fun () ->
              let metrics recall =
                  dict [ "recall@1", recall; "map_at_r", recall / 2.0 ]
                  |> System.Collections.ObjectModel.ReadOnlyDictionary

              let result = TrainingResult("runs/a", 1500, metrics 0.5, metrics 0.75, metrics 0.75, 1200, "runs/a/report.html")

              let expected =
                  lines
                      """
          1,500 steps
          metric (%)  before  after  step 1200
          Recall@1     50.00  75.00      75.00
          MAP@R        25.00  37.50      37.50
          run folder runs/a
                      """

              Expect.equal (string result) expected "the text") ]
