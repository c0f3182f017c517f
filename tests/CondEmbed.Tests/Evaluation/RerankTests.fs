/// Metrics of re-ranked orders against a full sort, and the levels that a run keeps for it.
module CondEmbed.Tests.RerankTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open FsCheck
open CondEmbed
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.WeightFiles
open CondEmbed.Storage
open CondEmbed.Models
open CondEmbed.Pairs
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// Every query's whole ranking by sorting twice, and its metrics from the places of its positives.
let private slowly
    k
    (queries: float[][])
    (labels: int64[])
    (gallery: float[][])
    (known: int64[])
    (self: int[])
    (score: int -> int -> float)
    options
    =
    let cosine (a: float[]) (b: float[]) =
        let dot x y = Array.fold2 (fun sum u v -> sum + u * v) 0.0 x y
        dot a b / sqrt (dot a a * dot b b)

    let rankings =
        [| for q in 0 .. queries.Length - 1 ->
               let plain =
                   [| 0 .. gallery.Length - 1 |]
                   |> Array.filter ((<>) self[q])
                   |> Array.sortBy (fun item -> -(cosine queries[q] gallery[item]), item)

               let first, rest = Array.splitAt (min k plain.Length) plain
               Array.append (Array.sortBy (fun item -> -(score q item)) first) rest |]

    let places q =
        [| for place, item in Array.indexed rankings[q] do
               if known[item] = labels[q] then place |]

    let hits = Array.init queries.Length places
    (ofHits options labels hits (Array.map Array.length hits) false).Values

let private options = EvaluationOptions(RecallAt = [| 1; 3; 10 |], CutOffs = [| 4 |])

let private expectMetrics (expected: IReadOnlyDictionary<string, float>) (actual: RetrievalMetrics) =
    Expect.sequenceEqual actual.Values.Keys expected.Keys "names"

    for KeyValue(name, value) in expected do
        Expect.floatClose Accuracy.veryHigh actual[name] value name

