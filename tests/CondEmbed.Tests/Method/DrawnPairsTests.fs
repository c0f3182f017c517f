/// Levels that are scored by proxies, on pairs drawn at random, against loops.
module CondEmbed.Tests.DrawnPairsTests

open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Losses
open CondEmbed.Tests.AttentionTests
open CondEmbed.Tests.LevelLoops
open CondEmbed.Tests.Support
open TorchSharp

let private labels = [ 0; 0; 0; 1; 1; 2; 3 ]

let private askers positive negative : DrawnPairs.Askers = { Positive = positive; Negative = negative }

/// Image and asker of each drawn pair, by sorting.
let private pairsByLoops (askers: DrawnPairs.Askers) (random: Tensor) =
    let rows = rowsOf (random.``to`` float64)

    let greatest count isWanted =
        [ for i in 0..6 do
              for j in
                  [ 0..6 ]
                  |> List.filter (isWanted i)
                  |> List.sortByDescending (fun j -> rows[i].[j])
                  |> List.truncate count -> i, j ]

    greatest askers.Positive (fun i j -> i <> j && labels[i] = labels[j])
    @ greatest askers.Negative (fun i j -> labels[i] <> labels[j])

let private random seed = (normal seed [ 7; 7 ]).abs().``to`` float32

let private listed (first: Tensor, second: Tensor) =
    Seq.zip (first.data<int64>().ToArray()) (second.data<int64>().ToArray())
    |> Seq.map (fun (i, j) -> int i, int j)
    |> Seq.toList

let private drawing =
    testList
        "pairs"
        [ testPropertyWithConfig
              (fewCases 25)
              "are each image with as many others of its class and of other classes as are wanted, or there are"
              (fun seed (positive: int) (negative: int) ->
                  Native.ensure ()

                  scoped (fun () ->
                      let askers = askers (abs positive % 4) (abs negative % 9)
                      let found = DrawnPairs.pairs askers (Mining.all (labelsOf labels)) (random seed) |> listed
                      Expect.equal (set found) (set (pairsByLoops askers (random seed))) "pairs"
                      Expect.equal (List.distinct found) found "each once")) ]

let private network =
    let head = Layer.named "embedding" (Layers.projection 9 6)

    { Network.ofMap (Layer.named "conv" (Layers.conv2d 3 9 3 1)) (Layers.meanPool --> head) with
        Project = Some(Layer.lift snd --> head) }

let private batch () : Batch = { Images = normal 1 [ 7; 3; 4; 4 ]; Labels = labelsOf labels }

let private proxyAnchor = All.ofText "proxy-anchor" 4 6

let private objectiveOf hierarchy conditional = Objective.weighted network hierarchy 1.0 conditional proxyAnchor proxyAnchor

let private plain = { Conditional.plain 0.5 with Askers = 2 }

/// With the head that the loops know.
let private parametersOf (objective: Objective) =
    unlike objective.Specs
    |> Params.map (fun name x -> if name = "embedding.weight" then headWeight () else x)

let private scoredWith (parameters: Params) (objective: Objective) =
    torch.manual_seed 5L |> ignore
    fst (forward Training parameters objective (batch ()))

/// The loss of labelled embeddings by loops.
let private byProxies (parameters: Params) (embeddings: float array list) (labels: int list) =
    let proxies = rowsOf parameters["loss.proxies"]
    let embeddings = Array.ofList embeddings
    LossLoops.proxyAnchor { Labels = Array.ofList labels; S = (fun x p -> cosine embeddings[x] proxies[p]); Classes = 4 }

let private termsByLoops (hierarchy: Hierarchy.Options) askers (parameters: Params) =
    let map = Layer.run parameters network.Features (batch ()).Images
    let embeddings = Layer.run parameters network.Head map
    let views: Hierarchy.Views = { Maps = [ map.Map ]; Embeddings = embeddings; Head = None; Averaged = None }
    let all = conditionals hierarchy (Params.inside "hierarchy" parameters) views
    torch.manual_seed 5L |> ignore
    let pairs = pairsByLoops askers (torch.rand ([| 7L; 7L |], dtype = float32))
    let both = pairs @ [ for i, j in pairs -> j, i ]

    byProxies parameters (List.ofArray (rowsOf embeddings)) labels
    :: [ for c in all.Tail -> byProxies parameters [ for i, j in both -> c[i].[j] ] [ for i, _ in both -> labels[i] ] ]

let private forms =
    let two = options 2

    [ "plain", two
      "residual, unconditional query", { two with Residual = true; Query = Hierarchy.Query.Unconditional }
      "an unrelated image asks", { two with Query = Hierarchy.Query.Shuffled }
      "group", { options 1 with Form = Level.Form.Group None }
      "cosine", { two with Form = Level.Form.Cosine 0.3 }
      "second head", { two with Form = Level.Form.SecondHead 6 } ]

