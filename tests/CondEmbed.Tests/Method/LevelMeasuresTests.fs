/// What is measured of levels, against loops over pairs, heads and places.
module CondEmbed.Tests.LevelMeasuresTests

open System
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Interop
open CondEmbed.Tests.AttentionTests
open CondEmbed.Tests.LevelLoops
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Models

let private network =
    let head = Layer.named "embedding" (Layers.projection 9 6)

    { Network.ofMap (Layer.named "conv" (Layers.conv2d 3 9 3 1)) (Layers.meanPool --> head) with
        Project = Some(Layer.lift snd --> head) }

let private images () = normal 1 [ 6; 3; 3; 4 ]

/// Positive and negative pairs, and images without a positive.
let private labels = [ 0; 0; 1; 1; 2; 3 ]

let private forms =
    let one, two = options 1, options 2

    [ "plain", two
      "residual", { two with Residual = true }
      "unconditional query", { two with Query = Hierarchy.Query.Unconditional }
      "an unrelated image asks", { one with Query = Hierarchy.Query.Shuffled }
      "group", { one with Form = Level.Form.Group None }
      "cosine", { one with Form = Level.Form.Cosine 0.2 }
      "one-sided", { one with Agreement = Hierarchy.Agreement.OneSided } ]

let private layerOf options = LevelMeasures.ofComparison (Comparison.ofNetwork network options)

/// With the head that the loops know.
let private parametersOf (specs: ParamSpec list) =
    unlike specs |> Params.map (fun name x -> if name = "embedding.weight" then headWeight () else x)

let private measured options images labels =
    let layer = layerOf options
    Layer.run (parametersOf layer.Specs) layer (images, labelsOf labels)

let private others i = [ for j in 0..5 -> j ] |> List.filter ((<>) i)

/// The mean similarities, from cosines [i][j] of all pairs.
let private similaritiesOf name (s: float array array) =
    [ for kind, isPositive in [ "positive", true; "negative", false ] ->
          $"{name}_{kind}",
          List.average
              [ for i in 0..5 do
                    for j in others i do
                        if (labels[i] = labels[j]) = isPositive then s[i].[j] ] ]

/// Entropy and variation of attention, from B H B T: image, head, who asks, place.
let private attentionOfLevel name (looks: Tensor) =
    let heads, places = int looks.shape[1], int looks.shape[3]
    let values = numbers looks
    let map i h j = Array.sub values (((i * heads + h) * 6 + j) * places) places

    let entropy =
        List.average
            [ for i in 0..5 do
                  for j in others i do
                      for h in 0 .. heads - 1 -> -(map i h j |> Array.sumBy (fun p -> p * log p)) / log (float places) ]

    let variation =
        List.average
            [ for i in 0..5 do
                  for j in others i do
                      for k in others i do
                          if j <> k then
                              for h in 0 .. heads - 1 -> (Array.map2 (fun p q -> abs (p - q)) (map i h j) (map i h k) |> Array.sum) / 2.0 ]

    [ $"{name}_entropy", entropy; $"{name}_variation", variation ]

let private byLoops (options: Hierarchy.Options) =
    let parameters = parametersOf (layerOf options).Specs
    let env = { Params = parameters; Mode = Testing; Report = (fun _ _ -> ()); Team = Team.alone }
    let features = network.Features.Forward env (images ())
    let embeddings = network.Head.Forward env features
    let views = Hierarchy.viewsOf network options env features embeddings
    let rows = rowsOf embeddings
    let first = [| for a in rows -> [| for b in rows -> cosine a b |] |]
    let looks = Layer.run parameters (Layer.named "hierarchy" (attentionOf options)) views

    let levels = similarities options (Params.inside "hierarchy" parameters) views

    similaritiesOf "unconditional" first
    @ List.concat
        [ for level, s, looks in List.zip3 [ 1 .. options.Levels ] levels looks ->
              similaritiesOf $"level{level}" s @ attentionOfLevel $"level{level}" looks ]

let private expectMeasures expected (actual: (string * float) list) what =
    Expect.equal (List.map fst actual) (List.map fst expected) $"{what}: names"

    for (name, a), (_, b) in List.zip expected actual do
        Expect.floatClose { absolute = 1e-9; relative = 1e-9 } b a $"{what}: {name}"

let private twins =
    testList
        "equal loops over pairs, heads and places"
        [ for name, options in forms do
              tensorTest name (fun () -> expectMeasures (byLoops options) (measured options (images ()) labels) name) ]

let private valueOf name (measures: (string * float) list) = measures |> List.find (fst >> (=) name) |> snd

