/// The embedder against its network, one image at a time, and what happens when many threads want it at once.
module CondEmbed.Tests.EmbedderTests

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Expecto
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Models
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Tests.EmbedderSupport

let private singles =
    testList
        "one image"
        [ test "every way in gives the network's own numbers" {
              use model = EmbeddingModel.Load(finishedRun [])
              use embedder = EmbeddingModel.Load(finishedRun []).ToEmbedder()
              let path = Path.Combine(imageFolder.Value, FolderDataset.Open(imageFolder.Value).Items[0].Path)
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
              let paths = [| for item in FolderDataset.Open(imageFolder.Value).Items -> Path.Combine(imageFolder.Value, item.Path) |]
              let found = paths |> Array.Parallel.map embedder.Embed

              for path, numbers in Array.zip paths found do
                  for a, b in Array.zip (model.Embed path) numbers do
                      Expect.isLessThan (abs (a - b)) 1e-6f path
          }

          test "calls that wait are gathered into batches, on one thread" {
              fake (fun network embedder ->
                  let found =
                      heldUp network embedder images.Value.Length (fun () -> [ for image in images.Value -> embedder.EmbedAsync image ])

                  for image, task in Seq.zip images.Value found do
                      Expect.equal (got task) (slow image) "numbers"

                  Expect.equal (List.ofSeq network.Batches) [ 1; 4; 4; 4; 4; 4 ] "the first alone, and the others gathered"
                  Expect.hasLength (Seq.distinct network.Threads) 1 "threads")
          }

          test "a batch size of one's own" {
              withFake (EmbedderOptions(BatchSize = 7)) (fun network embedder ->
                  heldUp network embedder images.Value.Length (fun () ->
                      Task.WhenAll [ for image in images.Value -> embedder.EmbedAsync image ])
                  |> got
                  |> ignore

                  Expect.equal (Seq.max network.Batches) 7 "largest batch")
          }

          test "a file that is no image troubles nobody else" {
              fake (fun network embedder ->
                  let bad = embedder.EmbedAsync(ReadOnlyMemory [| 1uy; 2uy |], "notes.txt")
                  let good = embedder.EmbedAsync images.Value[3]
                  rejects [ "notes.txt"; "not a JPEG" ] (fun () -> got bad |> ignore)
                  Expect.equal (got good) (slow images.Value[3]) "the other"
                  rejects [ "gone.png"; "no such file" ] (fun () -> got (embedder.EmbedAsync "gone.png") |> ignore)
                  rejects [ "gone.png"; "no such file" ] (fun () -> embedder.Embed "gone.png" |> ignore)
                  Expect.equal (Seq.sum network.Batches) 1 "images embedded")
          } ]

let private endings =
    testList
        "endings"
        [ test "a call that is cancelled while it waits is not embedded" {
              fake (fun network embedder ->
                  use stop = new CancellationTokenSource()

                  let waiting =
                      heldUp network embedder 1 (fun () ->
                          let waiting = embedder.EmbedAsync(images.Value[1], stop.Token)
                          stop.Cancel()
                          Expect.throwsT<TaskCanceledException> (fun () -> got waiting |> ignore) "at once"
                          embedder.EmbedAsync images.Value[2])

                  got waiting |> ignore
                  Expect.equal (Seq.sum network.Batches) 2 "images embedded")
          }

          for name, dispose in
              [ "disposing", (fun (embedder: Embedder) -> Task.Run embedder.Dispose)
                // The network is held up meanwhile: it would not come back if it waited here.
                "disposing without waiting", (fun embedder -> embedder.DisposeAsync().AsTask()) ] do
              test $"{name} ends what waits, and the network" {
                  let network = new FakeNetwork()
                  let embedder = new Embedder(network)
                  network.Gate.Reset()
                  let first = embedder.EmbedAsync images.Value[0]
                  network.Entered.Wait()
                  let waiting = [ for image in images.Value -> embedder.EmbedAsync image ]
                  // What is with the queue before it ends, and what comes later, end the same way.
                  let ending: Task = dispose embedder

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
                  Expect.equal (embedder.Embed images.Value[0]) (slow images.Value[0]) "repaired")
          }

          test "what makes no sense is refused" {
              Expect.throwsT<ArgumentOutOfRangeException>
                  (fun () -> (new Embedder(new FakeNetwork(), EmbedderOptions(BatchSize = -1))).Dispose())
                  "batch size"
          } ]

let tests = testList "Embedder" [ singles; endings; EmbedderManyTests.tests ]
