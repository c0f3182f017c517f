/// A run that never was: all numbers in here are made up; the images are those of the emoji set.
module CondEmbed.Tests.ReportDemo

open System
open System.Collections.Generic
open System.IO
open Expecto
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Reports
open CondEmbed.Tests.Support

let metrics (pairs: (string * float) list) = pairs |> dict |> Dictionary :> IReadOnlyDictionary<string, float>

/// Class -> (maker's file, bytes) of the emoji set, by name.
let private emoji =
    lazy
        (let set = EmojiDataset.Open()

         [| for i, item in Seq.indexed set.Items -> item.Path, set.Read i |]
         |> Array.groupBy (fun (path, _) -> path.Split('/').[0]))

let png (bytes: byte[]) = EncodedImage(ReadOnlyMemory bytes, "image/png")

/// A plausible grid: each neighbour is right with the given chance.
let private rows (random: Random) chance count =
    let classes = emoji.Value

    [| for _ in 1..count do
           let label, images = classes[random.Next classes.Length]
           let path, bytes = images[0]
           let mutable cosine = 0.97

           let neighbours =
               [| for rank in 1..8 do
                      cosine <- cosine - 0.08 * random.NextDouble()
                      let isRight = rank < images.Length && random.NextDouble() < chance

                      let found, others = if isRight then label, images else classes[random.Next classes.Length]

                      let path, bytes = others[if isRight then rank else 0]
                      Neighbour(png bytes, found, path, cosine, Nullable((found = label))) |]

           let right = neighbours |> Array.map (fun neighbour -> if neighbour.Label = label then 1.0 else 0.0)

           let precision rank = Array.sum right[.. rank - 1] / float rank

           let score = Seq.sum [ for rank in 1..5 -> right[rank - 1] * precision rank ] / 5.0
           RetrievalRow(png bytes, label, path, neighbours, Nullable score) |]

let private steps count =
    let random = Random 1
    let noise scale = scale * (random.NextDouble() - 0.5)

    [| for i in 1..count do
           let fall = exp (-4.0 * float i / float count)

           let terms = metrics [ "unconditional", 0.4 + 1.1 * fall + noise 0.15; "level 1", 0.25 + 1.3 * fall + noise 0.2 ]

           let rate = 3e-3 * min (float i / 30.0) (0.5 + 0.5 * cos (Math.PI * float i / float count))

           StepEntry(i * 5, Seq.sum terms.Values, terms, rate, 810.0 + noise 60.0, 2.0 * fall + 0.7 + noise 0.4) |]

let before =
    metrics
        [ "recall@1", 0.1817
          "recall@2", 0.2511
          "recall@4", 0.3341
          "recall@8", 0.4365
          "precision@1", 0.1817
          "r_precision", 0.0954
          "map_at_r", 0.0612
          "mean_average_precision", 0.0969
          "mean_reciprocal_rank", 0.2617 ]

let after =
    metrics
        [ "recall@1", 0.6641
          "recall@2", 0.7409
          "recall@4", 0.8056
          "recall@8", 0.8602
          "precision@1", 0.6641
          "r_precision", 0.4413
          "map_at_r", 0.3962
          "mean_average_precision", 0.4871
          "mean_reciprocal_rank", 0.7349 ]

let countsOf (rows: int array list) = [| for row in rows -> row :> IReadOnlyList<int> |]

/// Places on a spiral, with a sheet of one image: what there is to see lies in the names.
let private map labels =
    let places turn =
        [| for i in 0 .. Array.length labels - 1 -> MapPoint(float i * cos (turn * float i), float i * sin (turn * float i)) |]

    EmbeddingMap(
        [| MapView("t-SNE", "neighbours.", places 0.5); MapView("PCA", "spread.", places 0.1) |],
        [| for i, label in Seq.indexed labels -> MapItem(label, $"{label}/{i}.png") |],
        emoji.Value |> Array.head |> snd |> Array.head |> snd |> png,
        8,
        (labels.Length + 7) / 8,
        "All images."
    )

