/// Losses and miners against pytorch-metric-learning's values, gradients and tuples.
module CondEmbed.Tests.LossTests

open System
open System.IO
open System.Text.Json
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

/// A loss of ours by name and settings.
let lossOf name settings = All.make (All.tryFind name).Value settings

/// The loss as a function of labels, embeddings B D and, where it has them, proxies.
let evaluate loss labels (leaves: Params) =
    let embeddings: Tensor = leaves["embeddings"]

    match loss with
    | OnSimilarities f -> f labels (Similarity.cosine embeddings)
    | OnProxies make ->
        let classes = int leaves["proxies"].shape[0]
        fst (forward Training leaves (make classes (int embeddings.shape[1])) (embeddings, labels))

let usesProxies loss =
    match loss with
    | OnProxies _ -> true
    | OnSimilarities _ -> false

let private goldenCases =
    lazy
        (let text = File.ReadAllText(golden "losses.json")

         [ for case in JsonDocument.Parse(text).RootElement.GetProperty("cases").EnumerateArray() -> case ])

let private floats (json: JsonElement) = [ for number in json.EnumerateArray() -> number.GetDouble() ]

let private rows (json: JsonElement) = [ for row in json.EnumerateArray() -> floats row ]

let private whole (json: JsonElement) = [ for number in json.EnumerateArray() -> number.GetInt32() ]

let private labelsIn (case: JsonElement) = labelsOf (whole (case.GetProperty "labels"))

let private embeddingsIn (case: JsonElement) = matrixOf (rows (case.GetProperty "embeddings"))

/// The golden losses that we have: their name there, our name and settings.
let private shared =
    [ "contrastive_l2_pos0_neg1_avgnonzero", "contrastive", [ "positive_margin", 0.0; "negative_margin", 1.0 ]
      "contrastive_cos_pos1_neg0.5_avgnonzero", "contrastive-cosine", [ "positive_margin", 1.0; "negative_margin", 0.5 ]
      "triplet_l2_margin0.2_avgnonzero", "triplet", [ "margin", 0.2 ]
      "triplet_l2_margin0.2_batchhard_avgnonzero", "triplet-batch-hard", [ "margin", 0.2 ]
      "triplet_l2_margin0.2_semihard_avgnonzero", "triplet-semi-hard", [ "margin", 0.2 ]
      "ms_a2_b50_base0.5", "multi-similarity", [ "alpha", 2.0; "beta", 50.0; "base", 0.5; "margin", -1.0 ]
      "ms_a2_b40_base0.5_miner0.1", "multi-similarity", [ "alpha", 2.0; "beta", 40.0; "base", 0.5; "margin", 0.1 ]
      "supcon_t0.1", "supcon", [ "temperature", 0.1 ]
      "proxy_anchor_a32_d0.1", "proxy-anchor", [ "alpha", 32.0; "margin", 0.1 ] ]

let private check loss (case: JsonElement) (expected: JsonElement) =
    let leaves =
        Params.ofSeq
            [ "embeddings", embeddingsIn case
              if usesProxies loss then "proxies", matrixOf (rows (case.GetProperty "class_weights")) ]

    let labels = labelsIn case
    let value = expected.GetProperty("value").GetDouble()
    Expect.floatClose { absolute = 1e-8; relative = 1e-10 } (toFloat (evaluate loss labels leaves)) value "value"

    for name, gradient in gradientsOf (evaluate loss labels) leaves do
        let wanted = if name = "proxies" then (expected.GetProperty "param_grads").[0] else expected.GetProperty "grad"

        expectClose 1e-8 (matrixOf (rows wanted)) gradient $"gradient by {name}"

let private goldenLosses =
    testList
        "golden losses, value and gradients"
        [ for name, ours, settings in shared do
              tensorTest name (fun () ->
                  for case in goldenCases.Value do
                      check (lossOf ours settings) case ((case.GetProperty "losses").GetProperty name))

          tensorTest "the triplet loss over mined hard triplets is the batch-hard loss" (fun () ->
              for case in goldenCases.Value do
                  let name = "triplet_l2_margin0.2_batchhard_avgnonzero"
                  let loss = OnSimilarities(Triplet.over Mining.BatchHard 0.2)
                  check loss case ((case.GetProperty "losses").GetProperty name))

          testCase "every loss is checked against golden values" (fun () ->
              Expect.equal (set [ for _, ours, _ in shared -> ours ]) (set All.names) "names") ]

/// The places of the marks, as tuples of indices.
let private marked (mask: Tensor) = numbers (mask.nonzero ()) |> Array.map int |> Array.chunkBySize (int (mask.dim ())) |> set

/// Columns of indices as a set of tuples.
let private tuplesOf (columns: int list list) = columns |> List.transpose |> List.map List.toArray |> set

