/// Exact search in an index file of a million images.
module CondEmbed.Benchmarks.Search

open System
open System.IO
open System.IO.MemoryMappedFiles
open System.Numerics
open System.Threading.Tasks
open Microsoft.FSharp.NativeInterop
open CondEmbed.Search

#nowarn "9"

let private dimension = 512

let private count (effort: Effort) = if effort.Quick then 100_000 else 1_000_000

/// Work with a file of temporary name, which stays open although its name is gone.
let private inFile work =
    let path = Path.Combine(Path.GetTempPath(), $"condembed-benchmark-{Environment.ProcessId}.index")

    try
        work path
    finally
        // Windows removes no file that is open.
        if not (OperatingSystem.IsWindows()) then File.Delete path

/// Classes of twenty, as near as a trained network has them.
let private part (effort: Effort) number =
    let size = 50_000
    min size (count effort - number * size), Evaluation.rows (100 + number) size dimension (size / 20) 1.5f

let private indexed codes (effort: Effort) =
    use index = new ImageIndex(dimension, HasCodes = codes)

    for number in 0 .. (count effort - 1) / 50_000 do
        let size, rows = part effort number

        for row in 0 .. size - 1 do
            index.Add(IndexItem($"{number} {row}", ""), rows.Row row)

    inFile (fun path ->
        index.Save path
        ImageIndex.Load path)

let private searched number codes (effort: Effort) =
    Evaluation.onThreads effort
    let index = indexed codes effort
    GC.Collect()
    // Of other images of the first part's classes.
    let _, rows = part effort 0
    let queries = Embeddings<float32>(Array.map (fun x -> x + 0.5f) rows.Values[.. number * dimension - 1], number, dimension)

    fun () ->
        if number = 1 then
            Measured.seconds (fun () -> index.Search(queries.Row 0, 10) |> ignore)
        else
            Measured.seconds (fun () -> index.Search(queries, 10) |> ignore)

let private sum (start: nativeptr<float32>) (length: int64) =
    let mutable a, b, c, d = Vector<float32>.Zero, Vector<float32>.Zero, Vector<float32>.Zero, Vector<float32>.Zero
    let width = Vector<float32>.Count
    let mutable at = start

    for _ in 1L .. length / int64 (4 * width) do
        a <- a + Vector.Load at
        b <- b + Vector.Load(NativePtr.add at width)
        c <- c + Vector.Load(NativePtr.add at (2 * width))
        d <- d + Vector.Load(NativePtr.add at (3 * width))
        at <- NativePtr.add at (4 * width)

    Vector.Sum((a + b) + (c + d))

let private writeOnes path length =
    use stream = File.Create(path: string)
    let part = Array.create (1 <<< 20) 1uy

    for _ in 0L .. length / int64 part.Length do
        stream.Write part

/// What the memory allows: as many bytes of a mapped file as a search reads, summed up by as many threads.
let private bandwidth share (effort: Effort) =
    let length = int64 (count effort) * int64 dimension / int64 share

    let mapped =
        inFile (fun path ->
            writeOnes path (4L * length)
            MemoryMappedFile.CreateFromFile(path, FileMode.Open))

    let view = mapped.CreateViewAccessor()
    let mutable start = NativePtr.nullPtr<byte>
    view.SafeMemoryMappedViewHandle.AcquirePointer(&start)
    let first = NativePtr.toNativeInt start
    let each = length / int64 effort.Threads

    let ofThread number = sum (NativePtr.ofNativeInt (first + nativeint (4L * each * int64 number))) each |> ignore

    fun () ->
        let time =
            Measured.seconds (fun () ->
                Parallel.For(0, effort.Threads, ParallelOptions(MaxDegreeOfParallelism = effort.Threads), ofThread)
                |> ignore)

        GC.KeepAlive mapped
        time

let private row name what contestants goals = { Benchmark.row name what contestants goals with Rounds = 5 }

let private exact number =
    let what =
        if number = 1 then
            "the 10 nearest of one query among 1,000,000 x 512, exactly. Memory: a sum over the same file"
        else
            $"the 10 nearest of {number} queries at once among 1,000,000 x 512, exactly; {number} products of 1,024 operations for every row read, which a memory that is fast enough does not hold up"

    let name = if number = 1 then "search.single" else $"search.batch{number}"

    row
        name
        what
        [ Benchmark.here "condembed" (searched number false)
          Benchmark.here "memory" (bandwidth 1)
          Benchmark.python "faiss" "search.py" [ string number ] ]
        [ if number = 1 then Benchmark.atMost 1.3 "memory" "condembed"
          Benchmark.atMost 1.0 "faiss" "condembed" ]

let private coded number =
    let name = if number = 1 then "search.int8.single" else $"search.int8.batch{number}"

    row
        name
        $"""the same of {(if number = 1 then "one query" else $"{number} queries at once")} in a file with int8 codes, which finds the same. Memory: a sum over a quarter as many bytes; plain: the search without codes"""
        [ Benchmark.here "condembed" (searched number true)
          Benchmark.here "memory" (bandwidth 4)
          Benchmark.here "plain" (searched number false) ]
        [ if number = 1 then Benchmark.atMost 1.3 "memory" "condembed"
          Benchmark.atMost 1.0 "plain" "condembed" ]

let benchmarks: Benchmark list = [ exact 1; exact 64; coded 1; coded 64 ]
