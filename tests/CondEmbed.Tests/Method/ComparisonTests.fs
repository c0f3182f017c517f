/// What levels make of chosen pairs after training against what they make of all pairs of a batch while training.
module CondEmbed.Tests.ComparisonTests

open System
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Interop
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Models

[<Literal>]
let private Side = 32

let private config = { Config.standard with Embedding = 8; Heads = 2; Size = Side; Levels = 2 }

let private variants =
    [ "as they are by default", config
      "without residuals, one set of weights", { config with Residual = false; SharedLevels = true }
      "the head's values, another query, one-sided",
      { config with
          Pooling = "mean"
          LevelValues = Choices.LevelValues.Head
          LevelQuery = Hierarchy.Query.Unconditional
          LevelSimilarity = Hierarchy.Agreement.OneSided }
      "a stage each, positions, a feed-forward part",
      { config with
          LevelTokens = Choices.LevelTokens.Stages
          LevelPosition = Positions.Code.Learned
          LevelAfter = Level.After.FeedForward } ]

let private pixels count =
    let bytes = Array.zeroCreate (count * Side * Side * 3)
    Random(5).NextBytes bytes
    bytes

let private batchOf count = torch.tensor(pixels count, dtype = torch.uint8).reshape(int64 count, int64 Side, int64 Side, 3L)

let private firsts, seconds = [| 0; 3; 2; 4; 1 |], [| 1; 0; 4; 2; 3 |]

let private images (places: int array) = labelsOf places

/// Similarities and attention of all pairs, as while training.
let private ofAll config (parameters: Params) images =
    let network, hierarchy = Recipe.network config, Recipe.hierarchy config
    let env = { Params = parameters; Mode = Testing; Report = (fun _ _ -> ()); Team = Team.alone }
    let features = network.Features.Forward env images
    let embeddings = network.Head.Forward env features
    let views = Hierarchy.viewsOf network hierarchy env features embeddings
    let inside layer = Layer.named "hierarchy" layer
    let labels = labelsOf [ 0; 0; 1; 1; 1 ]
    let found = (inside (LevelSimilarities.layer hierarchy 0 0)).Forward env (views, labels)
    Similarity.cosine embeddings :: found.Similarities, (inside (AttentionTests.attentionOf hierarchy)).Forward env views

/// Levels without zeros and ones, so that all that they hold counts.
let private levelsUnlike (specs: ParamSpec list) =
    [ for spec in specs -> if spec.Name.StartsWith "hierarchy" then { spec with Init = Normal 0.4 } else spec ]
    |> Params.init 7L torch.CPU float32

let private twins =
    testList
        "chosen pairs after training equal all pairs while training"
        [ for name, config in variants do
              tensorTest name (fun () ->
                  let comparison = Recipe.comparison config
                  let parameters = levelsUnlike comparison.Specs
                  let expected, looks = ofAll config parameters (batchOf 5)
                  let known = Layer.run parameters comparison.Know (batchOf 5)
                  let chosen = known, images firsts, images seconds
                  let actual = Layer.run parameters comparison.Similarities chosen
                  Expect.equal (List.ofArray actual.shape) [ 3L; 5L ] "s^0, s^1, s^2 of each pair"
                  expectFinite actual "similarities"

                  for level, expected in List.indexed expected do
                      for pair, (i, j) in Seq.indexed (Seq.zip firsts seconds) do
                          let close = abs (expected[int64 i, int64 j].item<float32>() - actual[int64 level, int64 pair].item<float32>())
                          Expect.isLessThan close 1e-5f $"s^{level} of {i} and {j}"

                  for expected, (rows, columns), actual in List.zip3 looks known.Grids (Layer.run parameters comparison.Attention chosen) do
                      Expect.equal (List.ofArray actual.shape) [ 10L; 2L; rows * columns ] "each way, heads, places"

                      for pair, (i, j) in Seq.indexed (Seq.zip firsts seconds) do
                          let look (i: int) (j: int) = expected.select(0L, int64 i).select(1L, int64 j)
                          expectClose 1e-5 (look i j) (actual.select (0L, int64 pair)) $"{i}|{j}"
                          expectClose 1e-5 (look j i) (actual.select (0L, int64 (pair + 5))) $"{j}|{i}") ]

/// The mean of the heads of a row of attention on its grid.
let private onGrid (rows: int64, columns: int64) (look: Tensor) = look.mean([| 0L |]).reshape(rows, columns)

