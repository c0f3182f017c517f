/// The small commands: arguments to calls of the library.
module CondEmbed.Cli.Commands

open System
open System.IO
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.MeasureArguments
open CondEmbed.Cli.Pictures
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Interchange
open CondEmbed.Options
open CondEmbed.Models
open CondEmbed.Interop

let metrics (stop: CancellationToken) (arguments: ParseResults<MetricsArgument>) =
    arguments.TryGetResult MetricsArgument.PerClass |> Option.iter AtomicFile.Check
    arguments.TryGetResult MetricsArgument.Threads |> Networks.withThreads

    let options =
        Measures.options
            { RecallAt = arguments.TryGetResult MetricsArgument.RecallAt
              PrecisionAt = arguments.TryGetResult MetricsArgument.PrecisionAt
              Variants = arguments.Contains MetricsArgument.Variants
              ClassAverages = arguments.Contains MetricsArgument.ClassAverages
              Clustering = arguments.Contains MetricsArgument.Clustering
              Fmr = arguments.TryGetResult MetricsArgument.Fmr
              Pcf = arguments.TryGetResult MetricsArgument.Pcf }

    let file = arguments.GetResult MetricsArgument.File
    let read (file: string) labels = LabelledEmbeddings.Read(file, Option.toObj labels)
    let given = arguments.TryGetResult MetricsArgument.Labels |> read file

    let gallery =
        match arguments.TryGetResult MetricsArgument.Gallery, arguments.TryGetResult MetricsArgument.GalleryLabels with
        | Some gallery, labels -> Some(read gallery labels)
        | None, Some labels -> raise (InputException $"--gallery-labels {labels}: give the gallery too: --gallery FILE.")
        | None, None -> None

    ClassLabel.Alike(Seq.append given.Labels (gallery |> Option.map _.Labels |> Option.defaultValue [||]))
    |> Seq.iter Output.notice

    let evaluate () =
        match gallery with
        | Some gallery -> given.Evaluate(gallery, options, stop)
        | None -> given.Evaluate(options, stop)

    // The one measure that may take minutes; how far it is cannot be told.
    let metrics =
        if options.Clustering then
            Output.withProgress (fun progress ->
                progress.Report(RunProgress("clustering", 0, 0))
                evaluate ())
        else
            evaluate ()

    { Measures.Title = file
      Measures.AllAgainstAll = gallery.IsNone
      Measures.Classes = gallery |> Option.toObj |> given.ClassNames
      Measures.More = [] }
    |> Measures.show (arguments.Contains MetricsArgument.Json) (arguments.TryGetResult MetricsArgument.PerClass) metrics

let private previewSettings (arguments: ParseResults<PreviewArgument>) =
    let option key value = Given("--" + key, (if key = "crop" then "size" else key), value)

    let line =
        arguments.GetAllResults()
        |> List.collect (fun argument ->
            match argument with
            | PreviewArgument.Resize value -> [ option "resize" value ]
            | PreviewArgument.Size value -> [ option "size" value ]
            | PreviewArgument.Crop value -> [ option "crop" value ]
            | PreviewArgument.Filter value -> [ option "filter" value ]
            | PreviewArgument.Encoder value -> [ option "encoder" value ]
            | PreviewArgument.Layout value -> [ option "layout" value ]
            | PreviewArgument.Set text -> [ TrainCommand.settingOf text ]
            | _ -> [])

    let file, _ = arguments.TryGetResult PreviewArgument.Config |> TrainCommand.settingsOf
    RunSettings.Resolve(file @ Limits.settings () @ line, ImageDatasets.LayoutNames)

let preview (arguments: ParseResults<PreviewArgument>) =
    let source, out = arguments.GetResult PreviewArgument.Source, arguments.GetResult PreviewArgument.Out

    ImageEncoder.CheckPng out
    let settings = previewSettings arguments

    if ImageDatasets.IsPicture source then
        let reader = PictureReader(ImageDatasets.OpenImages source, Views.Decoder settings)
        ImageEncoder.SavePng(Views.ForTesting(settings).Apply(reader.Read 0), out)
    else
        let options = DatasetOptions(Layout = settings.Layout, AllowSubset = true, Boxes = settings.Boxes)
        let dataset = ImageDatasets.Open(source, options) |> DataCommand.noting false

        let chosen = Preview.OnePerClass([| for item in dataset.Items -> item.Label |], 8)
        let caption = Func<int, string>(fun i -> dataset.Items[i].Label)

        let sheet =
            Preview.Sheet(
                PictureReader(dataset, Views.Decoder settings),
                chosen,
                caption,
                Views.ForTesting settings,
                Views.ForTraining settings
            )

        ImageEncoder.SavePng(sheet, out)

    printfn $"{Path.GetFullPath out}"
