/// The default run on the bundled emoji: a step, and the time to a quality, against the same network and recipe in PyTorch.
module CondEmbed.Benchmarks.Emoji

open System.Diagnostics
open System.IO
open CondEmbed
open CondEmbed.Evaluation
open CondEmbed.Runs

let private step levels (effort: Effort) =
    let step = Steps.steps { Config.standard with Levels = levels } Config.standard.Batch Config.standard.Size
    fun () -> Measured.secondsOver (if effort.Quick then 0.5 else 2.0) step

let private small =
    Benchmark.row
        "step.small"
        "the small network, 64 images of 48 px: a step of the default run without its level and with it, against PyTorch without it"
        [ Benchmark.here "condembed" (step 0)
          Benchmark.here "condembed with level" (step 1)
          Benchmark.python "pytorch" "small_step.py" []
          Benchmark.python "pytorch channels-last" "small_step.py" [ "channels-last" ] ]
        [ Benchmark.atMost 1.0 "pytorch" "condembed"; Benchmark.atMost 1.0 "pytorch channels-last" "condembed" ]

let private folder = Scratch.path "emoji-1"
let private table = Path.Combine(folder, "emoji.csv")

/// The bundled emoji as files, and the default run's split as a table, in which the classes of validation and test have changed places: `evaluate_every` measures those of validation.
let private write (folder: string) =
    let data = RunData.Open(Quality.resolved [])
    let images = data.Dataset

    let lines part items =
        [ for item: int in items ->
              let image = images.Items[item]
              let path = Path.Combine(folder, image.Path)
              Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
              File.WriteAllBytes(path, images.Read item)
              $"{image.Path},{image.Label},{part}" ]

    let split = data.Split
    let rows = lines "train" split.Train @ lines "validation" split.Test @ lines "test" split.Validation
    File.WriteAllLines(Path.Combine(folder, Path.GetFileName table), "path,label,split" :: rows)

/// Recall@1 to reach, in per cent; the steps in which the learning rate falls; the steps between measurements.
let private race isQuick = if isQuick then 0.0, 8, 4 else 65.0, 1500, 125

/// To the last step, so that the quality at the end can be compared too.
let private toQuality name levels (effort: Effort) =
    let target, steps, every = race effort.Quick
    let root = Scratch.temporary ()
    Scratch.once folder write
    let mutable round = 0

    fun () ->
        round <- round + 1
        let watch = Stopwatch.StartNew()

        let settings =
            Quality.resolved
                [ "data", table
                  "levels", string<int> levels
                  "steps", string steps
                  "threads", string effort.Threads
                  "evaluate_every", string every
                  "initial_evaluation", "false"
                  "save_every", "0"
                  "report", "false" ]

        let measured = Quality.train name watch MetricNames.Recall1 infinity settings (Path.Combine(root, string round))

        [ "seconds", Quality.secondsTo name MetricNames.Recall1 target measured
          "seconds of all steps", fst (List.last measured) ]

let private quality =
    let target, steps, every = race false
    let numbers isQuick = race isQuick |> fun (target, steps, every) -> [ string target; string steps; string every ]
    let arguments = table :: numbers false @ numbers true
    let here name levels = Benchmark.here name (toQuality name levels)

    { Benchmark.row
          "quality.emoji"
          $"seconds from the start to Recall@1 {target} on the 231 unseen classes of emoji, the default run of {steps} steps without its level and with it, measured every {every} steps, against PyTorch without it"
          [ here "condembed" 0
            here "condembed with level" 1
            Benchmark.python "pytorch" "emoji.py" arguments
            Benchmark.python "pytorch channels-last" "emoji.py" (arguments @ [ "channels-last" ]) ]
          [ Benchmark.atMost 1.0 "pytorch" "condembed"
            Benchmark.atMost 1.0 "pytorch channels-last" "condembed"
            Benchmark.atMost 1.0 "pytorch" "condembed with level"
            Benchmark.atMost 1.0 "pytorch channels-last" "condembed with level" ] with
        Together = false
        Rounds = 1
        Warm = 0 }

let benchmarks = [ small; quality ]
