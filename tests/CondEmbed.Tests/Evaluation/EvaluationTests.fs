module CondEmbed.Tests.EvaluationTests

open System
open System.IO
open System.Text.Json
open System.Threading
open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.Models
open CondEmbed.Tests.Support

let internal flatten (rows: float[][]) = Embeddings<float>(Array.concat rows, rows.Length, rows[0].Length)

let internal single (rows: Embeddings<float>) = Embeddings<float32>(Array.map float32 rows.Values, rows.Count, rows.Dimension)

let internal cases =
    lazy
        (use document = JsonDocument.Parse(File.ReadAllText(golden "metrics.json"))

         [ for case in document.RootElement.EnumerateArray() ->
               let rows =
                   [| for row in case.GetProperty("embeddings").EnumerateArray() -> [| for x in row.EnumerateArray() -> x.GetDouble() |] |]

               let labels = [| for label in case.GetProperty("labels").EnumerateArray() -> label.GetInt64() |]

               let metrics =
                   [ for pair in case.GetProperty("metrics").EnumerateObject() do
                         if pair.Value.ValueKind = JsonValueKind.Number then pair.Name, pair.Value.GetDouble() ]

               flatten rows, labels, metrics, case.GetProperty("queries_without_match").GetInt32() ])

/// Seeded random rows, with labels out of a few classes.
let internal randomSet seed count dimension classes =
    let random = Random(seed)

    let rows = Array.init count (fun _ -> Array.init dimension (fun _ -> random.NextDouble() - 0.5))

    rows, Array.init count (fun _ -> int64 (random.Next classes))

/// The whole ranking of every query by one full sort, and every metric by its definition.
let internal slowly (rows: float[][]) (labels: int64[]) =
    let unit =
        rows
        |> Array.map (fun row -> let norm = sqrt (Array.sumBy (fun x -> x * x) row) in row |> Array.map (fun x -> x / norm))

    let cosine a b = Array.fold2 (fun sum x y -> sum + x * y) 0.0 unit[a] unit[b]

    [| for q in 0 .. rows.Length - 1 ->
           let ranking = [| 0 .. rows.Length - 1 |] |> Array.filter ((<>) q) |> Array.sortBy (fun j -> -(cosine q j), j)

           let hit = ranking |> Array.map (fun j -> labels[j] = labels[q])
           let matches = hit |> Array.filter id |> Array.length

           let precision i = float (hit[.. i - 1] |> Array.filter id |> Array.length) / float i

           let sum upTo =
               Seq.sum (
                   seq {
                       for i in 1..upTo do
                           if hit[i - 1] then precision i
                   }
               )

           if matches = 0 then
               QueryOutcome(q, 0, 0, 0.0, 0.0, 0.0)
           else
               let first = 1 + Array.findIndex id hit
               QueryOutcome(q, matches, first, precision matches, sum matches / float matches, sum hit.Length / float matches) |]

let internal close (expected: QueryOutcome seq) (actual: QueryOutcome seq) =
    for e, a in Seq.zip expected actual do
        Expect.equal (a.Query, a.Matches, a.FirstHit) (e.Query, e.Matches, e.FirstHit) "query, matches, first hit"
        Expect.floatClose Accuracy.veryHigh a.RPrecision e.RPrecision "R-precision"
        Expect.floatClose Accuracy.veryHigh a.MapAtR e.MapAtR "MAP@R"
        Expect.floatClose Accuracy.veryHigh a.AveragePrecision e.AveragePrecision "MAP"

/// Outcomes by a chosen way of computing similarities, in blocks of a few rows.
let internal blocked (rows: SimilarityRows<'t>) (set: LabelledSet<'t>) block =
    let measures = QueryMeasure.Of(EvaluationOptions())
    Retrieval.Table(rows, LabelledSearch.Among set, measures, null, Nullable block, CancellationToken.None).Outcomes

/// Metrics of rankings made elsewhere: of each query the label, the ascending places, from 0, of the items that share it, and how many such items there are (R).
let internal ofHits options (labels: int64[]) (hits: int[][]) (matches: int[]) isInGallery =
    let table = QueryTable(QueryMeasure.Of options, labels)

    for query, places in Array.indexed hits do
        let better = if places.Length = 0 then Int32.MaxValue else places[0]
        let ranks = Array.map ((+) 1) places
        let ranking = QueryRanking(ReadOnlySpan ranks, matches[query], better, isInGallery)
        table.Fill(query, &ranking)

    RetrievalMetrics(table, options)

