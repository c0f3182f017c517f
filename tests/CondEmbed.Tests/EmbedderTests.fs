/// The embedder against its network, one picture at a time, and what happens when many threads want it at once.
module CondEmbed.Tests.EmbedderTests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Linq
open System.Threading
open System.Threading.Tasks
open Expecto
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Images
open CondEmbed.Reports
open CondEmbed.Serving
open CondEmbed.Training
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// A network whose embedding of a picture is its mean colour at length 1, which notes how it is used and can be held up.
type FakeNetwork() =
    let mutable inside = 0
    let view = EvalTransform(8, 8)

    member val Batches = ConcurrentQueue<int>()
    member val Threads = ConcurrentBag<int>()
    member val Gate = new ManualResetEventSlim true
    member val Entered = new SemaphoreSlim 0
    member val Failing = false with get, set
    member val Disposals = 0 with get, set

    interface IEmbeddingNetwork with
        member _.Dimension = 3
        member _.View = view
        member _.BatchSize = 4
        member _.Fingerprint = "means"

        member this.Embed(pixels, count) =
            if Interlocked.Increment &inside <> 1 then invalidOp "two threads at once"

            this.Batches.Enqueue count
            this.Threads.Add Environment.CurrentManagedThreadId
            this.Entered.Release() |> ignore
            this.Gate.Wait()
            Interlocked.Decrement &inside |> ignore
            if this.Failing then invalidOp "the network is broken"

            [| for picture in pixels |> Array.chunkBySize (pixels.Length / count) do
                   let mean =
                       [| for c in 0..2 -> picture |> Seq.indexed |> Seq.filter (fun (i, _) -> i % 3 = c) |> Seq.averageBy (snd >> float32) |]

                   let length = sqrt (Seq.sumBy (fun x -> x * x) mean)
                   for x in mean -> x / length |]

    interface IDisposable with
        member this.Dispose() = this.Disposals <- this.Disposals + 1

let private slow (image: RgbImage) =
    use network = new FakeNetwork()
    (network :> IEmbeddingNetwork).Embed(EvalTransform(8, 8).Apply(image).Pixels, 1)

let private images = lazy [| for i in 0..19 -> picture i (20 + i) (40 - i) |]

let private withFake options (test: FakeNetwork -> Embedder -> unit) =
    let network = new FakeNetwork()
    use embedder = new Embedder(network, options)
    test network embedder

let private fake test = withFake null test

