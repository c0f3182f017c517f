/// `index`, `search --store` and `embed --shard` as a user meets them.
module CondEmbed.Tests.CliStoreTests

open System
open System.IO
open System.Text.Json
open Expecto
open Npgsql
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Models
open CondEmbed.Postgres
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support

let private number (name: string) (summary: JsonElement) = summary.GetProperty(name).GetInt64()

let private index arguments = jsonOf (succeeds ([ "index" ] @ arguments @ [ "--json" ]))

let private countOf table = rows (pgliteAddress table) $"SELECT count(*) FROM {table}" |> List.head |> List.head |> unbox<int64>

let private hitsOf (answers: JsonElement) =
    [ for hit in answers[0].GetProperty("hits").EnumerateArray() ->
          hit.GetProperty("path").GetString(), hit.GetProperty("cosine").GetDouble() ]

let private expectRefused (outcome: Outcome) words =
    Expect.equal outcome.Code 2 outcome.Everything

    for word in words do
        Expect.stringContains outcome.Error word "the message"

/// What the model of a run has or makes, in this process.
let private byModel (run: string) (what: EmbeddingModel -> 'T) =
    betweenTests (fun () ->
        use model = EmbeddingModel.Load(run, "cpu")
        what model)

let private working =
    test "index and search --store find what search --gallery finds; the address may come from the environment" {
        let run, store = finishedRun [], pgliteUri "cli_work"
        let summary = index [ run; imageFolder.Value; "--store"; store; "--block"; "40" ]
        Expect.equal (number "embedded" summary, number "known" summary) (96L, 0L) "all"
        Expect.isFalse (summary.GetProperty("store").GetString().Contains "any") "no password"
        let again = condembedWith [ "CONDEMBED_STORE", store ] [ "index"; run; imageFolder.Value ]
        Expect.stringContains again.Out "0 images written, 96 there already" again.Everything

        let query = Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)[4]
        let search where = hitsOf (jsonOf (succeeds ([ "search"; run; "--query"; query; "--top"; "5"; "--json" ] @ where)))
        let expected = search [ "--gallery"; imageFolder.Value ]

        let found = search [ "--store"; store; "--exact" ]
        Expect.equal (List.map fst found) (List.map fst expected) "paths"

        for (_, a), (_, b) in List.zip found expected do
            Expect.isLessThan (abs (a - b)) 1e-5 "cosines"

        let text = condembedWith [ "CONDEMBED_STORE", store ] [ "search"; run; "--query"; query; "--top"; "1" ]
        Expect.stringContains text.Out $"1.0000  {fst expected[0]}" text.Everything
        let other = finishedRun [ "steps", "7" ]
        expectRefused (condembed [ "search"; other; "--store"; store; "--query"; query ]) [ "another network"; "another store or table" ]
        expectRefused (condembed [ "index"; other; imageFolder.Value; "--store"; store ]) [ "another network"; "?table=NAME" ]
    }

let private killed =
    test "killed in the middle, whole blocks are there, and going on completes the store" {
        let run, table = finishedRun [], "cli_killed"

        use running = launch (Path.GetTempPath()) [ "index"; run; "emoji"; "--store"; pgliteUri table; "--block"; "64" ]

        let exists () =
            rows (pgliteAddress table) $"SELECT to_regclass('{table}') IS NOT NULL"
            |> List.head
            |> List.head
            |> unbox<bool>

        waitFor "a block" (fun () -> running.HasExited || (exists () && countOf table >= 64L))
        running.Kill()
        running.Outcome() |> ignore
        let before = countOf table
        Expect.isLessThan before 2700L "in the middle"
        let emoji = EmojiDataset.Open()

        let distinct = Seq.length (Seq.distinct [ for at in 0 .. emoji.Count - 1 -> Convert.ToBase64String(emoji.Read at) ])
        let summary = index [ run; "emoji"; "--store"; pgliteUri table; "--block"; "64" ]
        Expect.equal (number "known" summary) before "not embedded again"
        Expect.equal (number "embedded" summary + before) (int64 distinct) "complete"
        let whole = byModel run _.Embed(emoji)
        let place = dict [ for at, item in Seq.indexed emoji.Items -> item.Path, at ]

        for row in rows (pgliteAddress table) $"SELECT path, embedding::real[] FROM {table}" do
            let expected = whole.Row(place[string row[0]]).ToArray()
            let stored = row[1] :?> float32 array
            Expect.isLessThan (Array.max (Array.map2 (fun a b -> abs (a - b)) expected stored)) 1e-5f (string row[0])

        Expect.equal (countOf table) (int64 distinct) "rows"
    }

