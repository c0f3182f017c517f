/// What PGlite has not: COPY, many connections, users and passwords.
module CondEmbed.Tests.StoreBulkTests

open System
open System.IO
open System.Threading.Tasks
open Expecto
open CondEmbed.Postgres
open CondEmbed.Search
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support
open CondEmbed.Tests.StoreSupport

let tests =
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
              rejects [ "requires a password"; "PGPASSWORD" ] (opened none)
          }

          test "who may not create the extension is told who may" {
              let fresh = PostgresAddress.Parse(startPGlite ())
              rows fresh "CREATE ROLE plain; GRANT CREATE ON DATABASE postgres TO plain; SET ROLE plain" |> ignore
              rejects [ "may not create it"; "superuser"; "CREATE EXTENSION vector" ] (fun () -> ensured fresh network ignore)
          } ]
