/// `condembed metrics`: measures embeddings from a file.
module CondEmbed.Cli.MetricsCommand

open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.MeasureArguments
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Interchange
open CondEmbed.Options

/// What the options say of which items are alike.
let private alike (arguments: ParseResults<MetricsArgument>) =
    let overlap = arguments.GetResult(MetricsArgument.LabelOverlap, 0.5)

    if not (overlap > 0.0 && overlap <= 1.0) then
        refuse $"--label-overlap {overlap}: a number above 0 and up to 1 is expected."

    DatasetOptions(
        LabelMatch = arguments.GetResult(MetricsArgument.LabelMatch, "label"),
        LabelColumns = HostSettings.Names(arguments.GetResult(MetricsArgument.LabelColumns, "")),
        LabelSeparator = arguments.GetResult(MetricsArgument.LabelSeparator, ""),
        LabelOverlap = overlap,
        Pairs = arguments.GetResult(MetricsArgument.Pairs, "")
    )

let run (stop: CancellationToken) (arguments: ParseResults<MetricsArgument>) =
    arguments.TryGetResult MetricsArgument.PerClass |> Option.iter AtomicFile.Check
    arguments.TryGetResult MetricsArgument.Threads |> Networks.withThreads

    let options = Measures.options arguments

    let file = arguments.GetResult MetricsArgument.File
    let alike = alike arguments
    let by = arguments.TryGetResult MetricsArgument.By

    let columns =
        [| yield! ImageDatasets.Columns alike; yield! Option.toList by |]
        |> Array.distinct
        |> Array.except [ "label" ]

    let read (file: string) labels = LabelledEmbeddings.Read(file, Option.toObj labels, columns, alike)
    let given = arguments.TryGetResult MetricsArgument.Labels |> read file

    let gallery =
        match arguments.TryGetResult MetricsArgument.Gallery, arguments.TryGetResult MetricsArgument.GalleryLabels with
        | Some gallery, labels -> Some(read gallery labels)
        | None, Some labels -> refuse $"--gallery-labels {labels}: give the gallery too: --gallery FILE."
        | None, None -> None

    if arguments.Contains MetricsArgument.PerClass && not given.HasLabels then
        refuse $"--per-class: {file} has no labels; give them: --labels FILE."

    ClassLabel.Alike(Seq.append given.Labels (gallery |> Option.map _.Labels |> Option.defaultValue [||]))
    |> Seq.iter Output.notice

    let evaluate () = given.Evaluate(alike, Option.toObj gallery, options, stop)

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
      Measures.Alike = given.RuleOf(alike, Option.toObj gallery) |> Option.ofObj
      Measures.By = by |> Option.map (fun column -> column, given.LabelsIn(column, alike.LabelSeparator))
      Measures.Classes = gallery |> Option.toObj |> given.ClassNames
      Measures.More = [] }
    |> Measures.show (arguments.Contains MetricsArgument.Json) (arguments.TryGetResult MetricsArgument.PerClass) metrics