let private twins =
    testList
        "terms equal loops over the drawn pairs, both ways"
        [ for name, hierarchy in forms do
              for on, drawn in
                  [ Conditional.On.All, askers 1 2; Conditional.On.Negatives, askers 0 2; Conditional.On.Positives, askers 1 0 ] do
                  tensorTest $"{name}, on {on}" (fun () ->
                      let objective = objectiveOf hierarchy { plain with On = on }
                      let parameters = parametersOf objective
                      let scored = scoredWith parameters objective
                      let expected = termsByLoops hierarchy drawn parameters

                      Expect.equal
                          (List.map fst scored.Terms)
                          ("loss" :: [ for level in 1 .. hierarchy.Levels -> $"level{level}" ])
                          "terms"

                      for (term, value), expected in List.zip scored.Terms expected do
                          Expect.floatClose { absolute = 1e-9; relative = 1e-9 } (toFloat value) expected term

                      let total = expected.Head + 0.5 * List.sum expected.Tail
                      Expect.floatClose { absolute = 1e-9; relative = 1e-9 } (toFloat scored.Total) total "total") ]

let private gradientsOfTotal (objective: Objective) =
    let parameters = parametersOf objective
    let names = Params.trainable objective.Specs

    for name in names do
        parameters[name].requires_grad_ true |> ignore

    let scored = scoredWith parameters objective
    Map.ofList (Grad.gradientsOrZero scored.Total [ for name in names -> name, parameters[name] ])

let private training =
    testList
        "training"
        [ tensorTest "gradients equal finite differences, and reach everything" (fun () ->
              let objective = objectiveOf { options 2 with Residual = true } plain

              let scalarOf (leaves: Params) =
                  torch.manual_seed 5L |> ignore
                  (objective.Forward { Params = leaves; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone } (batch ())).Total

              expectGradients 1e-6 scalarOf (parametersOf objective)

              for KeyValue(name, gradient) in gradientsOfTotal objective do
                  Expect.isGreaterThan (toFloat (gradient.abs().max())) 1e-9 $"a gradient by {name}")

          tensorTest "the levels share the proxies of the loss, and level_gradients = levels leaves them to it" (fun () ->
              let objective = objectiveOf (options 2) plain
              let ofLoss = [ for spec in objective.Specs -> spec.Name ] |> List.filter _.StartsWith("loss")
              Expect.equal ofLoss [ "loss.proxies" ] "one set of proxies"

              let together, alone =
                  gradientsOfTotal objective, gradientsOfTotal (objectiveOf (options 2) { plain with LevelsAlone = true })

              let baseline = gradientsOfTotal (Objective.baseline network proxyAnchor)
              let distance (a: Tensor) (b: Tensor) = toFloat ((a - b).abs().max())
              Expect.isGreaterThan (distance together["loss.proxies"] baseline["loss.proxies"]) 1e-3 "levels train the proxies"

              for KeyValue(name, gradient) in alone do
                  if name.StartsWith "hierarchy" then
                      expectClose 1e-12 together[name] gradient name
                  else
                      expectClose 1e-12 baseline[name] gradient name)

          tensorTest "the last level alone, and the warm-up" (fun () ->
              let hierarchy = options 2
              let last = objectiveOf hierarchy { plain with LastOnly = true; WarmUp = 4 }
              let parameters = parametersOf last |> Params.map (fun name x -> if name = "hierarchy.step" then x.zero_ () else x)
              let scored = scoredWith parameters last
              let expected = termsByLoops hierarchy (askers 1 2) parameters
              Expect.equal (List.map fst scored.Terms) [ "loss"; "level2" ] "terms"
              Expect.floatClose Accuracy.high (toFloat scored.Total) (expected[0] + 0.25 * 0.5 * expected[2]) "total")

          tensorTest "proxies that the loss does not have are refused, and so is a batch without askers" (fun () ->
              let refused levelLoss loss =
                  (Expect.throwsC (fun () -> Objective.weighted network (options 1) 1.0 plain loss levelLoss |> ignore) id).Message

              let similarities = All.ofText "multi-similarity" 4 6
              Expect.stringContains (refused proxyAnchor similarities) "has none that it could share" "no proxies"
              Expect.stringContains (refused proxyAnchor (All.ofText "soft-triple" 4 6)) "has none that it could share" "other proxies"
              Objective.weighted network (options 1) 1.0 plain proxyAnchor (All.ofText "proxy-nca" 4 6) |> ignore
              let objective = objectiveOf (options 1) { plain with On = Conditional.On.Positives }
              let different = { batch () with Labels = labelsOf [ 0; 1; 2; 3; 0; 1; 2 ] }
              let alone: Batch = { Images = different.Images.narrow (0L, 0L, 4L); Labels = different.Labels.narrow (0L, 0L, 4L) }

              Expect.throwsC (fun () -> forward Training (parametersOf objective) objective alone |> ignore) (fun problem ->
                  Expect.stringContains problem.Message "No image of this batch has another that could ask it" "the message")) ]

let tests = testList "DrawnPairs" [ drawing; twins; training ]
