/// k-means, and how well clusters agree with classes.
module CondEmbed.Tests.ClusterTests

open System
open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Evaluation
open CondEmbed.Models
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.Support

/// By scikit-learn 1.2.1, with the F1 of its pair confusion matrix.
let private golds =
    lazy
        (use document = JsonDocument.Parse(File.ReadAllText(golden "clusters.json"))

         [ for case in document.RootElement.EnumerateArray() ->
               let list (name: string) = [| for x in case.GetProperty(name).EnumerateArray() -> x.GetInt32() |]
               let value (name: string) = case.GetProperty(name).GetDouble()
               Array.map int64 (list "labels"), list "clusters", value "nmi", value "ami", value "f1", value "emi" ])

let private sizes (values: 'a seq) = values |> Seq.countBy id |> Seq.map (snd >> int64) |> Seq.toArray

/// The mean mutual information over every permutation of the clusters.
let private overPermutations (labels: int[]) (clusters: int[]) =
    let rec permutations list =
        match list with
        | [] -> [ [] ]
        | _ ->
            [ for i, x in List.indexed list do
                  for rest in permutations (List.removeAt i list) -> x :: rest ]

    let n = float labels.Length
    let share f = Seq.countBy f >> Seq.map (fun (key, count) -> key, float count / n) >> dict

    let mutual (clusters: int list) =
        let pairs = Seq.zip labels clusters |> Seq.toList
        let a, b = share fst pairs, share snd pairs

        (share id pairs)
        |> Seq.sumBy (fun cell -> cell.Value * log (cell.Value / (a[fst cell.Key] * b[snd cell.Key])))

    permutations (List.ofArray clusters) |> List.averageBy mutual

let private pairsF1 (labels: int64[]) (clusters: int[]) =
    let pairs =
        [ for i in 0 .. labels.Length - 1 do
              for j in 0 .. i - 1 -> labels[i] = labels[j], clusters[i] = clusters[j] ]

    let count pair = pairs |> List.filter ((=) pair) |> List.length |> float
    let both = count (true, true)

    if both = 0.0 then
        0.0
    else
        let precision, recall = both / (both + count (false, true)), both / (both + count (true, false))
        2.0 * precision * recall / (precision + recall)

let private agreement =
    testList
        "agreement"
        [ test "scikit-learn's values to 1e-9" {
              for labels, clusters, nmi, ami, f1, expected in golds.Value do
                  let found = ClusterAgreement(labels, clusters)
                  let what = $"{labels.Length} items"
                  Expect.isLessThan (abs (found.Nmi - nmi)) 1e-9 $"NMI, {what}"
                  Expect.isLessThan (abs (found.Ami - ami)) 1e-9 $"AMI, {what}"
                  Expect.isLessThan (abs (found.F1 - f1)) 1e-12 $"F1, {what}"
                  Expect.isLessThan (abs (found.F1 - pairsF1 labels clusters)) 1e-12 $"F1 by all pairs, {what}"
                  Expect.isLessThan (abs (ExpectedInformation.Of(sizes labels, sizes clusters) - expected)) 1e-9 $"expectation, {what}"
          }

          test "expected information equals the mean over all permutations" {
              for labels, clusters in
                  [ [| 0; 0; 1; 1 |], [| 0; 1; 1; 1 |]
                    [| 0; 0; 0; 1; 1; 2; 2 |], [| 0; 1; 1; 1; 2; 2; 2 |]
                    [| 0; 1; 2; 3; 4 |], [| 0; 0; 1; 1; 1 |] ] do
                  let expected = overPermutations labels clusters
                  Expect.isLessThan (abs (ExpectedInformation.Of(sizes labels, sizes clusters) - expected)) 1e-12 "expectation"
          }

          test "a hundred thousand items keep the precision" {
              // All single items: the mutual information is log n whatever the permutation.
              let ones = Array.create 100_000 1L
              Expect.isLessThan (abs (ExpectedInformation.Of(ones, ones) - log 100_000.0)) 1e-9 "log n"
          } ]

/// Balls of points round far corners.
let private balls seed count perBall dimension =
    let random = Random(seed: int)

    let centres =
        Array.init count (fun c -> Array.init dimension (fun i -> if i = c % dimension then 10.0 * float (1 + c / dimension) else 0.0))

    let rows =
        [| for c in 0 .. count * perBall - 1 -> centres[c % count] |> Array.map (fun x -> x + 0.1 * random.NextDouble()) |]

    rows, [| for c in 0 .. count * perBall - 1 -> int64 (c % count) |]

let private squared (a: float[]) (b: float[]) = Array.fold2 (fun sum x y -> sum + (x - y) * (x - y)) 0.0 a b

let private means (rows: float[][]) (clusters: int[]) =
    Array.zip clusters rows
    |> Array.groupBy fst
    |> Array.map (fun (cluster, group) -> cluster, Array.init rows[0].Length (fun i -> group |> Array.averageBy (fun (_, row) -> row[i])))
    |> dict

let private clustering =
    testList
        "k-means"
        [ test "finds balls that lie apart, in both precisions" {
              for seed in 0..4 do
                  let rows, labels = balls seed 6 9 3

                  for clusters in
                      [ KMeans.Cluster(flatten rows, 6, uint64 seed).ClusterOf
                        KMeans.Cluster(single (flatten rows), 6, uint64 seed).ClusterOf ] do
                      let found = ClusterAgreement(labels, clusters)
                      // One start may put two centres into one ball; never fewer than most.
                      Expect.isGreaterThan found.Nmi 0.85 $"NMI, seed {seed}"
          }

          test "ends where every point is with the nearest mean, as slow loops see it" {
              for seed in 1..5 do
                  let rows, _ = randomSet seed 120 4 2
                  let found = KMeans.Cluster(flatten rows, 9, uint64 seed)
                  Expect.isTrue found.Converged "converged"
                  let centres = means rows found.ClusterOf
                  Expect.equal centres.Count 9 "no cluster is empty"

                  for row, cluster in Array.zip rows found.ClusterOf do
                      let nearest = centres.Values |> Seq.map (squared row) |> Seq.min
                      Expect.isLessThanOrEqual (squared row centres[cluster]) (nearest + 1e-9) "nearest"

                  let inertia = Array.zip rows found.ClusterOf |> Array.sumBy (fun (row, cluster) -> squared row centres[cluster])
                  Expect.floatClose Accuracy.high found.Inertia inertia "inertia"
          }

          test "the seed decides, and nothing else" {
              let rows, _ = randomSet 8 200 6 2
              let clusters seed = (KMeans.Cluster(flatten rows, 20, seed)).ClusterOf
              Expect.equal (clusters 1UL) (clusters 1UL) "again"
              Expect.notEqual (clusters 1UL) (clusters 2UL) "seeds"
          }

          test "as many clusters as points, one cluster, and fewer distinct points than clusters" {
              let rows, _ = randomSet 2 12 3 2
              let all = KMeans.Cluster(flatten rows, 12, 0UL)
              Expect.hasLength (Array.distinct all.ClusterOf) 12 "each its own"
              Expect.isLessThan all.Inertia 1e-12 "nothing left"
              Expect.hasLength (Array.distinct (KMeans.Cluster(flatten rows, 1, 0UL).ClusterOf)) 1 "one"
              let twice = Array.init 12 (fun i -> rows[i % 2])
              let few = KMeans.Cluster(flatten twice, 5, 0UL)
              Expect.isTrue few.Converged "ends"
              Expect.hasLength (Array.distinct few.ClusterOf) 2 "two distinct points"
          }

          test "metrics of an evaluation: classes that lie apart score 1" {
              let rows, labels = balls 3 3 8 3
              let metrics = Retrieval.Evaluate(flatten rows, labels, EvaluationOptions(Clustering = true))

              for name in [ "nmi"; "ami"; "f1" ] do
                  Expect.floatClose Accuracy.high metrics[name] 1.0 name
          }

          test "as many clusters as fit only" {
              let rows, _ = randomSet 2 4 3 2
              Expect.throwsT<ArgumentOutOfRangeException> (fun () -> KMeans.Cluster(flatten rows, 5, 0UL) |> ignore) "more than points"
          } ]

let tests = testList "Clusters" [ agreement; clustering ]
