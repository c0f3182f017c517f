/// What 'metrics' and 'evaluate' measure beside the usual, and what they read.
module CondEmbed.Tests.CliMetricsTests

open System
open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Evaluation
open CondEmbed.Interchange
open CondEmbed.Models
open CondEmbed.Tests.CliColumnTests
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.Support

let private names (found: JsonElement) = [ for pair in found.EnumerateObject() -> pair.Name ]

let private everyForm =
    test "every file that 'embed' writes reads back to the same metrics" {
        inFolder (fun folder ->
            let table = table 3 50

            let expected =
                let numbers = [| for label in table.Labels -> int64 (hash label) |]
                Retrieval.Evaluate(table.Embeddings, numbers)

            for ending in EmbeddingFiles.Extensions do
                let file = Path.Combine(folder, "e" + ending)
                EmbeddingFiles.Write(file, table)
                let read = LabelledEmbeddings.Read file
                Expect.sequenceEqual read.Labels table.Labels ending
                Expect.sequenceEqual (Seq.toList (read.Evaluate().Values)) (Seq.toList expected.Values) ending

            let file = Path.Combine(folder, "e.parquet")
            let labels = Path.Combine(folder, "other.txt")
            File.WriteAllLines(labels, [ for i in 0..49 -> string (i % 3) ])
            Expect.equal (LabelledEmbeddings.Read(file, labels)).Labels[4] "1" "labels of one's own"
            let found = jsonOf (succeeds [ "metrics"; file; "--json" ])
            Expect.equal (value found "map_at_r") expected.MapAtR "by the program")
    }

let private malformed =
    test "malformed files are refused by line" {
        inFolder (fun folder ->
            let refused name (text: string) words =
                let file = Path.Combine(folder, name)
                File.WriteAllText(file, text)
                rejects (name :: words) (fun () -> LabelledEmbeddings.Read file |> ignore)

            refused "a.csv" "path,label,e0,e1\na,b,1,2\nc,d,1,x\ne,f,1\n" [ "line 3"; "'x'"; "'e1'"; "line 4"; "3 fields" ]
            refused "a.csv" "e0,e1\n1,2\n" [ "no labels" ]
            refused "a.csv" "path,label,e0\n" [ "no embeddings" ]
            refused "a.csv" "0.5,0.25\n1,2\n" [ "line 1"; "columns' names should stand"; "label,e0,e1" ]
            refused "a.csv" "label,7,7\na,1,2\n" [ "line 1"; "columns' names should stand" ]
            refused "a.csv" "id,label,e0,e1\n1,a,1,2\n" [ "line 1"; "'id' does not look like a part of the embedding, as 'e1' does" ]
            refused "a.csv" ",label,0,1\n0,a,1,2\n" [ "line 1"; "the column '' does not look like a part" ]
            refused "a.csv" "index,label,x,y\n0,a,1,2\n" [ "'index'"; "as 'y' does" ]
            refused "a.csv" "label,e0\n\"a,1\n" [ "line 2"; "never closed" ]

            refused
                "a.jsonl"
                "{\"label\":\"a\",\"embedding\":[1,2]}\n{\n[1]\n{\"label\":\"a\",\"embedding\":[1,\"x\"]}\n{\"label\":\"a\",\"embedding\":[1]}"
                [ "line 2"; "JSON"; "line 3"; "line 4"; "\"x\""; "line 5"; "1 numbers instead of 2" ]

            refused "a.parquet" "PAR1 but not really" [ "cannot be read" ])
    }

