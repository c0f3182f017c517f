/// Stores as Microsoft.Extensions.VectorData's collections, under hosts that know these alone.
module CondEmbed.Tests.HostStoreTests

open System
open System.IO
open Expecto
open FsCheck
open Microsoft.Extensions.VectorData
open CondEmbed.Extensions.AI
open CondEmbed.Images
open CondEmbed.Postgres
open CondEmbed.Search
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support

let private network = StoreNetwork("means", 3)

/// That of the guide's articles.
let private wide = StoreNetwork("means", 128)

let private storeOf network folder = new ImageVectorStore(IndexFolder folder, network, null)

/// The fake network with as many numbers as the guide's articles have.
let private widened () : IEmbeddingNetwork =
    let inner: IEmbeddingNetwork = new FakeNetwork()

    { new IEmbeddingNetwork with
        member _.Dimension = wide.Dimension
        member _.View = inner.View
        member _.BatchSize = inner.BatchSize
        member _.Fingerprint = inner.Fingerprint

        member _.Embed(pixels, count) =
            inner.Embed(pixels, count)
            |> Array.chunkBySize inner.Dimension
            |> Array.collect (fun row -> Array.append row (Array.zeroCreate (wide.Dimension - row.Length)))
      interface IDisposable with
          member _.Dispose() = inner.Dispose() }

let private expected =
    [ "there: False"
      "there: True, True, True"
      "get: 2 blue mug mug 4 [0 0 1]"
      "get: 2 blue mug mug 4 []"
      "get none: True"
      "get many: 1 4"
      "search: red mug 1.00, red pot 0.80, blue mug 0.00"
      "of a kind: red mug 1.00, blue mug 0.00"
      "the second: red pot 0.80"
      "alike: red mug 1.00, red pot 0.80"
      "changed: blue mug 1.00, blue mug too 0.96" ]

type FSharpArticle =
    { [<VectorStoreKey>]
      Number: string
      [<VectorStoreData>]
      Title: string
      [<VectorStoreData(IsIndexed = true)>]
      Kind: string
      [<VectorStoreData>]
      Price: decimal option
      [<VectorStoreVector(128)>]
      Photo: float32 array }

/// One host after another uses the same place.
let private walk (opened: unit -> ImageVectorStore) =
    do
        use store = opened ()
        Expect.equal (List.ofSeq (HostUser.Shop store |> got)) expected "a record class of the host's own"

    do
        use store = opened ()
        Expect.equal (List.ofSeq (HostUser.ShopAgain store |> got)) [ "blue mug 1.00, blue mug too 0.96"; "there: False" ] "the next host"

let private whole (text: string) =
    let utf8 = Text.UTF8Encoding(false)
    not (isNull text) && utf8.GetString(utf8.GetBytes text) = text

let private image red blue = ImageEncoder.Png(RgbImage(8, 8, Rgb(byte red, 0uy, byte blue)))

