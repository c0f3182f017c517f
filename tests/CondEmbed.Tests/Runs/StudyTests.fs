/// Studies: matched runs, going on, choosing settings, and what they write.
module CondEmbed.Tests.StudyTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Interop
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Studies
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StudySupport
open CondEmbed.Tests.Support

let private plan () =
    let lines = [ $"test_on = ['{imageFolder.Value}']"; "rerank = 20"; "rerank_cosine = 0.2" ]
    let pooling = "pooling = 'mean'"
    StudyFile.Parse("test.toml", study lines [ "[arms.baseline]"; "levels = 0"; pooling; "[arms.conditional]"; "levels = 1"; pooling ])

let private quietly (study: Study) = study.Run()

let private runs =
    testList
        "runs"
        [ test "matched runs are compared, and kept as JSON, CSV and a page" {
              inFolder (fun folder ->
                  let lines = ResizeArray<string>()
                  let study = Study(plan (), folder, Notice = Action<string>(lines.Add))
                  let results = study.Run()
                  Expect.equal (lines |> Seq.countBy _.Contains("/4  ") |> Map) (Map [ true, 4; false, 1 ]) "runs, and a known further set"
                  Expect.isEmpty results.Missing "nothing is missing"
                  Expect.isEmpty results.Unmatched "same encoder, same batches"

                  Expect.sequenceEqual
                      results.Measured
                      [ "validation"
                        "test"
                        "test, last step"
                        "pictures"
                        "pictures, last step"
                        "test, 20 re-ranked by cosine attention at 0.2"
                        "test, 20 re-ranked"
                        "test, untrained" ]
                      "measured"

                  let sums = [ for run in results.Runs -> run.Seed, run.Origin.Network, run.Origin.Batches ] |> List.distinct
                  Expect.hasLength sums 2 "both arms have the sums of their seed"

                  for difference in results.Differences do
                      let value arm = results.ValuesOf(arm, difference.Measured, difference.Metric)
                      let expected = [ for a, b in Seq.zip (value "conditional") (value "baseline") -> a - b ]
                      Expect.sequenceEqual difference.Values expected $"{difference.Measured}, {difference.Metric}"

                  let plain = results.ValuesOf("baseline", "test", "map_at_r")
                  Expect.sequenceEqual (results.ValuesOf("baseline", "test, 20 re-ranked", "map_at_r")) plain "no levels, no other order"
                  Expect.hasLength (results.ValuesOf("conditional", "test, 20 re-ranked", "reranking_ms")) 2 "what re-ranking took"
                  let byCosine = results.ValuesOf("baseline", "test, 20 re-ranked by cosine attention at 0.2", "map_at_r")
                  Expect.hasLength byCosine 2 "of any arm"
                  Expect.notEqual (List.ofSeq byCosine) (List.ofSeq plain) "another order"

                  let before = results.ValuesOf("conditional", "test, untrained", "map_at_r")
                  Expect.sequenceEqual before (results.ValuesOf("baseline", "test, untrained", "map_at_r")) "both begin alike"
                  Expect.isGreaterThan results.Arms[1].TrainingParameters results.Arms[0].TrainingParameters "more while training"
                  Expect.equal results.Arms[1].TestParameters results.Arms[0].TestParameters "not one more at test time"

                  let read = StudyTables.ReadJson study.ResultsFile
                  Expect.equal (StudyTables.Format read) (StudyTables.Format results) "JSON, there and back"
                  let table = File.ReadAllLines study.TableFile
                  let recall = results.Runs[3].Measured["test"].["recall@1"].ToString "R"
                  Expect.contains table $"conditional,1,test,recall@1,{recall}" "a line of CSV"
                  let page = File.ReadAllText study.ReportFile

                  for words in
                      [ "Gain over baseline"
                        "pictures, last step"
                        "ms a query for conditional"
                        "SHA-256 sums are equal"
                        "levels = 1" ] do
                      Expect.stringContains page words words)
          }
          test "an arm that sees other images is not called matched" {
              inFolder (fun folder ->
                  let arms =
                      [ "[arms.baseline]"
                        "levels = 0"
                        "[arms.flipped]"
                        "levels = 0"
                        "flip = 0"
                        "[arms.wide]"
                        "levels = 0"
                        "embedding = 20" ]

                  let plan = StudyFile.Parse("t.toml", (study [] arms).Replace("seeds = 2", "seeds = [4]"))
                  let results = Study(plan, folder) |> quietly

                  Expect.equal
                      (List.ofSeq results.Unmatched)
                      [ "flipped differs from baseline in batches or their augmentation"
                        "wide differs from baseline in initial encoder and head" ]
                      "both")
          }
          test "without the measurement before training a run learns the same" {
              inFolder (fun folder ->
                  let results more =
                      let plan = StudyFile.Parse("t.toml", (study [] (two @ more)).Replace("seeds = 2", "seeds = 1"))
                      Study(plan, Path.Combine(folder, String.concat "" more |> String.filter Char.IsLetter)) |> quietly

                  let whole, short = results [], results [ "initial_evaluation = false" ]
                  let measured (results: StudyResults) arm = results.Runs |> Seq.find (fun run -> run.Arm = arm) |> _.Measured
                  Expect.isFalse ((measured short "conditional").ContainsKey StudyMeasures.Before) "left out"
                  Expect.isTrue ((measured short "baseline").ContainsKey StudyMeasures.Before) "in that arm"

                  for name in [ StudyMeasures.Validation; StudyMeasures.Chosen; StudyMeasures.Last ] do
                      Expect.sequenceEqual (measured short "conditional").[name] (measured whole "conditional").[name] name)
          }
          test "arms that begin alike are measured before training once" {
              inFolder (fun folder ->
                  let arms = two @ [ "[arms.wide]"; "levels = 0"; "embedding = 20" ]
                  let study = Study(StudyFile.Parse("t.toml", (study [] arms).Replace("seeds = 2", "seeds = 1")), folder)
                  let recall (results: StudyResults) arm = results.ValuesOf(arm, StudyMeasures.Before, "recall@1")
                  let first = quietly study
                  let kept = Directory.GetFiles(Path.Combine(folder, "initial"))
                  Expect.hasLength kept 2 "one for the two that begin alike, and one for the other"
                  Expect.sequenceEqual (recall first "conditional") (recall first "baseline") "the same numbers"

                  let again (content: string) =
                      for file in kept do
                          File.WriteAllText(file, content)

                      Directory.Delete(Path.Combine(folder, "conditional"), true)
                      recall (quietly study) "conditional"

                  Expect.sequenceEqual (again """{ "recall@1": 0.125, "map_at_r": 0.25 }""") [ 0.125 ] "the number that is kept"
                  Expect.sequenceEqual (again "{") (recall first "baseline") "measured again, since what is kept cannot be read")
          }
          test "an arm is compared with its controls as with the baseline" {
              inFolder (fun folder ->
                  let arms =
                      two
                      @ [ "compare_with = ['baseline', 'shuffled']"; "[arms.shuffled]"; "levels = 1"; "level_query = 'shuffled'" ]

                  let study = Study(StudyFile.Parse("t.toml", study [] arms), folder)
                  let results = quietly study
                  let of' against = results.Controls |> Seq.filter (fun one -> one.Against = against) |> List.ofSeq
                  Expect.isNonEmpty (of' "shuffled") "over the control"

                  for one in of' "shuffled" do
                      let value arm = results.ValuesOf(arm, one.Measured, one.Metric)
                      let expected = [ for a, b in Seq.zip (value "conditional") (value "shuffled") -> a - b ]
                      Expect.sequenceEqual one.Values expected $"{one.Measured}, {one.Metric}"

                  let values list = [ for one: PairedDifference in list -> one.Measured, one.Metric, List.ofSeq one.Values ]
                  let gains = results.Differences |> Seq.filter (fun one -> one.Arm = "conditional")
                  Expect.equal (values (of' "baseline")) (values (List.ofSeq gains)) "the same as the gain over the baseline"
                  Expect.stringContains (StudyTables.Format results) "conditional over shuffled" "in the table"
                  Expect.stringContains (File.ReadAllText study.ReportFile) "conditional over shuffled" "on the page"
                  Expect.stringContains (StudyPower.Format(results, 0.005)) "conditional over shuffled" "and its seeds"

                  Expect.equal
                      (StudyTables.Format(StudyTables.ReadJson study.ResultsFile))
                      (StudyTables.Format results)
                      "JSON, there and back")
          }
          test "a study goes on with what is missing, to the same numbers" {
              inFolder (fun folder ->
                  let whole = Study(plan (), Path.Combine(folder, "whole")) |> quietly
                  let parts = Path.Combine(folder, "parts")
                  use source = new CancellationTokenSource()

                  let stopping (job: StudyJob) (token: CancellationToken) =
                      if job.Arm = "conditional" && job.Seed = 0 then
                          let stop = listener (fun at -> if at.Phase = "training" && at.Step = 3 then source.Cancel())
                          Trainer(job.Settings, job.Folder).Train(stop, token) |> ignore
                      else
                          StudyRunners.InThisProcess(job, token)

                  let stopped =
                      Expect.throwsC (fun () -> Study(plan (), parts, Runner = StudyRunner stopping).Run(null, source.Token) |> ignore) id

                  Expect.equal (stopped :?> StudyStoppedException).Finished 1 "stopped in the second run"

                  Expect.stringContains stopped.Message "Stopped with 1 of 4 runs finished; everything is saved. To go on, call" "how"

                  let begun = [ for job in Study(plan (), parts).Jobs -> job.IsFinished, job.IsBegun ]
                  Expect.equal begun [ true, true; false, true; false, false; false, false ] "one done, one begun"
                  let resumed = Study(plan (), parts) |> quietly

                  let numbers (results: StudyResults) =
                      [ for run in results.Runs do
                            for KeyValue(measured, metrics) in run.Measured do
                                for KeyValue(metric, value) in metrics do
                                    if metric <> StudyMeasures.RerankingTime then run.Arm, run.Seed, run.Origin, measured, metric, value ]

                  Expect.equal (numbers resumed) (numbers whole) "as if never stopped"

                  let never = StudyRunner(fun job _ -> failtest $"{job.Name} was run again")
                  Study(plan (), parts, Runner = never).Run() |> ignore)
          }
          test "a folder with runs of other settings is refused" {
              inFolder (fun folder ->
                  let one text = StudyFile.Parse("t.toml", (study [] text).Replace("seeds = 2", "seeds = 1"))
                  Study(one [ "[arms.a]"; "levels = 0" ], folder) |> quietly |> ignore

                  rejects [ "lr = "; "Delete that folder" ] (fun () ->
                      Study(one [ "[arms.a]"; "levels = 0"; "lr = 0.5" ], folder) |> quietly |> ignore)
                  // Where a run is computed does not matter.
                  Study(one [ "[arms.a]"; "levels = 0"; "workers = 1" ], folder) |> quietly |> ignore)
          }
          test "a run that fails does not keep the others from theirs" {
              inFolder (fun folder ->
                  let failing (job: StudyJob) token =
                      if job.Seed = 0 && job.Arm = "baseline" then invalidOp "no luck" else StudyRunners.InThisProcess(job, token)

                  let study = Study(plan (), folder, Runner = StudyRunner failing)
                  let problem = Expect.throwsC (fun () -> quietly study |> ignore) id
                  Expect.stringContains problem.Message "baseline, seed 0: no luck" "which and why"
                  Expect.equal [ for job in study.Jobs -> job.IsFinished ] [ false; true; true; true ] "the others are done"

                  Expect.equal
                      (List.ofSeq (StudyTables.ReadJson study.ResultsFile).Missing)
                      [ "baseline, seed 0" ]
                      "what is there is written down")
          }
          test "each arm takes its best settings by the validation classes, and says among how many" {
              inFolder (fun folder ->
                  let plan = StudyFile.Parse("t.toml", study [] (two @ [ "[grid]"; "lr = [0.1, 0.002]" ]))
                  let study = Study(plan, folder)
                  Expect.equal study.Jobs.Count 8 "2 arms, 2 settings, 2 seeds"
                  let results = quietly study
                  let counts = Seq.length results.Trials, Seq.length results.Runs, Seq.length results.Missing
                  Expect.equal counts (4, 4, 0) "each arm with each; the chosen ones; nothing is missing"
                  Expect.stringContains (File.ReadAllText study.ReportFile) "<span>8 runs</span></p>" "all"

                  for arm in plan.Arms do
                      let tried = results.Trials |> Seq.filter (fun trial -> trial.Arm = arm.Name) |> List.ofSeq

                      for trial in tried do
                          let values =
                              [ for job in study.Jobs do
                                    if job.Arm = arm.Name && job.Trial = trial.Trial then
                                        StudyResults.Read(plan, job).Measured["validation"].["map_at_r"] ]

                          Expect.floatClose Accuracy.high trial.Validation (List.average values) "the mean over the seeds"

                      let chosen = tried |> List.filter _.IsChosen |> List.exactlyOne
                      Expect.equal chosen.Validation (tried |> List.map _.Validation |> List.max) "the best"

                      Expect.isTrue
                          (results.Runs
                           |> Seq.filter (fun run -> run.Arm = arm.Name)
                           |> Seq.forall (fun run -> run.Trial = chosen.Trial))
                          "its runs"

                      let lr = chosen.Settings["lr"]
                      let line = StudyTables.Choices results |> Seq.find _.StartsWith(arm.Name)
                      Expect.stringContains line $"{arm.Name}: of 2 settings, lr = {lr} is best by the validation classes" "a line"
                      Expect.stringContains line $"lr = {lr} is at the edge of what was tried (0.002 to 0.1)" "and what may lie beyond"
                      Expect.stringContains (File.ReadAllText study.ReportFile) $"of 2 settings, lr = {lr} is best" "on the page"

                  let read = StudyTables.ReadJson study.ResultsFile

                  Expect.equal
                      [ for trial in read.Trials -> trial.Trial, trial.IsChosen ]
                      [ for trial in results.Trials -> trial.Trial, trial.IsChosen ]
                      "JSON"

                  rejects [ "no validation classes" ] (fun () ->
                      let common = [ yield! plan.Common; Given("t.toml", "validation_share", "0") ]
                      let none = StudyPlan("none", List.toArray common, plan.Arms, plan.Seeds, plan.Baseline, Trials = plan.Trials)
                      Study(none, Path.Combine(folder, "none")) |> quietly |> ignore))
          }
          test "a setting with fewer finished seeds is not chosen" {
              let plan = StudyFile.Parse("t.toml", study [] (two @ [ "[grid]"; "lr = [0.1, 0.002]" ]))

              let run trial seed value =
                  let measured = dict [ "validation", dict [ "map_at_r", value ] |> Dictionary :> IReadOnlyDictionary<_, _> ]
                  StudyRun("baseline", seed, 3, 3, Dictionary measured, [||], null, null, null, Trial = trial)

              let runs = [| run "lr=0.1" 0 0.2; run "lr=0.1" 1 0.4; run "lr=0.002" 0 0.9 |]

              Expect.equal
                  [ for trial in StudyChoice.Of(plan, runs) -> trial.Arm, trial.Trial, trial.Seeds, trial.IsChosen ]
                  [ "baseline", "lr=0.1", 2, true
                    "baseline", "lr=0.002", 1, false
                    "conditional", "lr=0.1", 0, false
                    "conditional", "lr=0.002", 0, false ]
                  "the one with both seeds"
          }
          test "options make a study too" {
              let common = TrainingOptions(Data = imageFolder.Value, Steps = 3)
              let arms = [ KeyValuePair("a", TrainingOptions(Levels = 0)); KeyValuePair("b", TrainingOptions(Levels = 2)) ]
              let plan = StudyPlan.Of("mine", common, arms, [| 5 |])
              Expect.equal plan.Baseline "a" "the first"
              Expect.equal (let settings = plan.SettingsOf(plan.Arms[1], 5) in settings.Core.Levels, settings.Core.Steps) (2, 3) "settings"
          } ]

let tests = testList "study" [ StudyStatisticsTests.tests; StudyFileTests.tests; runs ]
