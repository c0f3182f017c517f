/// Runs on images that are alike by other things than their class, and what the program measures of them.
module CondEmbed.Tests.PairRunTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open CondEmbed.Datasets
open CondEmbed.Models
open CondEmbed.Runs
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.TrunkTests
open CondEmbed.Tests.Support

/// The pictures as a table with further labels: the class once more, who drew it, and of every other one a kind.
let tableIn folder =
    let table = Path.Combine(folder, "table.csv")

    File.WriteAllLines(
        table,
        [ "path,label,again,maker,kind,split"
          for at, one in Directory.GetDirectories imageFolder.Value |> Array.sort |> Array.indexed do
              for file in Directory.GetFiles one |> Array.sort do
                  let split =
                      if at < 6 then "train"
                      elif at < 8 then "validation"
                      else "test"

                  let name, maker = Path.GetFileName one, Path.GetFileNameWithoutExtension file
                  let kind = if maker.Length % 2 = 0 then $"kind {at % 3}" else ""
                  $"{file},{name},{name},{maker},{kind},{split}" ]
    )

    table

let private metricsOf (values: IReadOnlyDictionary<string, float>) =
    [ for KeyValue(name, value) in values do
          if not (name.Contains "_by_") then name, value ]

/// Recall@1 and MAP@R of test images by a full sort, and a rule over two images that says 1 for alike, -1 for unlike and 0 for no pair. Images that are in no pair are queries or not.
let private slowly (run: string) (dataset: IImageDataset) everyone (rule: ImageItem -> ImageItem -> int) =
    use model = EmbeddingModel.Load run

    let items =
        [| for i in 0 .. dataset.Count - 1 do
               if dataset.Items[i].Role = Role.Test then i |]

    let rows = model.Embed(dataset, items)
    let cosine a b = Seq.fold2 (fun sum x y -> sum + float x * float y) 0.0 (rows.Row(a).ToArray()) (rows.Row(b).ToArray())
    let mark a b = rule dataset.Items[items[a]] dataset.Items[items[b]]
    let all = [ 0 .. items.Length - 1 ]

    let found =
        [ for q in all do
              let counted = all |> List.filter (fun i -> i <> q && mark q i <> 0) |> List.sortBy (fun i -> -(cosine q i), i)

              if everyone || mark q q <> 0 then
                  let hits = [ for i in counted -> mark q i > 0 ]
                  let matches = hits |> List.filter id |> List.length

                  let precision =
                      [ for k in 1..matches do
                            if hits[k - 1] then float (hits[.. k - 1] |> List.filter id |> List.length) / float k ]

                  matches,
                  (if hits.IsEmpty || not hits.Head then 0.0 else 1.0),
                  (if matches = 0 then 0.0 else List.sum precision / float matches) ]

    let possible = found |> List.filter (fun (matches, _, _) -> matches > 0)
    List.averageBy (fun (_, hit, _) -> hit) found, List.averageBy (fun (_, _, map) -> map) possible

let private label (column: string) (item: ImageItem) =
    match item.Labels.TryGetValue column with
    | true, label -> label
    | _ -> ""

let private byColumn column a b =
    match label column a, label column b with
    | "", _
    | _, "" -> 0
    | one, other -> if one = other then 1 else -1

let private byAny a b =
    match [ for column in [ "maker"; "kind" ] -> byColumn column a b ] with
    | marks when List.contains 1 marks -> 1
    | marks when List.contains -1 marks -> -1
    | _ -> 0

