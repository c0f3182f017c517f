/// A training run: what it leaves, that it repeats itself, and that stopping and going on changes nothing.
module CondEmbed.Tests.RunTests

open System.IO
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Common
open CondEmbed.Options
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Models
open CondEmbed.Runs
open CondEmbed.Interop
open CondEmbed.Tests.Support
open CondEmbed.Tests.RunSupport
open TorchSharp

let private files =
    testList
        "folder"
        [ test "a run leaves its settings, data, log, metrics, weights, checkpoints and report, and no unfinished file" {
              let run = RunFolder(finishedRun [])

              let names = [ for entry in Directory.GetFileSystemEntries run.Root -> Path.GetFileName entry ]

              Expect.containsAll
                  names
                  [ "best.safetensors"
                    "checkpoints"
                    "config.toml"
                    "data.sha256"
                    "last.safetensors"
                    "log.jsonl"
                    "metrics.json"
                    "report.html" ]
                  "files"

              Expect.isEmpty (Directory.GetFileSystemEntries(run.Root, "*.tmp", SearchOption.AllDirectories)) "unfinished"
              Expect.equal (Path.GetFullPath run.Root) run.Root "the folder is named in full"
          }

          test "without its report a run measures the same" {
              let whole, short = RunFolder(finishedRun []), RunFolder(finishedRun [ "report", "false" ])
              Expect.equal (File.Exists whole.Report, File.Exists whole.Classes) (true, true) "with it"
              Expect.equal (File.Exists short.Report, File.Exists short.Classes) (false, false) "without it"
              Expect.equal (File.ReadAllText short.Metrics) (File.ReadAllText whole.Metrics) "metrics"
          }

          test "config.toml reads back to the same settings" {
              let run = RunFolder(finishedRun [])
              let written = RunSettings.Resolve(TomlSettings.Read run.Settings)
              Expect.equal written (settings imageFolder.Value []) "settings"
          }

          test "the log holds every step once, validations, checkpoints, start and end" {
              let log = LogReader.Read(RunFolder(finishedRun []).Log)
              Expect.equal [ for step in log.Steps -> step.Step ] [ 1..6 ] "steps"
              Expect.equal [ for at in log.Validations -> at.Step ] [ 3; 6 ] "validations"

              let saved =
                  [ for entry in log.Entries do
                        match entry with
                        | :? CheckpointEntry as at -> at.Step, at.File
                        | _ -> () ]

              Expect.equal saved [ for step in [ 2; 4; 6 ] -> step, $"checkpoints/step-{step:D9}" ] "checkpoints"
              Expect.isTrue (log.Entries[0] :? StartEntry) "first"
              Expect.isTrue (Seq.last log.Entries :? EndEntry) "last"
          }

          test "the log says what share of the time was spent waiting for images, and the report of all of it" {
              let run = RunFolder(finishedRun [])
              let log = LogReader.Read run.Log
              let shares = [ for step in log.Steps -> step.Waiting.Value ]
              Expect.all shares (fun share -> share >= 0.0 && share <= 1.0) "each step"
              Expect.isGreaterThan (List.max shares) 0.0 "the first batch is never there at once"
              let whole = (Seq.last log.Entries :?> EndEntry).Cost.Waiting.Value
              Expect.isTrue (List.min shares <= whole && whole <= List.max shares) "the whole is between"
              Expect.stringContains (File.ReadAllText run.Report) "waiting for images" "report"
          }

          test "the pace is that of the steps, from the first one on" {
              inFolder (fun folder ->
                  let paces = ResizeArray()

                  let listen (at: RunProgress) = if at.Phase = RunProgress.Training then paces.Add(at.ImagesPerSecond.Value, at.Elapsed)

                  Trainer(settings imageFolder.Value [], Path.Combine(folder, "run")).Train(listener listen) |> ignore
                  let pace, elapsed = paces[0]
                  Expect.floatClose Accuracy.medium pace (8.0 / elapsed.TotalSeconds) "a batch of 8 in the time of the first step")
          }

          test "metrics.json and the result say the same, and the best step is one that was validated" {
              inFolder (fun folder ->
                  let result = train (settings imageFolder.Value []) (Path.Combine(folder, "run"))
                  let read = MetricsFile.Read(RunFolder(result.Folder).Metrics)
                  Expect.equal (List.ofSeq read.Before) (List.ofSeq result.Before) "before"
                  Expect.equal (List.ofSeq read.After) (List.ofSeq result.After) "after"
                  Expect.equal (List.ofSeq read.Best) (List.ofSeq result.Best) "best"
                  Expect.contains [ 3; 6 ] result.BestStep "best step"
                  Expect.equal result.Steps 6 "steps"
                  expectSameRun (finishedRun []) result.Folder)
          }

          test "the report shows settings, curves and neighbours" {
              let page = File.ReadAllText(RunFolder(finishedRun []).Report)

              for text in [ "<section id=\"curves\">"; "Worst queries"; "per_class"; "condembed train"; "data:image/png" ] do
                  Expect.stringContains page text text
          }

          test "every setting survives the settings file, text that looks like a number, too" {
              for name in [ "007"; "1e5"; "NaN"; "1."; "+3"; "true "; "Infinity"; "a \"b\" \\c"; "ünï 😀"; "12"; "a\tb\nc\u007f" ] do
                  let start = RunSettings.StartFor "small"
                  start.Host.Data <- name

                  let settings =
                      RunSettings({ start.Core with Lr = 1.0 / 3.0; LossSettings = NamedNumbers(Map [ "alpha", 1e-5 ]) }, start.Host)

                  Expect.equal (RunSettings.Resolve(TomlSettings.Parse("text", TomlSettings.Write settings))) settings name
          } ]

