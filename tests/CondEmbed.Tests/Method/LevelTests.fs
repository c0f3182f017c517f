/// Every option of the levels against loops over pairs, and what levels promise at their start.
module CondEmbed.Tests.LevelTests

open Expecto
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Tests.LevelLoops
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Search

let private loopTests =
    testList
        "equals loops over pairs"
        [ for name, options, isGiven in variants do
              tensorTest name (fun () ->
                  let layer = AttentionTests.conditional options
                  let parameters, views = unlike layer.Specs, viewsOf isGiven 3
                  let expected = conditionals options parameters views
                  let actual = Layer.run parameters layer views

                  for level, (expected, actual) in List.indexed (List.zip expected.Tail actual) do
                      let rows = [ for row in Array.concat expected -> List.ofArray row ]
                      expectClose 1e-9 ((matrixOf rows).reshape(3L, 3L, 6L)) actual $"level {level + 1}"

                  for expected, c in List.zip (similarities options parameters views) actual do
                      expectClose 1e-9 (asTensor expected) (Hierarchy.similarity options Pairing.All views.Embeddings c) "similarity") ]

/// Whether the unconditional embeddings have a part in the similarities.
let private asksByEmbedding (options: Hierarchy.Options) =
    match options.Form with
    | Level.Form.Projections _
    | Level.Form.Cosine _ -> true
    | Level.Form.Group _
    | Level.Form.SecondHead _ -> options.Agreement = Hierarchy.Agreement.OneSided

let private gradients =
    testList
        "gradients reach maps, embeddings, values and every parameter"
        [ for name, options, isGiven in variants do
              tensorTest name (fun () ->
                  let layer = AttentionTests.conditional options
                  let views = viewsOf isGiven 3

                  let leaves =
                      Params.ofSeq
                          [ yield! Params.toSeq (unlike layer.Specs)
                            if asksByEmbedding options then "embeddings", views.Embeddings
                            for i, map in List.indexed views.Maps do
                                if i = 0 || not options.Stages.IsEmpty then $"map{i}", map
                            if isGiven then "head", headWeight () ]

                  let scalar (leaves: Params) =
                      let maps =
                          views.Maps
                          |> List.mapi (fun i map -> if List.contains $"map{i}" leaves.Names then leaves[$"map{i}"] else map)

                      let embeddings = if asksByEmbedding options then leaves["embeddings"] else views.Embeddings
                      let views: Hierarchy.Views = { Maps = maps; Embeddings = embeddings; Head = None; Averaged = None }
                      let views = if isGiven then withHead leaves["head"] views else views

                      layer.Forward { Params = leaves; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone } views
                      |> List.map (fun c -> (Hierarchy.similarity options Pairing.All views.Embeddings c * normal 5 [ 3; 3 ]).sum())
                      |> List.reduce (fun a b -> a + b)

                  for leaf, gradient in gradientsOf scalar leaves do
                      Expect.isGreaterThan (gradient.abs().max().item<float>()) 1e-8 $"a gradient by {leaf}") ]

/// A head of mean pooling on a small encoder, its embeddings and what levels of the given options make of them at the start.
let private atStart options =
    let encoder =
        Residual.build
            { Stem = Residual.Narrow 1
              StemWidth = 4
              Stages = [ 5, 1, 2; 9, 1, 1 ]
              Block = Residual.Basic
              SmoothShortcut = false
              ZeroStart = false
              Norms = Layers.Norms.Batch }

    let pooling = Layer.lift Features.map --> Layers.meanPool
    let network = Network.ofEncoder encoder (1, pooling, true) false 6
    let hierarchy = Layer.named "hierarchy" (AttentionTests.conditional options)
    let parameters = started (network.Features.Specs @ network.Head.Specs @ hierarchy.Specs)
    let features = { Features.ofMap (normal 3 [ 4; 9; 3; 2 ]) with Earlier = [ normal 4 [ 4; 5; 6; 4 ] ] }
    let embeddings = Layer.run parameters network.Head features
    let env = { Params = parameters; Mode = Testing; Report = (fun _ _ -> ()); Team = Team.alone }

    let views =
        Hierarchy.viewsOf network { options with Form = Level.Form.Projections Attention.Values.Given } env features embeddings

    network, parameters, embeddings, Layer.run parameters hierarchy views