let private distancesIn case = Similarity.distanceFromCosine (Similarity.cosine (embeddingsIn case))

let private goldenMiners =
    let minerTest name (mine: JsonElement -> Set<int array>) =
        tensorTest name (fun () ->
            for case in goldenCases.Value do
                let columns = (case.GetProperty "miners").GetProperty name
                let expected = tuplesOf [ for column in columns.EnumerateArray() -> whole column ]
                Expect.equal (mine case) expected "triplets")

    let triplets kind case = Mining.triplets kind 0.2 (labelsIn case) (distancesIn case)

    /// Of all triplets those whose gap d_an - d_ap a test accepts.
    let whereGap accepts case =
        let d = distancesIn case

        triplets Mining.All case
        |> marked
        |> Set.filter (fun t -> accepts ((d[int64 t[0], int64 t[2]] - d[int64 t[0], int64 t[1]]).item<float>()))

    testList
        "golden miners, as sets"
        [ minerTest "batch_hard" (triplets Mining.BatchHard >> marked)
          minerTest "triplet_margin_0.2_semihard" (triplets Mining.SemiHard >> marked)
          minerTest "triplet_margin_0.2_all" (whereGap (fun gap -> gap <= 0.2))
          minerTest "triplet_margin_0.2_hard" (whereGap (fun gap -> gap <= 0.0))
          minerTest "triplet_margin_0.2_easy" (whereGap (fun gap -> gap > 0.2))

          tensorTest "multi_similarity_0.1" (fun () ->
              for case in goldenCases.Value do
                  let columns = (case.GetProperty "miners").GetProperty "multi_similarity_0.1"
                  let columns = [ for column in columns.EnumerateArray() -> whole column ]

                  let pairs = Mining.multiSimilarity 0.1 (labelsIn case) (Similarity.cosine (embeddingsIn case))

                  Expect.equal (marked pairs.Positive) (tuplesOf columns[0..1]) "positive pairs"
                  Expect.equal (marked pairs.Negative) (tuplesOf columns[2..3]) "negative pairs")

          tensorTest "all pairs of a batch: an image is no pair with itself" (fun () ->
              let pairs = Mining.all (labelsOf [ 4; 4; 2 ])
              Expect.equal (marked pairs.Positive) (set [ [| 0; 1 |]; [| 1; 0 |] ]) "positive"
              Expect.equal (marked pairs.Negative) (set [ [| 0; 2 |]; [| 1; 2 |]; [| 2; 0 |]; [| 2; 1 |] ]) "negative") ]

let private registry =
    testList
        "by name"
        [ testCase "names are there once, and settings have the documented defaults" (fun () ->
              Expect.equal (List.distinct All.names) All.names "names"
              Expect.isNone (All.tryFind "softmax") "unknown"

              let defaults =
                  [ for entry in All.all do
                        for setting in entry.Settings -> $"{entry.Name}.{setting.Key}", setting.Default ]

              let documented =
                  [ "multi-similarity.alpha", 2.0
                    "multi-similarity.beta", 40.0
                    "multi-similarity.base", 0.5
                    "multi-similarity.margin", 0.1
                    "contrastive.positive_margin", 0.0
                    "contrastive.negative_margin", 1.0
                    "contrastive-cosine.positive_margin", 1.0
                    "contrastive-cosine.negative_margin", 0.5
                    "triplet.margin", 0.2
                    "triplet-semi-hard.margin", 0.2
                    "triplet-batch-hard.margin", 0.2
                    "supcon.temperature", 0.1
                    "proxy-anchor.alpha", 32.0
                    "proxy-anchor.margin", 0.1 ]

              Expect.equal (set defaults) (set documented) "defaults")

          tensorTest "without settings the defaults hold" (fun () ->
              let case = goldenCases.Value.Head
              let leaves = Params.ofSeq [ "embeddings", embeddingsIn case ]
              let expected = (case.GetProperty "losses").GetProperty "ms_a2_b40_base0.5_miner0.1"
              let value = evaluate (lossOf "multi-similarity" []) (labelsIn case) leaves
              Expect.floatClose Accuracy.high (toFloat value) (expected.GetProperty("value").GetDouble()) "value")

          testCase "a setting that the loss does not have is refused, with those it has" (fun () ->
              let problem = Expect.throwsC (fun () -> lossOf "supcon" [ "alpha", 1.0 ] |> ignore) id

              Expect.isTrue (problem :? ArgumentException) "an ArgumentException"
              Expect.stringContains problem.Message "'supcon' has no setting 'alpha'; it has: temperature" "the message") ]

let tests = testList "Loss" [ goldenLosses; goldenMiners; registry; LossTwinTests.tests ]
