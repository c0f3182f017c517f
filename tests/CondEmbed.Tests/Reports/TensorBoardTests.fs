/// TensorBoard's files say what the log says, also of a run that was stopped and went on.
module CondEmbed.Tests.TensorBoardTests

open System
open System.IO
open Expecto
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.TensorBoard
open CondEmbed.Runs
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private eventFile folder =
    match Directory.GetFiles(folder, "events.out.tfevents.*") with
    | [| file |] -> file
    | files -> failtest $"{files.Length} event files"

let private tag part (key: string) = part + "/" + key.Replace("@", "_at_")

let private ofMetrics part step metrics = [ for KeyValue(key, value) in metrics -> tag part key, step, float32 (value: float) ]

/// What the log and the metrics of a run make of scalars.
let private expected (run: RunFolder) =
    let log = LogReader.Read run.Log
    let metrics = MetricsFile.Read run.Metrics

    [ for step in log.Steps do
          "loss/total", step.Step, float32 step.Loss

          for KeyValue(name, value) in step.Terms do
              $"loss/{name}", step.Step, float32 value

          "training/learning_rate", step.Step, float32 step.LearningRate
          "training/gradient_norm", step.Step, float32 step.GradientNorm
          "training/images_per_second", step.Step, float32 step.ImagesPerSecond
      for at in log.Validations do
          yield! ofMetrics "validation" at.Step at.Metrics
      for at in log.Levels do
          yield! ofMetrics "levels" at.Step at.Measures
      yield! ofMetrics "test" 0 metrics.Before
      yield! ofMetrics "test" metrics.Step metrics.After
      yield! ofMetrics "test_best" metrics.BestStep metrics.Best ]

let private run =
    test "a run that was stopped past its checkpoint and went on has every number of the log once, and trains as without" {
        inFolder (fun folder ->
            let config = settings imageFolder.Value [ "tensorboard", "true" ]
            let run = RunFolder(Path.Combine(folder, "run"))
            stopAt 3 (Trainer(config, run.Root)) |> ignore
            // As if it had been killed two steps after its last checkpoint.
            Directory.GetDirectories(run.Checkpoints)
            |> Array.sort
            |> Array.last
            |> fun last -> Directory.Delete(last, true)

            Trainer.Resume(run.Root).Train() |> ignore
            let board = BoardReader.read (eventFile run.TensorBoard)
            Expect.equal board.Versions [ "brain.Event:2" ] "version"
            Expect.equal (List.sort board.Scalars) (List.sort (expected run)) "scalars"
            Expect.isGreaterThan board.Scalars.Length 50 "there are some"
            let name, text = List.exactlyOne board.Texts
            Expect.equal name "settings" "the text"
            Expect.stringContains text "\nbatch = 8\n" "settings as TOML"
            Expect.isTrue (lastWeights run.Root = lastWeights (finishedRun [])) "the same weights, bit for bit")
    }

let private projector =
    test "the projector's files hold the embeddings, labels and images of the test part" {
        inFolder (fun folder ->
            let run = RunFolder(Path.Combine(folder, "run"))
            train (settings imageFolder.Value [ "tensorboard", "true"; "steps", "1" ]) run.Root |> ignore
            let lines name = File.ReadAllLines(Path.Combine(run.TensorBoard, name))
            let test = RunData.Open(settings imageFolder.Value []).Split.Test.Count
            let embeddings = lines "embeddings.tsv"
            Expect.equal (embeddings.Length, embeddings[0].Split('\t').Length) (test, 16) "embeddings"
            let length = embeddings[0].Split '\t' |> Array.sumBy (fun x -> float x * float x)
            Expect.isLessThan (abs (length - 1.0)) 1e-5 "of length 1"
            let labels = lines "metadata.tsv"
            Expect.equal (labels.Length, labels[0]) (test + 1, "label\tpath") "labels"
            let sprite = ImageSupport.decodeFile (Path.Combine(run.TensorBoard, "sprite.png"))
            let columns = int (ceil (sqrt (float test)))
            Expect.equal (sprite.Width, sprite.Height) (columns * 64, columns * 64) "sprite"

            Expect.stringContains
                (File.ReadAllText(Path.Combine(run.TensorBoard, "projector_config.pbtxt")))
                "single_image_dim: 64"
                "description")
    }

let private step n = StepEntry(n, 1.0 / float n, readOnlyDict [ "loss", 0.5 ], 0.1, 100.0, nan) :> LogEntry

let private file =
    test "what is written can be read at once, and a new file comes after the old one and takes its place" {
        inFolder (fun folder ->
            use first = new BoardLog(folder, [], "a = 1\n")
            first.Write(step 1)
            let before = eventFile folder
            Expect.equal (BoardReader.read before).Scalars.Length 5 "five numbers, while the file is open"
            use second = new BoardLog(folder, [ step 1; step 2 ], "a = 1\n")
            second.Write(CheckpointEntry(2, "c", true))
            let after = eventFile folder
            Expect.isTrue (String.CompareOrdinal(after, before) > 0) "TensorBoard reads it later"
            Expect.equal (BoardReader.read after).Scalars.Length 10 "of two steps"

            let norms =
                [ for name, _, value in (BoardReader.read after).Scalars do
                      if name = "training/gradient_norm" then value ]

            Expect.all norms Single.IsNaN "what is no number stays none")
    }

let private libtorch =
    test "TorchSharp's own writer says the same of a step" {
        inFolder (fun folder ->
            let ours, theirs = Path.Combine(folder, "ours"), Path.Combine(folder, "theirs")

            using (new BoardLog(ours, [], "a = 1\n")) _.Write("test", 3, readOnlyDict [ "recall@1", 0.25; "map_at_r", 0.5 ])
            let writer = TorchSharp.torch.utils.tensorboard.SummaryWriter(theirs, createRunName = false)
            writer.add_scalar ("test/recall_at_1", 0.25f, 3)
            writer.add_scalar ("test/map_at_r", 0.5f, 3)
            writer.add_text ("settings", "```toml\na = 1\n```\n", 0)
            let expected, found = BoardReader.read (eventFile theirs), BoardReader.read (eventFile ours)
            Expect.equal found.Scalars expected.Scalars "scalars"
            Expect.equal (List.map snd found.Texts) (List.map snd expected.Texts) "the text")
    }

let tests = testList "TensorBoard" [ file; libtorch; run; projector ]