let private got (task: Task<'T>) = task.GetAwaiter().GetResult()

/// One call that the network is held up in, others that wait behind it, and then all go on.
let private heldUp (network: FakeNetwork) (embedder: Embedder) (others: unit -> 'T) =
    network.Gate.Reset()
    let first = embedder.EmbedAsync images.Value[0]
    network.Entered.Wait()
    let waiting = others ()
    network.Gate.Set()
    got first |> ignore
    waiting

let private writePictures folder =
    [| for i, image in Seq.indexed images.Value do
           let path = Path.Combine(folder, $"{i}.png")
           File.WriteAllBytes(path, ImageEncoder.Png image)
           path |]

let private singles =
    testList
        "one picture"
        [ test "every way in gives the network's own numbers" {
              use model = EmbeddingModel.Load(finishedRun [])
              use embedder = EmbeddingModel.Load(finishedRun []).ToEmbedder()
              let path = Path.Combine(pictures.Value, FolderDataset.Open(pictures.Value).Items[0].Path)
              let bytes = File.ReadAllBytes path
              let image = decodeFile path
              let expected = model.Embed path
              use stream = new MemoryStream(bytes)
              use again = new MemoryStream(bytes)

              let ways =
                  [ "path", embedder.Embed path
                    "bytes", embedder.Embed(ReadOnlyMemory bytes)
                    "stream", embedder.Embed stream
                    "decoded", embedder.Embed image
                    "path, async", got (embedder.EmbedAsync path)
                    "bytes, async", got (embedder.EmbedAsync(ReadOnlyMemory bytes))
                    "stream, async", got (embedder.EmbedAsync again)
                    "decoded, async", got (embedder.EmbedAsync image) ]

              for way, numbers in ways do
                  Expect.equal numbers expected way

              Expect.equal embedder.Fingerprint model.Fingerprint "fingerprint"

              Expect.equal
                  (embedder.Dimension, embedder.View, embedder.BatchSize)
                  (model.Dimension, model.View, model.BatchSize)
                  "what it is"
          }

          test "many threads at once give what one at a time gives" {
              use model = EmbeddingModel.Load(finishedRun [])
              use embedder = EmbeddingModel.Load(finishedRun []).ToEmbedder()
              let paths = [| for item in FolderDataset.Open(pictures.Value).Items -> Path.Combine(pictures.Value, item.Path) |]
              let found = paths |> Array.Parallel.map embedder.Embed

              for path, numbers in Array.zip paths found do
                  for a, b in Array.zip (model.Embed path) numbers do
                      Expect.isLessThan (abs (a - b)) 1e-6f path
          }

          test "calls that wait are gathered into batches, on one thread" {
              fake (fun network embedder ->
                  let found = heldUp network embedder (fun () -> [ for image in images.Value -> embedder.EmbedAsync image ])

                  for image, task in Seq.zip images.Value found do
                      Expect.equal (got task) (slow image) "numbers"

                  let batches = List.ofSeq network.Batches
                  Expect.equal (List.sum batches, List.max batches) (21, 4) $"{batches}"
                  Expect.isLessThan batches.Length 12 "gathered"
                  Expect.hasLength (Seq.distinct network.Threads) 1 "threads")
          }

          test "a batch size of one's own" {
              withFake (EmbedderOptions(BatchSize = 7)) (fun network embedder ->
                  heldUp network embedder (fun () -> Task.WhenAll [ for image in images.Value -> embedder.EmbedAsync image ])
                  |> got
                  |> ignore

                  Expect.equal (Seq.max network.Batches) 7 "largest batch")
          }

          test "a file that is no picture troubles nobody else" {
              fake (fun network embedder ->
                  let bad = embedder.EmbedAsync(ReadOnlyMemory [| 1uy; 2uy |], "notes.txt")
                  let good = embedder.EmbedAsync images.Value[3]
                  rejects [ "notes.txt"; "not a JPEG" ] (fun () -> got bad |> ignore)
                  Expect.equal (got good) (slow images.Value[3]) "the other"
                  rejects [ "gone.png"; "cannot be read" ] (fun () -> got (embedder.EmbedAsync "gone.png") |> ignore)
                  rejects [ "gone.png"; "cannot be read" ] (fun () -> embedder.Embed "gone.png" |> ignore)
                  Expect.equal (Seq.sum network.Batches) 1 "pictures embedded")
          } ]

let private endings =
    testList
        "endings"
        [ test "a call that is cancelled while it waits is not embedded" {
              fake (fun network embedder ->
                  use stop = new CancellationTokenSource()

                  let waiting =
                      heldUp network embedder (fun () ->
                          let waiting = embedder.EmbedAsync(images.Value[1], stop.Token)
                          stop.Cancel()
                          Expect.throwsT<TaskCanceledException> (fun () -> got waiting |> ignore) "at once"
                          embedder.EmbedAsync images.Value[2])

                  got waiting |> ignore
                  Expect.equal (Seq.sum network.Batches) 2 "pictures embedded")
          }

          test "disposing ends what waits, and the network" {
              let network = new FakeNetwork()
              let embedder = new Embedder(network)
              network.Gate.Reset()
              let first = embedder.EmbedAsync images.Value[0]
              network.Entered.Wait()
              let waiting = [ for image in images.Value -> embedder.EmbedAsync image ]
              // What is with the queue before it ends, and what comes later, end the same way.
              let ending = Task.Run embedder.Dispose

              let hasEnded () =
                  try
                      embedder.EmbedAsync(images.Value[0]).Wait 5 |> ignore
                      false
                  with :? AggregateException ->
                      true

              while not (hasEnded ()) do
                  ()

              network.Gate.Set()
              got (ending.ContinueWith(fun (_: Task) -> true)) |> ignore
              Expect.equal (got first) (slow images.Value[0]) "the one under way"

              for task in waiting do
                  Expect.throwsT<ObjectDisposedException> (fun () -> got task |> ignore) "waiting"

              Expect.throwsT<ObjectDisposedException> (fun () -> embedder.Embed images.Value[0] |> ignore) "afterwards"
              embedder.Dispose()
              Expect.equal network.Disposals 1 "disposals of the network"
              Expect.equal (List.ofSeq network.Batches) [ 1 ] "batches"
          }

          test "what goes wrong in the network reaches the caller, and the next call goes on" {
              fake (fun network embedder ->
                  network.Failing <- true
                  Expect.throwsT<InvalidOperationException> (fun () -> embedder.Embed images.Value[0] |> ignore) "broken"
                  network.Failing <- false
                  Expect.equal (embedder.Embed images.Value[0]) (slow images.Value[0]) "mended")
          }

          test "what makes no sense is refused" {
              Expect.throwsT<ArgumentOutOfRangeException>
                  (fun () -> (new Embedder(new FakeNetwork(), EmbedderOptions(BatchSize = -1))).Dispose())
                  "batch size"
          } ]

let rec private endless (paths: string[]) (taken: int ref) =
    asyncSeqOf (
        seq {
            for i in Seq.initInfinite id do
                taken.Value <- taken.Value + 1
                paths[i % paths.Length]
        }
    )

and private asyncSeqOf (paths: string seq) : IAsyncEnumerable<string> = paths.ToAsyncEnumerable()

let private eachOf (embedder: Embedder) (paths: string seq) count =
    let found = embedder.EmbedEachAsync(asyncSeqOf paths).Take(count: int)
    got (found.ToListAsync().AsTask()) |> List.ofSeq

let private many =
    testList
        "many pictures"
        [ test "a whole folder has the bits of the model's own pass" {
              use model = EmbeddingModel.Load(finishedRun [])
              use embedder = EmbeddingModel.Load(finishedRun []).ToEmbedder()
              let dataset = FolderDataset.Open pictures.Value
              let reports = ResizeArray<RunProgress>()
              let paths = [| for item in dataset.Items -> Path.Combine(pictures.Value, item.Path) |]
              let found = got (embedder.EmbedAsync(paths, listener reports.Add))
              Expect.equal found.Values (model.Embed dataset).Values "paths"
              Expect.equal (embedder.Embed dataset).Values found.Values "data set"
              Expect.equal (Seq.last reports).Step 96 "pictures"
              Expect.equal (reports.Count, (Seq.head reports).Steps, (Seq.head reports).Phase) (2, 96, "embedding") "reports"
          }

          test "one that is no picture is named, and cancelling ends the work" {
              inFolder (fun folder ->
                  fake (fun network embedder ->
                      let paths = writePictures folder
                      File.WriteAllText(paths[9], "no picture")
                      rejects [ paths[9]; "not a JPEG" ] (fun () -> got (embedder.EmbedAsync paths) |> ignore)
                      File.Delete paths[9]
                      use stop = new CancellationTokenSource()
                      let stopping = listener (fun at -> if at.Step = 4 then stop.Cancel())

                      Expect.throwsT<OperationCanceledException>
                          (fun () -> got (embedder.EmbedAsync(paths, stopping, stop.Token)) |> ignore)
                          "cancelled"))
          }

          test "no pictures at all" { fake (fun _ embedder -> Expect.equal (got (embedder.EmbedAsync([||]: string[]))).Count 0 "none") }

          test "a row of files comes out in order, bad ones among them" {
              inFolder (fun folder ->
                  fake (fun _ embedder ->
                      let paths = writePictures folder
                      File.WriteAllText(paths[4], "no picture")

                      for i, found in Seq.indexed (eachOf embedder paths 100) do
                          Expect.equal found.Path paths[i] "order"
                          Expect.equal found.IsGood (i <> 4) "good"

                          if i = 4 then
                              Expect.stringContains found.Problem "not a JPEG" "problem"
                          else
                              Expect.equal found.Embedding (slow images.Value[i]) "numbers"))
          }

          test "a row without end is read a little ahead" {
              inFolder (fun folder ->
                  fake (fun _ embedder ->
                      let taken = ref 0
                      let found = got (embedder.EmbedEachAsync(endless (writePictures folder) taken).Take(50).ToListAsync().AsTask())
                      Expect.hasLength found 50 "taken"
                      Expect.isLessThan taken.Value 70 "read"))
          }

          test "a picture comes out before the next one is there" {
              inFolder (fun folder ->
                  fake (fun _ embedder ->
                      let paths = writePictures folder
                      let source = Channels.Channel.CreateUnbounded<string>()
                      let found = embedder.EmbedEachAsync(source.Reader.ReadAllAsync()).GetAsyncEnumerator()
                      source.Writer.TryWrite paths[0] |> ignore
                      Expect.isTrue (got (found.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds 20.0))) "the first"
                      source.Writer.Complete()
                      Expect.isFalse (got (found.MoveNextAsync().AsTask())) "the end"
                      found.DisposeAsync().AsTask().Wait()))
          } ]

let tests = testList "Embedder" [ singles; endings; many ]
