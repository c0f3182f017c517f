/// Runs that are measured as they train, and the seconds to a quality.
module CondEmbed.Benchmarks.Quality

open System
open System.Diagnostics
open System.Threading
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Interop
open CondEmbed.Options
open CondEmbed.Reports
open CondEmbed.Runs

let resolved settings = RunSettings.Resolve [ for key, value in settings -> Given("benchmark", key, value) ]

/// Trains in a folder until a metric of the validation classes has so many per cent, or else to the last step, and tells standard error of each measurement: the seconds of the watch, and per cent.
let train name (watch: Stopwatch) metric enough settings (folder: string) =
    use stop = new CancellationTokenSource()
    let trainer = Trainer(settings, folder)
    let measured = ResizeArray()

    trainer.Logged <-
        fun entry ->
            match entry with
            | :? ValidationEntry as entry ->
                let seconds, percent = watch.Elapsed.TotalSeconds, 100.0 * entry.Metrics[metric]
                Console.Error.WriteLine $"{name}: step {entry.Step}, {seconds:F0} s: {MetricNames.Display metric} {percent:F2}"
                measured.Add(seconds, percent)
                if percent >= enough then stop.Cancel()
            | _ -> ()

    try
        trainer.Train(null, stop.Token) |> ignore
    with :? OperationCanceledException ->
        ()

    List.ofSeq measured

/// The seconds of the first measurement with so many per cent. Contest.Broken if there is none.
let secondsTo name metric target measured =
    match measured |> List.tryFind (fun (_, percent) -> percent >= target) with
    | Some(seconds, _) -> seconds
    | None -> raise (Contest.Broken $"{name}: {MetricNames.Display metric} {target} %% was not reached")
