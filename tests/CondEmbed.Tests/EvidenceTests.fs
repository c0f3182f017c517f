/// The studies that are kept: their files, their results, and what the README says of them.
module CondEmbed.Tests.EvidenceTests

open System.IO
open System.Linq
open Expecto
open CondEmbed.Reports
open CondEmbed.Studies
open CondEmbed.Tests.Support

let private folder = lazy Path.Combine(repositoryRoot (), "tests", "studies")

let private named name ending = Path.Combine(folder.Value, name + ending)

let private results name = StudyTables.ReadJson(named name ".json")

let private studies () = [ for file in Directory.GetFiles(folder.Value, "*.toml") -> Path.GetFileNameWithoutExtension file ]

/// The one value of a study's first arm.
let private untrained name metric = (results name).ValuesOf((results name).Arms[0].Name, StudyMeasures.Before, metric)[0]

/// Rows of the README's first table: what, the study, what was measured, and the study of the frozen features.
let private table =
    [ "emoji; small CNN from nothing", "emoji", "test", Some "frozen-emoji"
      "emoji scenes; the CNN after single emoji", "scenes", "test", None
      "the same, tested on single emoji", "scenes", "emoji-singles", None
      "CUB-200-2011, classes 1-50; ResNet-50", "cub50", "test", Some "frozen-cub50"
      "grocery, 81 classes; ResNet-50", "grocery", "test", Some "frozen-grocery" ]

let private row (what, study, measured, frozen) metric =
    let results = results study
    let mean arm = results.ValuesOf(arm, measured, metric).Average() |> Human.Percent
    let frozen = frozen |> Option.map (fun name -> Human.Percent(untrained name metric)) |> Option.defaultValue "-"

    let gain =
        results.Differences
        |> Seq.find (fun one -> one.Arm = "conditional" && one.Measured = measured && one.Metric = metric)

    let better = gain.Values |> Seq.filter (fun value -> value > 0.0) |> Seq.length
    let name = MetricNames.Display metric
    $"""| {what} | {name} | {frozen} | {mean "baseline"} | {mean "conditional"} | {StudyTables.Gain gain.Estimate} | {better} of {gain.Values.Count} |"""

let private again name measured =
    let results = results name
    let value arm measured metric = Human.Percent(results.ValuesOf(arm, measured, metric).Average())
    let time = Human.Number(results.ValuesOf("conditional", measured, StudyMeasures.RerankingTime).Average(), 2)
    $"""| {name} | {value "conditional" "test" "recall@1"} | {value "conditional" measured "recall@1"} | {value "conditional" "test" "map_at_r"} | {value "conditional" measured "map_at_r"} | {time} ms |"""

let private costOf what name =
    let arm = (results name).Arms |> Seq.find (fun arm -> arm.Name = "conditional")
    let ratio (estimate: Estimate) = estimate.Mean.ToString("0.00", System.Globalization.CultureInfo.InvariantCulture)
    $"| {what} | {ratio arm.TimeRatio} | {ratio arm.MemoryRatio} | {Human.Count arm.TrainingParameters} | {Human.Count arm.TestParameters} |"

let private readme = lazy File.ReadAllText(Path.Combine(repositoryRoot (), "README.md"))

let private says row = Expect.stringContains readme.Value row "the README's row is that of the results"

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

                  for difference in results.Differences do
                      let value arm seed =
                          let run = results.Runs.First(fun run -> run.Arm = arm && run.Seed = seed)
                          run.Measured[difference.Measured].[difference.Metric]

                      let values = [ for seed in difference.Seeds -> value difference.Arm seed - value results.Baseline seed ]
                      let estimate = Estimate.Of values
                      Expect.floatClose Accuracy.high difference.Estimate.Mean estimate.Mean $"{name}: mean"

                      if values.Length > 1 then Expect.floatClose Accuracy.high difference.Estimate.Low estimate.Low $"{name}: lower bound"
          }
          test "the arms of the comparisons are matched, and test what costs the same" {
              for name in [ "emoji"; "scenes"; "cub50"; "grocery" ] do
                  let results = results name
                  Expect.isEmpty results.Unmatched $"{name}: same first encoder, same batches"
                  Expect.isEmpty results.Missing $"{name}: nothing is missing"

                  Expect.hasLength
                      (results.Arms |> Seq.map _.TestParameters |> Seq.distinct |> List.ofSeq)
                      1
                      $"{name}: parameters at test time"
          }
          for study in table do
              let what, name, measured, _ = study

              test $"the README has the numbers of {what}" {
                  for metric in [ "recall@1"; "map_at_r" ] do
                      says (row study metric)
              }
          test "the README has what re-ranking brought and what training costs" {
              for name in [ "emoji"; "scenes"; "cub50"; "grocery" ] do
                  says (again name (StudyMeasures.Reranked 100))

              says (costOf "small CNN, 64 pictures of 48 px" "cost-emoji")
              says (costOf "ResNet-50 from layer4 on, 32 pictures of 112 px" "cost-grocery")
          } ]
