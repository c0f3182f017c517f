/// Every command but train: arguments to calls of the library.
module CondEmbed.Cli.Commands

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.Pictures
open CondEmbed.Datasets
open CondEmbed.Health
open CondEmbed.Evaluation
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Reports
open CondEmbed.Serving
open CondEmbed.Training

let private twoOf what names =
    match names with
    | [ one ] -> one, None
    | [ one; two ] -> one, Some two
    | _ ->
        let given = String.concat " " names
        raise (InputException $"{given}: give {what}, and nothing else.")

let private document (queries: int) withoutMatch (metrics: RetrievalMetrics) (more: (string * obj) list) =
    let all = Dictionary<string, obj>()

    for key, value in more do
        all[key] <- value

    all["queries"] <- queries
    all["queries_without_match"] <- withoutMatch

    for KeyValue(key, value) in metrics.Values do
        all[key] <- value

    all

let private show asJson title (metrics: RetrievalMetrics) more =
    if asJson then
        document metrics.Queries metrics.QueriesWithoutMatch metrics more |> Output.json
    else
        // Where every query has a match, Recall@K of the possible ones is Recall@K.
        let allPossible = metrics.QueriesWithoutMatch = 0
        let without = if allPossible then "" else $", {metrics.QueriesWithoutMatch} of them without a possible match"
        printfn $"{title}: {metrics.Queries} queries{without}"

        metrics.Values
        |> Seq.filter (fun pair -> not (allPossible && pair.Key.EndsWith "_possible_only"))
        |> Output.metricLines
        |> List.iter (printfn "%s")

/// The held-out part of the data: another set's, or that of the run itself.
let private heldOut (model: EmbeddingModel) (arguments: ParseResults<EvaluateArgument>) other =
    let layout = arguments.TryGetResult EvaluateArgument.Layout
    let allowSubset = arguments.Contains EvaluateArgument.AllowSubset

    match other with
    | Some folder -> RunData.ForEvaluation(ImageDatasets.Open(folder, openedWith model layout allowSubset))
    | None when layout.IsSome || allowSubset ->
        raise (InputException "--layout and --allow-subset are for other data; the run's own is opened by the run's settings.")
    | None -> RunData.Open model.Settings

let evaluate (stop: CancellationToken) (arguments: ParseResults<EvaluateArgument>) =
    let run, other = arguments.GetResult EvaluateArgument.Evaluate_What |> twoOf "a run and, if you like, data"

    use model =
        EmbeddingModel.Load(run, arguments.GetResult(EvaluateArgument.Device, "auto"), arguments.Contains EvaluateArgument.Best)

    let opened = heldOut model arguments other
    let workers = arguments.GetResult(EvaluateArgument.Workers, 0)
    // What a run left out of its own data is not there to be measured either.
    let skipBad = arguments.Contains EvaluateArgument.SkipBad || (other.IsNone && model.Settings.SkipBad)

    let data, metrics =
        orSkipping (fun () ->
            Output.withProgress (fun progress ->
                let data = if skipBad then checkedData opened workers progress stop else opened
                let report = phase "evaluating" data.Split.Test.Count progress
                data, model.Evaluate(data.Dataset, data.Split, workers, report, stop)))

    let asJson = arguments.Contains EvaluateArgument.Json

    show
        asJson
        data.Dataset.Name
        metrics
        [ "data", box data.Dataset.Name; "run", box run; "split", box data.Split.Rule; "subset", box data.Subset ]

    if not asJson && not (isNull data.Subset) then
        printfn $"Measured on a subset, so not to be compared with published numbers: {data.Subset}."

let metrics (stop: CancellationToken) (arguments: ParseResults<MetricsArgument>) =
    let file = arguments.GetResult MetricsArgument.File

    let given = LabelledEmbeddings.Read(file, arguments.TryGetResult MetricsArgument.Labels |> Option.toObj)

    show (arguments.Contains MetricsArgument.Json) file (given.Evaluate(cancel = stop)) []

let embed (stop: CancellationToken) (arguments: ParseResults<EmbedArgument>) =
    let run, images = arguments.GetResult EmbedArgument.Embed_What |> twoOf "a run and images"

    let images =
        images
        |> Option.defaultWith (fun () -> raise (InputException $"{run}: give images too: condembed embed RUN IMAGES --out FILE."))

    let file = arguments.GetResult EmbedArgument.Out
    EmbeddingFiles.Check file

    use model =
        EmbeddingModel.Load(run, arguments.GetResult(EmbedArgument.Device, "auto"), arguments.Contains EmbedArgument.Best)

    let options = openedWith model (arguments.TryGetResult EmbedArgument.Layout) (arguments.Contains EmbedArgument.AllowSubset)
    let workers = arguments.GetResult(EmbedArgument.Workers, 0)

    let dataset, embeddings =
        orSkipping (fun () ->
            Output.withProgress (fun progress ->
                let dataset =
                    ImageDatasets.OpenImages(images, options)
                    |> usable (arguments.Contains EmbedArgument.SkipBad) workers progress stop

                dataset, model.Embed(dataset, workers, phase "embedding" dataset.Count progress, stop)))

    let labelled = dataset.Items |> Seq.exists (fun item -> item.Label <> "")

    let column choose = [| for item in dataset.Items -> choose item |]

    let labels = if labelled then column _.Label else null
    EmbeddingFiles.Write(file, EmbeddingTable(embeddings.Values, embeddings.Count, embeddings.Dimension, column _.Path, labels))
    printfn $"{embeddings.Count} embeddings of {embeddings.Dimension} numbers in {file}"

