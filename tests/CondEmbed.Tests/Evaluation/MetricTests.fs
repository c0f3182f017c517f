/// Metrics of given rankings, variants, cut-offs, classes, false matches and principal components.
module CondEmbed.Tests.MetricTests

open System
open System.Collections.Generic
open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.Models
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.Support

let private exactly (expected: float) (actual: float) what = Expect.isLessThan (abs (actual - expected)) 1e-12 what

let private queryLabels = [| 1L; 1L; 2L; 3L; 4L; 0L |]

let private neighbours =
    [ [ 0L; 1L; 1L; 2L; 2L ]
      [ 1L; 0L; 1L; 1L; 3L ]
      [ 4L; 4L; 4L; 4L; 2L ]
      [ 3L; 1L; 3L; 1L; 3L ]
      [ 0L; 0L; 4L; 2L; 2L ]
      [ 1L; 2L; 3L; 4L; 5L ] ]

let private counts = Map [ 0L, 2; 1L, 3; 2L, 5; 3L, 4; 4L, 5 ]

let private worked lists inReferences expected =
    let options = EvaluationOptions(RecallAt = [| 1 |])
    let metrics = ofNeighbours options queryLabels lists counts inReferences

    for name, value in expected do
        exactly value metrics[name] name

let private givenTests =
    testList
        "given neighbours"
        [ test "pytorch-metric-learning's worked case, queries not among the references" {
              worked
                  neighbours
                  false
                  [ "precision@1", 2.0 / 6.0
                    "r_precision", 67.0 / 180.0
                    "map_at_r", 1321.0 / 5400.0
                    "mean_average_precision", 1681.0 / 5400.0
                    "mean_reciprocal_rank", 91.0 / 180.0 ]
          }

          test "pytorch-metric-learning's worked case, queries among the references" {
              worked
                  (List.map List.tail neighbours)
                  true
                  [ "precision@1", 1.0 / 6.0
                    "r_precision", 7.0 / 18.0
                    "map_at_r", 77.0 / 288.0
                    "mean_average_precision", 101.0 / 288.0
                    "mean_reciprocal_rank", 11.0 / 24.0 ]
          }

          test "open-metric-learning's worked case" {
              let hits = [| [| 0; 1; 3 |]; [| 0; 3; 4 |]; [| 1; 2; 4 |]; [| 2; 3; 4 |]; [| 0 |]; [| 3 |] |]
              let options = EvaluationOptions(RecallAt = [| 2 |], CutOffs = [| 2; 3; 4 |])
              let metrics = ofHits options (Array.zeroCreate 6) hits [| 3; 3; 3; 3; 1; 1 |] false

              for name, expected in
                  [ "recall@2", [ 1.0; 1.0; 1.0; 0.0; 1.0; 0.0 ]
                    "precision@2", [ 1.0; 0.5; 0.5; 0.0; 1.0; 0.0 ]
                    "map@3", [ 1.0; 1.0; 7.0 / 12.0; 1.0 / 3.0; 1.0; 0.0 ]
                    "map@4", [ 11.0 / 12.0; 3.0 / 4.0; 7.0 / 12.0; 5.0 / 12.0; 1.0; 1.0 / 4.0 ] ] do
                  for query, (e, a) in Seq.indexed (Seq.zip expected (metrics.OfQueries name)) do
                      exactly e a $"{name} of query {query}"

                  exactly (List.average expected) metrics[name] name
          }

          test "labels of a whole ranking give what embeddings give" {
              let set, labels = randomSet 12 50 4 6
              let metrics = Retrieval.Evaluate(flatten set, labels)
              let nearest = NeighbourSearch.TopK(flatten set, flatten set, 49, true)
              let found = [ for q in 0..49 -> [ for item in nearest.Of(q).ToArray() -> labels[item] ] ]
              let given = ofNeighbours (EvaluationOptions()) labels found (labels |> Seq.countBy id |> Map) true
              Expect.sequenceEqual given.Outcomes metrics.Outcomes "outcomes"
          }

          test "K must be at least 1" {
              let options = EvaluationOptions(CutOffs = [| 0 |])

              Expect.throwsT<ArgumentException>
                  (fun () -> Retrieval.Evaluate(flatten [| [| 1.0 |]; [| 1.0 |] |], [| 0L; 0L |], options) |> ignore)
                  "K"
          } ]

/// Rows of few distinct values, so that many similarities are equal.
let private tiedSet seed =
    let random = Random(seed: int)
    let set = Array.init 40 (fun _ -> Array.init 3 (fun _ -> float (random.Next 3) + 1.0))
    set, Array.init 40 (fun _ -> int64 (random.Next 6))

let private everything =
    EvaluationOptions(RecallAt = [| 1; 3 |], CutOffs = [| 1; 3; 5 |], Variants = true, ClassAverages = true)

