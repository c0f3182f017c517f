/// One embedder and one index under 32 threads.
module CondEmbed.Checks.Searching

open System
open System.Diagnostics
open System.Threading
open CondEmbed.Datasets
open CondEmbed.Images
open CondEmbed.Models
open CondEmbed.Search

let private threads = 32

/// What a thread has measured: milliseconds of each embedding and of each search, the broken files that were refused, and what should not have been thrown.
type private Worker() =
    member val Embedded = ResizeArray<float>()
    member val Searched = ResizeArray<float>()
    member val Refused = 0 with get, set
    member val Wrong: exn list = [] with get, set

let private timed (times: ResizeArray<float>) (work: unit -> 'T) =
    let start = Stopwatch.GetTimestamp()
    let made = work ()
    times.Add (Stopwatch.GetElapsedTime start).TotalMilliseconds
    made

/// Embeds and searches, with a broken file now and then, and replaces and removes some of its own images, until the time is over.
let private work (embedder: Embedder) (index: ImageIndex) (images: IImageDataset) isOver number (worker: Worker) =
    let random = Random(number: int)

    while not (isOver ()) do
        let file = images.Read(random.Next images.Count)
        let isBroken = random.Next 20 = 0
        let file = if isBroken then file[.. file.Length / 3] else file

        try
            let embedding = timed worker.Embedded (fun () -> embedder.Embed(ReadOnlyMemory file))
            if isBroken then worker.Wrong <- InvalidOperationException "a broken file was embedded" :: worker.Wrong
            let hits = timed worker.Searched (fun () -> index.Search(embedding.AsSpan(), 10))
            if hits.Count <> 10 then worker.Wrong <- InvalidOperationException $"{hits.Count} hits" :: worker.Wrong
            index.Set(IndexItem($"{number}-{random.Next 20}"), embedding.AsSpan()) |> ignore
            if random.Next 10 = 0 then index.Remove $"{number}-{random.Next 20}" |> ignore
        with
        | :? BadImageException when isBroken -> worker.Refused <- worker.Refused + 1
        | problem -> worker.Wrong <- problem :: worker.Wrong

let private run (effort: Effort) tell =
    let seconds = max 5.0 (600.0 * effort.Scale)
    let images = EmojiDataset.Open()
    use embedder = EmbeddingModel.Load(Runs.shortRun effort).ToEmbedder()
    use index = new ImageIndex(embedder.Dimension, embedder.Fingerprint)
    (index.AddAsync(embedder, images, fun number -> IndexItem(images.Items[number].Path))).Wait()
    let before = index.Count
    use gauges = new Gauges()
    let watch = Stopwatch.StartNew()
    let isOver () = watch.Elapsed.TotalSeconds > seconds
    let workers = [| for _ in 1..threads -> Worker() |]

    gauges.While(fun () ->
        let running =
            [ for number, worker in Seq.indexed workers ->
                  let thread = Thread(fun () -> work embedder index images isOver number worker)
                  thread.Start()
                  thread ]

        for thread in running do
            thread.Join())

    let embedded, searched =
        [| for one in workers do
               yield! one.Embedded |],
        [| for one in workers do
               yield! one.Searched |]

    let wrong =
        [ for one in workers do
              yield! one.Wrong ]

    let at share times = Growth.percentile share times

    let problem =
        match wrong with
        | [] -> ""
        | first :: _ -> $"; {wrong.Length} WRONG, such as {first.GetType().Name}: {first.Message}"

    tell (
        gauges.Row(
            $"{threads} threads, {seconds:F0} s",
            wrong.IsEmpty && index.Count <= before + 20 * threads,
            $"{embedded.Length} embedded in {at 0.5 embedded:F1} ms (p50), {at 0.99 embedded:F1} ms (p99), searched in {at 0.5 searched:F2} and {at 0.99 searched:F2} ms; {workers |> Array.sumBy _.Refused} broken files refused{problem}",
            [ "embedded", float embedded.Length
              "embed_ms_p50", at 0.5 embedded
              "embed_ms_p99", at 0.99 embedded
              "search_ms_p50", at 0.5 searched
              "search_ms_p99", at 0.99 searched
              "wrong", float wrong.Length ]
        )
    )

let checks =
    [ Check.plain "search" "Embedder and ImageIndex from 32 threads for ten minutes, one file in twenty broken" run ]