let private deadTests =
    testList
        "the dead and the living"
        [ tensorTest "a second head looks everywhere alike, and an image that asks itself always at the same" (fun () ->
              let second = measured { options 1 with Form = Level.Form.SecondHead 6 } (images ()) labels
              Expect.floatClose Accuracy.high (valueOf "level1_entropy" second) 1.0 "entropy of a second head"
              Expect.floatClose Accuracy.high (valueOf "level1_variation" second) 0.0 "variation of a second head"
              let own = measured { options 2 with Query = Hierarchy.Query.Own } (images ()) labels

              for level in 1..2 do
                  Expect.floatClose Accuracy.high (valueOf $"level{level}_variation" own) 0.0 "variation"
                  Expect.isLessThan (valueOf $"level{level}_entropy" own) 0.9999 "entropy"

              let living = measured (options 1) (images ()) labels
              Expect.isGreaterThan (valueOf "level1_variation" living) 1e-3 "a level that lives")

          tensorTest "entropy and variation reach their bounds, also with a single place" (fun () ->
              let maps (rows: float list list) = matrixOf rows
              let sharp = maps [ [ 1.0; 0.0; 0.0 ]; [ 0.0; 1.0; 0.0 ] ]
              Expect.floatClose Accuracy.high (LevelMeasures.entropy sharp) 0.0 "one place each"
              Expect.floatClose Accuracy.high (LevelMeasures.variation (sharp.unsqueeze 0L)) 1.0 "no place in common"
              let even = torch.full (2L, 3L, scalar (1.0 / 3.0), dtype = float64)
              Expect.floatClose Accuracy.high (LevelMeasures.entropy even) 1.0 "everywhere alike"
              Expect.floatClose Accuracy.high (LevelMeasures.variation (even.unsqueeze 0L)) 0.0 "the same map"
              Expect.equal (LevelMeasures.entropy (torch.ones (4L, 1L, dtype = float64))) 1.0 "a single place")

          tensorTest "what the images do not show is left out" (fun () ->
              let pair = measured (options 1) ((images ()).narrow(0L, 0L, 2L)) [ 0; 1 ]
              Expect.equal (List.map fst pair) [ "unconditional_negative"; "level1_negative"; "level1_entropy" ] "two images") ]

let private sampleTests =
    testList
        "sample"
        [ testCase "takes up to two images of each class, and at most 16" (fun () ->
              Expect.equal (LevelMeasures.sample [| 5L; 5L; 5L; 2L; 5L; 2L; 7L |]) [| 0L; 1L; 3L; 5L; 6L |] "a batch"

              Expect.equal
                  (LevelMeasures.sample [| for i in 0L .. 63L -> i / 4L |])
                  [| for i in 0L .. 7L do
                         yield! [ 4L * i; 4L * i + 1L ] |]
                  "many"

              Expect.equal (LevelMeasures.sample [| for i in 0L .. 63L -> i |]) [| 0L .. 15L |] "one of each") ]

let private sessionTests =
    testList
        "session"
        [ tensorTest "measures without changing anything, and nothing without levels" (fun () ->
              let config = { Config.standard with Embedding = 8; Heads = 2; Size = 32; Batch = 4; PerClass = 2; Levels = 2 }
              let pixels = Array.zeroCreate (4 * 32 * 32 * 3)
              Random(5).NextBytes pixels
              let labels = [| 0L; 0L; 1L; 1L |]
              use session = Session.ForTraining(config, Device.choose "cpu", 2, 8)
              session.Step(pixels, 32, labels) |> ignore
              let weights, random = session.Weights(), session.RandomState()
              let measures = session.LevelMeasures(pixels, 32, labels)

              Expect.equal
                  (List.ofSeq measures.Keys)
                  [ for name in [ "unconditional"; "level1"; "level2" ] do
                        for kind in [ "positive"; "negative"; "entropy"; "variation" ] do
                            if name <> "unconditional" || not (kind = "entropy" || kind = "variation") then $"{name}_{kind}" ]
                  "names, in order"

              Expect.all measures.Values Double.IsFinite "numbers"
              Expect.sequenceEqual (session.RandomState()) random "nothing is drawn"

              for before, after in Seq.zip weights (session.Weights()) do
                  Expect.sequenceEqual after.Bytes before.Bytes before.Name

              use onTrunk = Session.ForTraining({ config with Freeze = "conv1*,bn1*,layer1*" }, Device.choose "cpu", 2, 8)
              let expected = onTrunk.LevelMeasures(pixels, 32, labels)

              for KeyValue(name, value) in onTrunk.LevelMeasuresOnTrunk(onTrunk.Trunk(pixels, 4, 32, "F32"), labels) do
                  Expect.floatClose Accuracy.medium value expected[name] $"on what the trunk made: {name}"

              use baseline = Session.ForTraining({ config with Levels = 0 }, Device.choose "cpu", 2, 8)
              Expect.isEmpty (baseline.LevelMeasures(pixels, 32, labels)) "no levels") ]

let tests = testList "LevelMeasures" [ twins; deadTests; sampleTests; sessionTests ]
