/// The studies that are kept: their files, their results, and what the README says of them.
module CondEmbed.Tests.EvidenceTests

open System
open System.IO
open System.Linq
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Studies
open CondEmbed.Tests.Evidence
open CondEmbed.Tests.Support

let private acceptsPicture = Environment.GetEnvironmentVariable "CONDEMBED_ACCEPT_PICTURE" = "1"

let private page path = File.ReadAllText(Path.Combine(repositoryRoot (), path)).ReplaceLineEndings("\n")

/// One line a paragraph, so that a sentence is found however its lines are broken.
let private unwrapped (text: string) = Regex.Replace(text, @"(?<!\|)\n(?=[^\n|#\-])", " ")

/// What may hold a digit without being a result: front matter, code, link targets, and names.
let private withoutNames (text: string) =
    let names = @"Recall@1|MAP@R|CUB-200-2011|ResNet-50|95 %|SHA-256|S2SD"
    Regex.Replace(text, $@"(?s)\A---.*?\n---\n|`[^`]*`|\]\([^)]*\)|{names}", "")

let tests =
    testList
        "evidence"
        [ test "every study's results are of its file" {
              Expect.isNonEmpty (studies ()) "studies"

              for name in studies () do
                  // The paths in it are those of whoever has the data.
                  let text =
                      File.ReadAllText(named name ".toml").Split('\n')
                      |> Array.filter (fun line -> not (line.StartsWith "test_on"))

                  let plan = StudyFile.Parse(name, String.concat "\n" text)
                  let results = results name
                  Expect.equal results.Name plan.Name $"{name}: name"
                  Expect.equal [ for arm in results.Arms -> arm.Name ] [ for arm in plan.Arms -> arm.Name ] $"{name}: arms"

                  let planned =
                      set
                          [ for arm in plan.Arms do
                                for seed in plan.Seeds -> arm.Name, seed ]

                  let there = set [ for run in results.Runs -> run.Arm, run.Seed ]
                  Expect.isTrue (Set.isSubset there planned) $"{name}: runs"
                  Expect.equal results.Missing.Count (planned.Count - there.Count) $"{name}: missing runs are named"

                  for arm in plan.Arms do
                      let changes =
                          set
                              [ for KeyValue(key, value) in (Seq.find (fun (one: StudyArmCost) -> one.Name = arm.Name) results.Arms).Changes ->
                                    key, value ]

                      Expect.equal changes (set [ for given in arm.Changes -> given.Key, given.Value ]) $"{name}: settings of {arm.Name}"
          }
          test "the intervals are those of the runs" {
              for name in studies () do
                  let results = results name

                  for difference in Seq.append results.Differences results.Controls do
                      let against = if difference.Against = "" then results.Baseline else difference.Against

                      let value arm seed =
                          let run = results.Runs.First(fun run -> run.Arm = arm && run.Seed = seed)
                          run.Measured[difference.Measured].[difference.Metric]

                      let values = [ for seed in difference.Seeds -> value difference.Arm seed - value against seed ]
                      let estimate = Estimate.Of values
                      Expect.floatClose Accuracy.high difference.Estimate.Mean estimate.Mean $"{name}: mean"

                      Expect.equal (Double.IsNaN difference.Estimate.Low) (Double.IsNaN estimate.Low) $"{name}: an interval or none"

                      if not (Double.IsNaN estimate.Low) then
                          Expect.floatClose Accuracy.high difference.Estimate.Low estimate.Low $"{name}: lower bound"
                          Expect.floatClose Accuracy.high difference.Estimate.High estimate.High $"{name}: upper bound"
                          Expect.isLessThanOrEqual difference.Estimate.Low difference.Estimate.High $"{name}: in order"

                      if not (isNull difference.Corrected) then
                          Expect.floatClose Accuracy.high difference.Corrected.Mean estimate.Mean $"{name}: mean after the correction"
                          Expect.isLessThanOrEqual difference.Corrected.Low estimate.Low $"{name}: corrected intervals are not narrower"

                          Expect.isGreaterThanOrEqual
                              difference.Corrected.High
                              estimate.High
                              $"{name}: corrected intervals are not narrower"
          }
          test "the arms of the comparisons are matched, and test what costs the same" {
              for name in compared do
                  let results = results name
                  Expect.isEmpty results.Unmatched $"{name}: same first encoder, same batches"
                  Expect.isEmpty results.Missing $"{name}: nothing is missing"

                  Expect.hasLength
                      (results.Arms |> Seq.map _.TestParameters |> Seq.distinct |> List.ofSeq)
                      1
                      $"{name}: parameters at test time"
          }
          test "docs/evidence.md holds every table and sentence that the results give" {
              let text = unwrapped (page "docs/evidence.md")
              let missing = expected () |> List.filter (fun claim -> not (text.Contains claim))
              Expect.equal missing [] "missing or different"
          }
          test "docs/evidence.md holds no other number" {
              let text = unwrapped (page "docs/evidence.md")
              let rest = (text, expected ()) ||> List.fold (fun text claim -> text.Replace(claim, "")) |> withoutNames
              let stray = [ for found in Regex.Matches(rest, @"[^\n]*\d[^\n]*") -> found.Value ]
              Expect.equal stray [] "numbers that nothing computes"
          }
          test "the picture of the gains is drawn from the results" {
              let path = Path.Combine(repositoryRoot (), "shell", "pictures", "evidence.svg")

              if acceptsPicture then File.WriteAllText(path, EvidencePicture.drawing.Value)

              Expect.isTrue
                  (File.Exists path && File.ReadAllText(path).ReplaceLineEndings "\n" = EvidencePicture.drawing.Value)
                  "If the results have changed, run the tests once with CONDEMBED_ACCEPT_PICTURE=1, and look at shell/pictures/evidence.svg."
          }
          test "the README tells the same" {
              let text = unwrapped (page "README.md")

              for claim in claims do
                  for metric in [ "recall@1"; "map_at_r" ] do
                      Expect.stringContains text (row claim metric) "row"

              for sentence in verdict.Value @ [ aim.Value ] do
                  Expect.stringContains text sentence "verdict"
          } ]
