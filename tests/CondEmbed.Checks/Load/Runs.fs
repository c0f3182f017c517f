/// Long runs: training, embedding, evaluation.
module CondEmbed.Checks.Runs

open System
open System.IO
open System.Threading.Tasks
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Models
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Search

/// So much of some work, and at least so much.
let scaled (effort: Effort) most least = max least (int (float most * effort.Scale))

let private trainer (settings: (string * string) list) folder =
    let given =
        [ "report", "false"; "initial_evaluation", "false" ] @ settings
        |> List.map (fun (key, value) -> Given("load", key, value))

    Trainer(RunSettings.Resolve given, folder)

/// A run of a few steps, with a level.
let shortRun (effort: Effort) =
    (trainer [ "steps", "10"; "save_every", "0"; "evaluate_every", "0" ] (Path.Combine(effort.Folder, "run"))).Train().Folder

let private listening (listener: RunProgress -> unit) =
    { new IProgress<RunProgress> with
        member _.Report at = listener at }

/// A run with twenty checkpoints and ten evaluations.
let private training name most settings =
    Check.plain name $"{most:N0} steps with checkpoints and evaluations" (fun effort tell ->
        let steps = scaled effort most 40
        use gauges = new Gauges()
        let progress = listening (fun at -> if at.Phase = RunProgress.Training then gauges.Sample())
        let every part = string (max 1 (steps / part))
        let settings = settings @ [ "steps", string steps; "save_every", every 20; "evaluate_every", every 10 ]
        let result = (trainer settings (Path.Combine(effort.Folder, "run"))).Train progress
        let recall = result.After[MetricNames.Recall1]

        tell (
            gauges.Row(
                $"{steps} steps",
                Double.IsFinite recall,
                $"Recall@1 {Readable.Percent recall}",
                [ "steps", float steps; "recall@1", recall ]
            )
        ))

/// So many images: the emoji over and over.
let private manyEmoji count =
    let emoji = EmojiDataset.Open() :> IImageSource

    { new IImageSource with
        member _.Count = count
        member _.NameOf index = $"{index}: {emoji.NameOf(index % emoji.Count)}"
        member _.Read index = emoji.Read(index % emoji.Count) }

let private embedding =
    Check.plain "embed" "50,000 images, decoded and embedded" (fun effort tell ->
        let count = scaled effort 50_000 500
        use embedder = EmbeddingModel.Load(shortRun effort).ToEmbedder()
        use gauges = new Gauges()
        let watch = Diagnostics.Stopwatch.StartNew()
        let made = embedder.Embed(manyEmoji count, listening (fun _ -> gauges.Sample()))
        let rate = float count / watch.Elapsed.TotalSeconds

        tell (
            gauges.Row(
                $"{count} images",
                (made.Count = count),
                $"{rate:F0} images/s",
                [ "images", float count; "images_per_second", rate ]
            )
        ))

let private evaluation =
    Check.plain "evaluate" "200,000 x 128, ten times" (fun effort tell ->
        let count = scaled effort 200_000 1_000
        let random = Random 1
        let values = Array.init (count * 128) (fun _ -> random.NextSingle() - 0.5f)
        let labels = [| for row in 0 .. count - 1 -> int64 (row % (count / 10)) |]
        use gauges = new Gauges()
        let found = ResizeArray()

        gauges.While(fun () ->
            for _ in 1..10 do
                found.Add((Retrieval.Evaluate(Embeddings<float32>(values, count, 128), labels)).Values[MetricNames.MapAtR]))

        let isSame = found |> Seq.forall ((=) found[0])
        tell (gauges.Row($"{count} x 128", isSame, "ten times the same MAP@R", [ "rows", float count ])))

/// ResNet-18 at 64 px, whose steps take a fraction of those at 224 px and leave as much behind.
let private ofResNet18 = [ "encoder", "resnet18"; "data", "emoji"; "size", "64"; "batch", "32"; "augment", "crop" ]

let checks = [ training "train-small" 20_000 []; training "train-resnet18" 5_000 ofResNet18; embedding; evaluation ]