/// A report of a run that never was, with pairs of images.
let demoWith looks =
    let random = Random 7
    let classes = emoji.Value[..19]
    let shown at = classes[at] |> snd |> Array.head |> snd |> png

    RunReport(
        Title = "emoji, residual CNN at 64 px",
        Command = "condembed train --encoder small --levels 1 --steps 600 --seed 1",
        Data =
            DataSummary(
                "emoji",
                [| DataPart("train", 185, 1110, PerClass = "6", Examples = [| for i in 0..11 -> DataExample(fst classes[i], shown i) |])
                   DataPart("validation", 46, 276)
                   DataPart("test", 231, 1386) |],
                "Classes are disjoint between the parts.",
                Sizes = "Images are 64 px wide.",
                ClassSizes = [| 6; 6; 6; 4 |],
                LeftOut = [| "torn.png: it cannot be decoded" |]
            ),
        Settings =
            [| ReportSetting("levels", "1", false)
               ReportSetting("learning_rate", "0.003", false)
               ReportSetting("batch", "128", true)
               ReportSetting("per_class", "4", true)
               ReportSetting("loss", "multi-similarity", true)
               ReportSetting("seed", "1", true) |],
        Environment = [| Fact("CondEmbed", "0.1.0"); Fact("TorchSharp", "0.107.0"); Fact("Device", "cpu"); Fact("Threads", "2") |],
        Steps = steps 120,
        Validations =
            [| for i in 1..6 do
                   let share = 1.0 - exp (-0.6 * float i)
                   ValidationEntry(i * 100, metrics [ "recall@1", 0.18 + 0.5 * share; "map_at_r", 0.06 + 0.35 * share ]) |],
        Levels =
            [| for i in 1..30 do
                   let fall = exp (-0.1 * float i)

                   let measures =
                       [ "unconditional_positive", 0.8 - 0.2 * fall
                         "unconditional_negative", 0.2 + 0.3 * fall
                         "level1_positive", 0.9 - 0.1 * fall
                         "level1_negative", 0.5 + 0.3 * fall
                         "level1_entropy", 0.6 + 0.4 * fall
                         "level1_variation", 0.3 - 0.3 * fall ]

                   LevelsEntry(i * 20, metrics measures) |],
        MetricsBefore = before,
        MetricsAfter = after,
        Classes =
            [| for i, (name, _) in Seq.indexed classes ->
                   ReportClass(name, 6, metrics [ "recall@1", float i / 20.0; "map_at_r", float i / 25.0 ], fst classes[19 - i], 3) |],
        Confusion =
            ConfusionReport(
                3,
                40,
                [| ConfusedPair(fst classes[0], fst classes[1], 3, 6, [| ConfusedExample(shown 0, shown 1) |]) |],
                [| fst classes[0]; fst classes[1] |],
                countsOf [ [| 3; 3; 0 |]; [| 1; 4; 1 |] ]
            ),
        Map = map [| for i in 0..119 -> fst classes[i / 6] |],
        SettingsFile = "levels = 1\nlr = 0.003\n",
        BestStep = 500,
        Retrieval =
            [| RetrievalGroup("Typical queries", "Drawn at random with the run's seed.", rows random 0.6 4)
               RetrievalGroup("Best queries", "Highest MAP@R.", rows random 1.0 4)
               RetrievalGroup("Worst queries", "Lowest MAP@R.", rows random 0.05 4) |],
        AttentionFigures = looks,
        Duration = TimeSpan.FromSeconds 204.0,
        Finished = Nullable(DateTimeOffset(2026, 1, 31, 14, 5, 0, TimeSpan.Zero))
    )

/// The same without pairs.
let demo () = demoWith [||]

let written (report: RunReport) =
    let mutable text = ""

    inFolder (fun folder ->
        let path = Path.Combine(folder, "report.html")
        HtmlReport.Write(report, path)
        text <- File.ReadAllText path
        Expect.equal (Directory.GetFiles folder) [| path |] "nothing but the report is left behind")

    text
