/// Checkpoints that are damaged, data that has moved, and finished runs that are trained on.
module CondEmbed.Tests.RunDamageTests

open System
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Interop
open CondEmbed.Tests.Support
open CondEmbed.Tests.RunSupport

let private newest (run: string) = Array.last (Directory.GetDirectories(Path.Combine(run, "checkpoints"), "step-*") |> Array.sort)

let private kept =
    lazy
        (let folder = Directory.CreateTempSubdirectory("condembed-stopped-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
         let run = Path.Combine(folder, "run")
         Trainer(settings imageFolder.Value [], run) |> stopAt 5 |> ignore
         run)

/// A copy of a run that was stopped at step 5, with checkpoints of steps 4 and 5.
let private stopped (test: string -> unit) =
    inFolder (fun folder ->
        let run = Path.Combine(folder, "run")

        for file in Directory.GetFiles(kept.Value, "*", SearchOption.AllDirectories) do
            let copy = Path.Combine(run, Path.GetRelativePath(kept.Value, file))
            Directory.CreateDirectory(string (Path.GetDirectoryName copy)) |> ignore
            File.Copy(file, copy)

        Expect.equal [ for at in CheckpointStore.All(Path.Combine(run, "checkpoints")) -> at.Step ] [ 4L; 5L ] "two checkpoints"
        test run)

let private resumed run =
    let said = notices (Trainer.Resume(run: string))
    expectSameRun (finishedRun []) run
    said

let private without (name: string) (checkpoint: string) = File.Delete(Path.Combine(checkpoint, name))

/// What an older version wrote: no sums.
let private old checkpoint = without FileSums.Name checkpoint

let private damages: (string * string * (string -> unit)) list =
    let inside name change checkpoint = change (Path.Combine(checkpoint, name))
    let write (text: string) (path: string) = File.WriteAllText(path, text)

    [ "a bit of the weights", "weights.safetensors", inside "weights.safetensors" Damage.flip
      "a bit of the moments", "moments.safetensors", inside "moments.safetensors" Damage.flip
      "a bit of the random state", "random.bin", inside "random.bin" Damage.flip
      "a bit of the progress", "state.json", inside "state.json" Damage.flip
      "a bit of the sums", FileSums.Name, inside FileSums.Name Damage.flip
      "empty sums", FileSums.Name, inside FileSums.Name (write "")
      "moments that are cut off", "moments.safetensors", inside "moments.safetensors" Damage.cut
      "no weights", "weights.safetensors", without "weights.safetensors"
      for words, change in
          [ "moments that are cut off, without sums", inside "moments.safetensors" Damage.cut
            "no moments, without sums", without "moments.safetensors"
            "a short random state, without sums", inside "random.bin" Damage.cut
            "an empty random state, without sums", inside "random.bin" (write "")
            "a random state of zeros, without sums", inside "random.bin" (fun path -> File.WriteAllBytes(path, Array.zeroCreate 5056))
            "a random state of ones, without sums", inside "random.bin" (fun path -> File.WriteAllBytes(path, Array.create 5056 255uy))
            "a progress of {}, without sums", inside "state.json" (write "{}")
            "an empty progress, without sums", inside "state.json" (write "")
            "a progress of null, without sums", inside "state.json" (write "null")
            "a progress of another step, without sums",
            inside "state.json" (fun path -> File.WriteAllText(path, File.ReadAllText(path).Replace("\"step\": 5", "\"step\": 3")))
            "no progress, without sums", without "state.json" ] do
          words,
          "",
          (fun checkpoint ->
              old checkpoint
              change checkpoint) ]

let private checkpoints =
    testList
        "damaged checkpoint"
        [ for words, file, damage in damages do
              test words {
                  stopped (fun run ->
                      damage (newest run)
                      let struct (saved, damaged) = RunCheckpoints.Newest(RunFolder(run).Checkpoints)
                      Expect.equal saved.Progress.Step 4 "the one before"
                      Expect.equal [ for struct (checkpoint, _) in damaged -> checkpoint.Step ] [ 5L ] "which"
                      Expect.stringContains (snd (damaged[0].ToTuple())) file "the file")
              }

          for words in [ "a bit of the weights"; "a short random state, without sums"; "a progress of {}, without sums" ] do
              test $"{words}: the run goes on from the one before, to the same bits, and says so" {
                  stopped (fun run ->
                      let _, file, damage = damages |> List.find (fun (name, _, _) -> name = words)
                      damage (newest run)
                      let said = resumed run
                      Expect.stringContains said "left out the checkpoint checkpoints/step-000000005" "which"
                      Expect.stringContains said file "the file"
                      Expect.stringContains said "continuing after step 4 of 6" "the one before"
                      Expect.isTrue (Directory.Exists(Path.Combine(run, "checkpoints", "damaged-step-000000005"))) "nothing is deleted")
              }

          test "if none is whole, no new training is started" {
              stopped (fun run ->
                  for folder in Directory.GetDirectories(Path.Combine(run, "checkpoints"), "step-*") do
                      Damage.flip (Path.Combine(folder, "weights.safetensors"))

                  let words =
                      [ "no checkpoint is intact"
                        "step-000000004"
                        "step-000000005"
                        "weights.safetensors is damaged"
                        "from a backup" ]

                  for _ in 1..2 do
                      rejects words (fun () -> Trainer.Resume(run).Train() |> ignore))
          }

          test "checkpoints and runs of older versions, without sums, are gone on with" {
              stopped (fun run ->
                  for file in Directory.GetFiles(run, FileSums.Name, SearchOption.AllDirectories) do
                      File.Delete file

                  Expect.stringContains (resumed run) "continuing after step 5 of 6" "the newest")
          }

          test "the sums are those that sha256sum has" {
              let sums = File.ReadAllLines(Path.Combine(newest (finishedRun []), FileSums.Name))
              Expect.equal sums.Length 4 "four files"

              for line in sums do
                  let bytes = File.ReadAllBytes(Path.Combine(newest (finishedRun []), line.Substring 66))
                  let sum = Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes)
                  Expect.equal line $"{sum}  {line.Substring 66}" line
          }

          test "a file has two sums while it is replaced, so that a kill leaves a sound one" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "best.safetensors")
                  File.WriteAllText(file, "old")
                  let sums = FileSums folder
                  sums.Keep [| file |]
                  let write (text: string) (path: string) = File.WriteAllText(path, text)
                  // What is there between the new sums and the new name.
                  sums.Replace(file, write "new")
                  let after = File.ReadAllText(Path.Combine(folder, FileSums.Name))
                  Expect.isNull (sums.Problem()) "the new one"
                  File.WriteAllText(file, "old")
                  Expect.isNotNull (sums.Problem()) "only the new one"
                  sums.Keep [| file |]
                  File.AppendAllText(Path.Combine(folder, FileSums.Name), after)
                  Expect.isNull (sums.Problem()) "the old one, before the rename"
                  File.WriteAllText(file, "new")
                  Expect.isNull (sums.Problem()) "the new one, after it"
                  File.WriteAllText(file, "neither")
                  Expect.isNotNull (sums.Problem()) "no other")
          } ]

