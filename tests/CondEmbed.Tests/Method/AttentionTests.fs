module CondEmbed.Tests.AttentionTests

open System
open Expecto
open CondEmbed
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Search

/// Three images of five tokens, seven channels; six features, two heads.
let attention: Attention.Options = { Channels = 7; Embedding = 6; Heads = 2 }

let rowsOf (x: Tensor) = numbers x |> Array.chunkBySize (int (Array.last x.shape))

let dot (a: float array) (b: float array) = Array.fold2 (fun sum x y -> sum + x * y) 0.0 a b

let plus (a: float array) (b: float array) = Array.map2 (+) a b

/// One query to the tokens of one image: the weights of each head, and the result. Loops over heads and tokens, no tensors.
let attend (parameters: Params) (query: float array) (tokens: float array array) =
    let times name (x: float array) = [| for row in rowsOf parameters[$"{name}.weight"] -> dot row x |]

    let q, keys, values = times "query" query, Array.map (times "key") tokens, Array.map (times "value") tokens

    let perHead = q.Length / attention.Heads

    let head index =
        let part (x: float array) = Array.sub x (index * perHead) perHead

        let scores = [| for key in keys -> exp (dot (part q) (part key) / sqrt (float perHead)) |]

        let weights = [| for score in scores -> score / Array.sum scores |]

        weights,
        Array.map2 (fun weight value -> part value |> Array.map ((*) weight)) weights values
        |> Array.reduce plus

    let heads = Array.init attention.Heads head
    Array.map fst heads, heads |> Array.collect snd |> times "output"

/// B B D -> B B: cos(c[i|j], c[j|i]), row i column j, as the definition reads.
let mutualCosine (c: Tensor) =
    let unit = Layers.l2Normalise c
    (unit * unit.transpose (0L, 1L)).sum(-1L)

let asking options (views: Hierarchy.Views) = defaultArg (Hierarchy.asking Team.alone options views) views.Embeddings

/// Views of a batch -> c^1 ... c^L of all pairs, B B D each.
let conditional (options: Hierarchy.Options) : Layer<Hierarchy.Views, Tensor list> =
    let images, conditional = Hierarchy.keysAndValues options, Hierarchy.conditional options

    Layer.create (Hierarchy.specs options) (fun env views ->
        conditional.Forward env (Pairing.All, images.Forward env views, asking options views))

/// Views of a batch -> where in image i (first index) the query of image j (third index) looks, B H B T a level.
let attentionOf (options: Hierarchy.Options) : Layer<Hierarchy.Views, Tensor list> =
    let images, attention = Hierarchy.keysAndValues options, Hierarchy.attention options

    Layer.create (Hierarchy.specs options) (fun env views ->
        attention.Forward env (Pairing.All, images.Forward env views, asking options views))

/// (what asks B Q D, tokens B T C): queries are made of the first, keys and values of the tokens.
let private onTokens options (layer: Layer<Tensor * Attention.KeysAndValues, Tensor>) : Layer<Tensor * Tensor, Tensor> =
    let query, images = Attention.query options, Attention.keysAndValues options Attention.Values.Own

    Layer.create (Attention.specs options Attention.Values.Own) (fun env (asking, tokens) ->
        layer.Forward env (query.Forward env asking, images.Forward env (tokens, tokens)))

let cross options = onTokens options (Attention.cross options Attention.Values.Own)

let private weights options = onTokens options (Attention.weights options)

let batch count : Hierarchy.Views =
    { Maps = [ normal 11 [ count; attention.Channels; 5; 1 ] ]
      Embeddings = normal 12 [ count; attention.Embedding ]
      Head = None
      Averaged = None }

/// The tokens of each image.
let tokensOfMap (map: Tensor) = rowsOf (Layers.tokens map) |> Array.chunkBySize (int (map.shape[2] * map.shape[3]))

let tokensOf (views: Hierarchy.Views) = tokensOfMap views.Maps.Head

let tests =
    testList
        "Attention"
        [ tensorTest "equals a loop over images, queries, heads and tokens" (fun () ->
              let layer = cross attention
              let parameters, queries, views = started layer.Specs, normal 1 [ 3; 4; 6 ], batch 3
              let tokens = Layers.tokens views.Maps.Head

              let expected =
                  [ for image, ofImage in Array.indexed (tokensOf views) do
                        for query in rowsOf (queries[int64 image]) -> List.ofArray (snd (attend parameters query ofImage)) ]

              let actual = Layer.run parameters layer (queries, tokens)
              expectClose 1e-12 ((matrixOf expected).reshape(3L, 4L, 6L)) actual "output")

          tensorTest "its weights are not negative, sum to one and are those of the loop" (fun () ->
              let parameters = started (cross attention).Specs
              let queries, views = normal 1 [ 3; 4; 6 ], batch 3
              let tokens = Layers.tokens views.Maps.Head

              let weights = Layer.run parameters (weights attention) (queries, tokens)

              Expect.sequenceEqual weights.shape [ 3L; 2L; 4L; 5L ] "B H Q T"
              Expect.isGreaterThanOrEqual (weights.min().item<float>()) 0.0 "the least"
              expectClose 1e-12 (torch.ones (3L, 2L, 4L, dtype = float64)) (weights.sum -1L) "sums"

              for image, ofImage in Array.indexed (tokensOf views) do
                  for place, query in Array.indexed (rowsOf queries[int64 image]) do
                      let expected = fst (attend parameters query ofImage) |> Array.map List.ofArray |> List.ofArray

                      let actual = weights.select(0L, int64 image).select(1L, int64 place)
                      expectClose 1e-12 (matrixOf expected) actual "one query")

          tensorTest "its weights times the values give its output" (fun () ->
              let layer = cross attention
              let parameters, queries, views = started layer.Specs, normal 1 [ 3; 4; 6 ], batch 3
              let tokens = Layers.tokens views.Maps.Head

              let weights = Layer.run parameters (weights attention) (queries, tokens)

              let values = tokens.matmul (parameters["value.weight"].t())
              let values = values.reshape(3L, 5L, 2L, 3L).transpose(1L, 2L)
              let joined = weights.matmul(values).transpose(1L, 2L).reshape(3L, 4L, 6L)
              let expected = joined.matmul (parameters["output.weight"].t())
              expectClose 1e-12 expected (Layer.run parameters layer (queries, tokens)) "output")

          testCase "heads that do not divide the embedding are refused, and both numbers named" (fun () ->
              let wrong = { attention with Heads = 4 }

              let builds: (Attention.Options -> unit) list =
                  [ Attention.query >> ignore
                    (fun options -> Attention.cross options Attention.Values.Own |> ignore)
                    (fun options -> Attention.keysAndValues options Attention.Values.Own |> ignore)
                    Attention.weights >> ignore ]

              for build in builds do
                  let problem = Expect.throwsC (fun () -> build wrong) id
                  Expect.isTrue (problem :? ArgumentException) "an ArgumentException"
                  Expect.stringContains problem.Message "4 heads do not divide an embedding of 6" "the numbers") ]