let private serverKilled =
    test "a server that is killed while it is filled is told, with exit code 1, and going on once it is back completes the store" {
        let run, server = finishedRun [], PostgresServer()
        server.Start vectorType
        let uri = $"{server.Address}&table=cut_off"

        let counted () =
            rows (PostgresAddress.Parse uri) "SELECT count(*) FROM cut_off"
            |> List.head
            |> List.head
            |> unbox<int64>

        let known () = rows (PostgresAddress.Parse uri) "SELECT to_regclass('cut_off') IS NOT NULL" = [ [ box true ] ]
        use running = launch (Path.GetTempPath()) [ "index"; run; "emoji"; "--store"; uri; "--block"; "16" ]
        waitFor "a block" (fun () -> running.HasExited || (known () && counted () >= 16L))
        server.Kill()
        let outcome = running.Outcome()
        Expect.equal outcome.Code 1 outcome.Everything
        Expect.stringContains outcome.Error "What was written is kept; run the same command again to continue." outcome.Everything

        let away = condembed [ "index"; run; "emoji"; "--store"; uri ]
        Expect.equal away.Code 1 away.Everything
        Expect.stringContains away.Error "no PostgreSQL server answers there" away.Everything

        server.Start "SELECT 1"
        let before = counted ()
        Expect.isTrue (before >= 16L && before < 2700L && before % 16L = 0L) $"{before} rows: whole blocks, and not all"
        let summary = index [ run; "emoji"; "--store"; uri ]
        Expect.equal (number "known" summary) before "not embedded again"
        Expect.equal (counted ()) (before + number "embedded" summary) "complete"
        Expect.equal (number "embedded" (index [ run; "emoji"; "--store"; uri ])) 0L "nothing is left"
    }

/// The statements of a transaction, with work between the first and the rest.
let private around (address: PostgresAddress) first work rest =
    use source = NpgsqlDataSource.Create address.Connection.ConnectionString
    use connection = source.OpenConnection()
    use transaction = connection.BeginTransaction()

    let execute sql =
        use command = new NpgsqlCommand(sql, connection, transaction)
        command.ExecuteNonQuery() |> ignore

    execute first
    let result = work ()
    List.iter execute rest
    transaction.Commit()
    result

let private together =
    test "three processes fill one table of a database to which pgvector and the table come while they are opening it" {
        let run, uri = finishedRun [], emptyUri "late" "catalogue"
        let address = PostgresAddress.Parse uri
        let network = byModel run (fun model -> StoreNetwork.Of model)
        rows address PostgresSql.CreateCollections |> ignore
        let start store = launch (Path.GetTempPath()) [ "index"; run; imageFolder.Value; "--store"; store; "--block"; "8"; "--json" ]

        let waiting () =
            rows address "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            |> List.head
            |> List.head
            |> unbox<int64>

        let processes =
            around
                address
                $"LOCK TABLE {PostgresAddress.Collections} IN ACCESS EXCLUSIVE MODE"
                (fun () ->
                    let processes = [ for _ in 1..3 -> start uri ]
                    waitFor "three that wait" (fun () -> waiting () = 3L || processes |> List.exists _.HasExited)
                    processes)
                [ vectorType
                  PostgresSql("catalogue", network.Dimension).CreateTable
                  $"INSERT INTO {PostgresAddress.Collections} (name, fingerprint, dimension, made_by) VALUES ('catalogue', '{network.Fingerprint}', {network.Dimension}, 'test')" ]

        let done' (table: string) (processes: Running list) =
            for running in processes do
                use running = running
                let outcome = running.Outcome()
                Expect.equal outcome.Code 0 outcome.Everything

            Expect.equal (rows address $"SELECT count(*) FROM {table}") [ [ box 96L ] ] "every image once"

        done' "catalogue" processes
        // Where none of them finds the table, one of them makes it.
        done' "another" [ for _ in 1..3 -> start (uri.Replace("table=catalogue", "table=another")) ]
    }

let private found =
    test "a label that is not there is refused with those that are, in a store as in a gallery, and an empty store says so" {
        let run = finishedRun []

        inFolder (fun folder ->
            let store, empty = Path.Combine(folder, "a.index"), Path.Combine(folder, "empty.index")
            index [ run; imageFolder.Value; "--store"; store ] |> ignore
            let query = Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)[4]
            let label = Path.GetFileName(Path.GetDirectoryName query)
            let search where = condembed ([ "search"; run; "--query"; query; "--top"; "3" ] @ where)

            for place in [ [ "--store"; store ]; [ "--gallery"; imageFolder.Value ] ] do
                let outcome = search (place @ [ "--label"; label ])
                Expect.equal outcome.Code 0 outcome.Everything
                let lines = outcome.Out.Trim().Split('\n')[1..]
                Expect.isTrue (lines.Length > 0 && lines |> Array.forall _.Contains(label + "/")) outcome.Everything

                expectRefused
                    (search (place @ [ "--label"; label + "x" ]))
                    [ $"--label {label}x"; $"did you mean '{label}'"; "Its labels" ]

            IndexFileStore.OpenOrCreate(empty, byModel run (fun model -> StoreNetwork.Of model)).DisposeAsync().AsTask().Wait()
            expectRefused (search [ "--store"; empty ]) [ "empty.index"; "is empty"; "condembed index" ])
    }

