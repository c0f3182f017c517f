/// Whole runs: the default one on a GPU and on the CPU, and a small study.
module CondEmbed.Checks.Training

open System.Diagnostics
open System.IO
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Interop
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Studies

/// Two points: as much as another processor was seen to make, and as much again.
let private noise = 0.02

let private given (settings: (string * string) list) = [ for key, value in settings -> Given("check", key, value) ]

let private trained (effort: Effort) device =
    let settings =
        RunSettings.Resolve(
            given
                [ "steps", string effort.Steps
                  "device", device
                  "evaluate_every", "0"
                  "save_every", "0"
                  "initial_evaluation", "false"
                  "report", "false" ]
        )

    let watch = Stopwatch.StartNew()
    let folder = Path.Combine(effort.Folder, $"run-{Directory.GetDirectories(effort.Folder).Length}")
    (Trainer(settings, folder).Train()).After, watch.Elapsed.TotalSeconds

let private defaultRun (effort: Effort) tell =
    let device = string Cuda.device.Value
    let there, seconds = trained effort device
    let here, secondsHere = trained effort "cpu"
    let percent (x: float) = Readable.Percent x

    for metric in [ MetricNames.Recall1; MetricNames.MapAtR ] do
        let apart = abs (there[metric] - here[metric])
        let name = MetricNames.Display metric

        tell (
            Check.row
                $"{name} after {effort.Steps} steps"
                (apart <= noise)
                $"{device} {percent there[metric]} in {seconds:F0} s, cpu {percent here[metric]} in {secondsHere:F0} s; up to {percent noise} apart is noise"
                [ "there", there[metric]; "cpu", here[metric]; "seconds", seconds; "cpu_seconds", secondsHere ]
        )

let private study (effort: Effort) tell =
    let steps, seeds = if effort.Quick then 10, 1 else 200, 2
    let ofPhotographs = if effort.Data = "emoji" then [] else [ "encoder", "resnet18" ]

    let common =
        given (
            [ "data", effort.Data
              "steps", string steps
              "device", string Cuda.device.Value
              "evaluate_every", "0"
              "save_every", "0"
              "initial_evaluation", "false"
              "report", "false" ]
            @ ofPhotographs
        )
        @ effort.Set

    let arms = [| StudyArm("baseline", given [ "levels", "0" ]); StudyArm("conditional", given [ "levels", "1" ]) |]
    let plan = StudyPlan("gpu-check", common, arms, [| 0 .. seeds - 1 |], "baseline")
    let results = Study(plan, Path.Combine(effort.Folder, "study")).Run()
    let sound = results.Unmatched.Count = 0 && results.Missing.Count = 0

    for difference in results.Differences do
        if difference.Measured = StudyMeasures.Chosen || difference.Measured = StudyMeasures.Last then
            let gain = difference.Estimate.Mean

            tell (
                Check.row
                    $"{MetricNames.Display difference.Metric}, {difference.Measured}"
                    sound
                    $"{steps} steps, {seeds} seeds: conditional gains {Readable.PercentChange gain}"
                    [ "gain", gain ]
            )

    if not sound then
        tell (Check.row "matched" false (String.concat "; " (Seq.append results.Unmatched results.Missing)) [])

let checks =
    [ Check.plain "default-run" "the default run, on the device and on the CPU" defaultRun
      Check.plain "study" "two arms, matched by their checksums" study ]
