/// The network that a run leaves: loading it and embedding with it.
module CondEmbed.Tests.RunModelTests

open System.IO
open Expecto
open CondEmbed
open CondEmbed.Options
open CondEmbed.Torch
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.WeightFiles
open CondEmbed.Storage
open CondEmbed.Models
open CondEmbed.Pairs
open CondEmbed.Runs
open CondEmbed.Interop
open CondEmbed.Tests.Support
open CondEmbed.Tests.RunSupport
open TorchSharp

let private embedded (model: EmbeddingModel) = model.Embed(FolderDataset.Open imageFolder.Value).Values

let tests =
    testList
        "model"
        [ test "loads from the folder, from the file, and the best" {
              let run = RunFolder(finishedRun [])
              use fromFolder = EmbeddingModel.Load run.Root
              use fromFile = EmbeddingModel.Load(run.LastWeights, "cpu")
              use best = EmbeddingModel.Load(run.Root, best = true)
              use bestFile = EmbeddingModel.Load run.BestWeights
              Expect.equal fromFolder.Dimension 16 "D"
              Expect.equal (embedded fromFile) (embedded fromFolder) "the last"
              Expect.equal (embedded bestFile) (embedded best) "the best"
          }

          test "embeds as the session of the training does, one by one or all at once" {
              let run = RunFolder(finishedRun [])
              let settings = (RunFolder.Open run.Root).Settings
              let dataset = FolderDataset.Open imageFolder.Value
              use session = Session.ForTraining(settings.Core, Device.choose "cpu", 6, 6)
              let struct (saved, damaged) = RunCheckpoints.Newest run.Checkpoints
              Expect.isEmpty damaged "damaged"
              saved.Into session
              let all = [| 0 .. dataset.Items.Count - 1 |]

              let expected = EmbeddingPass(session, Views.ForTesting settings, LoaderOptions(1)).Embed(ImageReader dataset, all)

              use model = EmbeddingModel.Load run.Root
              let actual = model.Embed dataset
              Expect.equal actual.Values expected.Values "bit for bit"

              for at in [ 0; 17; 95 ] do
                  let path = Path.Combine(imageFolder.Value, dataset.Items[at].Path)
                  let alone = model.Embed path
                  Expect.equal (model.Embed(System.ReadOnlyMemory(File.ReadAllBytes path))) alone "from bytes"
                  Expect.floatClose Accuracy.medium (Seq.sumBy (fun x -> float x * float x) alone) 1.0 "length"

                  for a, b in Seq.zip alone (actual.Row(at).ToArray()) do
                      Expect.isLessThan (abs (a - b)) 1e-5f "alone or in a batch"
          }

          test "is saved to a file of its own, which is the run's own file again" {
              inFolder (fun folder ->
                  let run = RunFolder(finishedRun [])
                  use model = EmbeddingModel.Load(run.Root, "cpu")
                  let copy = Path.Combine(folder, "copy.safetensors")
                  model.Save copy
                  Expect.isTrue (File.ReadAllBytes copy = bytesOf run.Root "last.safetensors") "bit for bit"
                  rejects [ "nowhere"; "cannot be written" ] (fun () -> model.Save(Path.Combine(folder, "nowhere", "copy.safetensors"))))
          }

          test "a model that is loaded, and a training that is over, leave the threads of the process as they were" {
              Native.ensure ()

              ThreadTests.restoring (fun () ->
                  torch.set_num_threads 3
                  ComputeThreads.Choose 5
                  let now () = torch.get_num_threads (), ComputeThreads.Count

                  inFolder (fun folder ->
                      let run = Path.Combine(folder, "run")
                      train (settings imageFolder.Value [ "threads", "1"; "steps", "1" ]) run |> ignore
                      Expect.equal (now ()) (3, 5) "a training"
                      use model = EmbeddingModel.Load run
                      use levels = ConditionalModel.Load run
                      Expect.equal (model.Settings.Host.Threads, now ()) (1, (3, 5)) "its model"))
          }

          test "a file of a finished run that has one bit changed is refused, with the file and the fix" {
              inFolder (fun folder ->
                  let copy (name: string) = File.Copy(Path.Combine(finishedRun [], name), Path.Combine(folder, name), true)
                  let spoil (name: string) = Damage.flip (Path.Combine(folder, name))
                  let names = [ for file in Directory.GetFiles(finishedRun []) -> string (Path.GetFileName file) ]
                  List.iter copy names
                  let summed = File.ReadAllLines(Path.Combine(folder, FileSums.Name)) |> Array.map (fun line -> line.Substring 66)
                  Expect.equal (set summed) (set names - set [ FileSums.Name ]) "every file has a sum"
                  (EmbeddingModel.Load folder).Dispose()

                  for name, load in
                      [ "last.safetensors", (fun () -> (EmbeddingModel.Load folder).Dispose())
                        "last.safetensors", (fun () -> (EmbeddingModel.Load(Path.Combine(folder, "last.safetensors"))).Dispose())
                        "best.safetensors", (fun () -> (EmbeddingModel.Load(folder, best = true)).Dispose())
                        "last.levels.safetensors", (fun () -> (ConditionalModel.Load folder).Dispose())
                        "config.toml", (fun () -> Trainer.Resume folder |> ignore)
                        "metrics.json", (fun () -> Comparisons.RunComparison.Read [ folder; finishedRun [] ] |> ignore)
                        "log.jsonl", (fun () -> Comparisons.RunComparison.Read [ folder; finishedRun [] ] |> ignore) ] do
                      spoil name

                      rejects
                          [ Path.Combine(folder, name)
                            "is damaged: its contents have changed since it was written"
                            "Restore it from a backup" ]
                          load

                      copy name
                      load ()

                  File.AppendAllText(Path.Combine(folder, FileSums.Name), "x")
                  rejects [ FileSums.Name; "is damaged" ] (fun () -> (EmbeddingModel.Load folder).Dispose())
                  File.Delete(Path.Combine(folder, FileSums.Name))
                  spoil "last.safetensors"
                  (EmbeddingModel.Load folder).Dispose())
          }

          test "evaluates to the metrics that the run wrote" {
              let run = RunFolder(finishedRun [])
              use model = EmbeddingModel.Load run.Root
              let own = RunData.Open model.Settings
              let metrics = model.Evaluate(own.Dataset, own.Split)
              let written = Reports.MetricsFile.Read(run.Metrics).After

              for KeyValue(name, value) in written do
                  Expect.equal metrics[name] value name
          }

          test "says what is wrong with what is no model" {
              inFolder (fun folder ->
                  rejects [ folder; "not a run folder" ] (fun () -> EmbeddingModel.Load(folder).Dispose())
                  let above = Path.Combine(folder, "runs")
                  let first = Path.Combine(above, "first")
                  Directory.CreateDirectory first |> ignore
                  File.Copy(RunFolder(finishedRun []).Settings, RunFolder(first).Settings)

                  for opened in [ (fun () -> EmbeddingModel.Load(above).Dispose()); (fun () -> Trainer.Resume above |> ignore) ] do
                      rejects [ above; "not a run folder"; $"has runs in it. Name one of them, such as {first}" ] opened

                  rejects [ "gone"; "no such file or folder" ] (fun () -> EmbeddingModel.Load(Path.Combine(folder, "gone")).Dispose())
                  let plain = Path.Combine(folder, "plain.safetensors")
                  let arrays = Safetensors.Read(RunFolder(finishedRun []).LastWeights).Arrays
                  Safetensors.Write(plain, arrays)
                  rejects [ plain; "no settings"; "Weights = " ] (fun () -> EmbeddingModel.Load(plain).Dispose())
                  let torn = Path.Combine(folder, "torn.safetensors")
                  File.WriteAllBytes(torn, (bytesOf (finishedRun []) "last.safetensors")[..2000])
                  rejects [ torn ] (fun () -> EmbeddingModel.Load(torn).Dispose())
                  let text = Path.Combine(folder, "text.txt")
                  File.WriteAllText(text, "hello, this is no model at all")
                  rejects [ text ] (fun () -> EmbeddingModel.Load(text).Dispose()))
          }

          test "a run without validation classes has no best, and says so" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")
                  train (settings imageFolder.Value [ "validation_share", "0"; "steps", "1" ]) run |> ignore
                  rejects [ "no validation classes" ] (fun () -> EmbeddingModel.Load(run, best = true).Dispose()))
          }

          test "says which image cannot be embedded" {
              use model = EmbeddingModel.Load(finishedRun [])

              inFolder (fun folder ->
                  let gone = Path.Combine(folder, "gone.png")
                  rejects [ gone ] (fun () -> model.Embed gone |> ignore)
                  File.WriteAllText(gone, "no image")
                  rejects [ gone ] (fun () -> model.Embed gone |> ignore))
          } ]
