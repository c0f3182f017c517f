/// An embedder of whole folders and of images without end.
module CondEmbed.Tests.EmbedderManyTests

open System
open System.Collections.Generic
open System.IO
open System.Linq
open System.Threading
open Expecto
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Models
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Tests.EmbedderSupport

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

let tests =
    testList
        "many images"
        [ test "a whole folder has the bits of the model's own pass" {
              use model = EmbeddingModel.Load(finishedRun [])
              use embedder = EmbeddingModel.Load(finishedRun []).ToEmbedder()
              let dataset = FolderDataset.Open imageFolder.Value
              let reports = ResizeArray<RunProgress>()
              let paths = [| for item in dataset.Items -> Path.Combine(imageFolder.Value, item.Path) |]
              let found = got (embedder.EmbedAsync(paths, listener reports.Add))
              Expect.equal found.Values (model.Embed dataset).Values "paths"
              Expect.equal (embedder.Embed dataset).Values found.Values "data set"
              Expect.equal (Seq.last reports).Step 96 "images"
              Expect.equal (reports.Count, (Seq.head reports).Steps, (Seq.head reports).Phase) (2, 96, "embedding") "reports"
          }

          test "one that is no image is named, and cancelling ends the work" {
              inFolder (fun folder ->
                  fake (fun network embedder ->
                      let paths = writeImages folder
                      File.WriteAllText(paths[9], "no image")
                      rejects [ paths[9]; "not a JPEG" ] (fun () -> got (embedder.EmbedAsync paths) |> ignore)
                      File.Delete paths[9]
                      use stop = new CancellationTokenSource()
                      let stopping = listener (fun at -> if at.Step = 4 then stop.Cancel())

                      Expect.throwsT<OperationCanceledException>
                          (fun () -> got (embedder.EmbedAsync(paths, stopping, stop.Token)) |> ignore)
                          "cancelled"))
          }

          test "no images at all" { fake (fun _ embedder -> Expect.equal (got (embedder.EmbedAsync([||]: string[]))).Count 0 "none") }

          test "a row of files comes out in order, bad ones among them" {
              inFolder (fun folder ->
                  fake (fun _ embedder ->
                      let paths = writeImages folder
                      File.WriteAllText(paths[4], "no image")

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
                      let found = got (embedder.EmbedEachAsync(endless (writeImages folder) taken).Take(50).ToListAsync().AsTask())
                      Expect.hasLength found 50 "taken"
                      Expect.isLessThan taken.Value 70 "read"))
          }

          test "an image comes out before the next one is there" {
              inFolder (fun folder ->
                  fake (fun _ embedder ->
                      let paths = writeImages folder
                      let source = Channels.Channel.CreateUnbounded<string>()
                      let found = embedder.EmbedEachAsync(source.Reader.ReadAllAsync()).GetAsyncEnumerator()
                      source.Writer.TryWrite paths[0] |> ignore
                      Expect.isTrue (got (found.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds 20.0))) "the first"
                      source.Writer.Complete()
                      Expect.isFalse (got (found.MoveNextAsync().AsTask())) "the end"
                      found.DisposeAsync().AsTask().Wait()))
          } ]
