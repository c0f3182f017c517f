/// Photographs at 224 px with most of ResNet-50 frozen: a step from the frozen stages' maps in a file, and the time to a quality, against PyTorch, which
/// computes the frozen stages in every step.
module CondEmbed.Benchmarks.Photographs

open System
open System.Diagnostics
open System.IO
open System.Threading
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Models
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Sampling
open CondEmbed.Torch
open CondEmbed.WeightFiles

/// No levels; the loss and its miner as in peers/steps.py.
let private recipe encoder freeze =
    [ "encoder", encoder; "freeze", freeze; "levels", "0"; "loss", "multi-similarity(miner=multi-similarity)" ]


/// Class folders of photographs of noise: 16 classes of four to train on, and two to test.
let private noise folder =
    let random = Random 3

    for part, classes in [ "train", 16; "test", 2 ] do
        for at in 0 .. 4 * classes - 1 do
            let file = Path.Combine(folder, part, $"{part}{at / 4}", $"{at}.jpg")
            Directory.CreateDirectory(string (Path.GetDirectoryName file)) |> ignore
            let pixels = Array.zeroCreate<byte>(256 * 256 * 3)
            random.NextBytes pixels
            File.WriteAllBytes(file, ImageEncoder.Jpeg(RgbImage(256, 256, pixels)))

    folder

/// Steps of 32 images each, in which the frozen stages' maps are read from the file and the rest is trained, as a run does them.
let private onMaps freeze precision (effort: Effort) =
    let folder = Scratch.temporary ()
    let data = noise (Path.Combine(folder, "data"))

    let settings =
        Quality.resolved (
            recipe "resnet50" freeze
            @ [ "data", data
                "batch", "32"
                "per_class", "4"
                "precision", precision
                "threads", string effort.Threads
                "trunk_cache", folder
                "trunk_views", "1"
                "validation_share", "0" ]
        )

    let data = RunData.Open settings
    let classOf item = data.Dataset.Items[item].Label
    let session = Session.ForTraining(settings.Core, Device.choose "cpu", data.TrainClasses.Names.Count, 1000)

    let idsOf items = (data.Known settings).Ids(items, data.LeftOut, CancellationToken.None)

    let trunk =
        TrunkMaps.Open(settings, data.Split, data.Reader, idsOf, session, LoaderOptions(), ignore, (fun _ _ -> ()), CancellationToken.None)

    let numbers = data.TrainClasses.NumbersOf(Seq.map classOf data.Split.Train)
    let sampler = MPerClassSampler(data.Split.Train, numbers, 32, 4, 0UL)
    let mutable at = 0

    let step () =
        let items = sampler.Batch at

        let plan = BatchPlan(items, data.TrainClasses.NumbersOf(Seq.map classOf items))
        session.StepOnTrunk(trunk.Drawn(0L, at, plan), plan.Labels) |> ignore

        Leftovers.collect ()
        at <- at + 1

    fun () -> Measured.secondsOver (if effort.Quick then 0.5 else 2.0) step

let private step name what freeze part goal =
    Benchmark.row
        name
        $"ResNet-50 at 224 px, 32 images: a step that trains {what} from maps in a file, against PyTorch with the frozen stages under no_grad"
        [ Benchmark.here "condembed" (onMaps freeze "float32")
          Benchmark.here "condembed bfloat16" (onMaps freeze "bfloat16")
          Benchmark.python "pytorch" "trunk.py" [ part ]
          Benchmark.python "pytorch channels-last" "trunk.py" [ part; "channels-last" ] ]
        [ Benchmark.atMost goal "pytorch" "condembed"; Benchmark.atMost goal "pytorch channels-last" "condembed" ]

/// The table of the photographs (path, label, split), in an environment variable; its test classes but two are those that are measured.
[<Literal>]
let private Table = "CONDEMBED_GROCERY"

/// MAP@R to reach, in per cent; the steps in which the learning rate falls; the steps between measurements; the images' side.
let private race isQuick = if isQuick then 0.0, 4, 2, 64 else 54.0, 100, 25, 224

let private batch = 80

/// The table with the measured classes as those of validation, for `evaluate_every` measures these.
let private tableIn folder =
    let given = Environment.GetEnvironmentVariable Table

    if String.IsNullOrEmpty given || not (File.Exists given) then
        raise (Contest.Absent $"{Table} names no table of photographs (path,label,split)")

    let rows = [ for line in File.ReadLines given |> Seq.skip 1 -> line.Split ',' ]

    let kept =
        [ for row in rows do
              if row[2] = "test" then row[1] ]
        |> List.distinct
        |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))
        |> fun classes -> List.skip (classes.Length - 2) classes

    let root = string (Path.GetDirectoryName(Path.GetFullPath given))
    let part (row: string array) = if row[2] = "test" && not (List.contains row[1] kept) then "validation" else row[2]
    let path = Path.Combine(folder, "photographs.csv")
    File.WriteAllLines(path, "path,label,split" :: [ for row in rows -> $"{Path.Combine(root, row[0])},{row[1]},{part row}" ])
    path

/// ImageNet's weights of Keras' ResNet-50, where they have been fetched.
let private weights () =
    match (PublishedWeights.Of "resnet50").File with
    | null -> raise (Contest.Absent "no weights of ResNet-50: 'condembed weights get resnet50' fetches them")
    | file -> file

/// From nothing but the table and the weights to the measurement that reaches the target: everything, and without the measurements.
let private toQuality (effort: Effort) =
    let target, steps, every, size = race effort.Quick
    let folder = Scratch.temporary ()
    let table, weights = tableIn folder, weights ()
    let mutable round = 0

    fun () ->
        round <- round + 1
        let watch = Stopwatch.StartNew()
        let root = Path.Combine(folder, string round)

        let settings =
            Quality.resolved (
                recipe "resnet50-v1" "trunk"
                @ [ "data", table
                    "weights", weights
                    "batch", string batch
                    "size", string size
                    "steps", string steps
                    "threads", string effort.Threads
                    "evaluate_every", string every
                    "initial_evaluation", "false"
                    "save_every", "0"
                    "trunk_cache", root
                    "trunk_views", "4" ]
            )

        let measured = Quality.train "condembed" watch MetricNames.MapAtR target settings (Path.Combine(root, "run"))
        Directory.Delete(root, true)
        [ "seconds", Quality.secondsTo "condembed" MetricNames.MapAtR target measured ]

let private quality =
    let target, steps, every, size = race false

    let numbers isQuick =
        race isQuick
        |> fun (target, steps, every, size) -> [ string target; string steps; string every; string size ]

    let table, weights = string (Environment.GetEnvironmentVariable Table), string (PublishedWeights.Of "resnet50").File

    { Benchmark.row
          "quality.photos"
          $"seconds from the start to MAP@R {target} on 38 unseen classes of groceries, ResNet-50 at {size} px, layer 4 and head trained in batches of {batch}, measured every {every} steps: from maps of 4 views, whose making counts, against PyTorch with new views"
          [ Benchmark.here "condembed" toQuality
            Benchmark.python "pytorch" "photos.py" (table :: weights :: string batch :: numbers false @ numbers true) ]
          [ Benchmark.atMost 1.0 "pytorch" "condembed" ] with
        Together = false
        Rounds = 1
        Warm = 0 }

let benchmarks =
    [ step "step.trunk" "layer 4 and the head" "trunk" "layer4" 0.2
      step "step.trunk-head" "the head" "encoder" "head" 0.02
      quality ]
