/// The store in PostgreSQL: against PGlite, which has pgvector, and against PostgreSQL itself, which has COPY and many connections.
module CondEmbed.Tests.StoreTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open System.Threading.Tasks
open Expecto
open CondEmbed.Datasets
open CondEmbed.Images
open CondEmbed.Postgres
open CondEmbed.Serving
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support

let private wait (call: Task<'T>) = call.GetAwaiter().GetResult()

let private network = StoreNetwork("abc", 24)

let private ensured (address: PostgresAddress) network (test: PostgresStore -> 'T) =
    let store = PostgresStore.OpenOrCreateAsync(address, network) |> wait

    try
        test store
    finally
        store.DisposeAsync().AsTask().Wait()

let private idOf (number: int) = PictureId.Of(ReadOnlySpan(BitConverter.GetBytes number))

/// Vectors of length 1 that depend on the seed alone.
let private vectors dimension seed count =
    let random = Random(seed: int)

    [| for _ in 1..count do
           let row = [| for _ in 1..dimension -> random.NextDouble() - 0.5 |]
           let length = sqrt (Array.sumBy (fun x -> x * x) row)
           [| for x in row -> float32 (x / length) |] |]

let private itemsOf dimension count =
    [| for number, row in Seq.indexed (vectors dimension 1 count) ->
           StoreItem(idOf number, $"{number % 5}/{number}.png", $"class {number % 5}", ReadOnlyMemory row) |]

let private cosine (a: float32 array) (b: float32 array) =
    let dot x y = Array.fold2 (fun sum a b -> sum + float (a: float32) * float (b: float32)) 0.0 x y
    dot a b / sqrt (dot a a * dot b b)

/// The nearest by a full sort in double precision.
let private nearest (items: StoreItem seq) query top =
    items
    |> Seq.map (fun item -> item.Id, cosine (item.Embedding.ToArray()) query)
    |> Seq.sortByDescending snd
    |> Seq.truncate top
    |> List.ofSeq

let private expectNearest items query top (hits: StoreHit seq) what =
    let expected = nearest items query top
    Expect.equal [ for hit in hits -> hit.Id ] (List.map fst expected) what

    for hit, (_, cosine) in Seq.zip hits expected do
        Expect.isLessThan (abs (hit.Cosine - cosine)) 1e-6 $"{what}: cosine"

let private search (store: PostgresStore) (query: float32 array) asked = store.SearchAsync(ReadOnlyMemory query, asked) |> wait

/// Every column of every row, and where the server keeps it: equal before and after where nothing was written.
let private everything table =
    rows (pgliteAddress table) $"SELECT encode(id, 'hex'), path, label, embedding::text, xmin::text, ctid::text FROM {table} ORDER BY id"

let private content table = rows (pgliteAddress table) $"SELECT encode(id, 'hex'), path, label, embedding::text FROM {table} ORDER BY id"

let private searching =
    testList
        "search"
        [ test "exact search and the index find what a full sort in double finds, also of one class" {
              let address, items = pgliteAddress "searched", itemsOf 24 300

              ensured address network (fun store ->
                  store.UpsertAsync(items).Wait()
                  store.CompleteAsync().Wait()
                  Expect.equal (store.CountAsync() |> wait) 300L "count"

                  for query in vectors 24 2 10 do
                      expectNearest items query 10 (search store query (StoreQuery(10, null, true))) "exact"
                      let ofClass = items |> Array.filter (fun item -> item.Label = "class 3")
                      expectNearest ofClass query 10 (search store query (StoreQuery(10, "class 3"))) "one class"
                      Expect.isEmpty (search store query (StoreQuery(10, "class 9"))) "no such class"
                      expectNearest items query 300 (search store query (StoreQuery 1000)) "more than there are"

                  // The planner would not use it for so few rows.
                  rows address "SET enable_seqscan = off" |> ignore

                  try
                      for query in vectors 24 3 10 do
                          expectNearest items query 10 (search store query null) "by the index"
                  finally
                      rows address "SET enable_seqscan = on" |> ignore)
          }

          test "an index serves 24 and 2,500 numbers, more than 4,000 are compared one by one, and more than 16,000 are refused" {
              for table, dimension, indexed in [ "d24", 24, true; "d2500", 2500, true; "d4100", 4100, false ] do
                  let address, items = pgliteAddress table, itemsOf dimension 60

                  ensured address (StoreNetwork("abc", dimension)) (fun store ->
                      store.UpsertAsync(items).Wait()
                      store.CompleteAsync().Wait()
                      let made = rows address $"SELECT indexdef FROM pg_indexes WHERE indexname = '{table}_hnsw'"
                      Expect.equal (not made.IsEmpty) indexed "index"
                      rows address "SET enable_seqscan = off" |> ignore

                      try
                          let sql = PostgresSql(table, dimension)
                          let zero = "'[" + String.Join(',', Array.create dimension "1") + "]'::vector"
                          let plan = rows address ("EXPLAIN " + sql.SearchIndex.Replace("$1", zero).Replace("$2", "5"))
                          let usesIndex = plan |> List.exists (fun row -> string row[0] |> fun line -> line.Contains $"{table}_hnsw")
                          Expect.equal usesIndex indexed "the plan"

                          for query in vectors dimension 5 3 do
                              expectNearest items query 5 (search store query (StoreQuery 5)) $"{dimension} numbers"
                      finally
                          rows address "SET enable_seqscan = on" |> ignore)

              rejects [ "16001"; "16000" ] (fun () -> ensured (pgliteAddress "d16001") (StoreNetwork("abc", 16001)) ignore)
          }

          test "the index's parameters are those of the address" {
              let address = PostgresAddress.Parse(pgliteUri "tuned" + "&m=8&ef_construction=32")

              ensured address network (fun store ->
                  store.CompleteAsync().Wait()
                  store.CompleteAsync().Wait()
                  let made = rows address "SELECT indexdef FROM pg_indexes WHERE indexname = 'tuned_hnsw'"
                  Expect.stringContains (string made.Head.Head) "m='8', ef_construction='32'" "index")
          } ]

let private writing =
    testList
        "write"
        [ test "one row a content: another path and label take the place of the first" {
              ensured (pgliteAddress "written") network (fun store ->
                  let items = itemsOf 24 3
                  let other = StoreItem(items[0].Id, "b.png", "b", items[0].Embedding)
                  let again = StoreItem(items[0].Id, "c.png", "c", items[1].Embedding)
                  store.UpsertAsync(items).Wait()
                  store.UpsertAsync([| other; again |]).Wait()
                  Expect.equal (store.CountAsync() |> wait) 3L "rows"
                  let hit = (search store (items[1].Embedding.ToArray()) (StoreQuery(2, "c")))[0]
                  Expect.equal (hit.Id, hit.Path, hit.Label) (items[0].Id, "c.png", "c") "the later one counts"
                  Expect.isLessThan (abs (hit.Cosine - 1.0)) 1e-6 "its embedding too"
                  let before = everything "written"
                  store.UpsertAsync([| again |]).Wait()

                  store.PlaceAsync([| StorePlace(items[0].Id, "c.png", "c") |])
                  |> wait
                  |> fun changed -> Expect.equal changed 0L "nothing"

                  Expect.equal (everything "written") before "nothing is written where nothing changes"

                  let moved =
                      store.PlaceAsync [| StorePlace(items[0].Id, "d.png", "d"); StorePlace(idOf 99, "e.png", "e") |]
                      |> wait

                  Expect.equal moved 1L "only what is there"
                  let known = store.KnownAsync [| items[2].Id; idOf 99 |] |> wait
                  Expect.sequenceEqual known [ items[2].Id ] "known"
                  Expect.equal (store.RemoveAsync [| items[2].Id; idOf 99 |] |> wait) 1L "removed"
                  Expect.equal (store.CountAsync() |> wait) 2L "rows left"
                  store.UpsertAsync([||]).Wait())
          }

          test "names are data, whatever stands in them" {
              ensured (pgliteAddress "named") network (fun store ->
                  let nasty = "x'); DROP TABLE named; --\"\\ \u2603 \U0001F47B"
                  let item = StoreItem(idOf 1, nasty + "\000", nasty, (Array.head (itemsOf 24 1)).Embedding)
                  store.UpsertAsync([| item |]).Wait()
                  let hit = (search store (item.Embedding.ToArray()) (StoreQuery(1, nasty)))[0]
                  Expect.equal (hit.Path, hit.Label) (nasty + "\uFFFD", nasty) "as it was"
                  Expect.isEmpty (search store (item.Embedding.ToArray()) (StoreQuery(1, "' OR '1'='1"))) "a label is compared")
          }

          test "what does not fit is refused, and nothing of its block written" {
              ensured (pgliteAddress "unfit") network (fun store ->
                  let good = (Array.head (itemsOf 24 1))
                  let withNumbers numbers = StoreItem(idOf 7, "seven.png", "", ReadOnlyMemory(numbers: float32 array))
                  let upsert (item: StoreItem) = store.UpsertAsync([| good; item |]).GetAwaiter().GetResult()
                  rejects [ "seven.png"; "NaN" ] (fun () -> upsert (withNumbers (Array.create 24 nanf)))
                  Expect.throwsT<ArgumentException> (fun () -> upsert (withNumbers [| 1f |])) "dimension"
                  Expect.throwsT<ArgumentException> (fun () -> upsert (StoreItem("7", "", "", good.Embedding))) "id"
                  Expect.throwsT<ArgumentException> (fun () -> search store [| 1f |] null |> ignore) "query"
                  Expect.equal (store.CountAsync() |> wait) 0L "nothing")
          }

          test "another network's table, and one that is not ours, are refused" {
              let address = pgliteAddress "owned"
              ensured address network ignore
              rejects [ "table owned"; "another network"; "?table=" ] (fun () -> ensured address (StoreNetwork("abd", 24)) ignore)
              rejects [ "table owned"; "24"; "25" ] (fun () -> ensured address (StoreNetwork("abc", 25)) ignore)
              rows address "CREATE TABLE foreign_one (x int)" |> ignore
              rejects [ "foreign_one"; "not made" ] (fun () -> ensured (pgliteAddress "foreign_one") network ignore)

              rejects [ "nothing_here"; "condembed index" ] (fun () ->
                  PostgresStore.OpenAsync(pgliteAddress "nothing_here") |> wait |> ignore)
          } ]

/// A network whose embedding of a picture is the first of its pixels about their middle; it counts what it embeds.
type private PixelNetwork() =
    member val Embedded = 0 with get, set

    interface IEmbeddingNetwork with
        member _.Dimension = 24
        member _.View = EvalTransform(8, 8)
        member _.BatchSize = 5
        member _.Fingerprint = "pixels"

        member this.Embed(pixels, count) =
            this.Embedded <- this.Embedded + count

            [| for picture in pixels |> Array.chunkBySize (pixels.Length / count) do
                   let row = [| for value in picture[72..95] -> float32 value - 127.5f |]
                   let length = sqrt (Array.sumBy (fun x -> x * x) row)
                   for x in row -> x / length |]

        member _.Dispose() = ()

let private pixels = StoreNetwork("pixels", 24)

let private index (data: IImageDataset) table options =
    use network = new PixelNetwork()

    let summary =
        ensured (pgliteAddress table) pixels (fun store -> StoreIndexer.RunAsync(network, data, store, options) |> wait)

    summary, network.Embedded

let private indexing =
    testList
        "index"
        [ test "twice: nothing is embedded and nothing written the second time; --again does both" {
              let data = FolderDataset.Open pictures.Value
              let first, embedded = index data "twice" (IndexOptions 20)
              Expect.equal (first.Embedded, first.Known, embedded) (96L, 0L, 96) "all"
              let before = everything "twice"
              Expect.hasLength before 96 "rows"
              let second, embedded = index data "twice" (IndexOptions 7)
              Expect.equal (second.Embedded, second.Known, second.Renamed, embedded) (0L, 96L, 0L, 0) "none"
              Expect.equal (everything "twice") before "nothing changed"
              let third, embedded = index data "twice" (IndexOptions(20, Again = true))
              Expect.equal (third.Embedded, third.Known, embedded) (96L, 0L, 96) "again"
              Expect.equal (everything "twice") before "and came out the same"
          }

          test "stopped anywhere, whole blocks are there; going on makes it equal to a load at one go" {
              let data = FolderDataset.Open pictures.Value
              index data "whole" (IndexOptions 20) |> ignore
              use network = new PixelNetwork()
              use stop = new CancellationTokenSource()

              ensured (pgliteAddress "stopped") pixels (fun store ->
                  let progress = listener (fun at -> if at.Step >= 40 then stop.Cancel())

                  Expect.throwsT<OperationCanceledException>
                      (fun () -> StoreIndexer.RunAsync(network, data, store, IndexOptions 20, progress, stop.Token) |> wait |> ignore)
                      "stopped"

                  Expect.equal (store.CountAsync() |> wait) 40L "two blocks")

              let rest, embedded = index data "stopped" (IndexOptions 20)
              Expect.equal (rest.Embedded, rest.Known, embedded) (56L, 40L, 56) "the rest"
              Expect.equal (content "stopped") (content "whole") "equal"
          }

          test "a copy has no row of its own, a moved picture keeps its row, a bad one is left out or named" {
              inFolder (fun folder ->
                  unpack folder 2
                  let files = Directory.GetFiles(folder, "*.png", SearchOption.AllDirectories) |> Array.sort
                  File.Copy(files[0], files[0].Replace(".png", "-copy.png"))
                  let opened () = FolderDataset.OpenUnlabelled folder
                  let first, _ = index (opened ()) "copies" (IndexOptions 5)
                  Expect.equal (first.Embedded, first.Same) (12L, 1L) "a copy"
                  let before = everything "copies"
                  let second, _ = index (opened ()) "copies" (IndexOptions 5)
                  Expect.equal (second.Embedded, second.Known, second.Renamed, second.Same) (0L, 12L, 0L, 1L) "twice"
                  Expect.equal (everything "copies") before "nothing changed"
                  Directory.CreateDirectory(Path.Combine(folder, "moved")) |> ignore
                  File.Move(files[3], Path.Combine(folder, "moved", "there.png"))
                  let third, embedded = index (opened ()) "copies" (IndexOptions 5)
                  Expect.equal (third.Embedded, third.Renamed, embedded) (0L, 1L, 0) "moved"
                  let named = content "copies" |> List.filter (fun row -> row[1] = "moved/there.png")
                  Expect.equal [ for row in named -> row[2] ] [ box "moved" ] "path and label"

                  let labelled, _ = index (opened ()) "copies" (IndexOptions(5, Label = "all"))
                  Expect.equal labelled.Renamed 12L "one label for all"

                  File.WriteAllText(files[1], "no picture")
                  rejects [ "not"; Path.GetFileName files[1] ] (fun () -> index (opened ()) "copies" (IndexOptions 5) |> ignore)
                  let bad = List<string>()
                  let skipping = IndexOptions(5, SkipBad = fun picture -> bad.Add picture.Name)
                  let fourth, _ = index (opened ()) "copies" skipping
                  Expect.equal (fourth.Bad, bad.Count, fourth.Embedded) (1L, 1, 0L) "left out"
                  Expect.stringContains bad[0] (Path.GetFileName files[1]) "named")
          }

          test "parts of one picture are pictures of their own" {
              let file = ReadOnlyMemory [| 1uy; 2uy |]
              let id box = PictureId.Of(file.Span, box)
              let whole, part, other = id (Nullable()), id (Nullable(PixelBox(0, 0, 1, 12))), id (Nullable(PixelBox(0, 0, 11, 2)))
              Expect.equal whole "a12871fee210fb8619291eaea194581cbd2531e4b23759d225f6806923f63222" "SHA-256 of the file"
              Expect.hasLength (List.distinct [ whole; part; other ]) 3 "three"
          } ]

let private bulk =
    testList
        "PostgreSQL without pgvector, where a type of its name and bytes stands in"
        [ test "what COPY brings equals what INSERT brings, byte for byte, also over rows that are there" {
              let items = itemsOf 24 50
              let changed = [| for item in items[10..29] -> StoreItem(item.Id, "new/" + item.Path, "new", items[0].Embedding) |]

              let bring table parameters =
                  let address = PostgresAddress.Parse(postgresUri table + parameters)

                  ensured address network (fun store ->
                      store.UpsertAsync(items).Wait()
                      store.UpsertAsync(items).Wait()
                      store.UpsertAsync(changed).Wait()

                      store.Bulk,
                      rows address $"SELECT encode(id, 'hex'), path, label, encode(vector_send(embedding), 'hex') FROM {table} ORDER BY id")

              let byCopy, copied = bring "copied" ""
              let byInsert, inserted = bring "inserted" "&bulk=insert"
              Expect.equal (byCopy, byInsert) (PostgresBulk.Copy, PostgresBulk.Insert) "how"
              Expect.hasLength copied 50 "rows"
              Expect.equal copied inserted "equal"
              Expect.equal [ for row in copied -> row[2] ] [ for row in inserted -> row[2] ] "labels"
              Expect.equal (copied |> List.filter (fun row -> row[2] = "new") |> List.length) 20 "changed"
          }

          test "a user without temporary tables gets along by INSERT" {
              let address =
                  PostgresAddress.Parse((postgresUri "limited_one").Replace($"postgres:{Uri.EscapeDataString password}", "limited:limited"))

              rows
                  (postgresAddress "x")
                  "CREATE TABLE IF NOT EXISTS condembed_collections (name text PRIMARY KEY, fingerprint text NOT NULL, dimension integer NOT NULL, made_by text NOT NULL, made_at timestamptz NOT NULL DEFAULT now()); GRANT ALL ON condembed_collections TO limited"
              |> ignore

              ensured address network (fun store ->
                  store.UpsertAsync(itemsOf 24 20).Wait()
                  Expect.equal store.Bulk PostgresBulk.Insert "how"
                  Expect.equal (store.CountAsync() |> wait) 20L "rows")
          }

          test "many at once make one table, and write the same rows in any order" {
              let items, address = itemsOf 24 200, postgresAddress "at_once"
              let random = Random 1

              let tasks =
                  [ for worker in 1..8 do
                        let mine = [| for item in items -> StoreItem(item.Id, $"{worker}.png", "", item.Embedding) |]
                        random.Shuffle mine

                        Task.Run(fun () ->
                            ensured address network (fun store ->
                                for block in Array.chunkBySize 50 mine do
                                    store.UpsertAsync(block).Wait())) ]

              Task.WaitAll(Array.ofList tasks)
              ensured address network (fun store -> Expect.equal (store.CountAsync() |> wait) 200L "rows")
          }

          test "no server, a wrong password, no database and no pgvector are told apart, and no password is told" {
              let opened (uri: string) () = ensured (PostgresAddress.Parse uri) network ignore
              let uri = postgresUri "x"
              rejects [ "no PostgreSQL server answers"; "Start it" ] (opened "postgres://a:b@127.0.0.1:1/c")
              rejects [ "database \"none\" does not exist"; "createdb none" ] (opened (uri.Replace("/postgres?", "/none?")))
              rejects [ "no pgvector installed"; "CREATE EXTENSION vector" ] (opened (uri.Replace("/postgres?", "/bare?")))
              let wrong = uri.Replace(Uri.EscapeDataString password, "topsecret")
              let message = inputProblem (opened wrong)
              Expect.stringContains message "PGPASSWORD" "the fix"
              Expect.isFalse (message.Contains "topsecret") message
              let none = uri.Replace(":" + Uri.EscapeDataString password, "")
              rejects [ "asks for a password"; "PGPASSWORD" ] (opened none)
          }

          test "who may not create the extension is told who may" {
              let fresh = PostgresAddress.Parse(startPGlite ())
              rows fresh "CREATE ROLE plain; GRANT CREATE ON DATABASE postgres TO plain; SET ROLE plain" |> ignore
              rejects [ "may not create it"; "superuser"; "CREATE EXTENSION vector" ] (fun () -> ensured fresh network ignore)
          } ]

let tests =
    testList "Store" [ StoreAddressTests.tests; writing; searching; indexing; bulk; ShardTests.tests; FileStoreTests.tests ]