let private repeats =
    testList
        "repeats"
        [ test "another seed gives other weights; the number of threads that read images does not" {
              let weights = lastWeights (finishedRun [])
              Expect.notEqual (lastWeights (finishedRun [ "seed", "1" ])) weights "another seed"

              for workers in [ "1"; "5" ] do
                  Expect.equal (lastWeights (finishedRun [ "workers", workers ])) weights $"{workers} workers"
          }

          test "a cache of decoded images changes nothing but the time, where it is as large as the images" {
              inFolder (fun folder ->
                  let cache = [ "cache", Path.Combine(folder, "cache"); "cache_side", "300" ]
                  let before = lastWeights (finishedRun [])

                  for run in [ "first"; "second" ] do
                      train (settings imageFolder.Value cache) (Path.Combine(folder, run)) |> ignore
                      Expect.equal (lastWeights (Path.Combine(folder, run))) before run

                  Expect.hasLength (Directory.GetFiles(Path.Combine(folder, "cache"))) 1 "one file for both")
          }

          tensorTest "no tensor outlives a run" (fun () ->
              let before = torch.Tensor.TotalCount
              inFolder (fun folder -> train (settings imageFolder.Value [ "levels", "2" ]) (Path.Combine(folder, "run")) |> ignore)
              Expect.equal torch.Tensor.TotalCount before "after a run"

              inFolder (fun folder -> Trainer(settings imageFolder.Value [], Path.Combine(folder, "run")) |> stopAt 2 |> ignore)

              Expect.equal torch.Tensor.TotalCount before "after a run that was stopped")

          test "runs with every kind of loss and schedule end" {
              for others in
                  [ [ "loss", "proxy-anchor"; "level_loss", "triplet"; "epochs", "0.5" ]
                    [ "loss", "soft-triple(centres=2) + 0.1 * nt-xent"; "level_loss", "margin(per_class=1)"; "levels", "2" ]
                    [ "levels", "0"; "optimiser", "sgd"; "schedule", "step"; "augment", "none"; "validation_share", "0" ] ] do
                  inFolder (fun folder ->
                      let result = train (settings imageFolder.Value others) (Path.Combine(folder, "run"))
                      Expect.isGreaterThan result.After["map_at_r"] 0.0 "measured"

                      Expect.equal
                          (isNull result.Best)
                          (List.contains ("validation_share", "0") others)
                          "best only where there is validation"

                      Expect.equal (File.Exists(RunFolder(result.Folder).BestWeights)) (not (isNull result.Best)) "best weights")
          } ]

