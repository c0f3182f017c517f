/// What 'metrics' and 'evaluate' measure beside the usual, and what they read.
module CondEmbed.Tests.CliMetricsTests

open System
open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Evaluation
open CondEmbed.Interchange
open CondEmbed.Models
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.EvaluationTests
open CondEmbed.Tests.Support

let private names (found: JsonElement) = [ for pair in found.EnumerateObject() -> pair.Name ]

let private value (found: JsonElement) (name: string) = found.GetProperty(name).GetDouble()

let private table seed count =
    let rows, labels = randomSet seed count 6 5
    let values = rows |> Array.concat |> Array.map float32
    let name (label: int64) = $"class \"{label}\",\n of many"
    EmbeddingTable(values, count, 6, [| for i in 1..count -> $"{i}.png" |], Array.map name labels)

let private everyForm =
    test "every file that 'embed' writes reads back to the same metrics" {
        inFolder (fun folder ->
            let table = table 3 50

            let expected =
                let numbers = table.Labels |> Array.map (fun label -> int64 (hash label))
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
            let numbers (table: EmbeddingTable) = table.Labels |> Array.map (fun label -> int64 (hash label))
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

            Expect.isGreaterThan (File.ReadAllLines classes).Length 3 "classes by name"
            Expect.stringContains (File.ReadAllText(Path.Combine(run, "report.html"))) "ties by lower index" "the report says how")
    }

/// Recall@1 and MAP@R of some queries, by a full sort and a rule: 1 for alike, -1 for unlike, 0 for no pair.
let private slowly (rows: float32 array array) (rule: int -> int -> int) queries =
    let cosine (a: float32 array) (b: float32 array) =
        let dot x y = Array.fold2 (fun sum x y -> sum + float x * float y) 0.0 x y
        dot a b / sqrt (dot a a * dot b b)

    let found =
        [ for q in queries do
              let items = [ 0 .. rows.Length - 1 ] |> List.filter (fun i -> i <> q && rule q i <> 0)
              let hits = items |> List.sortBy (fun i -> -(cosine rows[q] rows[i]), i) |> List.map (fun i -> rule q i > 0)
              let r = hits |> List.filter id |> List.length
              let precision k = float (hits[.. k - 1] |> List.filter id |> List.length) / float k

              let sum =
                  List.sum
                      [ for k in 1..r do
                            if hits[k - 1] then precision k ]

              r, (if not hits.IsEmpty && hits.Head then 1.0 else 0.0), sum / float (max r 1) ]

    List.averageBy (fun (_, first, _) -> first) found,
    found |> List.filter (fun (r, _, _) -> r > 0) |> List.averageBy (fun (_, _, map) -> map)

let private columns =
    test "further labels from a table say what is alike, and each label of a column is measured by itself" {
        inFolder (fun folder ->
            let at name = Path.Combine(folder, name)
            let table = table 8 40
            EmbeddingFiles.Write(at "e.parquet", table)
            let random = Random 5

            let tags =
                [| for _ in 1..40 ->
                       set
                           [ for tag in [ "red"; "green"; "blue" ] do
                                 if random.Next 2 = 0 then tag ] |]

            let kinds = [| for i in 0..39 -> if i % 7 = 0 then "" else $"kind {i % 3}" |]

            let line i =
                let field = String.concat ";" tags[i]
                $"{i},{field},{kinds[i]}"

            File.WriteAllLines(at "labels.csv", "label,tags,Kind" :: [ for i in 0..39 -> line i ])
            let rows = [| for i in 0..39 -> table.Embeddings.Row(i).ToArray() |]
            let all = [ 0..39 ]

            let byTags a b =
                if tags[a].IsEmpty || tags[b].IsEmpty then 0
                elif (Set.intersect tags[a] tags[b]).IsEmpty then -1
                else 1

            let asked =
                [ "metrics"
                  at "e.parquet"
                  "--labels"
                  at "labels.csv"
                  "--label-match"
                  "tags"
                  "--label-columns"
                  "kind"
                  "--label-separator"
                  ";"
                  "--recall-at"
                  "1,3" ]

            let found = jsonOf (succeeds (asked @ [ "--by"; "tags"; "--json" ]))
            Expect.stringStarts (found.GetProperty("alike").GetString()) "the same tags" "the rule"
            let recall, map = slowly rows byTags all
            Expect.floatClose Accuracy.medium (value found "recall@1") recall "Recall@1"
            Expect.floatClose Accuracy.medium (value found "map_at_r") map "MAP@R"

            let byKind a b =
                if kinds[a] = "" || kinds[b] = "" then 0
                elif kinds[a] = kinds[b] then 1
                else -1

            let _, kindMap = all |> List.filter (fun i -> kinds[i] <> "") |> slowly rows byKind
            Expect.floatClose Accuracy.medium (value found "map_at_r_by_kind") kindMap "by another column"
            let by = found.GetProperty "by"
            Expect.equal (by.GetProperty("column").GetString()) "tags" "column"
            let groups = [ for group in by.GetProperty("groups").EnumerateArray() -> group ]
            Expect.equal [ for group in groups -> group.GetProperty("value").GetString() ] [ "blue"; "green"; "red" ] "groups"

            for group in groups do
                let queries = all |> List.filter (fun i -> tags[i].Contains(group.GetProperty("value").GetString()))
                let recall, map = slowly rows byTags queries
                Expect.equal (value group "queries") (float queries.Length) "queries"
                Expect.floatClose Accuracy.medium (value group "recall@1") recall "Recall@1"
                Expect.floatClose Accuracy.medium (value group "map_at_r") map "MAP@R"

            let text = succeeds (asked @ [ "--by"; "kind" ])
            Expect.stringContains text "to be found: the same tags" "the rule"

            for word in [ "kind 0"; "kind 2"; "Recall@3"; "queries" ] do
                Expect.stringContains (text.Substring(text.LastIndexOf "\n\n")) word "table"

            // Queries and a gallery of their own.
            let against =
                asked @ [ "--gallery"; at "e.parquet"; "--gallery-labels"; at "labels.csv"; "--json" ]
                |> succeeds
                |> jsonOf

            Expect.isGreaterThan (value against "recall@1") (value found "recall@1") "they find themselves"
            Expect.equal (value against "queries") 40.0 "queries"

            for arguments, words in
                [ [ "--label-match"; "colour"; "--labels"; at "labels.csv" ], [ "labels.csv, line 1"; "no column 'colour'"; "'tags'" ]
                  [ "--by"; "tags" ], [ "columns of labels (tags)"; "--labels table.csv" ]
                  [ "--label-match"; "any" ], [ "compares several columns"; "label-columns" ]
                  [ "--label-overlap"; "2" ], [ "--label-overlap 2" ] ] do
                let outcome = condembed ([ "metrics"; at "e.parquet" ] @ arguments)
                Expect.equal outcome.Code 2 outcome.Everything

                for word in words do
                    Expect.stringContains outcome.Error word "message")
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

let tests = testList "CliMetrics" [ everyForm; malformed; options; gallery; columns; run; refusals ]
