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

/// The loss of an expression as a function of labels and leaves: embeddings B D and, where it has them, proxies or beta.
let evaluate text (labels: Tensor) (leaves: Params) =
    let embeddings: Tensor = leaves["embeddings"]
    let classes = if List.contains "proxies" leaves.Names then int leaves["proxies"].shape[0] else 8
    let centres = if (text: string).Contains "centres=3" then 3 else 1
    let loss = All.ofText text (classes / centres) (int embeddings.shape[1]) |> Loss.onEmbeddings
    fst (forward Training leaves loss (embeddings, labels))

let private goldenCases =
    lazy
        (let text = File.ReadAllText(golden "losses.json")

         [ for case in JsonDocument.Parse(text).RootElement.GetProperty("cases").EnumerateArray() -> case ])

let private floats (json: JsonElement) = [ for number in json.EnumerateArray() -> number.GetDouble() ]

let private rows (json: JsonElement) = [ for row in json.EnumerateArray() -> floats row ]

let private whole (json: JsonElement) = [ for number in json.EnumerateArray() -> number.GetInt32() ]

let private labelsIn (case: JsonElement) = labelsOf (whole (case.GetProperty "labels"))

let private embeddingsIn (case: JsonElement) = matrixOf (rows (case.GetProperty "embeddings"))

/// The golden losses: their name there, and what is asked for here.
let private shared =
    [ "contrastive_l2_pos0_neg1_avgnonzero", "contrastive(positive_margin=0, negative_margin=1)"
      "contrastive_cos_pos1_neg0.5_avgnonzero", "contrastive-cosine(positive_margin=1, negative_margin=0.5)"
      "triplet_l2_margin0.2_avgnonzero", "triplet(margin=0.2)"
      "triplet_l2_margin0.2_batchhard_avgnonzero", "triplet-batch-hard(margin=0.2)"
      "triplet_l2_margin0.2_semihard_avgnonzero", "triplet-semi-hard(margin=0.2)"
      "margin_m0.2_beta1.2", "margin(margin=0.2, beta=1.2, learn_beta=0, miner=all)"
      "ms_a2_b50_base0.5", "multi-similarity(alpha=2, beta=50, base=0.5, margin=-1)"
      "ms_a2_b40_base0.5_miner0.1", "multi-similarity(alpha=2, beta=40, base=0.5, margin=0.1)"
      "ntxent_t0.07", "nt-xent(temperature=0.07)"
      "supcon_t0.1", "supcon(temperature=0.1)"
      "circle_m0.4_g80", "circle(margin=0.4, gamma=80)"
      "fastap_10bins", "fast-ap(bins=10)"
      "npairs", "n-pairs"
      "lifted_gen", "lifted-structure"
      "proxy_anchor_a32_d0.1", "proxy-anchor(alpha=32, margin=0.1)"
      "proxy_nca_scale3", "proxy-nca(scale=3)"
      "arcface_28.6_64", "arcface(margin=28.6, scale=64)"
      "cosface_0.35_64", "cosface(margin=0.35, scale=64)"
      "normalized_softmax_t0.05", "normalised-softmax(temperature=0.05)"
      "soft_triple_3c_la20_g0.1_m0.01", "soft-triple(centres=3, lambda=20, gamma=0.1, margin=0.01)" ]

/// Ours is C D; theirs is C D for Proxy-Anchor and ProxyNCA, D C for the others.
let private oriented (like: Tensor) (given: Tensor) = if given.shape = like.shape then given else given.t().contiguous()

let private proxiesIn (case: JsonElement) (expected: JsonElement) =
    match expected.TryGetProperty "fc", expected.TryGetProperty "param_grads" with
    | (true, centres), _ -> Some((matrixOf (rows centres)).t().contiguous())
    | _, (true, _) -> Some(matrixOf (rows (case.GetProperty "class_weights")))
    | _ -> None

let private check text (case: JsonElement) (expected: JsonElement) =
    let leaves =
        Params.ofSeq
            [ "embeddings", embeddingsIn case
              match proxiesIn case expected with
              | Some proxies -> "proxies", proxies
              | None -> () ]

    let labels = labelsIn case
    let value = expected.GetProperty("value").GetDouble()
    Expect.floatClose { absolute = 1e-8; relative = 1e-10 } (toFloat (evaluate text labels leaves)) value "value"

    for name, gradient in gradientsOf (evaluate text labels) leaves do
        let wanted = if name = "proxies" then (expected.GetProperty "param_grads").[0] else expected.GetProperty "grad"
        expectClose 1e-8 (oriented gradient (matrixOf (rows wanted))) gradient $"gradient by {name}"

