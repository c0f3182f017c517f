/// What the program makes of a run's levels: re-ranked orders and images of attention.
module CondEmbed.Tests.CliCompareTests

open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Pairs
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private run () = finishedRun [ "levels", "2" ]
let private number (name: string) (json: JsonElement) = json.GetProperty(name).GetDouble()

let private withoutParameters =
    test "levels without parameters need no file to compare pairs" {
        let run = finishedRun [ "level_form", "cosine"; "pooling", "mean"; "residual", "false" ]
        let reranked = jsonOf (succeeds [ "evaluate"; run; "--json"; "--rerank"; "10" ])
        Expect.isGreaterThan (number "k" (reranked.GetProperty "rerank")) 0.0 "re-ranked"
        let cosine = [ "--rerank"; "10"; "--rerank-by"; "cosine" ]
        let anew = jsonOf (succeeds ([ "evaluate"; run; "--json"; "--rerank-temperature"; "0.3" ] @ cosine))
        let change (json: JsonElement) = number "map_at_r" ((json.GetProperty "rerank").GetProperty "change")
        Expect.equal (change anew) (change reranked) "its own level again, at its temperature"
        Expect.stringContains (succeeds ([ "evaluate"; run ] @ cosine)) "cosine attention at temperature 0.2" "as text"
    }

let private evaluate =
    test "evaluate --rerank shows both orders and what the second costs" {
        let json options = jsonOf (succeeds ([ "evaluate"; run (); "--json" ] @ options))
        let plain, both = json [], json [ "--rerank"; "10" ]
        let anew = both.GetProperty "rerank"
        Expect.equal (number "k" anew, anew.GetProperty("by").GetString()) (10.0, "mean") "how"

        for name in [ "recall@1"; "map_at_r"; "mean_average_precision" ] do
            Expect.equal (number name both) (number name plain) $"{name}, plain"
            let change = number name (anew.GetProperty "metrics") - number name plain
            Expect.floatClose Accuracy.high (number name (anew.GetProperty "change")) change $"{name}, change"

        for name in [ "embedding_ms_a_picture"; "search_ms_a_query"; "reranking_ms_a_query"; "bytes_a_picture" ] do
            Expect.isGreaterThan (number name (anew.GetProperty "cost")) 0.0 name

        let one = (json [ "--rerank"; "1"; "--rerank-by"; "last"; "--best" ]).GetProperty "rerank"
        Expect.equal (number "map_at_r" (one.GetProperty "change")) 0.0 "one image has one order"
        let text = succeeds [ "evaluate"; run (); imageFolder.Value; "--rerank"; "1000" ]

        for words in [ "96 queries"; "the 95 nearest"; "plain   re-ranked   change"; "MAP@R"; "re-ranking" ] do
            Expect.stringContains text words "as text"
    }

let private search =
    test "search --rerank gives both similarities, the nearest in their new order and the rest in the old" {
        let query = Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)[7]
        let arguments = [ "search"; run (); "--gallery"; imageFolder.Value; "--query"; query; "--top" ]

        let hits options =
            let answers = jsonOf (succeeds (arguments @ options @ [ "--json" ]))
            [ for hit in answers[0].GetProperty("hits").EnumerateArray() -> hit ]

        let path (hit: JsonElement) = hit.GetProperty("path").GetString()
        let plain, anew = hits [ "12" ], hits [ "12"; "--rerank"; "8" ]
        Expect.equal (List.map path plain[8..]) (List.map path anew[8..]) "the rest"
        Expect.equal (List.sort (List.map path plain[..7])) (List.sort (List.map path anew[..7])) "the same images"
        let scores = [ for hit in anew[..7] -> number "conditional" hit ]
        Expect.equal scores (List.sortDescending scores) "by the new similarity"

        for hit in anew do
            Expect.equal (number "cosine" hit) (plain |> List.find (fun other -> path other = path hit) |> number "cosine") "the old one"

        for hit in plain @ anew[8..] do
            Expect.isFalse (fst (hit.TryGetProperty "conditional")) "none where nothing is re-ranked"

        Expect.equal (List.map path (hits [ "3"; "--rerank"; "50" ]) |> List.length) 3 "more re-ranked than shown"

        inFolder (fun folder ->
            let page = Path.Combine(folder, "found.html")
            succeeds (arguments @ [ "3"; "--rerank"; "5"; "--html"; page ]) |> ignore
            Expect.stringContains (File.ReadAllText page) "title=\"conditional similarity\"" "on the page")
    }

let private explain =
    test "explain draws a row for each level, and gives the maps as numbers" {
        inFolder (fun folder ->
            let files = Directory.GetFiles(imageFolder.Value, "*.png", SearchOption.AllDirectories)
            let out, wide = Path.Combine(folder, "pair.png"), Path.Combine(folder, "heads.png")
            let json = jsonOf (succeeds [ "explain"; run (); files[0]; files[9]; "--json"; "--out"; out ])
            let levels = json.GetProperty "levels"
            Expect.equal (levels.GetArrayLength()) 2 "levels"
            use model = ConditionalModel.Load(run ())
            let image (file: string) = ImageSupport.decodeFile file
            let expected = model.Explain(image files[0], image files[9])
            Expect.floatClose Accuracy.high (number "unconditional" json) expected.Similarity.Unconditional "s^0"

            for level, look in Seq.zip (levels.EnumerateArray()) expected.Levels do
                let rows =
                    [ for row in level.GetProperty("second").EnumerateArray() ->
                          [ for x in row.EnumerateArray() do
                                x.GetSingle() ] ]

                Expect.equal (rows.Length, rows.Head.Length) (look.Rows, look.Columns) "grid"
                Expect.equal (List.concat rows) (List.ofArray look.SecondMean) "weights"
                Expect.floatClose Accuracy.medium (Seq.sumBy float (Seq.concat rows)) 1.0 "they sum to 1"
                Expect.equal (level.GetProperty("first_heads").GetArrayLength()) 2 "heads"

            let sheet = image out
            Expect.equal sheet.Width (3 * 230 + 6) "text and two images"
            Expect.isGreaterThan sheet.Height (3 * 224) "three rows"
            let said = succeeds [ "explain"; run (); "emoji:ghost/noto.png"; files[0]; "--heads"; "--out"; wide ]
            Expect.stringContains said "level 2" "similarities"
            Expect.equal (image wide).Width (7 * 182 + 6) "two heads more")
    }

