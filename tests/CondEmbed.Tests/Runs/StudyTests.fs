/// Studies: intervals, files, matched runs, going on, and what they write.
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
open CondEmbed.Tests.Support

/// Two arms with two seeds on a few real images.
let study more arms =
    [ "seeds = 2"
      yield! more
      "[base]"
      $"data = '{imageFolder.Value}'"
      for key, value in tiny do
          $"{key} = '{value}'"
      yield! arms ]
    |> String.concat "\n"

let two = [ "[arms.baseline]"; "levels = 0"; "[arms.conditional]"; "levels = 1" ]

let private plan () = StudyFile.Parse("test.toml", study [ $"test_on = ['{imageFolder.Value}']"; "rerank = 20" ] two)

let private quietly (study: Study) = study.Run()

let private intervals =
    testList
        "intervals"
        [ test "Student's t has its tabled quantiles" {
              // Abramowitz and Stegun, table 26.10, two-sided 95 % and 99 %.
              for degrees, half, most in
                  [ 1, 12.706, 63.657; 2, 4.303, 9.925; 3, 3.182, 5.841; 4, 2.776, 4.604; 7, 2.365, 3.499; 30, 2.042, 2.750 ] do
                  Expect.floatClose { absolute = 6e-4; relative = 0.0 } (StudentT.Quantile(0.975, degrees)) half $"{degrees} degrees, 95 %%"
                  Expect.floatClose { absolute = 6e-4; relative = 0.0 } (StudentT.Quantile(0.995, degrees)) most $"{degrees} degrees, 99 %%"
          }
          testPropertyWithConfig (fewCases 100) "a quantile undoes the share below it, and is odd around a half"
          <| fun (n: FsCheck.PositiveInt) (x: FsCheck.NormalFloat) ->
              let degrees, t = 1 + n.Get % 40, x.Get % 8.0
              let share = StudentT.Share(t, degrees)

              if share > 1e-6 && share < 1.0 - 1e-6 then
                  let back = StudentT.Quantile(share, degrees)
                  Expect.isLessThan (abs (back - t)) 1e-6 $"t {t} of {degrees}"
                  Expect.isLessThan (abs (StudentT.Quantile(1.0 - share, degrees) + back)) 1e-6 "odd"
          test "the share below t is the integral of the density" {
              let density degrees t = (1.0 + t * t / float degrees) ** (-(float degrees + 1.0) / 2.0)

              let integral degrees from till =
                  let n = 20000
                  let h = (till - from) / float n
                  h * Seq.sum (seq { for i in 0 .. n - 1 -> density degrees (from + (float i + 0.5) * h) })

              for degrees in [ 3; 4; 7; 12 ] do
                  let whole = integral degrees -400.0 400.0
                  let below = integral degrees -400.0 1.3 / whole
                  Expect.isLessThan (abs (StudentT.Share(1.3, degrees) - below)) 1e-5 $"{degrees} degrees"
          }
          test "an interval of known numbers" {
              let estimate = Estimate.Of [ 1.0; 2.0; 3.0; 4.0 ]
              Expect.equal estimate.Mean 2.5 "mean"
              // s = 1.2909944, t(0.975, 3) = 3.1824463
              Expect.floatClose Accuracy.medium estimate.Low (2.5 - 3.1824463 * 1.2909944 / 2.0) "lower bound"
              Expect.isTrue estimate.IsGain "above zero"
              Expect.isTrue (Double.IsNaN (Estimate.Of [ 1.0 ]).Low) "one value has no interval"
              Expect.isFalse (Estimate.Of [ 1.0 ]).IsGain "nor is it a gain"
          }
          test "the p of a paired t-test" {
              // t = 2.5 / (1.2909944 / 2) = 3.8729833 of 3 degrees: scipy.stats.ttest_1samp([1, 2, 3, 4], 0).
              Expect.floatClose Accuracy.medium (StudentT.PairedP [| 1.0; 2.0; 3.0; 4.0 |]) 0.030466291662171 "known numbers"
              Expect.equal (StudentT.PairedP [| 1.0; 2.0 |]) (StudentT.PairedP [| -2.0; -1.0 |]) "either side"
              Expect.equal (StudentT.PairedP [| 1.0; 1.0 |], StudentT.PairedP [| 0.0; 0.0 |]) (0.0, 1.0) "no deviation"
              Expect.isTrue (Double.IsNaN(StudentT.PairedP [| 1.0 |])) "one value has none"
          }
          test "Holm's correction of known p" {
              // By hand, in order: .005 * 4, .01 * 3, .03 * 2, and .04 * 1, which must not be below .06.
              let adjusted = Holm.Adjusted [| 0.01; 0.04; nan; 0.03; 0.005 |]

              for found, expected in Seq.zip adjusted [ 0.03; 0.06; nan; 0.06; 0.02 ] do
                  if Double.IsNaN expected then
                      Expect.isTrue (Double.IsNaN found) "not tested, not counted"
                  else
                      Expect.floatClose Accuracy.high found expected "as statsmodels' multipletests(method='holm') has it"

              Expect.sequenceEqual (Holm.Adjusted [| 0.6; 0.7 |]) [ 1.0; 1.0 ] "at most 1"
              // .005 is tested at .05 / 4 and .01 at .05 / 3; .03 does not pass .05 / 2, which then holds for .04 too.
              Expect.sequenceEqual (Holm.Levels [| 0.01; 0.04; 0.03; 0.005 |]) [ 0.05 / 3.0; 0.05 / 2.0; 0.05 / 2.0; 0.05 / 4.0 ] "levels"
          }
          testPropertyWithConfig (fewCases 100) "a corrected interval excludes zero exactly where the corrected p is at most 0.05"
          <| fun (shifts: FsCheck.NonEmptyArray<FsCheck.NormalFloat>) ->
              let families =
                  [| for arm, shift in Seq.indexed shifts.Get do
                         let values = [| for seed in 0..4 -> (shift.Get % 3.0) + sin (float (7 * arm + 3 * seed)) |]
                         PairedDifference($"{arm}", "test", "map_at_r", [| 0..4 |], values, Estimate.Of values) |]

              for one in PairedDifference.WithCorrection families do
                  if abs (one.HolmP - 0.05) > 1e-9 then
                      Expect.equal (one.Corrected.IsGain || one.Corrected.IsLoss) (one.HolmP <= 0.05) "both say the same"

                  Expect.isLessThanOrEqual one.Corrected.Low (one.Estimate.Low + 1e-12) "at least as wide"
                  Expect.isGreaterThanOrEqual one.HolmP one.P "at least as large"
          test "how many seeds an interval needs" {
              // By hand: t(.975, 17) = 2.10982, and 2.10982 / sqrt 18 = .4973; of 17 it is 2.11991 / sqrt 17 = .5142.
              Expect.equal (StudyPower.Needed(1.0, 0.5)) 18 "half a deviation"
              Expect.equal (StudyPower.Needed(0.0, 0.5)) 2 "two at least"
              Expect.equal (StudyPower.Needed(1000.0, 0.5)) 15365836 "many: (1.959964 * 2000)^2"
          }
          testPropertyWithConfig (fewCases 50) "no fewer seeds would do"
          <| fun (ratio: FsCheck.NormalFloat) ->
              let deviation = abs (ratio.Get % 20.0)
              let reach n = StudentT.Quantile(0.975, n - 1) * deviation / sqrt (float n)
              let needed = StudyPower.Needed(deviation, 1.0)
              Expect.isLessThanOrEqual (reach needed) 1.0 "enough"
              if needed > 2 then Expect.isGreaterThan (reach (needed - 1)) 1.0 "not too many" ]

