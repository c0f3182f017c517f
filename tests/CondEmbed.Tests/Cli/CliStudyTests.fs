/// The program's studies: several runs at once, each in a process of its own, and going on after a kill.
module CondEmbed.Tests.CliStudyTests

open System
open System.IO
open Expecto
open CondEmbed.Studies
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private written folder (others: (string * string) list) =
    let file = Path.Combine(folder, "both.toml")

    let lines =
        [ "seeds = 2"
          "[base]"
          $"data = '{imageFolder.Value}'"
          for KeyValue(key, value) in Map(tiny @ others) do
              $"{key} = {CondEmbed.Options.TomlSettings.Literal value}"
          "[arms.baseline]"
          "levels = 0"
          "[arms.conditional]"
          "levels = 1" ]

    File.WriteAllLines(file, lines)
    file

let private numbers folder =
    let results = StudyTables.ReadJson(Path.Combine(folder, "study.json"))

    [ for run in results.Runs do
          for KeyValue(measured, metrics) in run.Measured do
              for KeyValue(metric, value) in metrics -> run.Arm, run.Seed, measured, metric, value ],
    results

let private filesBelow folder =
    Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
    |> Seq.map (fun file -> Path.GetRelativePath(folder, file))
    |> Set.ofSeq

let tests =
    testList
        "study"
        [ test "runs two at a time, says what they came to, and keeps it" {
              inFolder (fun folder ->
                  let file, out = written folder [], Path.Combine(folder, "out")
                  let planned = succeeds [ "study"; file; "--out"; out; "--dry-run" ]
                  Expect.stringContains planned "conditional, seed 1" "what there is to run"
                  Expect.isFalse (Directory.Exists out) "nothing is run for that"

                  Directory.CreateDirectory out |> ignore
                  let none = succeeds [ "study"; file; "--out"; out; "--report-only" ]
                  Expect.stringContains none "Nothing is compared: no other arm has a finished run" "without any"
                  Expect.isFalse (none.Contains "Matched") "nothing is matched"
                  Expect.stringContains (File.ReadAllText(Path.Combine(out, "study.html"))) "Nothing is compared" "on the page"

                  let study = condembed [ "study"; file; "--out"; out; "--jobs"; "2" ]
                  Expect.equal study.Code 0 study.Everything

                  for words in [ "2 arms x 2 seeds"; "4/4  " ] do
                      Expect.stringContains study.Error words words

                  for words in [ "gain over baseline"; "Matched:"; "study.html" ] do
                      Expect.stringContains study.Out words words

                  let _, results = numbers out
                  Expect.equal results.Runs.Count 4 "runs"
                  Expect.isGreaterThan results.Arms[1].PeakMemory.Mean 1e7 "each process says what memory it took"
                  let kept = filesBelow out
                  Expect.isTrue (Set.isSubset (set [ "study.json"; "study.csv"; "study.html"; "baseline/seed-0.log" ]) kept) "files"
                  Expect.isFalse (kept |> Set.exists (fun file -> file.EndsWith ".tmp")) "nothing unfinished"

                  let again = condembed [ "study"; file; "--out"; out ]
                  Expect.equal again.Code 0 again.Everything
                  Expect.stringContains again.Error "4 of 4 runs are already done" "nothing is done twice")
          }
          test "what no run wrote is neither removed nor replaced" {
              inFolder (fun folder ->
                  let file, out = written folder [], Path.Combine(folder, "out")

                  for kept, named in
                      [ Path.Combine("baseline", "seed-0", "notes.txt"), "seed-0"
                        Path.Combine("baseline", "seed-0", "checkpoints", "mine"), "seed-0"
                        Path.Combine("conditional", "seed-1"), "seed-1"
                        "study.csv", "study.csv"
                        "study.json", "study.json"
                        "study.html", "study.html" ] do
                      let path = Path.Combine(out, kept)
                      Directory.CreateDirectory(Path.GetDirectoryName path) |> ignore
                      File.WriteAllText(path, "mine")
                      let study = condembed [ "study"; file; "--out"; out ]
                      Expect.equal study.Code 2 study.Everything
                      Expect.stringContains study.Error named "which"
                      Expect.stringContains study.Error "--out" "the fix"
                      Expect.equal (File.ReadAllText path) "mine" "as it was"
                      Expect.equal (filesBelow out) (set [ kept ]) "nothing else"
                      Directory.Delete(out, true))
          }
          test "killed and started again, it goes on with what is missing" {
              onUnix (fun () ->
                  inFolder (fun folder ->
                      let file = written folder [ "steps", "40"; "save_every", "4"; "initial_evaluation", "false"; "report", "false" ]
                      let out, whole = Path.Combine(folder, "out"), Path.Combine(folder, "whole")
                      let study out = [ "study"; file; "--out"; out; "--jobs"; "2" ]
                      let log = Path.Combine(out, "baseline", "seed-0", "log.jsonl")
                      let steps () = if File.Exists log then File.ReadAllLines(log).Length else 0

                      using (launch folder (study out)) (fun running ->
                          waitFor "some steps" (fun () -> running.HasExited || steps () > 6)

                          holdingChildren running (fun () ->
                              let second = condembed [ "study"; file; "--out"; out ]
                              Expect.equal second.Code 2 second.Everything
                              Expect.stringContains second.Error $"{out}: another program is working on this study" "one at a time"
                              Expect.isFalse (second.Error.Contains "failed") "no run was tried"
                              succeeds [ "study"; file; "--out"; out; "--dry-run" ] |> ignore)

                          running.Kill())

                      // Nobody asked the runs to stop; that their input ended did.
                      let stopped () = Seq.forall (fun (line: string) -> not (line.Contains "finished")) (File.ReadLines log)
                      waitFor "the run to stop by itself" (fun () -> (Seq.last (File.ReadLines log)).Contains "\"end\"")
                      Expect.isTrue (stopped ()) "before its end"

                      succeeds (study out) |> ignore
                      // The runs of the other are here, one after another: they end as those that processes of their own carry out.
                      betweenTests (fun () -> Study(StudyFile.Read file, whole).Run()) |> ignore
                      Expect.equal (fst (numbers out)) (fst (numbers whole)) "as if never killed"

                      succeeds (study out @ [ "--power"; "--width"; "0.25" ]) |> ignore
                      let kept = (StudyTables.ReadJson(Path.Combine(out, "study.json"))).Command
                      Expect.equal kept (String.Join(' ', "condembed" :: study out)) "what makes the study, and not what showed it"

                      let asSettings = condembed [ "train"; "--config"; file ]
                      Expect.equal asSettings.Code 2 asSettings.Everything
                      Expect.stringContains asSettings.Error "is a study" "what the file is"))
          }
          test "stored results are shown again: as a table, as LaTeX, and by the seeds that they call for" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "study.json")
                  File.Copy(Path.Combine(repositoryRoot (), "tests", "studies", "emoji-sieve.json"), file)
                  let study more = succeeds ("study" :: file :: more)
                  let asFolder = condembed [ "study"; folder; "--power" ]
                  Expect.equal asFolder.Code 2 asFolder.Everything

                  Expect.stringContains
                      asFolder.Error
                      $"is the folder of a study; name its results, {file}"
                      "the folder in place of the file"

                  for words in [ "gain over baseline"; "by Holm"; "] p 0." ] do
                      Expect.stringContains (study []) words words

                  let latex = study [ "--latex" ]

                  for words in
                      [ @"% Needs \usepackage{booktabs}"
                        @"\caption{"
                        @"with its 95 \% interval by Student's t in brackets; by Holm"
                        @"\begin{tabular}{lrrrrrr}"
                        @"validation (\%) & Recall@1 & gain over baseline & by Holm"
                        @"\bottomrule" ] do
                      Expect.stringContains latex words words

                  let power = study [ "--power"; "--width"; "0.25" ]

                  for words in [ "after Holm's correction"; "test (points)"; "deviation"; "seeds for +-0.25" ] do
                      Expect.stringContains power words words

                  let events = study [ "--power"; "--json" ]
                  Expect.stringContains events "\"needed\"" "as events"

                  for options, word in
                      [ [ "--width"; "1" ], "--power"; [ "--power"; "--width"; "0" ], "--width 0"; [ "--jobs"; "2" ], "--jobs" ] do
                      let outcome = condembed ("study" :: file :: options)
                      Expect.equal outcome.Code 2 outcome.Everything
                      Expect.stringContains outcome.Error word word)
          }
          test "a study that cannot be is refused with what is wrong" {
              inFolder (fun folder ->
                  let refused words arguments =
                      let outcome = condembedIn folder ("study" :: arguments)
                      Expect.equal outcome.Code 2 outcome.Everything

                      for word in words do
                          Expect.stringContains outcome.Error (word: string) word

                  refused [ "none.toml" ] [ "none.toml" ]
                  refused [ "--jobs 0" ] [ written folder []; "--jobs"; "0" ]
                  File.WriteAllText(Path.Combine(folder, "wrong.toml"), "[arms.a]\nlevles = 1\n")
                  refused [ "wrong.toml"; "levles"; "levels" ] [ "wrong.toml" ]
                  refused [ "no study was started there"; "--out" ] [ written folder []; "--report-only" ]
                  File.WriteAllText(Path.Combine(folder, "far.toml"), "[base]\ndata = 'far'\n[arms.a]\nlevels = 1\n")
                  refused [ "data = far: does not exist" ] [ "far.toml" ])
          } ]