let private training =
    testList
        "training"
        [ test "a column like the classes trains to the same bits and measures the same, also on what frozen stages make" {
              inFolder (fun folder ->
                  let table = tableIn folder

                  for others in [ []; ("freeze", "conv1*,bn1*") :: kept folder ] do
                      let run name more =
                          let run = Path.Combine(folder, $"{name}{others.Length}")
                          run, train (settings table (others @ more)) run

                      let byClass, expected = run "class" []
                      let byColumn, found = run "column" [ "label_match", "again" ]
                      Expect.equal (metricsOf found.After) (metricsOf expected.After) "metrics"
                      Expect.equal (lastWeights byColumn) (lastWeights byClass) "weights")
          }

          test "a run by any of two labels trains on other pairs, measures them as loops do, and goes on to the same bits" {
              inFolder (fun folder ->
                  let table = tableIn folder
                  let others = [ "label_match", "any"; "label_columns", "maker,kind"; "recall_at", "1,3" ]
                  let whole, parts = Path.Combine(folder, "whole"), Path.Combine(folder, "parts")
                  let after = (train (settings table others) whole).After
                  let byClass = Path.Combine(folder, "class")
                  train (settings table [ "recall_at", "1,3" ]) byClass |> ignore
                  Expect.notEqual (lastWeights whole) (lastWeights byClass) "other pairs teach other weights"
                  stopAt 3 (Trainer(settings table others, parts)) |> ignore
                  Trainer.Resume(parts).Train() |> ignore
                  expectSameRun whole parts

                  let dataset = ImageDatasets.Open(table, DatasetOptions(LabelMatch = "any", LabelColumns = [| "maker"; "kind" |]))

                  for suffix, everyone, rule in
                      [ "", true, byAny; "_by_maker", false, byColumn "maker"; "_by_kind", false, byColumn "kind" ] do
                      let recall, map = slowly whole dataset everyone rule
                      Expect.floatClose Accuracy.medium after[$"recall@1{suffix}"] recall $"recall@1{suffix}"
                      Expect.floatClose Accuracy.medium after[$"map_at_r{suffix}"] map $"map_at_r{suffix}"

                  Expect.isTrue (after.ContainsKey "recall@3_by_kind") "K of the settings"
                  let report = File.ReadAllText(Path.Combine(whole, "report.html"))
                  Expect.stringContains report "to be found: the same label in maker or kind" "the report says how"
                  let said = notices (Trainer(settings table others, Path.Combine(folder, "said")))
                  Expect.stringContains said "alike: the same label in maker or kind" "the run says how"

                  // Other labels are other data.
                  stopAt 3 (Trainer(settings table others, Path.Combine(folder, "changed"))) |> ignore
                  File.WriteAllText(table, (File.ReadAllText table).Replace(",kind 0,", ",kind 1,"))
                  rejects [ "not the ones that the run" ] (fun () -> Trainer.Resume(Path.Combine(folder, "changed")).Train() |> ignore))
          }

          test "a run on nothing but the pairs of a file, in batches of them, measures these and goes on to the same bits" {
              inFolder (fun folder ->
                  let table, pairs = tableIn folder, Path.Combine(folder, "pairs.csv")

                  let lines =
                      File.ReadAllLines table
                      |> Array.skip 1
                      |> Array.map (fun line -> let fields = line.Split ',' in fields[0], fields[1], fields[5])

                  // Of each part, what lies beside each other in the table: alike within a class, unlike between two.
                  File.WriteAllLines(
                      pairs,
                      [ "path_a,path_b,similar"
                        for (a, first, part), (b, second, other) in Array.pairwise lines do
                            if part = other then $"{a},{b},{(if first = second then 1 else 0)}" ]
                  )

                  let others = [ "label_match", "none"; "pairs", pairs; "sampler", "pairs" ]
                  let whole, parts = Path.Combine(folder, "whole"), Path.Combine(folder, "parts")
                  let after = (train (settings table others) whole).After
                  stopAt 3 (Trainer(settings table others, parts)) |> ignore
                  Trainer.Resume(parts).Train() |> ignore
                  expectSameRun whole parts

                  let marked =
                      dict
                          [ for line in File.ReadAllLines pairs |> Array.skip 1 do
                                let fields = line.Split ','
                                let mark = if fields[2] = "1" then 1 else -1
                                (fields[0], fields[1]), mark
                                (fields[1], fields[0]), mark ]

                  let rule (a: ImageItem) (b: ImageItem) =
                      match marked.TryGetValue((a.Path, b.Path)) with
                      | true, mark -> mark
                      | _ -> 0

                  let recall, map = slowly whole (ImageDatasets.Open table) true rule
                  Expect.floatClose Accuracy.medium after["recall@1"] recall "Recall@1"
                  Expect.floatClose Accuracy.medium after["map_at_r"] map "MAP@R"
                  let told = jsonOf (succeeds [ "evaluate"; whole; table; "--json"; "--label-match"; "none"; "--pairs"; pairs ])
                  Expect.floatClose Accuracy.medium (told.GetProperty("map_at_r").GetDouble()) map "as the program is told")
          }

          test "weights of pairs teach other weights, with a loss that takes them" {
              inFolder (fun folder ->
                  let table = tableIn folder

                  let run overlap more =
                      let run = Path.Combine(folder, Guid.NewGuid().ToString "N")
                      let labels = [ "label_columns", "maker,kind"; "label_match", "jaccard"; "label_overlap", overlap ]
                      train (settings table (labels @ more)) run |> ignore
                      lastWeights run

                  let weighted = [ "label_weights", "true" ]
                  Expect.notEqual (run "0.3" weighted) (run "0.3" []) "weights"
                  // All that are alike share all.
                  Expect.equal (run "1" weighted) (run "1" []) "weights of 1"

                  rejects [ "pairs weigh differently"; "the loss 'triplet' counts every pair alike"; "contrastive" ] (fun () ->
                      run "0.3" (("loss", "triplet") :: weighted) |> ignore))
          }

          test "labels that leave nothing to find are refused before training" {
              inFolder (fun folder ->
                  let table = tableIn folder
                  let lines = File.ReadAllLines table

                  // Every validation image becomes the only one of its maker.
                  let alone at (line: string) =
                      if line.EndsWith "validation" then
                          let fields = line.Split ','
                          fields[3] <- $"maker {at}"
                          String.concat "," fields
                      else
                          line

                  File.WriteAllLines(table, Array.mapi alone lines)

                  rejects [ "no validation image has another one to find that is like it by the same maker" ] (fun () ->
                      train (settings table [ "label_match", "maker" ]) (Path.Combine(folder, "run")) |> ignore))
          } ]