let private oneCall =
    testList
        "in one call"
        [ for name, config in variants do
              tensorTest $"attention {name}" (fun () ->
                  let compared = Recipe.comparison config
                  let parameters = levelsUnlike compared.Specs
                  let batch = batchOf 3
                  let known = Layer.run parameters compared.Know batch
                  let ofPair i j = Layer.run parameters compared.Attention (known, labelsOf [ i ], labelsOf [ j ])
                  let all = Comparison.attentionOfBatch parameters compared batch
                  let two = Comparison.attentionOfTwo parameters compared batch[2L] batch[0L]
                  let other () = Comparison.attentionOfTwo parameters compared batch[2L] (batch[0L].narrow(0L, 0L, 8L)) |> ignore

                  Expect.throwsC other (fun problem ->
                      for word in [ $"[{Side}, {Side}, 3]"; $"[8, {Side}, 3]"; "bring both to one size" ] do
                          Expect.stringContains problem.Message word "of two sizes")

                  Expect.equal (all.Length, two.Length) (config.Levels, config.Levels) "levels"

                  for level in 0 .. config.Levels - 1 do
                      let grid = known.Grids[level]
                      let pair = (ofPair 2 0)[level]
                      expectClose 1e-5 (onGrid grid pair[0L]) (two[level][0L]) "the first in the light of the second"
                      expectClose 1e-5 (onGrid grid pair[1L]) (two[level][1L]) "and the other way round"

                      for i, j in List.allPairs [ 0..2 ] [ 0..2 ] do
                          let pair = (ofPair i j)[level]
                          let map: Tensor = all[level].select(0L, int64 i).select(0L, int64 j)
                          expectClose 1e-5 (onGrid grid pair[0L]) map $"{i} in the light of {j}"
                          Expect.floatClose Accuracy.low (toFloat (map.sum ())) 1.0 "the sum") ]

let private sessions =
    testList
        "session"
        [ tensorTest "a session that compares has the weights of one that trained, and no more" (fun () ->
              use trained = Session.ForTraining(config, Device.choose "cpu", 2, 8)
              use compares = Session.ForComparing(config, Device.choose "cpu")
              use embeds = Session.ForEmbedding(config, Device.choose "cpu")
              let levels = [ for data in trained.LevelWeights() -> data.Name ]
              Expect.all levels (fun name -> name.StartsWith "hierarchy.level") "levels"
              Expect.isEmpty (embeds.LevelWeights()) "none"
              let report = compares.Load [| yield! trained.EmbeddingWeights(); yield! trained.LevelWeights() |]
              Expect.isTrue (report.Fits && report.Fresh.Count = 0) (string report)
              let names (session: Session) = [ for data in session.Weights() -> data.Name ]
              let both = [ for data in Seq.append (trained.EmbeddingWeights()) (trained.LevelWeights()) -> data.Name ]
              Expect.equal (names compares) both "names"
              Expect.throwsT<InvalidOperationException> (fun () -> embeds.Comparer() |> ignore) "nothing to compare by"

              Expect.throwsT<ArgumentException>
                  (fun () -> Session.ForComparing({ config with Levels = 0 }, Device.choose "cpu") |> ignore)
                  "no levels"

              let compared (session: Session) =
                  let comparer = session.Comparer()
                  use images = comparer.Read(pixels 5, 5, Side)
                  Expect.equal (images.Embeddings()) (session.Embed(pixels 5, 5, Side)) "embeddings, bit for bit"
                  comparer.Similarities(images, firsts, seconds)

              Expect.equal (compared compares) (compared trained) "similarities, bit for bit")

          tensorTest "images can be put into other places" (fun () ->
              use session = Session.ForComparing(config, Device.choose "cpu")
              let comparer = session.Comparer()
              use images = comparer.Read(pixels 5, 5, Side)
              use room = images.Room 9
              room.Put(3, images)
              Expect.equal (room.Bytes / 9L) (images.Bytes / 5L) "bytes of an image"
              let expected = comparer.Similarities(images, firsts, seconds)
              Expect.equal (comparer.Similarities(room, Array.map ((+) 3) firsts, Array.map ((+) 3) seconds)) expected "similarities"
              let look = comparer.Attention(room, 4, 6)
              Expect.equal look.Count 2 "levels"

              for level in look do
                  for map in Seq.append level.First level.Second do
                      Expect.equal map.Length (level.Rows * level.Columns) "places"
                      Expect.floatClose Accuracy.medium (Seq.sumBy float map) 1.0 "they sum to 1"

              Expect.equal (comparer.Similarities(room, [||], [||])) [| [||]; [||]; [||] |] "no pairs") ]

let tests = testList "Comparison" [ twins; oneCall; sessions ]
