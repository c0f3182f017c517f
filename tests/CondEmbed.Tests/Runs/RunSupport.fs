/// Tiny runs on a little data set of real images, and what the tests compare of them.
module CondEmbed.Tests.RunSupport

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Tests.Support
open CondEmbed.Datasets
open CondEmbed.WeightFiles
open CondEmbed.Options
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Interop

let private emoji = lazy EmojiDataset.Open()

/// The images of the first classes of the emoji set, with their paths CLASS/MAKER.png.
let private imagesOf classes =
    let set = emoji.Value

    let labels = set.Items |> Seq.map _.Label |> Seq.distinct |> Seq.truncate classes |> HashSet

    [ for i, item in Seq.indexed set.Items do
          if labels.Contains item.Label then item, set.Read i ]

/// Writes the first classes as files CLASS/MAKER.png into the folder.
let unpack (folder: string) classes =
    for item, bytes in imagesOf classes do
        let file = Path.Combine(folder, item.Path)
        Directory.CreateDirectory(string (Path.GetDirectoryName file)) |> ignore
        File.WriteAllBytes(file, bytes)

/// A folder that lasts as long as the test program.
let private kept = lazy Directory.CreateTempSubdirectory("condembed-runs-").FullName

AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> if kept.IsValueCreated then Directory.Delete(kept.Value, true))

let private classes = 16

/// Class folders with 16 classes of six images: 6 to train on, 2 for validation, 8 for test. No test changes it.
let imageFolder =
    lazy
        (let folder = Path.Combine(kept.Value, "pictures")
         unpack folder classes
         folder)

/// Settings that make a run as small as one can be that still does everything.
let tiny =
    [ "size", "32"
      "batch", "8"
      "per_class", "2"
      "steps", "6"
      "embedding", "16"
      "heads", "2"
      "evaluate_every", "3"
      "save_every", "2"
      "device", "cpu"
      "threads", "1"
      "workers", "2" ]

/// The tiny settings on some data, and others that win over them.
let settings (data: string) (others: (string * string) list) =
    RunSettings.Resolve [ for key, value in ("data", data) :: tiny @ others -> Given("test", key, value) ]

/// Told of progress on the training thread.
let listener (listen: RunProgress -> unit) =
    { new IProgress<RunProgress> with
        member _.Report at = listen at }

let train (settings: RunSettings) (folder: string) = Trainer(settings, folder).Train()

/// Trains until a step is done, and is stopped there as by Ctrl-C.
let stopAt step (trainer: Trainer) =
    use source = new CancellationTokenSource()

    let stop = listener (fun at -> if at.Phase = RunProgress.Training && at.Step = step then source.Cancel())

    try
        trainer.Train(stop, source.Token) |> ignore
        failtest $"the run was not stopped at step {step}"
    with :? TrainingStoppedException as stopped ->
        stopped

let private finished = ConcurrentDictionary<(string * string) list, string>()

/// A finished run of the settings on the images; each is made once and kept. No test changes it. Who asks for one that is there does not wait for the test of
/// torch that runs beside.
let finishedRun others =
    match finished.TryGetValue others with
    | true, folder -> folder
    | _ ->
        betweenTests (fun () ->
            // Another may have made it while this one waited; nobody makes two at once.
            match finished.TryGetValue others with
            | true, folder -> folder
            | _ ->
                let folder = Path.Combine(kept.Value, $"run{finished.Count}")
                train (settings imageFolder.Value others) folder |> ignore
                finished[others] <- folder
                folder)

/// All lines that the notices of a run had.
let notices (trainer: Trainer) =
    let lines = ResizeArray<string>()
    trainer.Notice <- Action<string>(lines.Add)
    trainer.Train() |> ignore
    String.concat "\n" lines

let bytesOf (run: string) file = File.ReadAllBytes(Path.Combine(run, file))

let private weightsOf file =
    Safetensors.Read(file).Arrays
    |> Seq.map (fun array -> array.Name, array.Data.ToArray())
    |> Seq.toList

/// The weights of the last step by name, whatever the file says of settings.
let lastWeights (run: string) = weightsOf (RunFolder(run).LastWeights)

/// What two runs must share to be the same training: weights, best weights, metrics, and the log but for pace.
let expectSameRun (expected: string) (actual: string) =
    for file in [ "last.safetensors"; "best.safetensors"; "metrics.json"; "config.toml"; "data.sha256" ] do
        Expect.isTrue (bytesOf expected file = bytesOf actual file) $"{file}, bit for bit"

    let log run = LogReader.Read(RunFolder(run).Log)

    let steps run = [ for step in (log run).Steps -> step.Step, step.Loss, List.ofSeq step.Terms, step.LearningRate, step.GradientNorm ]

    let validations run = [ for at in (log run).Validations -> at.Step, List.ofSeq at.Metrics ]

    let levels run = [ for at in (log run).Levels -> at.Step, List.ofSeq at.Measures ]

    Expect.equal (levels actual) (levels expected) "logged measures of the levels"
    Expect.equal (steps actual) (steps expected) "logged steps"
    Expect.equal (validations actual) (validations expected) "logged validations"

/// What can befall a file.
module Damage =
    /// Changes the lowest bit of the byte in the middle.
    let flip (path: string) =
        let bytes = File.ReadAllBytes path
        bytes[bytes.Length / 2] <- bytes[bytes.Length / 2] ^^^ 1uy
        File.WriteAllBytes(path, bytes)

    let cut (path: string) = File.WriteAllBytes(path, (File.ReadAllBytes path)[..99])