let tests =
    testList
        "HostStores"
        [ test "files" { inFolder (fun folder -> walk (fun () -> storeOf wide (Path.Combine(folder, "new")))) }

          test "PostgreSQL" {
              let address = pgliteAddress "any"
              walk (fun () -> new ImageVectorStore(PostgresDatabase address, wide, null))
          }

          test "records of any text come back as they were" {
              inFolder (fun folder ->
                  use store = storeOf wide folder
                  use images = storeOf network folder

                  let kept (number: string) title kind (cents: int) =
                      let isText = whole number && number <> "" && whole title && (isNull kind || whole kind)
                      not isText || (HostUser.IsKept(store, number, title, kind, decimal cents / 100m) |> got)

                  Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, kept)

                  for title in [ "{\"key\":"; "\"quoted\""; ""; "ü\u0000" ] do
                      Expect.isTrue (kept (ImageId.Of(ReadOnlySpan "a"B)) title null 1) title
                      Expect.isTrue (HostUser.IsImageKept(images, ImageId.Of(ReadOnlySpan "b"B), title, title) |> got) title)
          }

          for name, opened in
              [ "files", (fun folder -> storeOf wide folder)
                "PostgreSQL", (fun _ -> new ImageVectorStore(PostgresDatabase(pgliteAddress "any"), wide, null)) ] do
              test $"{name}: records are made by the constructor that they have, positional, required, of F# and others" {
                  inFolder (fun folder ->
                      use store = opened folder

                      for struct (kind, problem) in RecordUser.Kinds store |> got do
                          Expect.equal problem "" kind

                      let article = { Number = "7"; Title = "red mug"; Kind = "mug"; Price = Some 3.5m; Photo = HostUser.Wide 1f }

                      let struct (got', found, whole) = RecordUser.Through(store, "fsharp", "7", article) |> got
                      Expect.equal got' { article with Photo = null } "by its key"
                      Expect.equal found { article with Photo = null } "found"
                      Expect.equal whole article "with its vector"

                      let struct (bare, _, _) = RecordUser.Through(store, "fsharp", "7", { article with Price = None; Kind = null }) |> got
                      Expect.equal bare { article with Price = None; Kind = null; Photo = null } "without what it may lack")
              }

          test "a class of which no record can be made is refused with what to write" {
              inFolder (fun folder ->
                  use store = storeOf wide folder

                  let expected =
                      [ "ClosedArticle has the property Title, which cannot be set", "'get; init;'"
                        "PartlyStoredArticle has a constructor that takes Title, which is not stored", "[property: VectorStoreData]"
                        "OtherwiseTypedArticle has the property Price of type Decimal", "takes price as Int32"
                        "TwoWaysArticle has several constructors", "[JsonConstructor]"
                        "HiddenArticle has no public constructor", "give it one"
                        "AnyArticle is abstract", "name a class that is not" ]

                  let refused = RecordUser.Refusals store
                  Expect.equal refused.Count expected.Length "refusals"

                  for said, (problem, fix) in Seq.zip refused expected do
                      Expect.stringContains said problem "what is wrong"
                      Expect.stringContains said fix "what to do")
          }

          test "what a record's own constructor refuses is told with the id" {
              inFolder (fun folder ->
                  use store = storeOf wide folder
                  rejects [ "is not a CarefulArticle"; "no price" ] (fun () -> RecordUser.Careful store |> got |> ignore))
          }

          test "what is stored under images' ids is read as records, and the other way round" {
              inFolder (fun folder ->
                  let ids = [| for text in [ "a"B; "b"B; "c"B ] -> ImageId.Of(ReadOnlySpan text) |]
                  let red: float32 array = [| 1f; 0f; 0f |]
                  let path = Path.Combine(folder, "images.index")

                  do
                      let store: IVectorStore = IndexFileStore.OpenOrCreate(path, network)

                      store
                          .UpsertAsync(
                              [| for id, label in Seq.zip ids [ "x"; "x"; "y" ] ->
                                     StoreItem(id, $"{label}/1.png", label, ReadOnlyMemory red) |]
                          )
                          .Wait()

                      store.DisposeAsync().AsTask().Wait()

                  do
                      use store = storeOf network folder
                      let found = HostUser.Images(store, "images", "y") |> got
                      Expect.equal (List.ofSeq found) [ $"{ids[2][..3]} y/1.png y 3" ] "read"
                      Expect.isTrue (HostUser.IsImageKept(store, ids[0], "new.png", "z") |> got) "written"

                  let store: IVectorStore = IndexFileStore.Open path
                  let items = store.GetAsync [| ids[0]; ids[0]; ImageId.Of(ReadOnlySpan "none"B) |] |> got
                  Expect.equal [ for item in items -> item.Id, item.Path, item.Label ] [ ids[0], "new.png", "z" ] "as a store has it"
                  store.DisposeAsync().AsTask().Wait())
          }

          test "what another program put in the place of a record is refused with its id" {
              for document in
                  [ "{\"key\":"
                    "{\"key\":1}"
                    "{\"key\":\"a\"}"
                    "{\"key\":1,\"data\":{}}"
                    "{\"key\":\"\\ud83d\",\"data\":{}}" ] do
                  inFolder (fun folder ->
                      let id, path = ImageId.Of(ReadOnlySpan "a"B), Path.Combine(folder, "images.index")

                      do
                          let store: IVectorStore = IndexFileStore.OpenOrCreate(path, network)
                          store.UpsertAsync([| StoreItem(id, document, "x", ReadOnlyMemory [| 1f; 0f; 0f |]) |]).Wait()
                          store.DisposeAsync().AsTask().Wait()

                      use store = storeOf network folder
                      rejects [ id; "is not a" ] (fun () -> HostUser.Images(store, "images", "x") |> got |> ignore))
          }

          test "images are stored and searched as they are, by the embedder" {
              inFolder (fun folder ->
                  fake (fun _ embedder ->
                      use store = new ImageVectorStore(IndexFolder folder, embedder)
                      let ids = [| Guid.NewGuid(); Guid.NewGuid() |]
                      let found = HostUser.SearchPhotos(store, ids, [| image 250 5; image 5 250 |], image 30 200) |> got
                      Expect.equal found ids[1] "the blue one"))
          }

          test "the guide's host finds articles of a kind" {
              inFolder (fun folder ->
                  use embedder = new Embedder(widened ())
                  use store = DotnetUser.Files(folder, embedder)

                  let article number title kind =
                      Article(Number = number, Title = title, Kind = kind, Photo = ReadOnlyMemory(HostUser.Wide 1f))

                  DotnetUser.Keep(store, [ article "1" "red mug" "mug"; article "2" "red pot" "pot" ]).Wait()
                  Expect.equal (List.ofSeq (DotnetUser.Find(store, image 200 0, "mug") |> got)) [ "1.000 red mug" ] "found")
          }

          test
              "of a network with another number of dimensions, the collection is refused when it is asked for, or described with that number" {
              inFolder (fun folder ->
                  fake (fun _ embedder ->
                      use store = DotnetUser.Files(folder, embedder)
                      let problem = Expect.throwsC (fun () -> store.GetCollection<string, Article> "shop" |> ignore) _.Message

                      Expect.stringContains
                          problem
                          "Article has 128 numbers, but the network makes 3. Write [VectorStoreVector(3)]"
                          "what to write"

                      use shop = DotnetUser.Described(store, embedder)
                      shop.EnsureCollectionExistsAsync().Wait()
                      Expect.isTrue (shop.CollectionExistsAsync() |> got) "described"))
          }

          test "what a store cannot do it refuses in words" {
              inFolder (fun folder ->
                  use store = storeOf wide folder

                  let refusals = HostUser.Refusals store |> got

                  let expected =
                      [ [ "VectorStoreException"; "there is no collection 'none'"; "EnsureCollectionExistsAsync"; "UpsertAsync" ]
                        [ "NotSupportedException"; "record => record.Kind == \"...\"" ]
                        [ "NotSupportedException"; "record => record.Kind == \"...\"" ]
                        [ "NotSupportedException"; "search with the filter" ]
                        [ "NotSupportedException"; "String is neither a vector" ]
                        [ "NotSupportedException"; "Article has the key Number of type String, and was asked for with Int32" ]
                        [ "NotSupportedException"; "write a record class" ]
                        [ "ArgumentException"; "has 4 numbers, but the network makes 128" ]
                        [ "VectorStoreException"; "'a/b' cannot be the name of a file" ] ]

                  Expect.equal refusals.Count expected.Length "refusals"

                  for said, words in Seq.zip refusals expected do
                      for word in words do
                          Expect.stringContains said word said)
          }

          test "another network's collection is refused" {
              inFolder (fun folder ->
                  let other: IVectorStore = IndexFileStore.OpenOrCreate(Path.Combine(folder, "shop.index"), StoreNetwork("other", 128))
                  other.DisposeAsync().AsTask().Wait()
                  use store = storeOf wide folder
                  let problem = Expect.throwsC (fun () -> HostUser.Shop store |> got |> ignore) (fun problem -> problem.Message)
                  Expect.stringContains problem "another network" "refused")
          } ]
