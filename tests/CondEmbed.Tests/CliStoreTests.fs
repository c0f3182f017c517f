/// `index`, `search --store` and `embed --shard` as a user meets them.
module CondEmbed.Tests.CliStoreTests

open System
open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Training
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

let private working =
    test "index and search --store find what search --gallery finds; the address may come from the environment" {
        let run, store = finishedRun [], pgliteUri "cli_work"
        let summary = index [ run; pictures.Value; "--store"; store; "--block"; "40" ]
        Expect.equal (number "embedded" summary, number "known" summary) (96L, 0L) "all"
        Expect.isFalse (summary.GetProperty("store").GetString().Contains "any") "no password"
        let again = condembedWith [ "CONDEMBED_STORE", store ] [ "index"; run; pictures.Value ]
        Expect.stringContains again.Out "0 pictures written, 96 there already" again.Everything

        let query = Directory.GetFiles(pictures.Value, "*.png", SearchOption.AllDirectories)[4]
        let search where = hitsOf (jsonOf (succeeds ([ "search"; run; "--query"; query; "--top"; "5"; "--json" ] @ where)))
        let expected = search [ "--gallery"; pictures.Value ]

        let found = search [ "--store"; store; "--exact" ]
        Expect.equal (List.map fst found) (List.map fst expected) "paths"

        for (_, a), (_, b) in List.zip found expected do
            Expect.isLessThan (abs (a - b)) 1e-5 "cosines"

        let text = condembedWith [ "CONDEMBED_STORE", store ] [ "search"; run; "--query"; query; "--top"; "1" ]
        Expect.stringContains text.Out $"1.0000  {fst expected[0]}" text.Everything
        let other = finishedRun [ "steps", "7" ]
        expectRefused (condembed [ "search"; other; "--store"; store; "--query"; query ]) [ "another network"; "another store or table" ]
        expectRefused (condembed [ "index"; other; pictures.Value; "--store"; store ]) [ "another network"; "?table=NAME" ]
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
        use model = EmbeddingModel.Load(run, "cpu")
        let whole = model.Embed emoji
        let place = dict [ for at, item in Seq.indexed emoji.Items -> item.Path, at ]

        for row in rows (pgliteAddress table) $"SELECT path, embedding::real[] FROM {table}" do
            let expected = whole.Row(place[string row[0]]).ToArray()
            let stored = row[1] :?> float32 array
            Expect.isLessThan (Array.max (Array.map2 (fun a b -> abs (a - b)) expected stored)) 1e-5f (string row[0])

        Expect.equal (countOf table) (int64 distinct) "rows"
    }

let private shards =
    test "shards are made one by one, skipped when they are there, and loaded together" {
        inFolder (fun folder ->
            let run, store = finishedRun [], pgliteUri "cli_shards"
            let embed shard = succeeds [ "embed"; run; pictures.Value; "--out"; folder; "--shard"; shard ]
            Expect.stringContains (embed "2/2") "32 embeddings of 16 numbers" "second"
            Expect.stringContains (embed "2/2") "is there already" "again"

            expectRefused
                (condembed [ "index"; folder; "--store"; store ])
                [ "1 of 2 shards"; "part-00001-of-00002.parquet"; "--allow-missing" ]

            Expect.equal (number "embedded" (index [ folder; "--store"; store; "--allow-missing" ])) 32L "what is there"
            embed "1/2" |> ignore
            let files = Directory.GetFiles(folder, "*.parquet") |> List.ofArray
            let summary = index (files @ [ "--store"; store ])
            Expect.equal (number "embedded" summary, number "known" summary) (64L, 32L) "the rest"
            let file = Path.Combine(folder, "catalogue.index")
            Expect.equal (number "embedded" (index [ folder; "--store"; file ])) 96L "into a file too"
            let found = jsonOf (succeeds [ "search"; run; "--store"; file; "--query"; pictures.Value; "--top"; "1"; "--json" ])

            for answer in found.EnumerateArray() do
                let hit = Seq.head (answer.GetProperty("hits").EnumerateArray())
                Expect.equal (hit.GetProperty("path").GetString()) (answer.GetProperty("path").GetString()) "itself"

            let direct = index [ run; pictures.Value; "--store"; store ]
            Expect.equal (number "embedded" direct, number "known" direct, number "renamed" direct) (0L, 96L, 0L) "the same pictures")
    }

let private input =
    test "what is wrong is said before any work" {
        let run = finishedRun []
        let nowhere = condembedWith [ "CONDEMBED_STORE", "" ] [ "index"; run; pictures.Value ]
        expectRefused nowhere [ "--store postgres://"; "CONDEMBED_STORE" ]
        expectRefused (condembed [ "index"; run; pictures.Value; "--store"; "mysql://u:hush@h/d" ]) [ "--store mysql://..." ]
        expectRefused (condembed [ "index"; run; "--store"; "postgres://h/d" ]) [ "give images too" ]
        expectRefused (condembed [ "index"; run; pictures.Value; "--store"; "postgres://h/d"; "--block"; "0" ]) [ "--block 0" ]
        expectRefused (condembed [ "embed"; run; pictures.Value; "--out"; "x"; "--shard"; "3/2" ]) [ "--shard 3/2" ]
        expectRefused (condembed [ "search"; run; "--query"; "x"; "--gallery"; "y"; "--store"; "z" ]) [ "one of them" ]

        expectRefused
            (condembed [ "search"; run; "--query"; "x"; "--store"; pgliteUri "cli_none"; "--html"; "z.html" ])
            [ "--html"; "--gallery" ]

    }

let tests = testList "store" [ working; killed; shards; input ]
