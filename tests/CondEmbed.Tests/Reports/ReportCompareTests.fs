/// Several runs side by side.
module CondEmbed.Tests.ReportCompareTests

open System.IO
open Expecto
open CondEmbed
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Comparisons
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// A run's folder as a process that was killed half-way leaves it.
let private unfinished (run: string) (folder: string) =
    let files, copy = RunFolder run, RunFolder folder
    Directory.CreateDirectory folder |> ignore
    File.Copy(files.Settings, copy.Settings)
    File.Copy(files.Fingerprint, copy.Fingerprint)
    let metrics = MetricsFile.Read files.Metrics
    MetricsFile.Write(copy.Metrics, RunMetrics(metrics.Dataset, 0, metrics.Before, metrics.Before))
    let lines = File.ReadAllLines files.Log |> Array.takeWhile (fun line -> not (line.Contains "\"step\":4"))
    File.WriteAllText(copy.Log, String.concat "\n" lines + "\n{\"kind\":\"st")

let private files =
    [ test "settings that differ, metrics, cost and classes of two runs" {
          let baseline, levels = finishedRun [ "levels", "0" ], finishedRun []
          let comparison = RunComparison.Read [ baseline; levels ]
          Expect.equal [ for setting in comparison.Settings -> setting.Key ] [ "levels" ] "settings"
          Expect.isEmpty comparison.Warnings "nothing is known against it"
          Expect.stringContains comparison.Caution "The runs are matched" "by their sums"
          let metrics = MetricsFile.Read(RunFolder(levels).Metrics)
          Expect.equal (List.ofSeq comparison.Runs[1].Last) (List.ofSeq metrics.After) "last"
          Expect.equal (List.ofSeq comparison.Runs[1].Best) (List.ofSeq metrics.Best) "best"
          Expect.isTrue comparison.Runs[0].SecondsPerStep.HasValue "cost"

          // The mean over the classes of the differences is the difference of the means, since all classes have six queries.
          let gain = metrics.After["map_at_r"] - (MetricsFile.Read(RunFolder(baseline).Metrics)).After["map_at_r"]
          Expect.floatClose Accuracy.medium comparison.Classes[0].Estimate.Mean gain "by class"
          Expect.equal comparison.Classes[0].Classes.Count 8 "classes"
      }
      test "a run under way is read, torn log and all, and said to be unfinished" {
          inFolder (fun folder ->
              let half = Path.Combine(folder, "half")
              unfinished (finishedRun []) half
              let comparison = RunComparison.Read [ finishedRun []; half ]
              let run = comparison.Runs[1]
              Expect.equal (run.IsFinished, run.Step, run.Steps, run.Last.Count) (false, 3, 6, 0) "state"
              Expect.equal [ for entry in run.Validations -> entry.Step ] [ 3 ] "validations"
              Expect.isTrue run.SecondsPerStep.HasValue "pace"
              Expect.equal comparison.Warnings.Count 1 "one warning"
              Expect.stringContains comparison.Warnings[0] "half is not finished (3 of 6 steps)" "which"
              Expect.isEmpty comparison.Classes "no classes to compare"
              comparison.WriteHtml(Path.Combine(folder, "page.html"))
              Expect.stringContains (comparison.ToText()) "3 of 6" "as text")
      }
      test "other data is warned of, and its classes are not compared" {
          let comparison = RunComparison.Read [ finishedRun []; finishedRun [ "validation_share", "0.5" ] ]
          Expect.stringContains comparison.Warnings[0] "their numbers are not comparable" "warning"
          Expect.isEmpty comparison.Classes "classes"
      }
      test "names are as short as tells them apart" {
          for roots, expected in
              [ [ "/a/x"; "/a/y" ], [ "x"; "y" ]
                [ "/a/x"; "/b/x"; "/b/z" ], [ "a/x"; "b/x"; "z" ]
                [ "/x"; "/b/x" ], [ "x"; "b/x" ] ] do
              Expect.equal (RunReading.Names(Array.ofList roots) |> List.ofSeq) expected $"{roots}"
      }
      test "what is no run, is given twice, or is broken is said" {
          (fun () -> RunComparison.Read [ "/nowhere" ] |> ignore)
          |> rejects [ "/nowhere"; "not a run folder" ]

          (fun () -> RunComparison.Read [] |> ignore) |> rejects [ "No runs" ]

          (fun () -> RunComparison.Read [ finishedRun []; finishedRun [] + "/" ] |> ignore)
          |> rejects [ "given twice" ]

          inFolder (fun folder ->
              let copy = Path.Combine(folder, "copy")
              Directory.CreateDirectory copy |> ignore

              for file in Directory.GetFiles(finishedRun []) do
                  File.Copy(file, Path.Combine(copy, Path.GetFileName file))

              for text in
                  [ "nonsense"
                    "class,queries,queries_without_match,map_at_r\na,1,0,much\n"
                    "class,queries,queries_without_match,map_at_r\na,1\n" ] do
                  File.WriteAllText(RunFolder(copy).Classes, text)
                  (fun () -> RunComparison.Read [ copy ] |> ignore) |> rejects [ "classes.csv"; "Delete" ])
      } ]

let private page =
    [ test "the page has every part, names nothing outside, and shows hostile names as text" {
          inFolder (fun folder ->
              let evil = Path.Combine(folder, "<script>alert(1)<&'\"")
              unfinished (finishedRun []) evil
              let file = Path.Combine(folder, "page.html")
              RunComparison.Read([ finishedRun [ "levels", "0" ]; finishedRun []; evil ]).WriteHtml file
              let page = File.ReadAllText file

              for id in [ "metrics"; "settings"; "curves"; "cost"; "classes"; "runs" ] do
                  Expect.stringContains page $"<section id=\"{id}\">" id

              for text in
                  [ "best step on the validation classes"
                    "last step"
                    "levels"
                    "Gained most"
                    "MAP@R, validation classes"
                    "is not finished" ] do
                  Expect.stringContains page text text

              Expect.isFalse (page.Contains "<script>alert") "no script"
              Expect.isFalse (page.Contains "://") "no address")
      }
      test "the table has a line for every number" {
          inFolder (fun folder ->
              let file = Path.Combine(folder, "runs.csv")
              let comparison = RunComparison.Read [ finishedRun [] ]
              comparison.WriteCsv file
              let run = comparison.Runs[0]
              let validations = run.Validations |> Seq.sumBy (fun entry -> entry.Metrics.Count)
              let lines = File.ReadAllLines file
              Expect.equal lines.Length (1 + run.Before.Count + run.Last.Count + run.Best.Count + validations) "lines"
              let value = run.Last["map_at_r"].ToString "R"
              Expect.contains lines $"{run.Name},\"test, last step\",6,map_at_r,{value}" "one of them")
      } ]

let tests = testList "compare" (files @ page)