let private moved =
    testList
        "data that has moved"
        [ test "is gone on with where it is now, to the same bits, and the place is kept" {
              inFolder (fun folder ->
                  let data, elsewhere, run = Path.Combine(folder, "data"), Path.Combine(folder, "elsewhere"), Path.Combine(folder, "run")
                  unpack data 16
                  Trainer(settings data [], run) |> stopAt 3 |> ignore
                  Directory.Move(data, elsewhere)
                  rejects [ data; "is missing" ] (fun () -> Trainer.Resume(run).Train() |> ignore)
                  Trainer.Resume(run, ResumeOptions(Data = elsewhere)) |> stopAt 4 |> ignore
                  Expect.equal (Trainer.Resume run).Settings.Host.Data elsewhere "kept"
                  Trainer.Resume(run).Train() |> ignore
                  Expect.equal (lastWeights run) (lastWeights (finishedRun [])) "weights")
          }

          test "other data is refused, and the place is not kept" {
              inFolder (fun folder ->
                  let other, run = Path.Combine(folder, "other"), Path.Combine(folder, "run")
                  unpack other 15
                  Trainer(settings imageFolder.Value [], run) |> stopAt 3 |> ignore
                  let words = [ other; "not the ones that the run"; run ]
                  rejects words (fun () -> Trainer.Resume(run, ResumeOptions(Data = other)).Train() |> ignore)
                  Expect.equal (Trainer.Resume run).Settings.Host.Data imageFolder.Value "as it was")
          } ]

let private rates run = [ for step in LogReader.Read(RunFolder(run).Log).Steps -> step.LearningRate ]

let private further =
    testList
        "a finished run"
        [ test "is trained on with a schedule of its own, stopped or not, and says so" {
              inFolder (fun folder ->
                  let whole, parts = Path.Combine(folder, "whole"), Path.Combine(folder, "parts")

                  for run in [ whole; parts ] do
                      train (settings imageFolder.Value []) run |> ignore

                  let trainer = Trainer.Resume(whole, ResumeOptions(Steps = Nullable 4))
                  Expect.stringContains (notices trainer) "continuing the training: 4 more steps after step 6" "said"
                  Trainer.Resume(parts, ResumeOptions(Steps = Nullable 4)) |> stopAt 8 |> ignore
                  Expect.equal (Trainer.Resume(parts).Train().Steps) 10 "all steps"
                  expectSameRun whole parts
                  Expect.notEqual (lastWeights whole) (lastWeights (finishedRun [])) "trained on"
                  let alone = Recipe.build (settings imageFolder.Value []).Core 6 4
                  Expect.equal (rates whole) (rates (finishedRun []) @ [ for step in 0..3 -> alone.Method.Rate step ]) "rates"

                  let resume =
                      LogReader.Read(RunFolder(whole).Log).Entries
                      |> Seq.pick (fun entry ->
                          match entry with
                          | :? ResumeEntry as at -> Some at
                          | _ -> None)

                  Expect.equal (resume.Step, resume.From, resume.Steps) (6, 6, 10) "log"
                  Expect.stringContains (File.ReadAllText(RunFolder(whole).Report)) "training continued from step 6" "report"
                  let again = Trainer.Resume(whole, ResumeOptions(Epochs = Nullable 0.5)).Train()
                  Expect.equal again.Steps 13 "36 images, 8 a step")
          }

          test "one that is not finished is not trained on, and lengths that are none are refused" {
              stopped (fun run ->
                  let resume options () = Trainer.Resume(run, options).Train() |> ignore
                  rejects [ "Steps 4"; "not finished"; "5 of 6"; $"Trainer.Resume {run}" ] (resume (ResumeOptions(Steps = Nullable 4)))
                  rejects [ "Steps 0" ] (resume (ResumeOptions(Steps = Nullable 0)))
                  rejects [ "Epochs -1" ] (resume (ResumeOptions(Epochs = Nullable -1.0)))
                  rejects [ "one of them" ] (resume (ResumeOptions(Steps = Nullable 1, Epochs = Nullable 1.0)))
                  resumed run |> ignore)
          } ]

let tests = testList "going on" [ checkpoints; moved; further ]
