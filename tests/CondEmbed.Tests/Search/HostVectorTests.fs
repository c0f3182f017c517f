/// What hosts give stores and indexes that cannot be used: each says it in the same words over files and PostgreSQL, and names what is to be mended.
module CondEmbed.Tests.HostVectorTests

open System
open System.IO
open System.Threading.Tasks
open Expecto
open Microsoft.Extensions.VectorData
open CondEmbed.Extensions.AI
open CondEmbed.Images
open CondEmbed.Postgres
open CondEmbed.Search
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support

let private network = StoreNetwork("means", 128)

let private ended (work: Task) () = work.GetAwaiter().GetResult()

/// What ends a call, and what it says.
let private said<'Problem when 'Problem :> exn> (work: unit -> Task) =
    try
        (work ()).GetAwaiter().GetResult()
        failtest "nothing was refused"
    with :? 'Problem as problem ->
        problem.Message

let private holds (words: string list) (text: string) =
    for word in words do
        Expect.stringContains text word "what is wrong"

/// With no direction, or of another length than the network's.
let private useless =
    [ "zeros", HostUser.Wide 0f, "no direction"
      "NaN", HostUser.Wide(1f, nanf), "no direction"
      "infinity", HostUser.Wide infinityf, "no direction"
      "three numbers", [| 1f; 0f; 0f |], "The embedding has 3 numbers; those in the" ]

let private places: (string * (string -> IVectorStores)) list =
    [ "files", (fun folder -> IndexFolder folder)
      "PostgreSQL", (fun _ -> PostgresDatabase(pgliteAddress "any")) ]

let private within place (work: ImageVectorStore -> unit) =
    inFolder (fun folder ->
        use store = new ImageVectorStore(place folder, network, null)

        try
            work store
        finally
            store.EnsureCollectionDeletedAsync("given").Wait())

let private stores =
    [ for name, place in places do
          test $"{name}: a search for what has no direction, or too few numbers, is refused by the name of the argument" {
              within place (fun store ->
                  VectorUser.Keep(store, "given", "1", HostUser.Wide 1f).Wait()

                  for what, query, words in useless do
                      let problem = said<ArgumentException>(fun () -> VectorUser.Find(store, "given", query, 1, 0))
                      holds [ words; "'searchValue'" ] $"{what}: {problem}")
          }

          test $"{name}: a record that cannot be stored is told by its class and key, and not by what else is in it" {
              within place (fun store ->
                  let keep photo () : Task = VectorUser.Keep(store, "given", "red mug", photo)

                  for problem in
                      [ said<ArgumentException>(keep [| 1f; 0f; 0f |])
                        said<ArgumentException>(keep [||])
                        said<VectorStoreException>(keep (HostUser.Wide 0f))
                        said<VectorStoreException>(keep (HostUser.Wide(1f, nanf))) ] do
                      holds [ "Article 'red mug'" ] problem
                      Expect.isFalse (problem.Contains '{') problem

                  holds [ "has no vector; set Photo" ] (said<ArgumentException>(keep [||])))
          }

          test $"{name}: a vector of any length comes back at length 1" {
              within place (fun store ->
                  VectorUser.Keep(store, "given", "1", HostUser.Wide(30f, 40f)).Wait()
                  let back = VectorUser.VectorOf(store, "given", "1") |> got
                  Expect.equal back (HostUser.Wide(0.6f, 0.8f)) "the same direction")
          }

          test $"{name}: as many results as a number can tell may be skipped, and asked for" {
              within place (fun store ->
                  VectorUser.Keep(store, "given", "1", HostUser.Wide 1f).Wait()
                  let found top skip = VectorUser.Find(store, "given", HostUser.Wide 1f, top, skip) |> got |> List.ofSeq
                  Expect.equal (found 3 Int32.MaxValue) [] "all skipped"
                  Expect.equal (found Int32.MaxValue 0) [ "1" ] "all")
          }

      test "the stores themselves refuse such queries too" {
          inFolder (fun folder ->
              let file: IVectorStore = IndexFileStore.OpenOrCreate(Path.Combine(folder, "a.index"), network)
              let table = PostgresStore.OpenOrCreateAsync(pgliteAddress "directions", network) |> got

              for store in [ file; table :> IVectorStore ] do
                  for what, query, words in useless do
                      let problem = said<ArgumentException>(fun () -> store.SearchAsync(ReadOnlyMemory query))
                      holds [ words; "'embedding'" ] $"{what}: {problem}"

                  holds [ "query.Top" ] (said<ArgumentException>(fun () -> store.SearchAsync(ReadOnlyMemory [||], StoreQuery 0)))
                  store.DisposeAsync().AsTask().Wait())
      }

      test "the name of a collection that no table can have is refused as such" {
          within (snd places[1]) (fun store ->
              for name, words in
                  [ "Shop", "a to z, 0 to 9 and _"
                    "../x", "a to z"
                    PostgresAddress.Collections, "the list of all tables has this one" ] do
                  let problem = said<VectorStoreException>(fun () -> VectorUser.Keep(store, name, "1", HostUser.Wide 1f))
                  holds [ $"'{name}' cannot be the name of a table"; words; "choose another" ] problem
                  Expect.isFalse (problem.Contains "?table=") problem)
      }

      test "what is no vector and no image is refused with how to give an image" {
          within (snd places[0]) (fun store ->
              VectorUser.Keep(store, "given", "1", HostUser.Wide 1f).Wait()

              holds
                  [ "Byte[]"; "new DataContent(bytes, " ]
                  (said<NotSupportedException>(fun () -> VectorUser.Find(store, "given", "abc"B))))
      } ]

