/// Addresses of stores: what is written comes apart into what was meant, and passwords stay unsaid.
module CondEmbed.Tests.StoreAddressTests

open System
open System.Net
open System.Net.Sockets
open Expecto
open FsCheck
open CondEmbed.Postgres
open CondEmbed.Tests.Support

/// Text that can stand in an address at all.
let private sound (text: string) =
    String.Join("", [ for rune in text.EnumerateRunes() -> if rune.Value = 0 || rune.Value = 0xFFFD then "0" else rune.ToString() ])

let private encoded = sound >> Uri.EscapeDataString

let tests =
    testList
        "address"
        [ testProperty "user, password and database of any signs, host and port come out as they were"
          <| fun (NonEmptyString user) (NonEmptyString password) (NonEmptyString database) (port: uint16) ->
              let port = int port % 65535 + 1
              let uri = $"postgres://{encoded user}:{encoded password}@db.example:{port}/{encoded database}?table=t1&ef_search=7"
              let address = PostgresAddress.Parse uri
              let read = address.Connection
              Expect.equal (read.Username, read.Password, read.Database) (sound user, sound password, sound database) "decoded"
              Expect.equal (read.Host, read.Port, address.Table, address.EfSearch) ("db.example", port, "t1", 7) "the rest"
              Expect.equal (PostgresAddress.Parse(string address).Connection.Username) read.Username "what is shown reads back"

          test "parts that are left out" {
              let read (uri: string) = let at = PostgresAddress.Parse(uri).Connection in at.Host, at.Port, at.Username, at.Database
              Expect.equal (read "postgres://") ("localhost", 5432, null, null) "nothing"
              Expect.equal (read "postgresql://h") ("h", 5432, null, null) "a host"
              Expect.equal (read "postgres://u@/d") ("localhost", 5432, "u", "d") "no host"
              Expect.equal (read "postgres://[::1]:99/d?sslmode=require") ("::1", 99, null, "d") "an IPv6 address"
              Expect.equal (read "postgres:///d?host=%2Frun%2Fpg") ("/run/pg", 5432, null, "d") "a socket"
              Expect.equal (PostgresAddress.Parse("postgres://h/d").Table) "pictures" "a table"
          }

          test "passwords are never shown" {
              for uri in
                  [ "postgres://u:hush@h/d?tabel=x"
                    "postgres://u:hush@h:port/d"
                    "postgres://u:hush/x@h/d"
                    "postgres://u:12345/hush@h/d"
                    "postgres://u:hush?x@h/d"
                    "postgres://u:hush@h/d?table=X"
                    "postgre://u:hush@h/d"
                    "Host=h;Username=u;Password=hush"
                    "password = hush; Server = h" ] do
                  Expect.isFalse ((inputProblem (fun () -> PostgresAddress.Parse uri |> ignore)).Contains "hush") uri

              Expect.isFalse ((string (PostgresAddress.Parse "postgres://u:hush@h/d")).Contains "hush") "shown"
          }

          test "a connection string in .NET's form is recognised as such" {
              for text, isOne in [ "Host=h;Username=u", true; " user id=u;host=h", true; "h", false; "mysql://h?Host=x", false ] do
                  let problem = inputProblem (fun () -> PostgresAddress.Parse text |> ignore)
                  Expect.equal (problem.Contains "connection string in .NET's form") isOne text
                  Expect.stringContains problem "postgres://user:password@host" "what is expected"
          }

          test "a server without encryption, and one that is no PostgreSQL, are told apart" {
              for answer, parameters, words in
                  [ 'N', "?sslmode=require", [ "offers no encryption"; "sslmode=prefer" ]
                    'H', "", [ "not a PostgreSQL server"; "Correct the host and port" ] ] do
                  let listener = new TcpListener(IPAddress.Loopback, 0)
                  listener.Start()

                  task {
                      try
                          while true do
                              use! client = listener.AcceptTcpClientAsync()
                              let! _ = client.GetStream().ReadAsync(Memory(Array.zeroCreate<byte> 8)).AsTask()
                              do! client.GetStream().WriteAsync(ReadOnlyMemory [| byte answer |]).AsTask()
                      with
                      | :? SocketException
                      | :? ObjectDisposedException -> ()
                  }
                  |> ignore

                  try
                      let port = (listener.LocalEndpoint :?> IPEndPoint).Port
                      let address = PostgresAddress.Parse $"postgres://u:hush@127.0.0.1:{port}/d{parameters}"
                      rejects words (fun () -> PostgresStore.OpenAsync(address).GetAwaiter().GetResult() |> ignore)
                  finally
                      listener.Stop()
          }

          test "what is not understood is refused with what is" {
              let refused parameters words = rejects words (fun () -> PostgresAddress.Parse("postgres://h/d?" + parameters) |> ignore)

              for table in [ "x\"y"; "X"; "x;drop"; "x y"; ""; "1x"; "x\n"; "ü"; "condembed_collections"; String('x', 49) ] do
                  refused $"table={Uri.EscapeDataString table}" [ "table="; "a to z" ]

              refused "tabel=x" [ "unknown parameter 'tabel'"; "table" ]
              refused "m=1" [ "m=1"; "2 to 100" ]
              refused "m=40" [ "ef_construction=64"; "twice m=40" ]
              refused "ef_search=many" [ "ef_search=many"; "1 to 1000" ]
              refused "index=ivf" [ "none, hnsw" ]
              refused "bulk=x" [ "auto, copy, insert" ]
              refused "sslmode=x" [ "verify-full" ]
          } ]
