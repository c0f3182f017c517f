/// `condembed evaluate`: retrieval metrics of a run on images, optionally also with the nearest re-ranked by its levels.
module CondEmbed.Cli.EvaluateCommand

open System
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.MeasureArguments
open CondEmbed.Cli.ImageLists
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Evaluation
open CondEmbed.Images
open CondEmbed.Models
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Storage

/// What the options say of which images are alike, or else what there is.
let private alike (arguments: ParseResults<EvaluateArgument>) (rule: string) (columns: string) (pairs: string) =
    arguments.GetResult(EvaluateArgument.LabelMatch, rule),
    arguments.GetResult(EvaluateArgument.LabelColumns, columns),
    arguments.GetResult(EvaluateArgument.Pairs, pairs)

/// The held-out part of the data: of another set, or of the run itself.
let private heldOut (settings: RunSettings) (arguments: ParseResults<EvaluateArgument>) other =
    let layout = arguments.TryGetResult EvaluateArgument.Layout
    let allowSubset = arguments.Contains EvaluateArgument.AllowSubset

    match other with
    | Some folder ->
        let rule, columns, pairs = alike arguments "label" "" ""

        let options =
            DatasetOptions(
                Layout = Option.defaultValue ImageDatasets.Auto layout,
                AllowSubset = allowSubset,
                Boxes = settings.Host.Boxes,
                LabelMatch = rule,
                LabelColumns = HostSettings.Names columns,
                LabelOverlap = settings.Host.LabelOverlap,
                LabelSeparator = arguments.GetResult(EvaluateArgument.LabelSeparator, settings.Host.LabelSeparator),
                Pairs = pairs
            )

        ImageDatasets.Open(folder, options) |> DataCommand.noting allowSubset |> RunData.ForEvaluation
    | None when layout.IsSome || allowSubset ->
        refuse "--layout and --allow-subset are for other data; the run's own is opened by the run's settings."
    | None ->
        let own = settings.Host
        let rule, columns, pairs = alike arguments own.LabelMatch own.LabelColumns own.Pairs

        let settings =
            settings.With(fun changed ->
                changed.Host.LabelMatch <- rule
                changed.Host.LabelColumns <- columns
                changed.Host.LabelSeparator <- arguments.GetResult(EvaluateArgument.LabelSeparator, own.LabelSeparator)
                changed.Host.Pairs <- pairs)

        let data = RunData.Open(Limits.over settings)
        DataCommand.noting false data.Dataset |> ignore
        data

/// What of the data is measured, with how many classes: "all 8 classes" or "test part, 5 classes".
let private partOf (data: RunData) =
    let count =
        data.Split.Test
        |> Seq.map (fun item -> data.Dataset.Items[item].Label)
        |> Seq.distinct
        |> Seq.length

    let isWhole = data.Split.Train.Count + data.Split.Validation.Count = 0
    if isWhole then $"all {count} classes" else $"test part, {count} classes"

/// The held-out part of the data, which must have the column to measure by.
let private withColumn settings (arguments: ParseResults<EvaluateArgument>) other =
    let data = heldOut settings arguments other

    arguments.TryGetResult EvaluateArgument.By
    |> Option.iter (fun column -> ImageDatasets.LabelsIn(data.Dataset, column) |> ignore)

    data

/// The same before the network is loaded, where there is a column to refuse and the settings of the run can be read without the network.
let private openedFirst (arguments: ParseResults<EvaluateArgument>) (named: string) other =
    if arguments.Contains EvaluateArgument.By && IO.File.Exists(RunFolder(named).Settings) then
        let settings = (RunFolder.Open named).Settings
        Limits.follow settings
        Some(withColumn settings arguments other)
    else
        None

/// Opens the data to measure on, if it is not open yet, leaves out what is to be left out, and runs some work on it.
let private measured
    (named: string)
    (settings: RunSettings)
    (arguments: ParseResults<EvaluateArgument>)
    first
    other
    stop
    (work: RunData -> IProgress<RunProgress> -> 'Result)
    =
    let opened: RunData = first |> Option.defaultWith (fun () -> withColumn settings arguments other)

    other
    |> Option.bind (fun data -> TrainedOn.Warning(named, settings, data, opened) |> Option.ofObj)
    |> Option.iter Output.notice

    let workers = arguments.GetResult(EvaluateArgument.Workers, 0)
    // What a run left out of its own data is not measured either.
    let skipBad = arguments.Contains EvaluateArgument.SkipBad || (other.IsNone && settings.Host.SkipBad)

    try
        Output.withProgress (fun progress ->
            let data = if skipBad then checkedData true opened workers progress stop else opened
            data, work data progress)
    with :? BadImageException ->
        // All bad images are named, and not the first alone.
        Output.withProgress (fun progress -> checkedData false opened workers progress stop |> ignore)
        reraise ()

let run (stop: CancellationToken) (arguments: ParseResults<EvaluateArgument>) =
    arguments.TryGetResult EvaluateArgument.Threads |> Networks.withThreads
    let named, other = arguments.GetResult EvaluateArgument.Evaluate_What |> twoOf "a run and, if you like, data"
    let perClass = arguments.TryGetResult EvaluateArgument.PerClass
    Option.iter AtomicFile.Check perClass
    let device, best = arguments.GetResult(EvaluateArgument.Device, "auto"), arguments.Contains EvaluateArgument.Best
    let workers = arguments.GetResult(EvaluateArgument.Workers, 0)

    let rerank =
        Reranked.optionsOf
            (arguments.TryGetResult EvaluateArgument.Rerank)
            (arguments.TryGetResult EvaluateArgument.RerankBy)
            (arguments.TryGetResult EvaluateArgument.RerankTemperature)

    let options = Measures.options arguments
    let first = openedFirst arguments named other

    let data, show, more =
        match rerank with
        | None ->
            use model = Networks.load named device best

            let data, metrics =
                measured named model.Settings arguments first other stop (fun data progress ->
                    model.Network.Evaluate(data.Dataset, data.Split, options, workers, progress, stop))

            data, (fun asJson -> Measures.show asJson perClass metrics), []
        | Some rerank ->
            use model = Networks.loadWithLevels rerank.Cosine named device best

            let data, metrics =
                measured named model.Embedding.Settings arguments first other stop (fun data progress ->
                    model.Evaluate(data.Dataset, data.Split, rerank.Options, options, workers, progress, stop))

            data, (fun asJson -> Reranked.show rerank asJson perClass metrics), [ "rerank", Reranked.document rerank metrics ]

    let asJson = arguments.Contains EvaluateArgument.Json

    let groups =
        arguments.TryGetResult EvaluateArgument.By
        |> Option.map (fun column ->
            let labels = ImageDatasets.LabelsIn(data.Dataset, column)
            column, ([| for query in data.Split.Queries -> labels[query] |] :> Collections.Generic.IReadOnlyList<_>))

    { Measures.Title = $"{data.Dataset.Name}, {partOf data}"
      Measures.AllAgainstAll = data.Split.AllAgainstAll
      Measures.Alike = data.Dataset.Pairs |> Option.ofObj |> Option.map _.Rule
      Measures.Classes = ClassIndex(data.Dataset.Items |> Seq.map _.Label)
      Measures.By = groups
      Measures.More =
        [ "data", box data.Dataset.Name; "run", box named; "split", box data.Split.Rule; "subset", box data.Subset ]
        @ more }
    |> show asJson

    if not asJson && not (isNull data.Subset) then
        printfn $"Measured on a subset, so not to be compared with published numbers: {data.Subset}."