/// Cosines of all pairs, as the library rounds them.
let private cosines (set: float[][]) =
    let unit = (flatten set).AtUnitLength()
    Array.init set.Length (fun q -> Array.init set.Length (fun i -> DotProduct.Exact(unit.Row q, unit.Row i)))

let private variantTests =
    testList
        "variants"
        [ testPropertyWithConfig (fewCases 40) "by their definitions, ties included"
          <| fun (seed: int) ->
              let set, labels = tiedSet seed
              let metrics = Retrieval.Evaluate(flatten set, labels, everything)
              let cosine = cosines set
              let queries = [ 0 .. set.Length - 1 ]

              let facts =
                  [ for q in queries do
                        let others = queries |> List.filter ((<>) q)
                        let positives, negatives = others |> List.partition (fun i -> labels[i] = labels[q])
                        let hits = others |> List.sortBy (fun i -> -cosine[q][i], i) |> List.map (fun i -> labels[i] = labels[q])
                        let best = positives |> List.map (fun i -> cosine[q][i]) |> List.fold max -2.0
                        let better = negatives |> List.filter (fun i -> cosine[q][i] > best)
                        labels[q], positives.Length, better.Length, hits ]

              let possible = facts |> List.filter (fun (_, matches, _, _) -> matches > 0)
              let within k hits = hits |> List.truncate k |> List.filter id |> List.length

              let precisions k hits =
                  hits
                  |> List.truncate k
                  |> List.indexed
                  |> List.sumBy (fun (i, hit) -> if hit then float (within (i + 1) hits) / float (i + 1) else 0.0)

              for k in [ 1; 3 ] do
                  let hit (_, matches, better, _) = if matches > 0 && better < k then 1.0 else 0.0
                  exactly (List.averageBy hit facts) metrics[$"recall@{k}_threshold"] "threshold"

              let counting (_, matches, _, hits) = precisions (matches + 1) hits / float (matches + 1)
              exactly (List.averageBy counting possible) metrics["map_at_r_counting_query"] "R counts the query"

              for k in [ 3; 5 ] do
                  let precision (_, matches, _, hits) = float (within k hits) / float (min k matches)
                  exactly (List.averageBy precision possible) metrics[$"precision@{k}"] "precision@K"
                  let map (_, _, _, hits) = precisions k hits / float (max 1 (within k hits))
                  exactly (List.averageBy map possible) metrics[$"map@{k}"] "MAP@K"

              let byClass = possible |> List.groupBy (fun (label, _, _, _) -> label) |> List.map snd
              let rPrecision (_, matches, _, hits) = float (within matches hits) / float matches
              exactly (byClass |> List.averageBy (List.averageBy rPrecision)) metrics["r_precision_class_average"] "average of classes"

          test "a perfect ranking: 1, and less where R counts the query" {
              let embeddings = flatten [| [| 1.0; 0.0 |]; [| 1.0; 0.1 |]; [| 0.0; 1.0 |]; [| 0.1; 1.0 |] |]
              let metrics = Retrieval.Evaluate(embeddings, [| 0L; 0L; 1L; 1L |], everything)
              Expect.equal metrics.MapAtR 1.0 "MAP@R"
              Expect.equal metrics["map_at_r_counting_query"] 0.5 "R / (R + 1)"
              Expect.equal metrics["recall@1_threshold"] 1.0 "threshold"
              let gallery = Retrieval.Evaluate(embeddings, [| 0L; 0L; 1L; 1L |], embeddings, [| 0L; 0L; 1L; 1L |], null, everything)
              Expect.equal gallery["map_at_r_counting_query"] 1.0 "nothing to count where the query is not in the gallery"
          }

          test "classes, worst first" {
              let labels = [| 7L; 7L; 8L; 8L; 9L; 8L |]
              let set = [| [| 1.0; 0.0 |]; [| 1.0; 0.01 |]; [| 0.0; 1.0 |]; [| 1.0; 0.05 |]; [| -1.0; 0.0 |]; [| 0.1; 1.0 |] |]
              let metrics = Retrieval.Evaluate(flatten set, labels, everything)

              Expect.equal
                  [ for one in metrics.Classes -> one.Label, one.Queries, one.QueriesWithoutMatch ]
                  [ 8L, 3, 0; 7L, 2, 0; 9L, 1, 1 ]
                  "classes"

              Expect.equal metrics.Classes[1].Values["map_at_r"] 1.0 "class 7 is found"
              Expect.equal metrics.Classes[2].Values["recall@1"] 0.0 "a lone query is a miss"
              Expect.isFalse (metrics.Classes[2].Values.ContainsKey "map_at_r") "and nothing else of it can be measured"
              let value = metrics.Classes[0].Values["map_at_r"]
              exactly ((1.0 + value) / 2.0) metrics["map_at_r_class_average"] "over the two classes that can be measured"
          } ]

/// As NumPy's: linear interpolation between the sorted values.
let private quantile (values: float[]) q =
    let sorted = Array.sort values
    let at = q * float (sorted.Length - 1)
    let low = int at
    let high = min (low + 1) (sorted.Length - 1)
    sorted[low] + (at - floor at) * (sorted[high] - sorted[low])

