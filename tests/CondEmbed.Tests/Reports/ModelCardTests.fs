/// Model cards of runs, and the intervals in them.
module CondEmbed.Tests.ModelCardTests

open System.Collections.Generic
open System.IO
open Expecto
open CondEmbed.Common
open CondEmbed.Comparisons
open CondEmbed.Reports
open CondEmbed.Storage
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private classes values = [ for queries, value in values -> ComparedClass(queries, Dictionary(dict [ "recall@1", value ])) ]

let private interval values =
    match ClassBootstrap.Interval(classes values, "recall@1") |> Option.ofNullable with
    | Some struct (low, high) -> low, high
    | None -> failtest "no interval"

let private intervals =
    [ test "the interval of classes that are all alike has no width" {
          Expect.equal (interval [ for queries in 1..9 -> queries, 0.25 ]) (0.25, 0.25) "all alike"
      }
      test "the interval of many classes is that of the normal distribution, by queries" {
          // Half of 400 classes at 0 and half at 1: the deviation of the mean is 0.5 / sqrt 400.
          let low, high = interval [ for i in 0..399 -> 5, float (i % 2) ]
          Expect.isLessThan (abs (low - (0.5 - 1.96 * 0.025))) 0.006 "low"
          Expect.isLessThan (abs (high - (0.5 + 1.96 * 0.025))) 0.006 "high"
          let low, high = interval [ for i in 0..399 -> (if i % 2 = 0 then 30 else 10), float (i % 2) ]
          Expect.isTrue (low < 0.25 && 0.25 < high && high < 0.4) "a class counts by its queries"
      }
      test "one class, or a metric that none has, gives none" {
          Expect.isFalse (ClassBootstrap.Interval(classes [ 5, 0.5 ], "recall@1").HasValue) "one"
          Expect.isFalse (ClassBootstrap.Interval(classes [ 5, 0.5; 5, 0.7 ], "map_at_r").HasValue) "another metric"
      } ]

let private cards =
    [ test "a card tells of results, data, settings and use" {
          let run = RunFolder(finishedRun [])
          let card = ModelCard.Of(run.Root, "cc-by-4.0")
          let metrics = MetricsFile.Read run.Metrics
          let percent (value: float) = Readable.Percent value

          for words in
              [ "---\nlibrary_name: condembed\n"
                "license: cc-by-4.0\n"
                $"""| MAP@R | {percent metrics.Before["map_at_r"]} |"""
                percent metrics.After["map_at_r"]
                " to "
                File.ReadAllText(run.Fingerprint).Trim()
                "| train |"
                "| `encoder` | `small` |"
                "| `batch` |"
                $"EmbeddingModel.Load(\"{Path.GetFileName run.Root}\")"
                "--onnx" ] do
              Expect.stringContains card words "card"

          Expect.isFalse (card.Contains(Path.GetDirectoryName run.Root)) "no path of this machine"
          Expect.stringContains (ModelCard.Of run.Root) "No licence is stated" "without one"
      }
      test "the name of a study's run says of which study and arm it is" {
          let name (parts: string list) = RunFolder(Path.Combine(List.toArray ("runs" :: parts))).Name
          Expect.equal (name [ "first" ]) "first" "a run by itself"
          Expect.equal (name [ "tuned"; "conditional"; "seed-0" ]) "tuned/conditional/seed-0" "an arm"

          Expect.equal
              (name [ "tuned"; "a"; "lr=0.1,loss=triplet"; "seed-12" ])
              "tuned/a/lr=0.1,loss=triplet/seed-12"
              "with settings of its own"

          Expect.equal (name [ "tuned"; "seed-of-doubt" ]) "seed-of-doubt" "another name"

          inFolder (fun folder ->
              let copy = Path.Combine(folder, "mine", "arm", "seed-3")
              Directory.CreateDirectory copy |> ignore

              for file in Directory.GetFiles(finishedRun []) do
                  File.Copy(file, Path.Combine(copy, Path.GetFileName file))

              Expect.stringContains (ModelCard.Of copy) "\n# mine/arm/seed-3\n" "the card's title")
      }
      test "a run without a table of classes has a card without intervals, and one under way has none" {
          let short = finishedRun [ "report", "false" ]
          Expect.isFalse ((ModelCard.Of short).Contains "interval") "no classes"

          inFolder (fun folder ->
              File.Copy(RunFolder(short).Settings, RunFolder(folder).Settings)
              rejects [ "is not finished"; "Resume" ] (fun () -> ModelCard.Of folder |> ignore))
      }
      test "condembed card prints it or writes it, and refuses what is no run" {
          let run = finishedRun []
          Expect.equal (succeeds [ "card"; run ]) (ModelCard.Of run) "printed"

          inFolder (fun folder ->
              let file = Path.Combine(folder, "README.md")
              succeeds [ "card"; run; "--licence"; "mit"; "--out"; file ] |> ignore
              Expect.equal (File.ReadAllText file) (ModelCard.Of(run, "mit")) "written"
              let outcome = condembed [ "card"; folder ]
              Expect.equal outcome.Code 2 outcome.Everything
              Expect.stringContains outcome.Error "not a run folder" "said")
      } ]

let tests = testList "Card" (intervals @ cards)
