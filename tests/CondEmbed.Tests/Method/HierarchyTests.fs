/// The hierarchy of conditional embeddings against a loop over ordered pairs.
module CondEmbed.Tests.HierarchyTests

open System
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Encoders
open CondEmbed.Tests.AttentionTests
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Search

let private hierarchy levels residual shared = { Hierarchy.plain attention levels with Residual = residual; Shared = shared }

/// c^l[i|j] level after level, pair after pair, as the definition reads.
let private naiveHierarchy
    (options: Hierarchy.Options)
    (parameters: Params)
    (tokens: float array array array)
    (embeddings: float array array)
    =
    let count = embeddings.Length
    let unconditional = Array.init count (fun i -> Array.create count embeddings[i])

    let next (previous: float array array array) level =
        let own = parameters |> Params.inside (if options.Shared then "levels" else $"level{level}")

        Array.init count (fun i ->
            Array.init count (fun j ->
                let before: float array = previous[i][j]
                let _, read = attend own (previous[j][i]: float array) tokens[i]
                if options.Residual then plus before read else read))

    (unconditional, [ 1 .. options.Levels ]) ||> List.scan next

let private everyOption =
    [ for levels in 0..3 do
          for residual in [ false; true ] do
              for shared in [ false; true ] -> hierarchy levels residual shared ]

let private loopTests =
    testList
        "equals a loop over ordered pairs"
        [ for options in everyOption do
              tensorTest $"{options.Levels} levels, residual {options.Residual}, shared {options.Shared}" (fun () ->
                  let layer = conditional options
                  let parameters, views = started layer.Specs, batch 3

                  let naive = naiveHierarchy options parameters (tokensOf views) (rowsOf views.Embeddings)

                  let actual = Layer.run parameters layer views
                  Expect.equal actual.Length options.Levels "a tensor a level"

                  for level, (expected, actual) in List.indexed (List.zip (List.tail naive) actual) do
                      let expected = matrixOf (expected |> Array.concat |> Array.map List.ofArray |> List.ofArray)

                      expectClose 1e-12 (expected.reshape (3L, 3L, 6L)) actual $"level {level + 1}"

                  let sets =
                      if options.Levels = 0 then 0
                      elif options.Shared then 1
                      else options.Levels

                  Expect.equal layer.Specs.Length (4 * sets) "four matrices for each set of weights")

          tensorTest "attention shows where the query of each level looks" (fun () ->
              for options in everyOption do
                  let layer = attentionOf options
                  Expect.equal layer.Specs (conditional options).Specs "the same parameters"
                  let parameters, views = started layer.Specs, batch 3
                  let tokens = tokensOf views
                  let naive = naiveHierarchy options parameters tokens (rowsOf views.Embeddings)

                  for level, looks in List.indexed (Layer.run parameters layer views) do
                      let own = parameters |> Params.inside (if options.Shared then "levels" else $"level{level + 1}")

                      for i, j in List.allPairs [ 0..2 ] [ 0..2 ] do
                          let expected = attend own (naive[level].[j].[i]) tokens[i] |> fst
                          let actual = looks.select(0L, int64 i).select(1L, int64 j)
                          expectClose 1e-12 (matrixOf [ for row in expected -> List.ofArray row ]) actual $"{i}|{j}") ]

/// The sum over levels of the mutual cosines with fixed weights, as a function of tokens, embeddings and all weights.
let private scalarOf options (leaves: Params) =
    let views: Hierarchy.Views = { Maps = [ leaves["map"] ]; Embeddings = leaves["embeddings"]; Head = None; Averaged = None }

    (conditional options).Forward { Params = leaves; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone } views
    |> List.map (fun c -> (mutualCosine c * normal 5 [ 3; 3 ]).sum())
    |> List.reduce (fun a b -> a + b)

let private leavesOf options =
    let views, parameters = batch 3, started (conditional options).Specs

    Params.ofSeq [ yield! Params.toSeq parameters; "map", views.Maps.Head; "embeddings", views.Embeddings ]

let private permuted (order: int64 array) (x: Tensor) = x.index_select (0L, torch.tensor (order, dtype = int64'))

let private properties =
    testList
        "properties"
        [ testPropertyWithConfig (fewCases 25) "permuting the batch permutes the conditional embeddings" (fun (seed: int) residual shared ->
              Native.ensure ()

              scoped (fun () ->
                  let order = [| 0L .. 3L |]
                  Random(seed).Shuffle order
                  let layer = conditional (hierarchy 2 residual shared)
                  let parameters, views = started layer.Specs, batch 4

                  let moved: Hierarchy.Views =
                      { views with Maps = List.map (permuted order) views.Maps; Embeddings = permuted order views.Embeddings }

                  for before, after in List.zip (Layer.run parameters layer views) (Layer.run parameters layer moved) do
                      let expected = (permuted order before).transpose(0L, 1L) |> permuted order
                      expectClose 1e-12 (expected.transpose (0L, 1L)) after "c")) ]

let private gradients =
    testList
        "gradients"
        [ for residual, shared in [ false, false; true, true ] do
              tensorTest
                  $"reach tokens, embeddings and all weights, and equal finite differences (residual {residual}, shared {shared})"
                  (fun () ->
                      let options = hierarchy 2 residual shared
                      let leaves = leavesOf options

                      for name, gradient in gradientsOf (scalarOf options) leaves do
                          Expect.isGreaterThan (gradient.abs().max().item<float>()) 1e-6 $"a gradient by {name}"

                      expectGradients 1e-7 (scalarOf options) leaves)

          tensorTest "of the levels alone reach every leaf of a network, its first convolution included" (fun () ->
              let encoder =
                  Residual.build
                      { Stem = Residual.Narrow 1
                        StemWidth = 4
                        Stages = [ 7, 1, 1 ]
                        Block = Residual.Basic
                        SmoothShortcut = false
                        ZeroStart = false
                        Norms = Layers.Norms.Batch }

              let network =
                  { Features = encoder.Features
                    Head =
                      Layer.lift Encoders.Features.map
                      --> Layer.named "pool" Layers.gemPool
                      --> Layer.named "embedding" (Layers.linear 7 6)
                    Pool = Layer.lift Encoders.Features.map --> Layer.named "pool" Layers.gemPool
                    AfterPool = None
                    Project = None }

              let none = Losses.OnSimilarities(fun _ s -> 0.0 * s.sum ())
              let some = Losses.OnSimilarities(fun _ s -> (s * normal 5 [ 4; 4 ]).sum())

              let objective = Objective.conditional network (hierarchy 2 false false) 1.0 none some

              let batch = { Images = normal 1 [ 4; 3; 6; 6 ]; Labels = labelsOf [ 0; 0; 1; 1 ] }

              let parameters = started objective.Specs
              let names = Params.trainable objective.Specs

              for name in names do
                  parameters[name].requires_grad_ true |> ignore

              let scored, _ = forward Training parameters objective batch
              Expect.equal (List.map fst scored.Terms) [ "loss"; "level1"; "level2" ] "terms"

              for name, gradient in Grad.gradients scored.Total [ for name in names -> name, parameters[name] ] do
                  Expect.isGreaterThan (gradient.abs().max().item<float>()) 1e-9 $"a gradient by {name}") ]

let tests = testList "Hierarchy" [ loopTests; properties; gradients ]