let private options =
    test "everything that can be measured, under stable names" {
        inFolder (fun folder ->
            let file = Path.Combine(folder, "e.npy")
            EmbeddingFiles.Write(file, table 4 60)
            let classes = Path.Combine(folder, "classes.csv")

            let asked =
                [ "--recall-at"
                  "1,10"
                  "--precision-at"
                  "5"
                  "--variants"
                  "--class-averages"
                  "--clustering"
                  "--fmr"
                  "0.1"
                  "--pcf"
                  "0.5,0.9" ]

            let found = jsonOf (succeeds ([ "metrics"; file; "--json"; "--per-class"; classes ] @ asked))

            Expect.equal
                (names found |> List.filter (fun name -> not (name.EndsWith "_class_average")))
                [ "protocol"
                  "queries"
                  "queries_without_match"
                  "recall@1"
                  "recall@1_possible_only"
                  "recall@10"
                  "recall@10_possible_only"
                  "precision@1"
                  "r_precision"
                  "map_at_r"
                  "mean_average_precision"
                  "mean_reciprocal_rank"
                  "precision@5"
                  "map@5"
                  "recall@1_threshold"
                  "recall@10_threshold"
                  "map_at_r_counting_query"
                  "fnmr@fmr=0.1"
                  "nmi"
                  "ami"
                  "f1"
                  "pcf@0.5"
                  "pcf@0.9" ]
                "names"

            Expect.stringContains (found.GetProperty("protocol").GetString()) "all against all; cosine" "protocol"
            let lines = File.ReadAllText(classes)
            Expect.stringStarts lines "class,queries,queries_without_match,recall@1,recall@1_possible_only,recall@10," "header"
            Expect.stringContains lines "\"class \"\"0\"\",\n of many\"," "a class by its name"
            let text = succeeds ([ "metrics"; file ] @ asked)

            for word in
                [ "MAP@R, R counts the query"
                  "Recall@10, threshold"
                  "FNMR@FMR 0.1"
                  "AMI"
                  "PCF@0.9"
                  "MAP@5"
                  "MAP@R, average of classes" ] do
                Expect.stringContains text word "for people")
    }

let private gallery =
    test "queries against a gallery, also where only one of them is in double precision" {
        inFolder (fun folder ->
            let queries, gallery = table 5 20, table 6 40
            let file, other = Path.Combine(folder, "q.csv"), Path.Combine(folder, "g.jsonl")
            EmbeddingFiles.Write(file, queries)
            EmbeddingFiles.Write(other, gallery)
            let numbers (table: EmbeddingTable) = [| for label in table.Labels -> int64 (hash label) |]
            let expected = Retrieval.Evaluate(queries.Embeddings, numbers queries, gallery.Embeddings, numbers gallery)
            let found = jsonOf (succeeds [ "metrics"; file; "--gallery"; other; "--recall-at"; "1,10,20"; "--json" ])
            Expect.equal (value found "map_at_r") expected.MapAtR "MAP@R"
            Expect.equal (value found "recall@10") (expected.Recall 10) "CMC@10"
            Expect.equal (value found "queries") 20.0 "queries"
            Expect.stringStarts (found.GetProperty("protocol").GetString()) "queries against a gallery" "protocol"
            let json = Path.Combine(folder, "g.json")
            let rows = [| for i in 0..39 -> gallery.Embeddings.Row(i).ToArray() |]
            File.WriteAllText(json, JsonSerializer.Serialize {| embeddings = rows; labels = gallery.Labels |})
            let wide = jsonOf (succeeds [ "metrics"; file; "--gallery"; json; "--json" ])
            Expect.isLessThan (abs (value wide "map_at_r" - expected.MapAtR)) 1e-3 "widened")
    }

let private alone =
    test "what counts an image without another of its class, and what leaves it out, is said as it is" {
        inFolder (fun folder ->
            let file = Path.Combine(folder, "e.json")
            File.WriteAllText(file, """{"embeddings": [[1, 0], [1, 0.1], [0, 1], [0.1, 1], [-1, -1]], "labels": [0, 0, 1, 1, 2]}""")
            let text = succeeds [ "metrics"; file; "--variants"; "--class-averages"; "--recall-at"; "1" ]

            Expect.stringContains
                text
                "Every Recall@K counts queries without a possible match as misses, except those marked 'possible'."
                "said"

            let lines = text.Split '\n' |> Array.filter (fun line -> Text.RegularExpressions.Regex.IsMatch(line, @"\d\d$"))

            for line in lines do
                let isMiss = line.StartsWith "Recall@1" && not (line.Contains "possible")

                let expected =
                    if line.Contains "average" && isMiss then "66.67"
                    elif isMiss then "80.00"
                    else "100.00"

                if not (line.Contains "counts the query") then Expect.stringEnds line expected line

            Expect.isGreaterThan lines.Length 10 text)
    }