let private startTests =
    testList
        "start"
        [ tensorTest "with the head's values c = e on every level, since attention starts uniform" (fun () ->
              let tied = { options 3 with Form = Level.Form.Projections Attention.Values.Given }

              for position in [ Positions.Code.None; Positions.Code.Sine; Positions.Code.Learned ] do
                  let _, _, embeddings, levels = atStart { tied with Position = position }

                  for c in levels do
                      expectClose 1e-6 (embeddings.unsqueeze(1L).expand(4L, 4L, 6L)) c "c = e"

              for after in [ Level.After.Nothing; Level.After.FeedForward ] do
                  let options = { tied with Residual = true; After = after }
                  let _, _, embeddings, levels = atStart options

                  for c in levels do
                      expectClose 1e-6 (Similarity.cosine embeddings) (Hierarchy.similarity options Pairing.All embeddings c) "s = s^0"

                      expectClose
                          1e-12
                          (AttentionTests.mutualCosine c)
                          (Hierarchy.similarity options Pairing.All embeddings c)
                          "as defined")

          tensorTest "the mean of the projected tokens is the unconditional embedding, by the head's own parameters" (fun () ->
              let network, parameters, embeddings, _ = atStart { options 1 with Form = Level.Form.Projections Attention.Values.Given }
              let names = set [ for spec in network.Head.Specs -> spec.Name ]
              Expect.all [ for spec in network.Project.Value.Specs -> spec.Name ] names.Contains "no parameters of its own"
              let map = normal 4 [ 2; 9; 3; 2 ]
              let whole = Layer.run parameters network.Head { Features.ofMap map with Earlier = [] }
              expectClose 1e-12 whole ((Layer.run parameters network.Project.Value (map, Layers.tokens map)).mean [| 1L |]) "mean"
              Expect.equal embeddings.shape[1] 6L "D")

          tensorTest "so it is with a norm in the head, by the statistics of the batch in training and the running ones after it" (fun () ->
              let mean = Layer.lift Features.map --> Layers.meanPool
              let network = Network.ofEncoder (Residual.small { Size = 48; Norms = Layers.Norms.Batch }) (1, mean, true) true 6
              let parameters = unlike network.Head.Specs |> Params.map (fun name x -> if name.EndsWith "var" then x.abs () else x)
              let map = normal 4 [ 5; 128; 3; 2 ]

              for mode in [ Training; Testing ] do
                  let whole, _ = forward mode parameters network.Head (Features.ofMap map)
                  let tokens, reported = forward mode parameters network.Project.Value (map, Layers.tokens map)
                  expectClose 1e-9 whole (tokens.mean [| 1L |]) $"{mode}"
                  Expect.isEmpty reported "the head alone reports")

          tensorTest "attention's weights are not negative, sum to one, and give what is read of given values" (fun () ->
              for name, options, isGiven in variants do
                  let layer = AttentionTests.attentionOf options
                  let parameters, views = unlike layer.Specs, viewsOf isGiven 3

                  for level, weights in List.indexed (Layer.run parameters layer views) do
                      Expect.isGreaterThanOrEqual (weights.min().item<float>()) 0.0 name
                      expectClose 1e-12 (torch.ones_like (weights.sum -1L)) (weights.sum -1L) name

                      Expect.sequenceEqual [ weights.shape[0]; weights.shape[2] ] [ 3L; 3L ] name

                      if isGiven && level = 0 && not options.Residual && options.Form <> Level.Form.Group None then
                          let values = (Layers.tokens views.Maps.Head).matmul(headWeight().t())
                          let values = values.unflatten(2L, [| weights.shape[1]; -1L |]).transpose(1L, 2L)
                          let c = weights.matmul(values).transpose(1L, 2L).flatten(2L, 3L)
                          expectClose 1e-9 (Layer.run parameters (AttentionTests.conditional options) views).Head c name)

          testCase "more levels than stages are refused" (fun () ->
              Expect.throwsC (fun () -> AttentionTests.conditional { options 3 with Stages = channels } |> ignore) (fun problem ->
                  Expect.stringContains problem.Message "3 levels cannot read one stage each of 2" "the message"))

          tensorTest "feed-forward starts as nothing" (fun () ->
              let plain, deep = options 2, { options 2 with After = Level.After.FeedForward }
              let views = views 3
              let run options = (let layer = AttentionTests.conditional options in Layer.run (started layer.Specs) layer views)

              for expected, actual in List.zip (run plain) (run deep) do
                  expectSame expected actual "c")

          testCase "values of a head that is not linear are refused" (fun () ->
              let network = Recipe.network Config.standard
              Expect.isNone network.Project "a grid"
              let loss = Losses.OnSimilarities(fun _ s -> s.sum ())
              let tied = { options 1 with Form = Level.Form.Projections Attention.Values.Given }

              Expect.throwsC (fun () -> Objective.conditional network tied 1.0 loss loss |> ignore) (fun problem ->
                  Expect.stringContains problem.Message "not linear in the tokens" "the message")) ]

let tests = testList "Level" [ loopTests; gradients; startTests ]
