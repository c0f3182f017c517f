/// The fast paths of evaluation in single precision, against plain loops and full sorts: to the last bit, whatever the tiles and threads.
module CondEmbed.Tests.PanelTests

#nowarn "9"

open System
open System.Threading
open Microsoft.FSharp.NativeInterop
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.Models
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.Support

/// fma(a[D - 1], b[D - 1], ... fma(a[0], b[0], 0)).
let private chain (a: ReadOnlySpan<float32>) (b: ReadOnlySpan<float32>) =
    let mutable sum = 0.0f

    for k in 0 .. a.Length - 1 do
        sum <- MathF.FusedMultiplyAdd(a[k], b[k], sum)

    sum

/// Rows about few directions, many of them twice or nearly so, and some 0, tiny or of tiny numbers.
let private crowded (seed: int) count dimension =
    let random = Random seed
    let row () = Array.init dimension (fun _ -> random.NextSingle() - 0.5f)
    let few = Array.init 9 (fun _ -> row ())

    let rows =
        [| for i in 0 .. count - 1 ->
               match random.Next 8 with
               | 0
               | 1 -> few[random.Next 9]
               | 2 -> few[random.Next 9] |> Array.map (fun x -> x * 1.0000001f)
               | 3 -> Array.map2 (fun x y -> x + 0.1f * y) few[random.Next 9] (row ())
               | 4 when i % 40 = 0 -> Array.zeroCreate dimension
               | 5 when i % 20 = 0 -> Array.init dimension (fun k -> if k = 0 then 1.0f else 1e-42f * Convert.ToSingle(random.Next 9))
               | _ -> row () |]

    Embeddings<float32>(Array.concat rows, count, dimension).AtUnitLength()

let private withThreads count work =
    let before = ComputeThreads.Demanded

    try
        ComputeThreads.Demand count
        work ()
    finally
        ComputeThreads.Demand before

let private products =
    test "a tile equals the chain of every pair, with wide registers and narrow ones" {
        for dimension in [ 1; 3; 67 ] do
            let a, b = crowded dimension 60 dimension, crowded (dimension + 9) 50 dimension
            use rows = PanelRows.Of a
            use columns = PanelRows.Of b
            let tile = NativePtr.stackalloc<float32> PanelProduct.TileLength

            for wide in [ true; false ] do
                for panel, count in [ 0, 48; 1, 12 ] do
                    PanelProduct.Tile(rows[panel], columns[1], dimension, tile, wide)

                    for i in 0 .. count - 1 do
                        for j in 0..1 do
                            let expected = chain (a.Row(48 * panel + i)) (b.Row(48 + j))
                            Expect.equal (NativePtr.get tile (48 * i + j)) expected $"wide {wide}, row {i}, column {j}"
                            Expect.equal (chain (b.Row(48 + j)) (a.Row(48 * panel + i))) expected "the same the other way round"

                        for j in 2..47 do
                            Expect.equal (NativePtr.get tile (48 * i + j)) 0.0f "0 where there is no row"
    }

/// Ranks, and negatives strictly more similar than the best positive, by a full sort for each query.
let private sorted (queries: LabelledSet<float32>) (gallery: LabelledSet<float32>) (self: int array) =
    [ for q in 0 .. queries.Unit.Count - 1 ->
          let similar = [| for j in 0 .. gallery.Unit.Count - 1 -> chain (queries.Unit.Row q) (gallery.Unit.Row j) |]

          let order =
              [| 0 .. similar.Length - 1 |]
              |> Array.filter ((<>) self[q])
              |> Array.sortBy (fun j -> -similar[j], j)

          let hits =
              [| for place, j in Seq.indexed order do
                     if gallery.Labels[j] = queries.Labels[q] then place |]

          let better =
              if hits.Length = 0 then 0 else order |> Array.filter (fun j -> similar[j] > similar[order[hits[0]]]) |> Array.length

          List.ofArray (Array.map ((+) 1) hits), better ]