let private program =
    test "evaluate measures a run by what it was trained by, other data by classes, and either by what it is told" {
        inFolder (fun folder ->
            let table = tableIn folder
            let run = Path.Combine(folder, "run")
            let after = (train (settings table [ "label_match", "any"; "label_columns", "maker,kind" ]) run).After
            let number (json: Text.Json.JsonElement) (name: string) = json.GetProperty(name).GetDouble()
            let own = jsonOf (succeeds [ "evaluate"; run; "--json" ])
            Expect.equal (own.GetProperty("alike").GetString()) "the same label in maker or kind" "rule"

            for name in [ "recall@1"; "map_at_r"; "recall@1_by_kind" ] do
                Expect.floatClose Accuracy.medium (number own name) after[name] name

            let other = jsonOf (succeeds [ "evaluate"; run; table; "--json" ])
            Expect.isFalse (fst (other.TryGetProperty "alike")) "by classes"
            let told = jsonOf (succeeds [ "evaluate"; run; table; "--json"; "--label-match"; "kind"; "--label-columns"; "maker" ])
            Expect.floatClose Accuracy.medium (number told "map_at_r") after["map_at_r_by_kind"] "by a column"
            Expect.floatClose Accuracy.medium (number told "recall@1_by_maker") after["recall@1_by_maker"] "by another"
            let shown = succeeds [ "evaluate"; run; "--label-match"; "maker" ]
            Expect.stringContains shown "to be found: the same maker" "the rule"
            Expect.stringContains shown "Recall@1, alike by kind" "the columns of the run"

            let grouped = jsonOf (succeeds [ "evaluate"; run; "--json"; "--by"; "kind" ])

            let queries =
                [ for group in grouped.GetProperty("by").GetProperty("groups").EnumerateArray() ->
                      group.GetProperty("value").GetString(), group.GetProperty("queries").GetInt32() ]

            let expected =
                [ for line in File.ReadLines table do
                      let fields = line.Split ','
                      if fields[5] = "test" && fields[4] <> "" then fields[4] ]

            Expect.equal queries (List.sort (List.countBy id expected)) "queries of each kind"

            // A notice of the data is told once, since that is opened once.
            let spelt = Path.Combine(folder, "spelt.csv")

            let shouting at (line: string) =
                if at > 0 && line.EndsWith "test" && at % 2 = 0 then
                    let fields = line.Split ','
                    fields[1] <- fields[1].ToUpperInvariant()
                    String.concat "," fields
                else
                    line

            File.WriteAllLines(spelt, Array.mapi shouting (File.ReadAllLines table))
            let outcome = condembed [ "evaluate"; run; spelt; "--by"; "label" ]
            Expect.equal outcome.Code 0 outcome.Everything
            let notices = outcome.Error.Split '\n' |> Array.filter _.Contains("look alike")
            Expect.isNonEmpty notices outcome.Error
            Expect.equal (Array.distinct notices) notices "each once"

            for arguments, words in
                [ [ "--by"; "colour" ], [ "no image has a label in a column 'colour'"; "kind, maker" ]
                  [ table; "--by"; "kind" ], [ "has a column 'kind'"; "--label-columns kind" ]
                  [ "--label-match"; "colour" ], [ "no column 'colour'"; "table.csv, line 1" ]
                  [ "--rerank"; "5" ], [ "re-ranking is measured by classes alone"; "--rerank" ]
                  [ "--k-reciprocal"; "5" ], [ "Re-ranking is measured by classes alone"; "--k-reciprocal" ]
                  [ "--fmr"; "0.1" ], [ "False non-match rates"; "--fmr" ] ] do
                let outcome = condembed ([ "evaluate"; run ] @ arguments)
                Expect.equal outcome.Code 2 outcome.Everything

                for word in words do
                    Expect.stringContains outcome.Error word "message"

            let pairs = Path.Combine(folder, "pairs.csv")
            File.WriteAllLines(pairs, [ "path_a,path_b,similar"; "a.png,b.png,1" ])
            rejects [ "a table of pairs stands beside one of images"; "Pairs" ] (fun () -> TableDataset.Open pairs |> ignore))
    }

let tests = testList "PairRuns" [ training; program ]