let private orders =
    testList
        "orders"
        [ testPropertyWithConfig { FsCheckConfig.defaultConfig with maxTest = 60 } "metrics equal those of two full sorts"
          <| fun (seed: int) (size: PositiveInt) (depth: PositiveInt) ->
              let count = 6 + size.Get % 40
              let rows, labels = randomSet seed count 5 (1 + size.Get % 4)
              let labels = labels |> Array.mapi (fun i label -> if i < 2 then 0L else label)
              // Some of the queries are themselves in the gallery, and some are not.
              let asked = [| 0; 1; 3; 4; 5 |]

              let searched =
                  [| for i in 0 .. count - 1 do
                         if i <> 4 && i <> 5 then i |]

              let self = [| for q in asked -> Array.IndexOf(searched, q) |]
              let k = 1 + depth.Get % (count + 3)
              // As many as there are for every query, so that one that is in the gallery sets the bound.
              let k' = min k (searched.Length - 1)
              let random = Random seed
              let scores = Array.init asked.Length (fun _ -> Array.init searched.Length (fun _ -> float (random.Next 1000)))
              let queries, gallery = [| for q in asked -> rows[q] |], [| for g in searched -> rows[g] |]
              let ofQueries, ofGallery = [| for q in asked -> labels[q] |], [| for g in searched -> labels[g] |]
              let candidates = Reranking.Candidates(flatten queries, flatten gallery, k, self)
              Expect.equal candidates.K k' "K"

              let similarities =
                  [| for at in 0 .. candidates.Items.Length - 1 -> scores[at / k'][candidates.Items[at]] + 1e-4 * float (k' - at % k') |]

              let order = Reranking.Reorder(candidates, similarities)
              let score q item = scores[q][item] + 1e-4 * float (k' - candidates.Of(q).IndexOf item)
              let expected = slowly k' queries ofQueries gallery ofGallery self score options
              expectMetrics expected (Reranking.Evaluate(flatten queries, ofQueries, flatten gallery, ofGallery, order, self, options))

          test "the old order again changes nothing, also of the variants, and other items are refused" {
              let rows, labels = randomSet 3 40 6 5
              let all, self = flatten rows, [| 0..39 |]
              let options = EvaluationOptions(Variants = true, ClassAverages = true)
              let candidates = Reranking.Candidates(all, all, 12, self)
              let plain = Retrieval.Evaluate(all, labels, options)
              let again = Reranking.Evaluate(all, labels, all, labels, candidates, self, options)
              Expect.sequenceEqual again.Values plain.Values "metrics"
              let others = Neighbours<float>(12, Array.map (fun item -> (item + 1) % 40) candidates.Items, candidates.Similarities)

              Expect.throwsT<ArgumentException>
                  (fun () -> Reranking.Evaluate(all, labels, all, labels, others, self, options) |> ignore)
                  "not the nearest"

              Expect.throwsT<ArgumentOutOfRangeException> (fun () -> Reranking.Candidates(all, all, 0, self) |> ignore) "K = 0"
          }

          test "a threshold counts negatives that are strictly before the best positive in the new order" {
              let gallery = flatten [| [| 1.0; 0.0 |]; [| 1.0; 0.1 |]; [| 1.0; 0.2 |]; [| 1.0; 0.9 |] |]
              let query = flatten [| [| 1.0; 0.0 |] |]

              let at (known: int64[]) (similarities: float[]) =
                  let order = Reranking.Reorder(Reranking.Candidates(query, gallery, 3), similarities)
                  let options = EvaluationOptions(RecallAt = [| 1; 2; 3; 4 |], Variants = true)
                  let metrics = Reranking.Evaluate(query, [| 7L |], gallery, known, order, null, options)
                  [ for k in 1..4 -> metrics[$"recall@{k}_threshold"] ]

              Expect.equal (at [| 0L; 0L; 7L; 0L |] [| 0.5; 0.9; 0.5 |]) [ 0.0; 1.0; 1.0; 1.0 ] "one before, one level with it"
              Expect.equal (at [| 0L; 0L; 0L; 7L |] [| 0.5; 0.9; 0.5 |]) [ 0.0; 0.0; 0.0; 1.0 ] "three before"
          } ]

let private shapes file = [ for array in Safetensors.Read(file: string).Arrays -> array.Name, List.ofSeq array.Shape ]

let private kept =
    testList
        "what a run keeps"
        [ test "a run with levels leaves the same tensors for test time as one without, and its levels in files beside" {
              let without, two = RunFolder(finishedRun [ "levels", "0" ]), RunFolder(finishedRun [ "levels", "2" ])
              Expect.equal (shapes two.BestWeights) (shapes without.BestWeights) "names and shapes, best"
              Expect.equal (shapes two.LastWeights) (shapes without.LastWeights) "names and shapes, last"
              Expect.isFalse (File.Exists without.BestLevels || File.Exists without.LastLevels) "no levels"

              for file in [ two.BestLevels; two.LastLevels ] do
                  let names = List.map fst (shapes file)
                  Expect.equal names.Length 8 "query, key, value, output of two levels"
                  Expect.all names (fun name -> name.StartsWith "hierarchy.level") "levels"

              let bytes file = FileInfo(file: string).Length
              // The settings that the metadata holds are all that may differ in length.
              Expect.isLessThan (abs (bytes two.BestWeights - bytes without.BestWeights)) 64L "no byte more"
          }

          test "the model compares as the images' own levels do, one pair or many, all at once or in blocks" {
              use model = ConditionalModel.Load(finishedRun [ "levels", "2" ])
              let dataset = FolderDataset.Open imageFolder.Value
              let pairs = [| for i in 0..20 -> ImagePair(i, (i * 7 + 3) % 96) |]
              let all = model.Compare(dataset, pairs)
              let reader = ImageReader dataset
              let embeddings = model.Embedding.Embed dataset

              for pair, found in Seq.zip pairs all do
                  let i, j = pair.First, pair.Second
                  let alone = model.Compare(reader.Read i, reader.Read j)
                  let back = model.Compare(reader.Read j, reader.Read i)

                  let dot =
                      Seq.fold2 (fun sum a b -> sum + float a * float b) 0.0 (embeddings.Row(i).ToArray()) (embeddings.Row(j).ToArray())

                  Expect.isLessThan (abs (found.Unconditional - dot)) 1e-5 "cosine"
                  Expect.equal found.Levels.Count 2 "levels"

                  for other in [ alone; back ] do
                      for a, b in
                          Seq.zip (Seq.append [ found.Unconditional ] found.Levels) (Seq.append [ other.Unconditional ] other.Levels) do
                          Expect.isLessThan (abs (a - b)) 1e-4 "alone, and the other way round"

                  Expect.floatClose Accuracy.high found.Mean ((found.Unconditional + found.Levels[0] + found.Levels[1]) / 3.0) "mean"
                  Expect.equal found.Last found.Levels[1] "last"

              let split = ClassSplit.ForEvaluation dataset
              let plain = model.Embedding.Evaluate(dataset, split)
              let whole = model.Evaluate(dataset, split, RerankOptions 10)
              Expect.sequenceEqual whole.Plain.Values plain.Values "the plain metrics"
              Expect.equal whole.Cost.EmbeddedAgain 0L "each image once"
              let blocks = model.Evaluate(dataset, split, RerankOptions(10, Memory = 9L * whole.Cost.BytesPerImage))
              Expect.isGreaterThan blocks.Cost.EmbeddedAgain 96L "more than once"

              for KeyValue(name, value) in whole.Reranked.Values do
                  Expect.isLessThan (abs (blocks.Reranked[name] - value)) 1e-2 $"{name}: alike but for the rounding of other batches"

              Expect.isTrue
                  (Seq.exists2 (fun a b -> a <> b) (Seq.map float whole.Reranked.Values.Values) plain.Values.Values)
                  "another order"

              Expect.equal (model.Evaluate(dataset, split, RerankOptions(1000, PairScore.Last)).K) 95 "as many as there are"
          }

          test "cosine attention compares by any run with mean pooling as a run compares that was trained with it" {
              let settings = [ "pooling", "mean"; "residual", "false"; "level_form", "cosine"; "level_temperature", "0.25" ]
              let trained = finishedRun settings
              use own = ConditionalModel.Load trained
              use after = ConditionalModel.WithCosine(trained, 0.25)
              let dataset = FolderDataset.Open imageFolder.Value
              let pairs = [| for i in 0..9 -> ImagePair(i, (i * 7 + 3) % 96) |]

              for a, b in Seq.zip (own.Compare(dataset, pairs)) (after.Compare(dataset, pairs)) do
                  Expect.equal (List.ofSeq b.Levels) (List.ofSeq a.Levels) "bit for bit"

              use plain = ConditionalModel.WithCosine(finishedRun [ "pooling", "mean"; "levels", "0" ])
              Expect.equal plain.Levels 1 "of a run without levels"

              for pair in plain.Compare(dataset, pairs) do
                  Expect.isTrue (abs pair.Last <= 1.0 && pair.Last <> pair.Unconditional) "a similarity of its own"

              rejects [ "pooling mean"; "pooling grid" ] (fun () -> ConditionalModel.WithCosine(finishedRun []).Dispose())
          }

          test "a saved copy compares alike, and what is amiss is said" {
              inFolder (fun folder ->
                  let run = RunFolder(finishedRun [ "levels", "2" ])
                  let copy = Path.Combine(folder, "copy.safetensors")
                  use model = ConditionalModel.Load(run.Root, "cpu", true)
                  model.Save copy
                  use again = ConditionalModel.Load copy
                  let reader = ImageReader(FolderDataset.Open imageFolder.Value)
                  let compared (model: ConditionalModel) = model.Compare(reader.Read 3, reader.Read 50)
                  Expect.equal (compared again).Mean (compared model).Mean "bit for bit"
                  let load file = ConditionalModel.Load(file).Dispose()
                  let levels = Safetensors.Read(LevelsFile.Beside copy)
                  Safetensors.Write(LevelsFile.Beside copy, levels.Arrays, [ KeyValuePair("condembed.step", "4711") ])
                  rejects [ "from step 4711"; "do not belong together" ] (fun () -> load copy)
                  File.Delete(LevelsFile.Beside copy)
                  rejects [ "copy.levels.safetensors"; "is missing" ] (fun () -> load copy)
                  rejects [ "without levels"; "Levels = 1" ] (fun () -> load (finishedRun [ "levels", "0" ])))
          } ]

let tests = testList "Rerank" [ orders; kept ]
