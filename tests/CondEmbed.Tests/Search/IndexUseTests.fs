/// Indexes in use: by many threads at once, and while other programs change their files.
module CondEmbed.Tests.IndexUseTests

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Expecto
open CondEmbed.Search
open CondEmbed.Tests.IndexSupport
open CondEmbed.Tests.Support

let private cutOff (path: string) (length: int64) =
    use stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite ||| FileShare.Delete)
    stream.SetLength length

let private withFile codes (work: string -> byte[] -> unit) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.index")
        use index = filled (rough 3 3000 64)
        index.HasCodes <- codes
        index.Save path
        work path (File.ReadAllBytes path))

let private query: float32[] = Array.init 64 (fun at -> float32 (at % 5) - 1.5f)

let private ids (index: ImageIndex) = [ for hit in index.Search(query, 5) -> hit.Id ]

let private changed =
    testList
        "whose file another program changes"
        [ for codes in [ false; true ] do
              test $"""is refused where it is cut off, {if codes then "with codes" else "without"}, and never ends the process""" {
                  withFile codes (fun path whole ->
                      for length in [ 0L; 4096L; int64 whole.Length / 3L; int64 whole.Length - 1L ] do
                          File.WriteAllBytes(path, whole)
                          use index = ImageIndex.Load path
                          cutOff path length

                          try
                              index.Items |> ignore
                              failtest "the last text is gone"
                          with :? CondEmbed.Common.InputException as problem ->
                              Expect.stringContains problem.Message "cut off while it was in use" "said"

                          // With the last byte alone every embedding is there, but not every label.
                          try
                              Expect.isGreaterThan length (int64 whole.Length / 2L) $"{ids index} of {length} bytes"
                          with :? CondEmbed.Common.InputException as problem ->
                              Expect.stringContains problem.Message path "which file")
              }

          test "is searched on as it was first read, and takes what replaces it at the next opening" {
              withFile false (fun path _ ->
                  use index = ImageIndex.Load path
                  let expected = ids index
                  use other = filled (signs 4 10 64)
                  other.Save path
                  Expect.equal (ids index) expected "the old one"
                  Expect.equal index.Items.Count 3000 "its texts too"
                  use next = ImageIndex.Load path
                  Expect.equal next.Count 10 "the new one")
          }

          test "finds the same where no memory may be kept, or only some" {
              withFile true (fun path _ ->
                  use index = ImageIndex.Load path
                  let queries = flat (rough 9 20 64)
                  let expected = [ for hits in index.Search(queries, 7) -> pairsOf hits ]

                  for memory in [ 0L; 300_000L ] do
                      use rows = ImageIndex.Over(IndexFile.Open(path, Nullable memory))

                      for _ in 1..2 do
                          Expect.equal [ for hits in rows.Search(queries, 7) -> pairsOf hits ] expected $"{memory} bytes"
                          Expect.equal (pairsOf (rows.Search(queries.Row 3, 7))) expected[3] "one query")
          } ]

let private atOnce =
    test "is added to, removed from, searched, saved and disposed of by many threads at once" {
        withFile false (fun path _ ->
            let index = ImageIndex.Load path
            let copy = path + ".copy"
            let start (work: unit -> unit) = Task.Factory.StartNew(work, TaskCreationOptions.LongRunning)

            let times count (work: int -> unit) =
                start (fun () ->
                    for at in 0 .. count - 1 do
                        work at)

            Task.WaitAll
                [| for worker in 1..2 do
                       times 400 (fun at -> index.Set(IndexItem $"{worker} {at % 50}", query) |> ignore)
                       times 400 (fun at -> index.Remove $"{worker} {at % 60}" |> ignore)

                   times 50 (fun _ -> Expect.hasLength (ids index) 5 "found")
                   times 20 (fun _ -> Expect.isGreaterThanOrEqual index.Items.Count 3000 "items")

                   times 5 (fun _ ->
                       index.Save copy
                       (ImageIndex.Load(copy, check = true)).Dispose()) |]

            index.Save copy
            use saved = ImageIndex.Load(copy, check = true)
            Expect.equal (List.ofSeq saved.Items) (List.ofSeq index.Items) "the last one holds what is there"
            use began = new CountdownEvent 3

            let untilDisposed =
                [| for _ in 1..3 ->
                       start (fun () ->
                           ids index |> ignore
                           began.Signal() |> ignore

                           let rec go () =
                               ids index |> ignore
                               go ()

                           Expect.throwsT<ObjectDisposedException> go "at last") |]

            began.Wait()
            index.Dispose()
            Task.WaitAll untilDisposed)
    }

let private savesMeanwhile =
    test "is saved while it is searched: neither waits for the other" {
        withFile false (fun path _ ->
            use index = ImageIndex.Load path
            use began = new ManualResetEventSlim()
            use saved = new ManualResetEventSlim()

            let wanted (_: IndexItem) =
                began.Set()
                saved.Wait(TimeSpan.FromSeconds 60.0)

            let search = Task.Run(fun () -> index.Search(ReadOnlySpan query, 5, Func<_, _> wanted, CancellationToken.None).Count)
            Expect.isTrue (began.Wait(TimeSpan.FromSeconds 60.0)) "searching"
            index.Save(path + ".copy")
            let adding = Task.Run(fun () -> index.Set(IndexItem "new", query) |> ignore)
            Expect.isFalse adding.IsCompleted "adding waits for the search"
            saved.Set()
            Expect.equal search.Result 5 "the search went on"
            adding.Wait())
    }

let private claims =
    test "a store in a file is one program's to fill until that has closed it or was killed" {
        inFolder (fun folder ->
            let path = Path.Combine(folder, "a.index")
            let opened () : IVectorStore = IndexFileStore.OpenOrCreate(path, StoreNetwork("abc", 4))
            let closed (store: IVectorStore) = store.DisposeAsync().AsTask().Wait()
            // What a program leaves that is killed.
            File.WriteAllText(path + ".filling", "")
            let first = opened ()
            rejects [ path; "another store of this program is filling this index" ] (fun () -> opened () |> closed)
            closed first
            closed first

            let tasks =
                [| for _ in 1..8 ->
                       Task.Run(fun () ->
                           try
                               let store = opened ()
                               let alone = inputProblem (fun () -> opened () |> closed)
                               closed store
                               alone
                           with :? CondEmbed.Common.InputException as problem ->
                               problem.Message) |]

            for message in Task.WhenAll(tasks).Result do
                Expect.stringContains message "is filling this index" "one at a time")
    }

let tests = testList "Index in use" [ changed; atOnce; savesMeanwhile; claims ]