let search (stop: CancellationToken) (arguments: ParseResults<SearchArgument>) =
    let run = arguments.GetResult SearchArgument.Run
    let top = arguments.GetResult(SearchArgument.Top, 10)

    if top < 1 then raise (InputException $"--top {top}: must be at least 1.")

    use model =
        EmbeddingModel.Load(run, arguments.GetResult(SearchArgument.Device, "auto"), arguments.Contains SearchArgument.Best)

    // Nothing is measured, so whatever is there will do.
    let options = openedWith model (arguments.TryGetResult SearchArgument.Layout) true
    let workers = arguments.GetResult(SearchArgument.Workers, 0)

    let gallery, found =
        orSkipping (fun () ->
            let gallery = ImageDatasets.OpenImages(arguments.GetResult SearchArgument.Gallery, options)
            let queries = ImageDatasets.OpenImages(arguments.GetResult SearchArgument.Query, DatasetOptions(AllowSubset = true))

            Output.withProgress (fun progress ->
                let usable = usable (arguments.Contains SearchArgument.SkipBad) workers progress stop
                let gallery, queries = usable gallery, usable queries
                let report = phase "embedding" (gallery.Count + queries.Count) progress
                gallery, PictureSearch.Run(model, gallery, queries, top, workers, report, stop)))

    arguments.TryGetResult SearchArgument.Html
    |> Option.iter (fun page ->
        found.WriteHtml(page, "Search", [| Fact("Run", run); Fact("Gallery", $"{gallery.Name}, {gallery.Count} pictures") |]))

    if arguments.Contains SearchArgument.Json then
        Output.json found.Answers
    else
        for answer in found.Answers do
            printfn $"{answer.Path}"

            for hit in answer.Hits do
                printfn $"  {hit.Cosine, 7:F4}  {hit.Path}"

        arguments.TryGetResult SearchArgument.Html |> Option.iter (printfn "page  %s")

let private previewSettings (arguments: ParseResults<PreviewArgument>) =
    let option key value = Given("--" + key, (if key = "crop" then "size" else key), value)

    let line =
        arguments.GetAllResults()
        |> List.collect (fun argument ->
            match argument with
            | PreviewArgument.Resize value -> [ option "resize" value ]
            | PreviewArgument.Crop value -> [ option "crop" value ]
            | PreviewArgument.Filter value -> [ option "filter" value ]
            | PreviewArgument.Encoder value -> [ option "encoder" value ]
            | PreviewArgument.Layout value -> [ option "layout" value ]
            | PreviewArgument.Set text -> [ TrainCommand.settingOf text ]
            | _ -> [])

    let file, _ = arguments.TryGetResult PreviewArgument.Config |> TrainCommand.settingsOf
    RunSettings.Resolve(file @ line)

let preview (arguments: ParseResults<PreviewArgument>) =
    let source, out = arguments.GetResult PreviewArgument.Source, arguments.GetResult PreviewArgument.Out

    let settings = previewSettings arguments

    if IO.File.Exists source && ImageFiles.IsImage source then
        let reader = PictureReader(ImageDatasets.OpenImages source)
        ImageEncoder.SavePng(Views.ForTesting(settings).Apply(reader.Read 0), out)
    else
        let options = DatasetOptions(Layout = settings.Layout, AllowSubset = true, Boxes = settings.Boxes)
        let dataset = ImageDatasets.Open(source, options)

        let chosen = Preview.OnePerClass([| for item in dataset.Items -> item.Label |], 8)
        let caption = Func<int, string>(fun i -> dataset.Items[i].Label)

        let sheet = Preview.Sheet(PictureReader dataset, chosen, caption, Views.ForTesting settings, Views.ForTraining settings)

        ImageEncoder.SavePng(sheet, out)

    printfn $"{Path.GetFullPath out}"

let doctor (arguments: ParseResults<DoctorArgument>) =
    let report = Doctor.Examine()

    if arguments.Contains DoctorArgument.Json then Console.Out.WriteLine(report.ToJson()) else printfn $"{report.ToText()}"

    if report.Healthy then 0 else 1