let private counted queries gallery self =
    match PositiveRanks.Of(LabelledSearch(queries, gallery, self), true, CancellationToken.None) with
    | null -> failtest "not counted"
    | ranks -> [ for q in 0 .. queries.Unit.Count - 1 -> List.ofArray (ranks.Ranks q), ranks.StrictlyBetter q ]

let private labelled seed classes (embeddings: Embeddings<float32>) =
    let random = Random(seed: int)
    LabelledSet(embeddings, [| for _ in 1 .. embeddings.Count -> int64 (random.Next classes) |])

let private ranks =
    testList
        "ranks"
        [ test "counting among a set equals a full sort, ties and near ties too, on one thread and on three" {
              for seed, count, dimension, classes in [ 1, 333, 8, 40; 2, 97, 33, 3; 3, 48, 5, 10; 4, 2, 3, 1 ] do
                  let set = labelled seed classes (crowded seed count dimension)
                  let self = [| 0 .. count - 1 |]
                  let expected = sorted set set self

                  for threads in [ 1; 3 ] do
                      withThreads threads (fun () -> Expect.equal (counted set set self) expected $"seed {seed}, {threads} threads")
          }

          test "counting queries in a gallery equals a full sort, whatever item a query is" {
              let random = Random 5
              let all = crowded 6 260 12
              let queries = labelled 7 30 (all.Chosen(ReadOnlySpan [| for _ in 1..75 -> random.Next 260 |]))
              let gallery = labelled 8 30 all
              let self = [| for _ in 1..75 -> random.Next(-1, 260) |]
              Expect.equal (counted queries gallery self) (sorted queries gallery self) "ranks"
          }

          test "more positives than are counted are ranked by whole rows, to the same metrics" {
              let few, many = labelled 1 4 (crowded 11 190 9), labelled 1 4 (crowded 11 700 9)
              let self = [| 0..699 |]
              Expect.isNull (PositiveRanks.Of(LabelledSearch.Among many, true, CancellationToken.None)) "too many"
              use rows = new SimilarityRows<float32>(few.Unit, few.Unit)
              let counted = Retrieval.Evaluate(few.Unit, few.Labels, EvaluationOptions(Variants = true))
              Expect.sequenceEqual counted.Outcomes (blocked rows few 50) "the same from whole rows"
              let metrics = Retrieval.Evaluate(many.Unit, many.Labels)

              for outcome, (expected, _) in Seq.zip metrics.Outcomes (sorted many many self) do
                  Expect.equal (outcome.Matches, outcome.FirstHit) (expected.Length, expected.Head) "matches and first hit"

                  Expect.equal
                      outcome.AveragePrecision
                      (RankMetrics.AveragePrecision(ReadOnlySpan(Array.ofList expected), List.length expected))
                      "MAP"
          }

          test "counting can be ended" {
              let set = labelled 1 9 (crowded 1 100 4)

              Expect.throwsT<OperationCanceledException>
                  (fun () -> PositiveRanks.Of(LabelledSearch.Among set, false, CancellationToken true) |> ignore)
                  "cancelled"
          } ]

let private neighbours =
    test "many nearest equal a full sort, itself left out" {
        let all = crowded 21 150 6
        let unit = all.AtUnitLength()

        for k, excluded in [ 1, true; 7, false; 149, true; 150, false ] do
            let found = NeighbourSearch.TopK(all, all, k, excluded)

            for q in 0..149 do
                let expected =
                    [| 0..149 |]
                    |> Array.filter (fun j -> not excluded || j <> q)
                    |> Array.sortBy (fun j -> -(chain (unit.Row q) (unit.Row j)), j)
                    |> Array.take k

                Expect.equal (found.Of(q).ToArray()) expected $"query {q} of {k}"
    }