let private goldenLosses =
    testList
        "golden losses, value and gradients"
        [ for name, ours in shared do
              tensorTest name (fun () ->
                  for case in goldenCases.Value do
                      check ours case ((case.GetProperty "losses").GetProperty name))

          testCase "every golden loss is checked" (fun () ->
              let there =
                  [ for case in goldenCases.Value do
                        for loss in (case.GetProperty "losses").EnumerateObject() -> loss.Name ]

              Expect.equal (set (List.map fst shared)) (set there) "names") ]

/// The places of the marks, as tuples of indices.
let private marked (mask: Tensor) = numbers (mask.nonzero ()) |> Array.map int |> Array.chunkBySize (int (mask.dim ())) |> set

/// Columns of indices as a set of tuples.
let private tuplesOf (columns: int list list) = columns |> List.transpose |> List.map List.toArray |> set

let private goldenMiners =
    let minerOn (similarity: Tensor -> Tensor) name (mine: Mining.Pairs -> Tensor -> Mining.Mined) =
        tensorTest name (fun () ->
            for case in goldenCases.Value do
                let columns = (case.GetProperty "miners").GetProperty name
                let columns = [ for column in columns.EnumerateArray() -> whole column ]
                let pairs = Mining.all (labelsIn case)

                let mined = mine pairs (similarity (embeddingsIn case))

                match (if columns.Length = 3 then Mining.OfTriplets(Mining.asTriplets mined) else mined) with
                | Mining.OfCompared _ -> failtest "triplets are asked for one by one"
                | Mining.OfTriplets t ->
                    let ours = [ for column in [ t.Anchor; t.Positive; t.Negative ] -> [ for place in numbers column -> int place ] ]
                    Expect.equal (tuplesOf ours) (tuplesOf columns) "triplets"
                    Expect.equal (int t.Anchor.shape[0]) columns.Head.Length "each once"
                | Mining.OfPairs found ->
                    Expect.equal (marked found.Positive) (tuplesOf columns[0..1]) "positive pairs"
                    Expect.equal (marked found.Negative) (tuplesOf columns[2..3]) "negative pairs")

    let minerTest = minerOn Similarity.cosine

    let miner text =
        match Expression.readValue text with
        | Ok(Named call) -> Part.make "miner" Miners.all 2 2 call
        | _ -> failtest text

    testList
        "golden miners, as sets"
        [ minerTest "batch_hard" (miner "batch-hard")
          minerTest "multi_similarity_0.1" (miner "multi-similarity(epsilon=0.1)")
          minerTest "triplet_margin_0.2_all" (miner "triplet-margin(margin=0.2)")
          minerTest "triplet_margin_0.2_hard" (miner "hard(margin=0.2)")
          minerTest "triplet_margin_0.2_semihard" (miner "semi-hard(margin=0.2)")
          minerTest "triplet_margin_0.2_easy" (miner "easy(margin=0.2)")
          minerTest "pair_margin_0.2_0.8" (miner "pair-margin(positive=0.2, negative=0.8)")
          // There the miner takes the embeddings at their own length.
          minerOn (fun e -> e.matmul (e.t ())) "angular_20" (miner "angular(angle=20)")

          tensorTest "all pairs of a batch: an image is no pair with itself" (fun () ->
              let pairs = Mining.all (labelsOf [ 4; 4; 2 ])
              Expect.equal (marked pairs.Positive) (set [ [| 0; 1 |]; [| 1; 0 |] ]) "positive"
              Expect.equal (marked pairs.Negative) (set [ [| 0; 2 |]; [| 1; 2 |]; [| 2; 0 |]; [| 2; 1 |] ]) "negative") ]