let private resuming =
    testList
        "resume"
        [ test "a memory, a learned beta, drawn triplets and proxies go on to the same bits" {
              let remembered =
                  [ "loss", "margin + 0.5 * triplet(miner=distance-weighted)"
                    "level_loss", "supcon"
                    "memory", "20"
                    "memory_start", "1" ]

              for others in [ remembered; [ "loss", "proxy-anchor + supcon"; "level_loss", "supcon" ] ] do
                  inFolder (fun folder ->
                      let run = Path.Combine(folder, "run")
                      Trainer(settings imageFolder.Value others, run) |> stopAt 3 |> ignore
                      Trainer.Resume(run).Train() |> ignore
                      expectSameRun (finishedRun others) run)
          }

          test "stopped at any step and gone on with, it is the same run" {
              for steps in [ [ 1 ]; [ 3 ]; [ 2; 5 ]; [ 6 ] ] do
                  inFolder (fun folder ->
                      let run = Path.Combine(folder, "run")

                      for place, step in Seq.indexed steps do
                          let trainer = if place = 0 then Trainer(settings imageFolder.Value [], run) else Trainer.Resume run

                          let stopped = stopAt step trainer
                          Expect.equal (stopped.Step, stopped.Folder) (step, run) "where it stopped"
                          Expect.stringContains stopped.Message $"Trainer.Resume(\"{run}\")" "how to go on"
                          rejects [ "not finished"; "Trainer.Resume" ] (fun () -> EmbeddingModel.Load(run).Dispose())

                      Trainer.Resume(run).Train() |> ignore
                      expectSameRun (finishedRun []) run)
          }

          test "stopped while it measures before the first step, it goes on as well" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")
                  use source = new CancellationTokenSource()

                  let stop = listener (fun at -> if at.Phase = "evaluating" then source.Cancel())

                  let train () = Trainer(settings imageFolder.Value [], run).Train(stop, source.Token) |> ignore

                  Expect.throwsT<TrainingStoppedException> train "stopped"
                  Trainer.Resume(run).Train() |> ignore
                  expectSameRun (finishedRun []) run)
          }

          test "stopped while it checks images, it leaves nothing" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")
                  let stopped = CancellationToken true

                  let train () = Trainer(settings imageFolder.Value [], run).Train(null, stopped) |> ignore

                  Expect.throwsT<System.OperationCanceledException> train "stopped"
                  Expect.isFalse (Directory.Exists run) "folder")
          }

          test "one trainer that was stopped goes on when it is asked again" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")
                  let trainer = Trainer(settings imageFolder.Value [], run)
                  stopAt 3 trainer |> ignore
                  trainer.Train() |> ignore
                  expectSameRun (finishedRun []) run)
          }

          test "a finished run that goes on only reports again" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")
                  let first = train (settings imageFolder.Value []) run
                  File.Delete(RunFolder(run).Report)
                  let again = Trainer.Resume(run).Train()

                  Expect.equal
                      (List.ofSeq again.Before, List.ofSeq again.After)
                      (List.ofSeq first.Before, List.ofSeq first.After)
                      "metrics"

                  Expect.isTrue (File.Exists(RunFolder(run).Report)) "report"
                  expectSameRun (finishedRun []) run)
          }

          test "other data is refused" {
              inFolder (fun folder ->
                  let data, run = Path.Combine(folder, "data"), Path.Combine(folder, "run")
                  unpack data 16
                  Trainer(settings data [], run) |> stopAt 2 |> ignore
                  let victim = Directory.GetFiles(data, "*.png", SearchOption.AllDirectories)[0]
                  let moved = Path.ChangeExtension(victim, null) + "-moved.png"
                  File.Move(victim, moved)
                  rejects [ data; run; "Restore" ] (fun () -> Trainer.Resume(run).Train() |> ignore)
                  File.Move(moved, victim)
                  let bytes = File.ReadAllBytes victim
                  File.WriteAllBytes(victim, Array.append bytes [| 0uy |])
                  rejects [ data; run; "Restore" ] (fun () -> Trainer.Resume(run).Train() |> ignore)
                  File.WriteAllBytes(victim, bytes)
                  Expect.equal (Trainer.Resume(run).Train().Steps) 6 "restored")
          }

          test "a folder that is not empty, a file, and a folder without a run are refused" {
              inFolder (fun folder ->
                  let config = settings imageFolder.Value []
                  rejects [ "Trainer.Resume" ] (fun () -> Trainer(config, finishedRun []) |> ignore)
                  let file = Path.Combine(folder, "file")
                  File.WriteAllText(file, "")
                  rejects [ $"Out: {folder}: the folder is not empty" ] (fun () -> Trainer(config, folder) |> ignore)
                  rejects [ file; "is a file" ] (fun () -> Trainer(config, file) |> ignore)
                  rejects [ folder; "not a run folder" ] (fun () -> Trainer.Resume folder |> ignore)
                  rejects [ "missing"; "not a run folder" ] (fun () -> Trainer.Resume(Path.Combine(folder, "missing")) |> ignore))
          }

          test "what a run that was killed before it began has left is in nobody's way" {
              inFolder (fun folder ->
                  let left = Directory.CreateDirectory(Path.Combine(folder, "checkpoints")).FullName
                  File.WriteAllText(Path.Combine(left, ".lock"), "")
                  File.WriteAllText(Path.Combine(folder, "data.sha256"), "of other data")
                  Trainer(settings imageFolder.Value [], folder).Train() |> ignore
                  expectSameRun (finishedRun []) folder)
          } ]

let tests = testList "Run" [ files; repeats; resuming; RunInputTests.tests; RunModelTests.tests; RunDamageTests.tests ]
