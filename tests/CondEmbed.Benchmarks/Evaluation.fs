/// Measuring retrieval, and clustering for NMI, at the shape of the test set of Stanford Online Products.
module CondEmbed.Benchmarks.Evaluation

open System
open System.Threading.Tasks
open TorchSharp
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.Models

/// Rows that lie about the directions of their classes, as those of a trained network do: at spread 1 most have a neighbour of their own class.
let rows (seed: int) count dimension classes (spread: float32) =
    let values = Array.zeroCreate<float32>(count * dimension)

    let normal (random: Random) = single (sqrt (-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble()))

    Parallel.For(
        0,
        classes,
        fun number ->
            let random = Random(seed * 1_000_003 + number)
            let centre = Array.init dimension (fun _ -> normal random)

            for row in number..classes .. count - 1 do
                for at in 0 .. dimension - 1 do
                    values[row * dimension + at] <- centre[at] + spread * normal random
    )
    |> ignore

    Embeddings<float32>(values, count, dimension)

/// A process that computes on a given number of threads.
let onThreads (effort: Effort) = Native.useThreads effort.Threads

let private shape effort = if effort.Quick then 12_000, 2_244 else 60_502, 11_316

let private products effort = rows 1 (fst (shape effort)) 512 (snd (shape effort)) 2.0f

let private labels count classes = [| for row in 0 .. count - 1 -> int64 (row % classes) |]

let private options = EvaluationOptions(RecallAt = [| 1; 10; 100; 1000 |])

/// Time, and memory that is taken beside the embeddings.
let private aboveWhatIsThere work : Measured.Round =
    GC.Collect()
    let before = Measured.resident ()

    [ for name, value in Measured.secondsAndPeak work -> name, (if name = "bytes" then value - before else value) ]

let private recall (embeddings: Embeddings<float32>) classes =
    let labels = labels embeddings.Count classes
    fun () -> aboveWhatIsThere (fun () -> Retrieval.Evaluate(embeddings, labels, options) |> ignore)

let private matrixProduct (effort: Effort) =
    onThreads effort
    let embeddings = products effort
    let all = torch.tensor(embeddings.Values).reshape(int64 embeddings.Count, int64 embeddings.Dimension)
    let transposed = all.t ()

    fun () ->
        Measured.seconds (fun () ->
            for first in 0L .. 1024L .. all.shape[0] - 1L do
                use block = all.narrow (0, first, min 1024L (all.shape[0] - first))
                use product = torch.mm (block, transposed)
                ignore product)

let private row name what rounds contestants goals = { Benchmark.row name what contestants goals with Rounds = rounds; Warm = 0 }

let private ofProducts =
    let measured (effort: Effort) =
        onThreads effort
        recall (products effort) (snd (shape effort))

    row
        "evaluation.recall"
        "Recall@K to 1,000 and the usual metrics of 60,502 x 512 embeddings of 11,316 classes, all against all; bytes beside the embeddings. GEMM: the matrix product of libtorch alone, in blocks of 1,024"
        2
        [ Benchmark.here "condembed" measured
          Benchmark.here "gemm" matrixProduct
          Benchmark.python "faiss" "evaluation.py" [ "search" ] ]
        [ Benchmark.atMost 1.15 "gemm" "condembed"
          Benchmark.atMost 1.0 "faiss" "condembed"
          { Of = "condembed"; Over = None; Measure = "bytes"; AtMost = 1e9 } ]

let private ofChance =
    let measured (effort: Effort) =
        onThreads effort
        let count, classes = shape effort
        recall (rows 2 count 512 1 100.0f) classes

    row
        "evaluation.untrained"
        "The same of embeddings that say nothing of the classes, where positives stand anywhere in the rankings"
        2
        [ Benchmark.here "condembed" measured; Benchmark.here "gemm" matrixProduct ]
        [ Benchmark.atMost 1.15 "gemm" "condembed" ]

let private kMeans =
    let clustered (effort: Effort) =
        onThreads effort
        let embeddings = (products effort).AtUnitLength()
        fun () -> Measured.seconds (fun () -> KMeans.Cluster(embeddings, snd (shape effort), 1UL, 20) |> ignore)

    row
        "kmeans"
        "60,502 x 512 into 11,316 clusters, 20 rounds of k-means; ours with the choice of the starts by k-means++, faiss from random ones"
        1
        [ Benchmark.here "condembed" clustered; Benchmark.python "faiss" "evaluation.py" [ "kmeans" ] ]
        [ Benchmark.atMost 1.5 "faiss" "condembed" ]

/// Rounds with the first rows as queries among all, or with all among themselves.
let private among queries count (effort: Effort) =
    onThreads effort
    let gallery = rows 3 count 128 (count / 4) 2.0f
    let classes = labels count (count / 4)

    if queries = count then
        recall gallery (count / 4)
    else
        let asked = Embeddings<float32>(gallery.Values[.. queries * 128 - 1], queries, 128)
        let self = [| 0 .. queries - 1 |]
        fun () -> aboveWhatIsThere (fun () -> Retrieval.Evaluate(asked, classes[.. queries - 1], gallery, classes, self, options) |> ignore)

let private growth =
    { row
          "scaling.evaluation"
          "retrieval metrics of N x 128, four a class, all against all; and of 10,000 queries among N; bytes beside the embeddings"
          1
          [ for count in [ 1_000; 10_000; 100_000 ] -> Benchmark.here $"all {count}" (among count count)
            for count in [ 10_000; 100_000; 1_000_000 ] -> Benchmark.here $"queries {count}" (among 10_000 count) ]
          [] with
        Together = false }

let benchmarks: Benchmark list = [ ofProducts; ofChance; kMeans; growth ]
