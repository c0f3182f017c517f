/// Frozen parameters, kept once for several runs, and what a study leaves of each run.
module CondEmbed.Tests.FrozenWeightsTests

open System.IO
open Expecto
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Models
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Studies
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StudySupport
open CondEmbed.Tests.Support
open CondEmbed.WeightFiles

let private freeze = [ "freeze", "conv1*,bn1*,layer1*,layer2*"; "average", "0.9" ]

let private apart folder = freeze @ [ "frozen_weights", Path.Combine(folder, "frozen") ]

let private isFrozen (name: string) =
    [ "conv1."; "bn1."; "layer1."; "layer2." ]
    |> List.exists (fun beginning -> name.StartsWith beginning)

let private namesIn path = [ for array in Safetensors.Read(path).Arrays -> array.Name ]

let private frozenFile folder = Directory.GetFiles(Path.Combine(folder, "frozen")) |> Array.exactlyOne

let private embeddings best (run: string) =
    use model = EmbeddingModel.Load(run, "cpu", best)
    let data = ImageDatasets.Open imageFolder.Value
    [| for image in 0..4 -> model.Embed(data.Read image) |]

let private bytesBelow (folder: string) =
    Directory.GetFiles(folder, "*.safetensors", SearchOption.AllDirectories)
    |> Array.sumBy (fun file -> FileInfo(file).Length)

let private ofRuns =
    testList
        "runs"
        [ test "keep them once, and embed as runs that hold everything" {
              inFolder (fun folder ->
                  let whole = finishedRun freeze
                  let run = Path.Combine(folder, "run")
                  train (settings imageFolder.Value (apart folder)) run |> ignore

                  train (settings imageFolder.Value (apart folder @ [ "levels", "0" ])) (Path.Combine(folder, "other"))
                  |> ignore

                  let all = namesIn (RunFolder(whole).LastWeights)
                  Expect.equal (List.sort (namesIn (frozenFile folder))) (List.sort (List.filter isFrozen all)) "the file that both share"
                  let checkpoint = (CheckpointStore.Latest(RunFolder(run).Checkpoints)).Folder
                  let files = [ RunFolder(run).LastWeights; RunFolder(run).BestWeights; Path.Combine(checkpoint, "weights.safetensors") ]

                  for file in files do
                      Expect.isEmpty (List.filter isFrozen (namesIn file)) file
                      let read = [ for array in WeightFile.Read(file).Arrays -> array.Name ]
                      Expect.containsAll read all "read again, it has them"
                      Expect.hasLength (List.distinct read) read.Length "each once"

                  for best in [ false; true ] do
                      Expect.equal (embeddings best run) (embeddings best whole) "embeddings, bit for bit")
          }

          test "stop and go on to the same bits" {
              inFolder (fun folder ->
                  let config = settings imageFolder.Value (apart folder)
                  let whole, parts = Path.Combine(folder, "whole"), Path.Combine(folder, "parts")
                  Trainer(config, whole).Train() |> ignore
                  Trainer(config, parts) |> stopAt 4 |> ignore
                  Trainer.Resume(parts).Train() |> ignore
                  expectSameRun whole parts)
          }

          test "move with their file or without it, and say what is missing or damaged" {
              inFolder (fun folder ->
                  let home, away, alone = Path.Combine(folder, "home"), Path.Combine(folder, "away"), Path.Combine(folder, "alone")
                  train (settings imageFolder.Value (apart home)) (Path.Combine(home, "run")) |> ignore
                  let expected = embeddings false (Path.Combine(home, "run"))
                  Directory.CreateDirectory alone |> ignore

                  let moved = Path.Combine(alone, "last.safetensors")
                  File.Copy(RunFolder(Path.Combine(home, "run")).LastWeights, moved)
                  Expect.equal (embeddings false moved) expected "the model alone"
                  Directory.Move(home, away)
                  Expect.equal (embeddings false (Path.Combine(away, "run"))) expected "both together"

                  let next =
                      [ "freeze", "conv1*,bn1*,layer1*,layer2*"
                        "weights", RunFolder(Path.Combine(away, "run")).LastWeights
                        "strict_weights", "false" ]

                  Expect.stringContains
                      (notices (Trainer(settings imageFolder.Value next, Path.Combine(folder, "next"))))
                      "with the frozen stages in"
                      "another run starts from them"

                  let missing = inputProblem (fun () -> embeddings false moved |> ignore)
                  Expect.stringContains missing (Path.GetFileName(frozenFile away)) "which file"
                  Expect.stringContains missing "Copy that" "what to do"
                  Damage.flip (frozenFile away)
                  let damaged = inputProblem (fun () -> embeddings false (Path.Combine(away, "run")) |> ignore)
                  Expect.stringContains damaged "is damaged" "what"
                  Expect.stringContains damaged "delete it" "what to do"
                  let others = [ "frozen_weights", Path.Combine(away, "frozen") ]
                  train (settings imageFolder.Value (freeze @ others)) (Path.Combine(folder, "healing")) |> ignore
                  Expect.equal (embeddings false (Path.Combine(away, "run"))) expected "a run with the same stages writes it again")
          } ]

let private ofStudies =
    testList
        "a study"
        [ test "keeps frozen stages once and no checkpoints, and still measures, goes on and re-ranks" {
              inFolder (fun folder ->
                  let base' = [ for key, value in freeze -> $"{key} = {CondEmbed.Options.TomlSettings.Literal value}" ]
                  let arms = base' @ two
                  let plan more = StudyFile.Parse("test.toml", study more arms)
                  Study(plan [], folder).Run() |> ignore
                  let run = Path.Combine(folder, "conditional", "seed-0")
                  // Two seeds, each with stages of its own; the weights are of the trained rest.
                  let shared = Directory.GetFiles(Path.Combine(folder, "frozen"))
                  Expect.hasLength shared 2 "a file a seed"
                  let frozen = FileInfo(shared[0]).Length
                  let whole = FileInfo(RunFolder(finishedRun freeze).LastWeights).Length
                  Expect.isFalse (Directory.Exists(RunFolder(run).Checkpoints)) "no checkpoints"

                  let rest = bytesBelow (Path.Combine(folder, "baseline", "seed-0"))
                  // Each file has a header with settings and names besides its numbers.
                  Expect.isLessThan rest (2L * (whole - frozen) + 40000L) "best and last hold what is trained"
                  Expect.isLessThan (rest + frozen) (2L * whole) "less than before"

                  let results = Study(plan [ "rerank = 20"; $"test_on = ['{imageFolder.Value}']" ], folder).Run()
                  Expect.hasLength (results.ValuesOf("conditional", "test, 20 re-ranked", "map_at_r")) 2 "re-ranked later"
                  Expect.hasLength (results.ValuesOf("baseline", "pictures, last step", "map_at_r")) 2 "tested on more data later"

                  let refused = inputProblem (fun () -> Trainer.Resume(run, ResumeOptions(Steps = System.Nullable 2)).Train() |> ignore)
                  Expect.stringContains refused "no checkpoint left" "it cannot be trained further"
                  Expect.isTrue (File.Exists(RunFolder(run).LastWeights)) "and what it found stays")
          } ]

let tests = testList "Frozen" [ ofRuns; ofStudies ]