let private photographs =
    test "a bad or missing photograph is told by its name, or else by its record" {
        inFolder (fun folder ->
            fake (fun _ embedder ->
                use store = new ImageVectorStore(IndexFolder folder, embedder)
                let ids = [| Guid.NewGuid(); Guid.NewGuid() |]
                let good = ImageEncoder.Png images.Value[0]
                let keep second name () : Task = VectorUser.KeepPhotos(store, ids, [| good; second |], name)
                holds [ $"PhotographedArticle '{ids[1]}': this is not a JPEG" ] (said<BadImageException>(keep "no image"B null))
                holds [ "mug.png: this is not a JPEG" ] (said<BadImageException>(keep "no image"B "mug.png"))
                holds [ $"PhotographedArticle '{ids[1]}' has no vector; set Photo" ] (said<ArgumentException>(keep null null))))
    }

let private applications =
    test "an application without an embedder is told what adds one, by its store and its health" {
        inFolder (fun folder ->
            let struct (store, health) = VectorUser.WithoutEmbedder folder |> got

            for said in [ store; health ] do
                holds [ "no Embedder"; "AddCondEmbedOnnx(file)"; "AddCondEmbed(run)" ] said)
    }

let private indexes =
    test "an index that is not there, a folder, and two images of one id are refused with what to do" {
        inFolder (fun folder ->
            let load path () = ImageIndex.Load(path: string).Dispose()

            rejects
                [ "none.index: the index cannot be read: there is no such file. Build it with ImageIndex.BuildAsync" ]
                (load (Path.Combine(folder, "none.index")))

            rejects [ $"{folder}: is a folder"; "name the file" ] (load folder)

            fake (fun network embedder ->
                let file = Path.Combine(folder, "a.png")
                File.WriteAllBytes(file, ImageEncoder.Png images.Value[0])
                let index ids () : Task = VectorUser.Index(embedder, [| for id in ids -> struct (id, file) |])
                holds [ "Two images have the id 'a'"; "'images'" ] (said<ArgumentException>(index [ "a"; "b"; "a" ]))
                Expect.isTrue network.Batches.IsEmpty "before any is embedded"
                ended (index [ "a"; "b" ] ()) ()))
    }

let tests = testList "HostVectors" [ yield! stores; photographs; applications; indexes ]