let private bad =
    test "index names every bad image before it writes anything, and with --skip-bad leaves them out" {
        let run = finishedRun []

        inFolder (fun folder ->
            let set, store = Path.Combine(folder, "set"), Path.Combine(folder, "a.index")
            Directory.CreateDirectory set |> ignore

            for at, file in
                Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)
                |> Seq.truncate 3
                |> Seq.indexed do
                File.Copy(file, Path.Combine(set, $"{at}.png"))

            for name in [ "bad.png"; "worse.jpg" ] do
                File.WriteAllText(Path.Combine(set, name), $"no image: {name}")

            expectRefused (condembed [ "index"; run; set; "--store"; store ]) [ "2 of 5 images"; "bad.png"; "worse.jpg"; "--skip-bad" ]
            let summary = index [ run; set; "--store"; store; "--skip-bad" ]
            Expect.equal (number "embedded" summary, number "bad" summary) (3L, 2L) "the others")
    }

let private shards =
    test "shards are made one by one, skipped when they are there, and loaded together" {
        inFolder (fun folder ->
            let run, store = finishedRun [], pgliteUri "cli_shards"
            let embed shard = succeeds [ "embed"; run; imageFolder.Value; "--out"; folder; "--shard"; shard ]
            Expect.stringContains (embed "2/2") "32 embeddings of 16 numbers" "second"
            Expect.stringContains (embed "2/2") "exists already" "again"

            expectRefused
                (condembed [ "index"; folder; "--store"; store ])
                [ "1 of 2 shards"; "part-00001-of-00002.parquet"; "--allow-missing" ]

            let outcome = condembed [ "index"; folder; "--store"; store; "--allow-missing" ]
            Expect.stringContains outcome.Out "32 images written" "what is there"

            Expect.stringContains
                outcome.Error
                "shards that are missing, whose images will not be found: 1 (part-00001-of-00002.parquet)"
                "what is not"

            embed "1/2" |> ignore
            let files = Directory.GetFiles(folder, "*.parquet") |> List.ofArray
            let summary = index (files @ [ "--store"; store ])
            Expect.equal (number "embedded" summary, number "known" summary) (64L, 32L) "the rest"
            let file = Path.Combine(folder, "catalogue.index")
            Expect.equal (number "embedded" (index [ folder; "--store"; file ])) 96L "into a file too"
            let found = jsonOf (succeeds [ "search"; run; "--store"; file; "--query"; imageFolder.Value; "--top"; "1"; "--json" ])

            for answer in found.EnumerateArray() do
                let hit = Seq.head (answer.GetProperty("hits").EnumerateArray())
                Expect.equal (hit.GetProperty("path").GetString()) (answer.GetProperty("path").GetString()) "itself"

            let direct = index [ run; imageFolder.Value; "--store"; store ]
            Expect.equal (number "embedded" direct, number "known" direct, number "renamed" direct) (0L, 96L, 0L) "the same images")
    }

let private input =
    test "what is wrong is said before any work" {
        let run = finishedRun []
        let nowhere = condembedWith [ "CONDEMBED_STORE", "" ] [ "index"; run; imageFolder.Value ]
        expectRefused nowhere [ "--store postgres://"; "CONDEMBED_STORE" ]
        expectRefused (condembed [ "index"; run; imageFolder.Value; "--store"; "mysql://u:hush@h/d" ]) [ "--store mysql://..." ]
        expectRefused (condembed [ "index"; run; "--store"; "postgres://h/d" ]) [ "give images too" ]
        expectRefused (condembed [ "index"; run; imageFolder.Value; "--store"; "postgres://h/d"; "--block"; "0" ]) [ "--block 0" ]
        expectRefused (condembed [ "embed"; run; imageFolder.Value; "--out"; "x"; "--shard"; "3/2" ]) [ "--shard 3/2" ]
        expectRefused (condembed [ "search"; run; "--query"; "x"; "--gallery"; "y"; "--store"; "z" ]) [ "one of them" ]

        expectRefused
            (condembed [ "search"; run; "--query"; "x"; "--store"; pgliteUri "cli_none"; "--html"; "z.html" ])
            [ "--html"; "--gallery" ]

    }

let tests = testList "store" [ working; killed; serverKilled; together; found; bad; shards; input ]
