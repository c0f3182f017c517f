/// The store in a file: the same promises as the one in PostgreSQL, without a server.
module CondEmbed.Tests.FileStoreTests

open System
open System.IO
open System.Threading.Tasks
open Expecto
open CondEmbed.Search
open CondEmbed.Tests.Support

let private wait (call: Task<'T>) = call.GetAwaiter().GetResult()

let private network = StoreNetwork("abc", 4)

let private filled path network (test: IVectorStore -> 'T) =
    let store: IVectorStore = IndexFileStore.OpenOrCreate(path, network)

    try
        test store
    finally
        store.DisposeAsync().AsTask().Wait()

let private opened path (test: IVectorStore -> 'T) =
    let store: IVectorStore = IndexFileStore.Open path

    try
        test store
    finally
        store.DisposeAsync().AsTask().Wait()

let private idOf (number: int) = ImageId.Of(ReadOnlySpan(BitConverter.GetBytes number))

/// Directions in a plane, one degree apart; those of even number of one class.
let private item number =
    let angle = Math.PI * double number / 180.0
    let embedding = [| single (cos angle); single (sin angle); 0f; 0f |]
    StoreItem(idOf number, $"{number}.png", (if number % 2 = 0 then "even \"ü\"" else ""), ReadOnlyMemory embedding)

let private paths (hits: StoreHit seq) = [ for hit in hits -> hit.Path ]

let tests =
    testList
        "file"
        [ test "what is written is found again, also of one class, under its last path and label" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "a.index")

                  filled path network (fun store ->
                      store.UpsertAsync([| for number in 0..20 -> item number |]).Wait()

                      Expect.equal
                          (store.PlaceAsync [| StorePlace(idOf 3, "three.png", ""); StorePlace(idOf 99, "x", "") |] |> wait)
                          1L
                          "renamed"

                      Expect.equal (store.RemoveAsync [| idOf 5; idOf 99 |] |> wait) 1L "removed")

                  opened path (fun store ->
                      Expect.equal (store.Network, store.CountAsync() |> wait) (network, 20L) "whose, and how many"
                      let search query = store.SearchAsync((item 4).Embedding, query) |> wait
                      let hits = search (StoreQuery 3)
                      Expect.equal (paths hits |> List.sort) [ "2.png"; "4.png"; "three.png" ] "nearest, without what was removed"
                      Expect.equal (hits[0].Path, hits[0].Label, hits[0].Id) ("4.png", "even \"ü\"", idOf 4) "first"
                      Expect.isLessThan (abs (hits[1].Cosine - cos (Math.PI / 180.0))) 1e-6 "cosine"
                      Expect.equal (paths (search (StoreQuery(3, "even \"ü\""))) |> List.sort) [ "2.png"; "4.png"; "6.png" ] "one class"
                      let known = store.KnownAsync [| idOf 5; idOf 6 |] |> wait
                      Expect.sequenceEqual known [ idOf 6 ] "known")

                  Expect.hasLength (Directory.GetFileSystemEntries folder) 1 "nothing beside it")
          }

          test "writing the same again leaves the file as it is" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "a.index")
                  let items = [| for number in 0..9 -> item number |]

                  let write () =
                      filled path network (fun store ->
                          store.UpsertAsync(items).Wait()
                          store.CompleteAsync().Wait())

                  write ()
                  let bytes, time = File.ReadAllBytes path, DateTime(2020, 1, 1)
                  File.SetLastWriteTimeUtc(path, time)

                  filled path network (fun store ->
                      store.PlaceAsync [| for item in items -> StorePlace(item.Id, item.Path, item.Label) |]
                      |> wait
                      |> ignore)

                  Expect.equal (File.GetLastWriteTimeUtc path, File.ReadAllBytes path) (time, bytes) "untouched")
          }

          test "another network, a second program that fills it, and what is no index are refused; many may search" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "a.index")

                  filled path network (fun store ->
                      store.UpsertAsync([| item 1 |]).Wait()
                      store.CompleteAsync().Wait()
                      rejects [ path; "another store of this program" ] (fun () -> filled path network ignore)
                      opened path (fun _ -> opened path ignore))

                  rejects [ path; "another network" ] (fun () -> filled path (StoreNetwork("abd", 4)) ignore)
                  rejects [ path; "another network" ] (fun () -> filled path (StoreNetwork("abc", 5)) ignore)
                  let wrong = Path.Combine(folder, "b.index")
                  rejects [ wrong; "StoreIndexer" ] (fun () -> opened wrong ignore)
                  File.WriteAllText(wrong, "no index")
                  rejects [ wrong ] (fun () -> filled wrong network ignore)
                  Expect.equal (File.ReadAllText wrong) "no index" "left as it was"
                  rejects [ "no folder" ] (fun () -> filled (Path.Combine(folder, "no", "c.index")) network ignore))
          } ]
