/// The store in PostgreSQL: against PGlite, which has pgvector, and against PostgreSQL itself, which has COPY and many connections.
module CondEmbed.Tests.StoreTests

open System
open System.IO
open Expecto
open CondEmbed.Postgres
open CondEmbed.Search
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support
open CondEmbed.Tests.StoreSupport

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

                          expectNearest
                              items
                              query
                              300
                              (search store query (StoreQuery Int32.MaxValue))
                              "all, which the index would not find"
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
              rejects [ "foreign_one"; "did not create" ] (fun () -> ensured (pgliteAddress "foreign_one") network ignore)

              rejects [ "nothing_here"; "PostgresStore.OpenOrCreateAsync" ] (fun () ->
                  PostgresStore.OpenAsync(pgliteAddress "nothing_here") |> wait |> ignore)
          } ]

let tests =
    testList
        "Store"
        [ StoreAddressTests.tests
          writing
          searching
          StoreIndexTests.tests
          StoreBulkTests.tests
          ShardTests.tests
          FileStoreTests.tests ]