let private message (action: unit -> 'a) =
    try
        action () |> ignore
        failtest "an error was expected"
    with :? ArgumentException as problem ->
        problem.Message

let private registry =
    testList
        "by name"
        [ testCase "names are there once, and settings have the documented defaults" (fun () ->
              Expect.equal (List.distinct All.names) All.names "names"

              let defaults =
                  [ for part in All.all do
                        for s in part.Settings do
                            if s.IsNumber then $"{part.Name}.{s.Key}={s.Default}" ]

              for documented in
                  [ "multi-similarity.alpha=2"
                    "multi-similarity.beta=40"
                    "multi-similarity.base=0.5"
                    "multi-similarity.centred=0"
                    "multi-similarity.margin=0.1"
                    "contrastive.negative_margin=1"
                    "contrastive-cosine.negative_margin=0.5"
                    "triplet.margin=0.2"
                    "margin.margin=0.2"
                    "margin.beta=1.2"
                    "proxy-anchor.alpha=32"
                    "proxy-anchor.margin=0.1"
                    "proxy-nca.scale=1"
                    "proxy-nca++.scale=9"
                    "nt-xent.temperature=0.07"
                    "supcon.temperature=0.1"
                    "arcface.margin=28.6"
                    "cosface.margin=0.35"
                    "normalised-softmax.temperature=0.05"
                    "soft-triple.centres=10"
                    "soft-triple.lambda=20"
                    "circle.margin=0.4"
                    "circle.gamma=80"
                    "fast-ap.bins=10"
                    "smooth-ap.temperature=0.01"
                    "recall-at-k.t1=0.01"
                    "recall-at-k.greatest_k=16" ] do
                  Expect.contains defaults documented "a default")

          tensorTest "without settings the defaults hold" (fun () ->
              let case = goldenCases.Value.Head
              let leaves = Params.ofSeq [ "embeddings", embeddingsIn case ]
              let expected = (case.GetProperty "losses").GetProperty "ms_a2_b40_base0.5_miner0.1"
              let value = evaluate "multi-similarity" (labelsIn case) leaves
              Expect.floatClose Accuracy.high (toFloat value) (expected.GetProperty("value").GetDouble()) "value")

          for text, words in
              [ "supcon(alpha=1)", [ "'supcon' has no setting 'alpha'"; "temperature" ]
                "suppcon", [ "no loss 'suppcon'"; "did you mean 'supcon'" ]
                "supcon(temperature=0)", [ "temperature is 0"; "above 0" ]
                "fast-ap(bins=2.5)", [ "bins is 2.5"; "whole number" ]
                "triplet(miner=softest)", [ "no miner 'softest'" ]
                "triplet(miner=2)", [ "miner is 2"; "a name" ]
                "triplet(miner=hard(depth=3))", [ "miner 'hard' has no setting 'depth'" ]
                "triplet(distance=l3)", [ "no distance 'l3'" ]
                "triplet(reducer=max)", [ "no reducer 'max'" ]
                "triplet(margin=0.1", [ "',' or ')'" ]
                "triplet supcon", [ "'+' or the end"; "'supcon'" ]
                "triplet + triplet", [ "'triplet' occurs twice" ]
                "triplet(margin=1, margin=2)", [ "'margin' is given twice" ]
                "", [ "expected a name" ]
                "tri?plet", [ "cannot be read" ] ] do
              testCase $"refused: '{text}'" (fun () ->
                  let found = message (fun () -> All.ofText text 2 2)

                  for word in words do
                      Expect.stringContains found word "the message")

          testCase "a setting for losses that have none is refused" (fun () ->
              let settings = Map [ "alpha", Number 1.0 ]
              let found = message (fun () -> All.make "embedding-zero-mean + 0.5 * histogram" settings 2 2)
              Expect.stringContains found "'histogram' have no setting 'alpha'; there are bins" "one has some"
              let found = message (fun () -> All.make "embedding-zero-mean" settings 2 2)
              Expect.stringContains found "'embedding-zero-mean' has no setting 'alpha'; there are none" "it has none")

          testCase "names of pytorch-metric-learning are understood, with its defaults" (fun () ->
              for theirs, ours in
                  [ "TripletMarginLoss", "triplet(margin=0.05)"
                    "TripletMarginLoss(margin=0.2, soft=1)", "triplet(margin=0.2, soft=1)"
                    "MultiSimilarityLoss", "multi-similarity(beta=50, margin=-1)"
                    "MarginLoss", "margin(learn_beta=0, miner=all)"
                    "NTXentLoss", "nt-xent"
                    "SubCenterArcFaceLoss", "sub-centre-arcface"
                    "LiftedStructureLoss", "lifted-structure-original"
                    "SmoothAPLoss", "smooth-ap(count_query=1)" ] do
                  match All.read theirs Map.empty with
                  | Ok [ _, call ] -> Expect.equal (string call) ours theirs
                  | other -> failtest $"{other}"

              Expect.stringContains (message (fun () -> All.ofText "VICRegLoss" 2 2)) "'VICRegLoss' is not here" "another loss")

          testCase "long, deep and endless texts are refused" (fun () ->
              let nested = String.replicate 5000 "triplet(miner=" + "all" + String.replicate 5000 ")"
              Expect.stringContains (message (fun () -> All.ofText nested 2 2)) "more than 2000 letters" "nested"
              Expect.stringContains (message (fun () -> All.ofText "1e400 * supcon" 2 2)) "'1e400' is not a number" "endless"
              Expect.stringContains (message (fun () -> All.ofText "pnp(variant=dq(a=4))" 2 2)) "takes no settings" "variant")

          testCase "an expression is written as it is read" (fun () ->
              for text in [ "triplet"; "triplet(margin=0.3, miner=semi-hard(margin=-0.1))" ] do
                  match Expression.read $" 0.5*{text} +supcon" with
                  | Ok [ 0.5, call; 1.0, other ] ->
                      Expect.equal (string call) text "the call"
                      Expect.equal other.Name "supcon" "the other"
                  | other -> failtest $"{other}") ]

let tests =
    testList
        "Loss"
        [ goldenLosses
          goldenMiners
          registry
          LossElsewhereTests.tests
          LossTwinTests.tests
          MinerTests.tests
          LossEdgeTests.tests
          LossShortTests.tests
          MemoryTests.tests ]
