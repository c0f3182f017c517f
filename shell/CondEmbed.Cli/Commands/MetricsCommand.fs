/// `condembed metrics`: measures embeddings from a file.
module CondEmbed.Cli.MetricsCommand

open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.MeasureArguments
open CondEmbed.Common
open CondEmbed.Interchange

let run (stop: CancellationToken) (arguments: ParseResults<MetricsArgument>) =
    arguments.TryGetResult MetricsArgument.PerClass |> Option.iter AtomicFile.Check
    arguments.TryGetResult MetricsArgument.Threads |> Networks.withThreads

    let options = Measures.options arguments

    let file = arguments.GetResult MetricsArgument.File
    let read (file: string) labels = LabelledEmbeddings.Read(file, Option.toObj labels)
    let given = arguments.TryGetResult MetricsArgument.Labels |> read file

    let gallery =
        match arguments.TryGetResult MetricsArgument.Gallery, arguments.TryGetResult MetricsArgument.GalleryLabels with
        | Some gallery, labels -> Some(read gallery labels)
        | None, Some labels -> refuse $"--gallery-labels {labels}: give the gallery too: --gallery FILE."
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
      Measures.Alike = None
      Measures.Classes = gallery |> Option.toObj |> given.ClassNames
      Measures.More = [] }
    |> Measures.show (arguments.Contains MetricsArgument.Json) (arguments.TryGetResult MetricsArgument.PerClass) metrics