/// The same from the labels of the neighbours, nearest first, and the number of items of each label among which they were found.
let internal ofNeighbours options (labels: int64[]) (neighbours: int64 list list) (counts: Map<int64, int>) isInGallery =
    let placesOf query =
        [| for place, label in List.indexed neighbours[query] do
               if label = labels[query] then place |]

    let matches =
        [| for label in labels -> max 0 ((counts.TryFind label |> Option.defaultValue 0) - (if isInGallery then 1 else 0)) |]

    ofHits options labels (Array.init labels.Length placesOf) matches isInGallery

let private metricTests =
    testList
        "metrics"
        [ test "golden values to 1e-9" {
              for embeddings, labels, expected, without in cases.Value do
                  let metrics = Retrieval.Evaluate(embeddings, labels)
                  Expect.equal metrics.QueriesWithoutMatch without "queries without match"

                  for name, value in expected do
                      Expect.isLessThan (abs (metrics[name] - value)) 1e-9 name

                  Expect.equal metrics["precision@1"] metrics["recall@1_possible_only"] "precision@1"
          }

          test "golden values in float32, which orders a pair or two otherwise at most" {
              for embeddings, labels, expected, _ in cases.Value do
                  let metrics = Retrieval.Evaluate(single embeddings, labels)

                  for name, value in expected do
                      Expect.isLessThan (abs (metrics[name] - value)) 1e-4 name
          }

          test "values worked by hand" {
              let ranks = [| 1; 3; 8 |]
              Expect.equal (RankMetrics.RecallAt(1, ranks)) 1.0 "R@1"
              Expect.equal (RankMetrics.RecallAt(2, ReadOnlySpan<int>([| 3 |]))) 0.0 "R@2"
              Expect.equal (RankMetrics.RPrecision(ranks, ranks.Length)) (2.0 / 3.0) "2 of the first 3"
              Expect.floatClose Accuracy.veryHigh (RankMetrics.AveragePrecisionAtR(ranks, ranks.Length)) ((1.0 + 2.0 / 3.0) / 3.0) "MAP@R"

              Expect.floatClose
                  Accuracy.veryHigh
                  (RankMetrics.AveragePrecision(ranks, ranks.Length))
                  ((1.0 + 2.0 / 3.0 + 3.0 / 8.0) / 3.0)
                  "MAP"

              Expect.equal (RankMetrics.ReciprocalRank(ReadOnlySpan<int>([| 4; 5 |]))) 0.25 "MRR"
              Expect.equal (RankMetrics.AveragePrecision(Array.empty<int>, 0)) 0.0 "no positive"
          }

          test "perfect, and the order of the names" {
              let embeddings = flatten [| [| 1.0; 0.0 |]; [| 2.0; 0.1 |]; [| 0.0; 1.0 |]; [| 0.1; 3.0 |] |]

              let metrics = Retrieval.Evaluate(embeddings, [| 0L; 0L; 1L; 1L |], EvaluationOptions(RecallAt = [| 1; 5 |]))

              Expect.sequenceEqual
                  metrics.Values.Keys
                  [ "recall@1"
                    "recall@1_possible_only"
                    "recall@5"
                    "recall@5_possible_only"
                    "precision@1"
                    "r_precision"
                    "map_at_r"
                    "mean_average_precision"
                    "mean_reciprocal_rank" ]
                  "names"

              Expect.all metrics.Values.Values ((=) 1.0) "all 1"
          }

          testPropertyWithConfig { FsCheckConfig.defaultConfig with maxTest = 40 } "blocked evaluation equals a full sort"
          <| fun (seed: int) (size: PositiveInt) ->
              let rows, labels = randomSet seed (2 + size.Get % 60) 5 (1 + size.Get % 7)
              let set = LabelledSet(flatten rows, labels)
              use similarities = new SimilarityRows<float>(set.Unit, set.Unit)
              close (slowly rows labels) (blocked similarities set (1 + size.Get % 9))

          test "ties are broken by lower index" {
              let rows = Array.create 7 [| 0.6; 0.8; 0.1 |]
              let labels = [| 0L; 1L; 0L; 1L; 1L; 0L; 1L |]
              let metrics = Retrieval.Evaluate(flatten rows, labels)
              close (slowly rows labels) metrics.Outcomes
              Expect.equal [ for outcome in metrics.Outcomes -> outcome.FirstHit ] [ 2; 3; 1; 2; 2; 1; 2 ] "first hits"
          }

          test "identical embeddings of two classes at random score what chance gives, not 1" {
              let random = Random(4)
              let labels = Array.init 400 (fun _ -> int64 (random.Next 2))
              let metrics = Retrieval.Evaluate(flatten (Array.create 400 [| 1.0; 2.0 |]), labels)
              Expect.isLessThan (abs (metrics.Recall 1 - 0.5)) 0.1 "Recall@1"
              Expect.isLessThan metrics.MapAtR 0.5 "MAP@R"
          }

          testPropertyWithConfig
              { FsCheckConfig.defaultConfig with maxTest = 30 }
              "the order of the set changes nothing when there are no ties"
          <| fun (seed: int) ->
              let rows, labels = randomSet seed 40 6 5
              let order = Array.init 40 id
              Random(seed + 1).Shuffle order
              let one = Retrieval.Evaluate(flatten rows, labels)

              let other = Retrieval.Evaluate(flatten [| for i in order -> rows[i] |], [| for i in order -> labels[i] |])

              for pair in one.Values do
                  Expect.floatClose Accuracy.high other[pair.Key] pair.Value pair.Key ]