let private slowRates (set: float[][]) (labels: int64[]) rates =
    let cosine = cosines set

    let pairs =
        [| for q in 0 .. set.Length - 1 do
               for i in 0 .. set.Length - 1 do
                   if i <> q then labels[i] = labels[q], sqrt (max 0.0 (2.0 - 2.0 * cosine[q][i])) |]

    let distances same = pairs |> Array.filter (fst >> (=) same) |> Array.map snd

    [ for rate in rates ->
          let threshold = quantile (distances false) rate
          distances true |> Array.averageBy (fun distance -> if distance >= threshold then 1.0 else 0.0) ]

let private oml =
    testList
        "false matches and principal components"
        [ testPropertyWithConfig (fewCases 10) "false non-match rates equal those of sorted distances"
          <| fun (seed: int) ->
              for set, labels in [ randomSet seed 40 4 5; tiedSet seed ] do
                  let metrics = Retrieval.Evaluate(flatten set, labels, EvaluationOptions(FalseMatchRates = [| 0.0; 0.1; 0.5; 1.0 |]))

                  for rate, expected in List.zip [ 0.0; 0.1; 0.5; 1.0 ] (slowRates set labels [ 0.0; 0.1; 0.5; 1.0 ]) do
                      exactly expected metrics[$"fnmr@fmr={rate}"] $"FNMR@FMR {rate}"

          test "the order of numbers is the order of their bits" {
              let numbers = [| -infinity; -1.5; -1e-300; 0.0; 1e-300; 0.25; 1.0; infinity |]
              let keys = [| for x in numbers -> SortableBits.Of x |]
              Expect.sequenceEqual keys (Array.sort keys) "double"
              Expect.sequenceEqual [| for key in keys -> SortableBits.Back<float> key |] numbers "and back"
              let singles = [| -2.0f; -0.5f; 0.0f; 0.5f; 2.0f |]
              let keys = [| for x in singles -> SortableBits.Of x |]
              Expect.sequenceEqual keys (Array.sort keys) "single"
              Expect.sequenceEqual [| for key in keys -> SortableBits.Back<float32> key |] singles "and back"
          }

          test "principal components, the example of open-metric-learning" {
              let eye = [| for i in 0..3 -> Array.init 10 (fun j -> if i = j then 1.0 else 0.0) |]
              Expect.sequenceEqual (PrincipalComponents.Fractions(flatten eye, [| 0.5; 1.0 |])) [ 0.2; 0.5 ] "2 and 5 of 10"
              Expect.sequenceEqual (PrincipalComponents.Fractions(single (flatten eye), [| 0.5; 1.0 |])) [ 0.2; 0.5 ] "float32"
          }

          test "principal components of known variances" {
              // Along the axes the variances are 4, 3, 2 and 1 tenths, wherever the centre is.
              let set =
                  [| for axis in 0..3 do
                         for sign in [ -1.0; 1.0 ] do
                             Array.init 4 (fun i -> 5.0 + (if i = axis then sign * sqrt (float (4 - axis)) else 0.0)) |]

              let fractions = PrincipalComponents.Fractions(flatten set, [| 0.0; 0.39; 0.41; 0.75; 0.95; 1.0 |])
              Expect.sequenceEqual fractions [ 0.25; 0.25; 0.5; 0.75; 1.0; 1.0 ] "of four"

              let metrics =
                  Retrieval.Evaluate(flatten set, Array.init 8 (fun i -> int64 (i / 4)), EvaluationOptions(Variances = [| 0.41 |]))

              Expect.equal metrics["pcf@0.41"] 0.5 "by name"
              Expect.sequenceEqual (PrincipalComponents.Fractions(flatten (Array.create 3 [| 1.0; 2.0 |]), [| 0.5 |])) [ 0.0 ] "all equal"
          } ]

let private fromCSharp =
    test "C# measures and samples" {
        let set, labels = randomSet 4 40 6 4
        let metrics = Retrieval.Evaluate(single (flatten set), labels)
        let struct (worst, values) = MetricsUser.Measure(Array.map float32 (Array.concat set), 6, labels)
        Expect.equal worst metrics.Classes[0].Label "worst"
        Expect.equal values["map_at_r"] metrics.MapAtR "MAP@R"
        Expect.containsAll values.Keys [ "recall@10"; "map@5"; "nmi"; "pcf@0.9"; "recall@1_threshold" ] "names"
        let kinds = [| "a"; "a"; "a"; "a"; "b"; "b"; "b"; "b" |]
        let batches = MetricsUser.FirstBatches([| 0..7 |], [| 0L; 0L; 1L; 1L; 2L; 2L; 3L; 3L |], kinds)
        Expect.all batches (fun batch -> (Array.distinct batch).Length = 4) "four distinct images"
    }

let tests = testList "Metrics" [ fromCSharp; givenTests; variantTests; oml ]