let private run =
    test "a run is evaluated with the same options, and keeps what its settings ask for" {
        inFolder (fun folder ->
            let run = finishedRun [ "recall_at", "1,3"; "clustering", "true" ]
            let classes = Path.Combine(folder, "classes.csv")
            let found = jsonOf (succeeds [ "evaluate"; run; "--json"; "--variants"; "--clustering"; "--per-class"; classes ])
            let kept = (jsonOf (File.ReadAllText(Path.Combine(run, "metrics.json")))).GetProperty("after")
            Expect.equal (names kept |> List.filter (fun name -> name.StartsWith "recall")) [ "recall@1"; "recall@3" ] "K"

            for name in [ "nmi"; "ami"; "f1"; "map_at_r"; "recall@1" ] do
                Expect.floatClose Accuracy.medium (value found name) (value kept name) name

            let own = condembed [ "evaluate"; run ]
            Expect.stringContains own.Out "pictures, test part, 8 classes: 48 queries" "what was measured"
            Expect.isFalse (own.Error.Contains "warning") own.Error
            let all = condembed [ "evaluate"; run; imageFolder.Value ]
            Expect.stringContains all.Out "pictures, all 16 classes: 96 queries" "all of it"

            Expect.stringContains
                all.Error
                "48 of the 96 images measured, of 8 of the 16 classes, are of the training"
                "with what it learnt from"
            // The same images elsewhere, and others of the same classes.
            unpack folder 16
            Expect.stringContains (condembed [ "evaluate"; run; folder ]).Error "48 of the 96 images" "a copy"

            for file in Directory.GetFiles(folder, "*.png", SearchOption.AllDirectories) do
                File.Move(file, file.Replace(".png", "x.png"))

            Expect.stringContains
                (condembed [ "evaluate"; run; folder ]).Error
                "8 of the 16 classes measured have the names of classes"
                "names"

            Expect.isGreaterThan (File.ReadAllLines classes).Length 3 "classes by name"
            Expect.stringContains (File.ReadAllText(Path.Combine(run, "report.html"))) "ties by lower index" "the report says how")
    }

let private refusals =
    testList
        "refused"
        [ for arguments, words in
              [ [ "--recall-at"; "1,x" ], [ "--recall-at 1,x"; "'x'"; "at least 1" ]
                [ "--recall-at"; "0" ], [ "'0'" ]
                [ "--fmr"; "1.5" ], [ "--fmr 1.5"; "from 0 to 1" ]
                [ "--gallery-labels"; "x.csv" ], [ "--gallery FILE" ]
                [ "--gallery"; "gone.npy" ], [ "gone.npy"; "no such file" ]
                [ "--gallery"; "wide.csv" ], [ "6 numbers"; "wide.csv have 2" ]
                [ "--per-class"; "gone/classes.csv" ], [ "gone/classes.csv"; "there is no folder gone" ] ] do
              testCase (String.concat " " arguments) (fun () ->
                  inFolder (fun folder ->
                      EmbeddingFiles.Write(Path.Combine(folder, "e.csv"), table 7 10)

                      EmbeddingFiles.Write(
                          Path.Combine(folder, "wide.csv"),
                          EmbeddingTable(Array.create 4 1.0f, 2, 2, null, [| "a"; "a" |])
                      )

                      let outcome = condembedIn folder ([ "metrics"; "e.csv" ] @ arguments)
                      Expect.equal outcome.Code 2 outcome.Everything

                      for word in words do
                          Expect.stringContains outcome.Error word "message")) ]

let tests = testList "CliMetrics" [ everyForm; malformed; options; gallery; CliColumnTests.tests; alone; run; refusals ]