/// Rounds of k-means that compute every distance, by the same formula, from some starts.
let private lloyd (points: Embeddings<float32>) (starts: int array) rounds =
    let half (row: float32 array) = chain (ReadOnlySpan row) (ReadOnlySpan row) / 2.0f
    let mutable centres = [| for start in starts -> points.Row(start).ToArray() |]

    let nearest () =
        [| for i in 0 .. points.Count - 1 ->
               [| 0 .. centres.Length - 1 |]
               |> Array.minBy (fun c -> half centres[c] - chain (points.Row i) (ReadOnlySpan centres[c])) |]

    let mutable clusters = nearest ()

    for _ in 2..rounds do
        centres <-
            [| for c in 0 .. centres.Length - 1 ->
                   match
                       [ for i in 0 .. points.Count - 1 do
                             if clusters[i] = c then points.Row(i).ToArray() ]
                   with
                   | [] -> centres[c]
                   | members -> List.reduce (Array.map2 (+)) members |> Array.map (fun x -> x / Convert.ToSingle members.Length) |]

        clusters <- nearest ()

    clusters

let private means =
    testList
        "k-means"
        [ test "rounds that compute what changed equal rounds that compute everything" {
              let random = Random 31
              let points = Embeddings<float32>(Array.init (400 * 7) (fun _ -> random.NextSingle()), 400, 7)
              use rows = PanelRows.Of points
              let starts = DistantStarts.Choose(points, rows, 60, 5UL, CancellationToken.None)
              Expect.hasLength (Array.distinct starts) 60 "different starts"

              for rounds in [ 1; 2; 3; 6; 9 ] do
                  let found = KMeans.Cluster(points, 60, 5UL, rounds)
                  Expect.equal found.ClusterOf (lloyd points starts rounds) $"{rounds} rounds"

              let found = withThreads 1 (fun () -> KMeans.Cluster(points, 60, 5UL))
              Expect.isTrue found.Converged "nothing changes any more"
              Expect.equal found.ClusterOf (lloyd points starts found.Iterations) "in the end"

              let distance i =
                  let own =
                      [ for j in 0..399 do
                            if found.ClusterOf[j] = found.ClusterOf[i] then points.Row(j).ToArray() |> Array.map float ]

                  let mean = List.reduce (Array.map2 (+)) own |> Array.map (fun x -> x / float own.Length)
                  Array.fold2 (fun sum x (m: float) -> sum + (float x - m) ** 2.0) 0.0 (points.Row(i).ToArray()) mean

              Expect.floatClose Accuracy.medium found.Inertia (Seq.sumBy distance [ 0..399 ]) "inertia"
          }

          test "starts are drawn in proportion to the squared distance, also between updates" {
              // From 0, points at 1, 2 and 3 on the line have chances of 1, 4 and 9 in 14; from 3, those at 0, 1, 2 of 9, 4, 1.
              let points = Embeddings<float32>([| 0.0f; 1.0f; 2.0f; 3.0f |], 4, 1)
              use rows = PanelRows.Of points
              let draws = [| for seed in 1UL .. 4000UL -> DistantStarts.Choose(points, rows, 3, seed, CancellationToken.None) |]

              let share first second third =
                  let with' = draws |> Array.filter (fun draw -> draw[0] = first && draw[1] = second)

                  float with'.Length / float (Array.filter (fun (draw: int array) -> draw[0] = first) draws).Length,
                  float (with' |> Array.filter (fun draw -> draw[2] = third) |> Array.length) / float with'.Length

              let second, third = share 0 3 1
              Expect.isLessThan (abs (second - 9.0 / 14.0)) 0.06 "the second"
              // Of 1 and 2, both are 1 away from the nearest start: from 0 and from 3.
              Expect.isLessThan (abs (third - 0.5)) 0.08 "the third"
              let second, third = share 0 1 3
              Expect.isLessThan (abs (second - 1.0 / 14.0)) 0.04 "the second, near"
              Expect.isLessThan (abs (third - 4.0 / 5.0)) 0.15 "the third, of 1 and 4"
          } ]

let tests = testList "Panel" [ products; ranks; neighbours; means ]
