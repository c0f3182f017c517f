/// What 'metrics' and 'evaluate' measure by columns of labels.
module CondEmbed.Tests.CliColumnTests

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

let value (found: JsonElement) (name: string) = found.GetProperty(name).GetDouble()

let table seed count =
    let rows, labels = randomSet seed count 6 5
    let values = rows |> Array.concat |> Array.map float32
    let name (label: int64) = $"class \"{label}\",\n of many"
    EmbeddingTable(values, count, 6, [| for i in 1..count -> $"{i}.png" |], Array.map name labels)

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

let private at' (row: int) = $"{row + 1}.png"

/// Marks of single pairs: 1, -1, or weights, which metrics do not heed.
let private marksOf (random: Random) count (among: int -> int -> bool) =
    let fields = [ "1", 1; "yes", 1; "0.3", 1; "0", -1; "false", -1; "-0.5", -1 ]

    [ for a in 0 .. count - 1 do
          for b in a + 1 .. count - 1 do
              if among a b && random.Next 4 = 0 then
                  let field, mark = fields[random.Next fields.Length]
                  (a, b), (field, mark) ]

let private listing marks = "path_a,path_b,similar" :: [ for (a, b), (field: string, _) in marks -> $"{at' a},{at' b},{field}" ]

let private marking marks otherwise =
    let known =
        dict
            [ for (a, b), (_, mark: int) in marks do
                  (a, b), mark
                  (b, a), mark ]

    fun a b ->
        match known.TryGetValue((a, b)) with
        | true, mark -> mark
        | _ -> otherwise a b

let private measured (arguments: string list) = jsonOf (succeeds ("metrics" :: arguments @ [ "--recall-at"; "1,3"; "--json" ]))

let private expectLike (recall, map) found name =
    Expect.floatClose Accuracy.medium (value found "recall@1") recall $"{name}: Recall@1"
    Expect.floatClose Accuracy.medium (value found "map_at_r") map $"{name}: MAP@R"

/// Embeddings with paths and without labels in every form, with the further arguments of each.
let private unlabelled folder (rows: float32 array array) =
    let at name = Path.Combine(folder, name)
    let paths = Array.init rows.Length at'
    let table = EmbeddingTable(Array.concat rows, rows.Length, rows[0].Length, paths, null)

    for ending in EmbeddingFiles.Extensions do
        EmbeddingFiles.Write(at $"u{ending}", table)

    File.WriteAllText(at "u.json", JsonSerializer.Serialize {| embeddings = rows; paths = paths |})
    EmbeddingFiles.Write(at "bare.csv", EmbeddingTable(Array.concat rows, rows.Length, rows[0].Length, null, null))
    File.WriteAllLines(at "paths.tsv", "Path\tlabel" :: [ for path in paths -> path + "\ta" ])

    [ for ending in ".json" :: List.ofSeq EmbeddingFiles.Extensions -> [ at $"u{ending}" ] ]
    @ [ [ at "bare.csv"; "--labels"; at "paths.tsv" ] ]

let private pairs =
    test "single pairs say what is alike, alone or before the labels, and against a gallery" {
        inFolder (fun folder ->
            let at name = Path.Combine(folder, name)
            let table = table 9 40
            let rows = [| for i in 0..39 -> table.Embeddings.Row(i).ToArray() |]
            let marks = marksOf (Random 6) 40 (fun _ _ -> true)
            File.WriteAllLines(at "pairs.csv", listing marks)
            let alone = [ "--label-match"; "none"; "--pairs"; at "pairs.csv" ]
            let expected = slowly rows (marking marks (fun _ _ -> 0)) [ 0..39 ]

            for file in unlabelled folder rows do
                let found = measured (file @ alone)
                expectLike expected found (String.concat " " file)
                Expect.equal (found.GetProperty("alike").GetString()) "the pairs in pairs.csv" "the rule"

            EmbeddingFiles.Write(at "e.npy", table)
            let byLabel a b = if table.Labels[a] = table.Labels[b] then 1 else -1
            let both = measured [ at "e.npy"; "--pairs"; at "pairs.csv" ]
            expectLike (slowly rows (marking marks byLabel) [ 0..39 ]) both "with labels"

            // The first fifteen are the queries, which search among the others alone.
            let across = marksOf (Random 7) 40 (fun a b -> a < 15 && b >= 15)
            File.WriteAllLines(at "across.csv", listing across)

            for name, range in [ "q.csv", [ 0..14 ]; "g.jsonl", [ 15..39 ] ] do
                let values = Array.concat [ for i in range -> rows[i] ]
                EmbeddingFiles.Write(at name, EmbeddingTable(values, range.Length, 6, [| for i in range -> at' i |], null))

            let found = measured [ at "q.csv"; "--gallery"; at "g.jsonl"; "--label-match"; "none"; "--pairs"; at "across.csv" ]

            let among a b = if b < 15 then 0 else marking across (fun _ _ -> 0) a b
            expectLike (slowly rows among [ 0..14 ]) found "against a gallery"

            for arguments, words in
                [ [ "bare.csv"; "--label-match"; "none"; "--pairs"; "pairs.csv" ], [ "bare.csv: does not say the paths"; "pairs.csv" ]
                  [ "u.csv"; "--pairs"; "pairs.csv" ], [ "u.csv: has no labels" ]
                  [ "u.csv"; "--label-match"; "none" ], [ "'none' leaves only pairs"; "--pairs FILE" ]
                  [ "q.csv"; "--label-match"; "none"; "--pairs"; "across.csv" ], [ "across.csv, line 2"; "is no image of q.csv" ]
                  [ "u.csv"; "--label-match"; "none"; "--pairs"; "gone.csv" ], [ "gone.csv: no such file" ]
                  [ "u.csv"; "--label-match"; "none"; "--pairs"; "pairs.csv"; "--clustering" ], [ "u.csv: has no labels" ]
                  [ "u.csv"; "--label-match"; "none"; "--pairs"; "pairs.csv"; "--per-class"; "c.csv" ], [ "--per-class"; "no labels" ] ] do
                let outcome = condembedIn folder ("metrics" :: arguments)
                Expect.equal outcome.Code 2 outcome.Everything

                for word in words do
                    Expect.stringContains outcome.Error word "message")
    }

let tests = testList "labels and pairs" [ columns; pairs ]