/// Every product of two rows, by a plain loop: the reference for what is computed in panels.
let private plainly (unit: Embeddings<float32>) =
    Array.init unit.Count (fun q ->
        Array.init unit.Count (fun i ->
            let a, b = unit.Row(q).ToArray(), unit.Row(i).ToArray()
            Array.fold2 (fun sum x y -> MathF.FusedMultiplyAdd(x, y, sum)) 0.0f a b))

let private productTests =
    testList
        "products"
        [ test "similarities in both precisions equal those by plain loops" {
              let rows, labels = randomSet 8 300 33 9
              let set = LabelledSet(flatten rows, labels)
              use doubles = new SimilarityRows<float>(set.Unit, set.Unit)
              close (slowly rows labels) (blocked doubles set 300)
              let expected = Array.zeroCreate<float>(2 * 300)
              doubles.Compute(4, 2, expected)

              for place, value in Array.indexed expected do
                  let exact = DotProduct.Exact(set.Unit.Row(4 + place / 300), set.Unit.Row(place % 300))
                  Expect.equal value exact "one order of summation"

              let singles = LabelledSet(single (flatten rows), labels)
              use rows = new SimilarityRows<float32>(singles.Unit, singles.Unit)
              close (blocked doubles set 300) (blocked rows singles 77)
              let similarities = Array.zeroCreate<float32>(2 * 300)
              rows.Compute(4, 2, similarities)

              for a, b in Array.zip similarities expected do
                  Expect.isLessThan (abs (float a - b)) 1e-6 "float32"
          }

          test "products in panels break ties by index too" {
              // Each row four times over, and rows that differ in the last bits only.
              let distinct, _ = randomSet 3 40 67 9
              let near = distinct |> Array.map (Array.map (fun x -> x * 1.0000001))
              let rows = single (flatten (Array.concat [ distinct; near; distinct; distinct ]))
              let labels = Array.init rows.Count (fun i -> int64 (i * 7 % 5))
              let set = LabelledSet(rows, labels)
              let plain = plainly set.Unit
              use panels = new SimilarityRows<float32>(set.Unit, set.Unit)

              for outcome in blocked panels set 13 do
                  let query = outcome.Query

                  let hits =
                      [| 0 .. rows.Count - 1 |]
                      |> Array.filter ((<>) query)
                      |> Array.sortBy (fun i -> -plain[query][i], i)
                      |> Array.indexed
                      |> Array.filter (fun (_, i) -> labels[i] = labels[query])
                      |> Array.map (fst >> (+) 1)

                  let expected =
                      QueryOutcome(
                          query,
                          hits.Length,
                          hits[0],
                          RankMetrics.RPrecision(hits, hits.Length),
                          RankMetrics.AveragePrecisionAtR(hits, hits.Length),
                          RankMetrics.AveragePrecision(hits, hits.Length)
                      )

                  Expect.equal outcome expected "outcomes, to the last bit"
          }

          test "four thousand identical embeddings of two classes at random score one half, not 1" {
              let random = Random 9
              let labels = Array.init 4000 (fun _ -> int64 (random.Next 2))
              let row = Array.init 24 (fun i -> float32 (1 + i % 7))
              let embeddings = Embeddings<float32>(Array.concat (Array.create 4000 row), 4000, 24)
              let metrics = Retrieval.Evaluate(embeddings, labels, EvaluationOptions(RecallAt = [| 1 |], Variants = true))

              for name in [ "recall@1"; "precision@1"; "r_precision"; "mean_average_precision" ] do
                  Expect.isLessThan (abs (metrics[name] - 0.5)) 0.02 name

              Expect.equal metrics["recall@1_threshold"] 1.0 "the variant takes ties for hits"
          } ]

let tests = testList "Evaluation" [ metricTests; productTests ]
