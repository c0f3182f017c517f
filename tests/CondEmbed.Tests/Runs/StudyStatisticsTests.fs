/// The statistics of studies: quantiles, intervals, corrections, and how many seeds they need.
module CondEmbed.Tests.StudyStatisticsTests

open System
open Expecto
open CondEmbed.Studies
open CondEmbed.Tests.Support

let private stored name = StudyTables.ReadJson(IO.Path.Combine(repositoryRoot (), "tests", "studies", $"{name}.json"))

let tests =
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
              Expect.equal (StudentT.PairedP [| 0.0; 0.0 |]) 1.0 "no difference"
              Expect.isTrue (Double.IsNaN(StudentT.PairedP [| 1.0; 1.0 |])) "no deviation: nothing tells how far others would scatter"
              Expect.isTrue (Double.IsNaN(StudentT.PairedP [| 1.0 |])) "one value has none"
          }
          test "differences that are all the same have no interval and no p, and are neither gain nor loss" {
              // The same up to rounding: 0.1 and 0.3 - 0.2 are not the same number.
              let values = [| 0.1; 0.3 - 0.2 |]
              Expect.notEqual values[0] values[1] "rounding"

              let of' arm values = PairedDifference(arm, "test", "recall@1", [| 0; 1 |], values, Estimate.Of values)

              let all =
                  [ of' "alike" values; of' "equal" [| 0.0; 0.0 |]; of' "other" [| 0.1; 0.11 |] ]
                  |> PairedDifference.WithCorrection

              Expect.isTrue (Double.IsNaN all[0].Estimate.Low && Double.IsNaN all[0].P && isNull all[0].Corrected) "no interval, no p"
              Expect.isFalse (all[0].Estimate.IsGain || all[0].Estimate.IsLoss) "neither"
              Expect.equal (StudyTables.Gain all[0].Estimate, StudyTables.Corrected all[0]) ("+10.00", "") "the mean alone"
              Expect.equal (StudyTables.Gain all[1].Estimate) "0.00 [0.00, 0.00]" "an arm that is the baseline"
              Expect.floatClose Accuracy.high all[2].HolmP (2.0 * all[2].P) "it is not counted among the others"
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
          test "the verdict says in words what the intervals show, and no more" {
              let sentences name = stored name |> StudyVerdict.Sentences
              let all = sentences "scenes-layer4"

              for sentence in
                  [ "conditional, against baseline: gains in Recall@1 (+4.71) and MAP@R (+2.97)."
                    "own-query, against baseline: loses in Recall@1 (-0.95) and MAP@R (-0.66)."
                    "shuffled-query, against baseline: shows no difference in Recall@1 (-0.14) or MAP@R (+0.25)."
                    "second-head, against baseline: gains in MAP@R (+0.55); shows no difference in Recall@1 (+0.83)."
                    "conditional is above second-head, own-query and shuffled-query in both metrics." ] do
                  Expect.contains all sentence (String.concat "\n" all)

              let omniglot = sentences "omniglot"

              Expect.exists
                  omniglot
                  _.StartsWith(
                      "conditional is not shown to be above second-head in Recall@1 (-0.39) or MAP@R (-0.30); is not shown to be above own-query in Recall@1 (0.00) or MAP@R (+0.02); is not shown to be above shuffled-query in Recall@1 (+0.74), but is in MAP@R (+1.32)."
                  )
                  (String.concat "\n" omniglot)

              Expect.stringContains
                  (Seq.head (sentences "grocery-half-layer4-sieve"))
                  "a single seed shows no difference from baseline beyond chance"
                  "one"
          }
          test "the page colours a gain by the interval that decides, the corrected one" {
              inFolder (fun folder ->
                  let results = stored "emoji-contrastive-controls"
                  let page = IO.Path.Combine(folder, "study.html")
                  StudyReport.Write(results, page)
                  let html = IO.File.ReadAllText page
                  let all = Seq.append results.Differences results.Controls |> List.ofSeq
                  Expect.exists all (fun one -> one.Estimate.Low > 0.0 && one.Corrected.Low < 0.0) "the plain interval alone shows a gain"

                  for one in all do
                      let kind =
                          if one.Corrected.Low > 0.0 then "up"
                          elif one.Corrected.High < 0.0 then "down"
                          else ""

                      let interval = (StudyTables.Corrected one).Split(" p ")[0]

                      Expect.stringContains
                          html
                          $"<span class=\"{kind}\">{StudyTables.Gain one.Estimate}</span><small class=\"below\">by Holm {interval}"
                          one.Arm

                  let gains = results.Differences |> Seq.filter (fun one -> one.Corrected.Low > 0.0) |> Seq.length
                  Expect.equal (html.Split("<g class=\"gain\">").Length - 1) gains "in the charts too")
          }
          test "where a single arm is compared, the page says nothing of a correction" {
              inFolder (fun folder ->
                  let page = IO.Path.Combine(folder, "study.html")
                  StudyReport.Write(stored "emoji-contrastive", page)
                  let html = IO.File.ReadAllText page
                  Expect.isFalse (html.Contains "Holm") "there is nothing to correct for"
                  Expect.stringContains html " seeds better" "but how many seeds gained")
          }
          test "how many seeds an interval needs" {
              // By hand: t(.975, 17) = 2.10982, and 2.10982 / sqrt 18 = .4973; of 17 it is 2.11991 / sqrt 17 = .5142.
              Expect.equal (StudyPower.Needed(1.0, 0.5)) 18 "half a deviation"
              Expect.equal (StudyPower.Needed(0.0, 0.5)) 2 "two at least"
              Expect.equal (StudyPower.Needed(1000.0, 0.5)) 15365836 "many: (1.959964 * 2000)^2"
              // t(.995, 29) = 2.75639, and 2.75639 / sqrt 30 = .5032; of 31 it is 2.75000 / sqrt 31 = .4939.
              Expect.equal (StudyPower.Needed(1.0, 0.5, 0.01)) 31 "at another level"
          }
          test "several arms need seeds for the corrected interval, and it is said" {
              let results = stored "emoji-sieve"
              let all = StudyPower.Of(results, 0.0025)
              Expect.exists all (fun one -> one.Level < 0.05) "corrected"

              for one in all do
                  if one.Needed.HasValue then
                      Expect.equal one.Needed.Value (StudyPower.Needed(one.Deviation, 0.0025, one.Level)) "at its level"
                      let reach = StudentT.Quantile(1.0 - one.Level / 2.0, one.Seeds - 1) * one.Deviation / sqrt (float one.Seeds)
                      Expect.floatClose Accuracy.medium one.Reach reach "the interval now"

              Expect.stringContains (StudyPower.Format(results, 0.0025)) "after Holm's correction" "said"
          }
          testPropertyWithConfig (fewCases 50) "no fewer seeds would do"
          <| fun (ratio: FsCheck.NormalFloat) ->
              let deviation = abs (ratio.Get % 20.0)
              let reach n = StudentT.Quantile(0.975, n - 1) * deviation / sqrt (float n)
              let needed = StudyPower.Needed(deviation, 1.0)
              Expect.isLessThanOrEqual (reach needed) 1.0 "enough"
              if needed > 2 then Expect.isGreaterThan (reach (needed - 1)) 1.0 "not too many" ]