let private files =
    testList
        "files"
        [ test "arms, seeds and settings are read" {
              let plan = StudyFile.Parse("s.toml", study [ "name = 'Mine'"; "baseline = 'conditional'" ] two)
              Expect.equal plan.Name "Mine" "name"
              Expect.sequenceEqual plan.Seeds [ 0; 1 ] "a number of seeds"
              Expect.equal plan.Baseline "conditional" "baseline"

              Expect.equal
                  [ for arm in plan.Arms -> arm.Name, plan.SettingsOf(arm, 7).Core.Levels ]
                  [ "baseline", 0; "conditional", 1 ]
                  "arms in order"

              Expect.equal (plan.SettingsOf(plan.Arms[0], 7).Core.Seed) 7 "seed"
          }
          test "everything that is wrong is said" {
              let rejected words text = rejects words (fun () -> StudyFile.Parse("s.toml", text) |> ignore)
              rejected [ "s.toml"; "no arms" ] "seeds = 2"
              rejected [ "'sedes'"; "did you mean 'seeds'" ] "sedes = 2"
              rejected [ "seeds" ] (study [] two |> fun text -> text.Replace("seeds = 2", "seeds = [1, 1]"))
              rejected [ "seeds = 0" ] (study [] two |> fun text -> text.Replace("seeds = 2", "seeds = 0"))
              rejected [ "baseline 'none'"; "conditional" ] (study [ "baseline = 'none'" ] two)
              rejected [ "seed" ] (study [] (two @ [ "seed = 3" ]))
              rejected [ "test_on"; "nowhere" ] (study [ "test_on = ['nowhere']" ] two)
              rejected [ "levles"; "levels" ] (study [] [ "[arms.a]"; "levles = 3" ])
              rejected [ "a/b"; "folder" ] (study [] [ "[arms.'a/b']"; "levels = 3" ])
              rejected [ "rerank" ] (study [ "rerank = 'all'" ] two)
              rejected [ "arms" ] "arms = 3"
              rejected [ "'conditional'"; "'none'" ] (study [] (two @ [ "compare_with = ['none']" ]))
              rejected [ "'conditional'"; "not another arm" ] (study [] (two @ [ "compare_with = ['conditional']" ]))
              let varied lines = study [] (two @ lines)
              rejected [ "lr"; "list" ] (varied [ "[grid]"; "lr = 0.1" ])
              rejected [ "'conditional' sets 'levels'" ] (varied [ "[grid]"; "levels = [1, 2]" ])
              rejected [ "lr=0.1"; "2 times" ] (varied [ "[grid]"; "lr = [0.1, 0.1]" ])
              rejected [ "draws" ] (varied [ "[random]"; "lr = [0.1, 0.2]" ])
              rejected [ "levles" ] (varied [ "[grid]"; "levles = [1, 2]" ])
              rejected [ "seed" ] (varied [ "[grid]"; "seed = [1, 2]" ])
          }
          test "a grid is every combination, and a random one the draws of its seed" {
              let trials lines = [ for trial in StudyFile.Parse("s.toml", study [] (two @ lines)).Trials -> trial.Name ]
              Expect.equal (trials []) [ "" ] "nothing varied"

              Expect.equal
                  (trials [ "[grid]"; "lr = [3e-4, 1e-3]"; "loss = ['supcon', 'multi-similarity(base=0.8)']" ])
                  [ "lr=0.0003,loss=supcon"
                    "lr=0.0003,loss=multi-similarity_base=0.8_"
                    "lr=0.001,loss=supcon"
                    "lr=0.001,loss=multi-similarity_base=0.8_" ]
                  "in order, as names of folders"

              let random seed = [ "[random]"; "draws = 20"; $"seed = {seed}"; "lr = [1e-4, 1e-2]"; "steps = [10, 40]" ]
              Expect.equal (trials (random 1)) (trials (random 1)) "the same again"
              Expect.notEqual (trials (random 1)) (trials (random 2)) "others"
              let plan = StudyFile.Parse("s.toml", study [] (two @ random 1))

              for trial in plan.Trials do
                  for arm in plan.Arms do
                      let core = plan.SettingsOf(arm, 0, trial).Core
                      Expect.isTrue (core.Lr >= 1e-4 && core.Lr <= 1e-2) $"within the range: {core.Lr}"
                      Expect.isTrue (core.Steps >= 10 && core.Steps <= 40) $"a whole number within the range: {core.Steps}"
          } ]

let private runs =
    testList
        "runs"
        [ test "matched runs are compared, and kept as JSON, CSV and a page" {
              inFolder (fun folder ->
                  let lines = ResizeArray<string>()
                  let study = Study(plan (), folder, Notice = Action<string>(lines.Add))
                  let results = study.Run()
                  Expect.equal lines.Count 4 "a line a run"
                  Expect.isEmpty results.Missing "nothing is missing"
                  Expect.isEmpty results.Unmatched "same encoder, same batches"

                  Expect.sequenceEqual
                      results.Measured
                      [ "validation"
                        "test"
                        "test, last step"
                        "pictures"
                        "pictures, last step"
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

                  Expect.throwsT<TrainingStoppedException>
                      (fun () -> Study(plan (), parts, Runner = StudyRunner stopping).Run(null, source.Token) |> ignore)
                      "stopped in the second run"

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
                  Expect.hasLength results.Trials 4 "each arm with each"
                  Expect.hasLength results.Runs 4 "the chosen ones"
                  Expect.isEmpty results.Missing "nothing is missing"

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

let tests = testList "study" [ intervals; files; runs ]