let private report =
    test "the report of a run with levels shows where they look, one without has nothing of it" {
        let page others = File.ReadAllText(RunFolder(finishedRun others).Report)
        let shown = page [ "levels", "2" ]

        for words in [ "Where images look"; "Of one class, least alike"; "level 2: " ] do
            Expect.stringContains shown words words

        Expect.isFalse ((page [ "levels", "0" ]).Contains "Where images look") "none"
    }

let private refusals =
    test "what cannot be compared is said" {
        let refused words arguments =
            let outcome = condembed arguments
            Expect.equal outcome.Code 2 outcome.Everything

            for word: string in words do
                Expect.stringContains outcome.Error word "message"

        let flat = finishedRun [ "levels", "0" ]
        refused [ "without levels"; "--levels 1" ] [ "evaluate"; flat; "--rerank"; "5" ]
        refused [ "without levels" ] [ "search"; flat; "--gallery"; imageFolder.Value; "--query"; imageFolder.Value; "--rerank"; "5" ]
        refused [ "without levels" ] [ "explain"; flat; "emoji:ghost/noto.png"; "emoji:ghost/noto.png"; "--json" ]
        refused [ "--rerank 0"; "at least 1" ] [ "evaluate"; run (); "--rerank"; "0" ]
        refused [ "--rerank-by first"; "mean, last or cosine" ] [ "evaluate"; run (); "--rerank"; "3"; "--rerank-by"; "first" ]
        refused [ "--rerank-temperature"; "--rerank-by cosine" ] [ "evaluate"; run (); "--rerank"; "3"; "--rerank-temperature"; "0.2" ]
        refused [ "--rerank-by last"; "--rerank K" ] [ "evaluate"; run (); "--rerank-by"; "last" ]
        refused [ "--out pair.png" ] [ "explain"; run (); "emoji:ghost/noto.png"; "emoji:ghost/noto.png" ]
        refused [ "2 names given" ] [ "explain"; run (); "emoji:ghost/noto.png"; "--json" ]

        refused
            [ "emoji:ghost/nobody.png"; "no such image" ]
            [ "explain"; run (); "emoji:ghost/nobody.png"; "emoji:ghost/noto.png"; "--json" ]

        refused [ "gone.png"; "no such file" ] [ "explain"; run (); "gone.png"; "emoji:ghost/noto.png"; "--json" ]
        refused [ ".jpg"; "PNG" ] [ "explain"; run (); "emoji:ghost/noto.png"; "emoji:ghost/noto.png"; "--out"; "pair.jpg" ]
    }

let private runs =
    test "compare prints, writes a page and a table, gives JSON, and refuses what is no run" {
        inFolder (fun folder ->
            let flat, page, table = finishedRun [ "levels", "0" ], Path.Combine(folder, "page.html"), Path.Combine(folder, "runs.csv")
            let text = succeeds [ "compare"; flat; run (); "--out"; page; "--csv"; table ]

            for words in [ "MAP@R %"; "levels"; "condembed study"; $"written {page}"; $"written {table}" ] do
                Expect.stringContains text words "as text"

            Expect.stringContains (File.ReadAllText page) "CondEmbed comparison" "page"
            Expect.stringContains (File.ReadAllText table) "run,measured,step,metric,value" "table"
            let json = jsonOf (succeeds [ "compare"; flat; run (); "--json" ])
            let second = json.GetProperty("runs").[1]
            let metrics = MetricsFile.Read(RunFolder(run ()).Metrics)
            Expect.equal (number "map_at_r" (second.GetProperty "last")) metrics.After["map_at_r"] "as JSON"
            Expect.equal (json.GetProperty("settings").[0].GetProperty("values").[1].GetString()) "2" "the levels"
            let outcome = condembed [ "compare"; folder ]
            Expect.equal outcome.Code 2 outcome.Everything
            Expect.stringContains outcome.Error "not a run folder" "said"
            let seed = Path.Combine(folder, "study", "flat", "seed-0")
            Directory.CreateDirectory seed |> ignore
            File.Copy(RunFolder(flat).Settings, RunFolder(seed).Settings)

            let mistaken place kind =
                let outcome = condembed [ "compare"; place; run () ]
                Expect.equal outcome.Code 2 outcome.Everything

                for words in [ $"{place}: this is not a run folder but {kind}."; $"such as {seed}"; "study.html" ] do
                    Expect.stringContains outcome.Error words "which run"

            mistaken (Path.GetDirectoryName seed) "an arm of a study"
            File.WriteAllText(Path.Combine(folder, "study", "study.json"), "{}")
            mistaken (Path.Combine(folder, "study")) "a study")
    }

let tests = testList "compare" [ runs; withoutParameters; evaluate; search; explain; report; refusals ]
