/// Every command but train: arguments to calls of the library.
module CondEmbed.Cli.Commands

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.MeasureArguments
open CondEmbed.Cli.Pictures
open CondEmbed.Checkpoints
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

/// The held-out part of the data: another set's, or that of the run itself.
let private heldOut (model: EmbeddingModel) (arguments: ParseResults<EvaluateArgument>) other =
    let layout = arguments.TryGetResult EvaluateArgument.Layout
    let allowSubset = arguments.Contains EvaluateArgument.AllowSubset

    match other with
    | Some folder ->
        ImageDatasets.Open(folder, openedWith model layout allowSubset)
        |> DataCommand.notingSubset allowSubset
        |> RunData.ForEvaluation
    | None when layout.IsSome || allowSubset ->
        raise (InputException "--layout and --allow-subset are for other data; the run's own is opened by the run's settings.")
    | None -> RunData.Open model.Settings

/// The data to measure on, without what is to be left out of it, and what some work makes of it.
let private measured model (arguments: ParseResults<EvaluateArgument>) other stop (work: RunData -> IProgress<RunProgress> -> 'Result) =
    let opened = heldOut model arguments other
    let workers = arguments.GetResult(EvaluateArgument.Workers, 0)
    // What a run left out of its own data is not there to be measured either.
    let skipBad = arguments.Contains EvaluateArgument.SkipBad || (other.IsNone && model.Settings.SkipBad)

    orSkipping (fun () ->
        Output.withProgress (fun progress ->
            let data = if skipBad then checkedData opened workers progress stop else opened
            data, work data progress))

let evaluate (stop: CancellationToken) (arguments: ParseResults<EvaluateArgument>) =
    let run, other = arguments.GetResult EvaluateArgument.Evaluate_What |> twoOf "a run and, if you like, data"
    let perClass = arguments.TryGetResult EvaluateArgument.PerClass
    Option.iter AtomicFile.Check perClass
    let device, best = arguments.GetResult(EvaluateArgument.Device, "auto"), arguments.Contains EvaluateArgument.Best
    let workers = arguments.GetResult(EvaluateArgument.Workers, 0)

    let rerank =
        Reranked.optionsOf (arguments.TryGetResult EvaluateArgument.Rerank) (arguments.TryGetResult EvaluateArgument.RerankBy)

    let options =
        Measures.options
            { RecallAt = arguments.TryGetResult EvaluateArgument.RecallAt
              PrecisionAt = arguments.TryGetResult EvaluateArgument.PrecisionAt
              Variants = arguments.Contains EvaluateArgument.Variants
              ClassAverages = arguments.Contains EvaluateArgument.ClassAverages
              Clustering = arguments.Contains EvaluateArgument.Clustering
              Fmr = arguments.TryGetResult EvaluateArgument.Fmr
              Pcf = arguments.TryGetResult EvaluateArgument.Pcf }

    let evaluating (data: RunData) = phase "evaluating" data.Split.Test.Count

    let data, show, more =
        match rerank with
        | None ->
            use model = EmbeddingModel.Load(run, device, best)

            let data, metrics =
                measured model arguments other stop (fun data progress ->
                    model.Evaluate(data.Dataset, data.Split, options, workers, evaluating data progress, stop))

            data, (fun asJson -> Measures.show asJson perClass metrics), []
        | Some rerank ->
            use model = ConditionalModel.Load(run, device, best)

            let data, metrics =
                measured model.Embedding arguments other stop (fun data progress ->
                    let reranking = laterPhase "re-ranking" data.Split.Queries.Count progress
                    model.Evaluate(data.Dataset, data.Split, rerank, options, workers, evaluating data progress, reranking, stop))

            data, (fun asJson -> Reranked.show rerank asJson perClass metrics), [ "rerank", Reranked.document rerank metrics ]

    let asJson = arguments.Contains EvaluateArgument.Json

    { Measures.Title = data.Dataset.Name
      Measures.AllAgainstAll = data.Split.AllAgainstAll
      Measures.Classes = ClassIndex(data.Dataset.Items |> Seq.map _.Label)
      Measures.More =
        [ "data", box data.Dataset.Name; "run", box run; "split", box data.Split.Rule; "subset", box data.Subset ]
        @ more }
    |> show asJson

    if not asJson && not (isNull data.Subset) then
        printfn $"Measured on a subset, so not to be compared with published numbers: {data.Subset}."

let metrics (stop: CancellationToken) (arguments: ParseResults<MetricsArgument>) =
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

    let metrics =
        match gallery with
        | Some gallery -> given.Evaluate(gallery, options, stop)
        | None -> given.Evaluate(options, stop)

    { Measures.Title = file
      Measures.AllAgainstAll = gallery.IsNone
      Measures.Classes = gallery |> Option.toObj |> given.ClassNames
      Measures.More = [] }
    |> Measures.show (arguments.Contains MetricsArgument.Json) (arguments.TryGetResult MetricsArgument.PerClass) metrics

let embed (stop: CancellationToken) (arguments: ParseResults<EmbedArgument>) =
    let run, images = arguments.GetResult EmbedArgument.Embed_What |> twoOf "a run and images"

    let images =
        images
        |> Option.defaultWith (fun () -> raise (InputException $"{run}: give images too: condembed embed RUN IMAGES --out FILE."))

    let file = arguments.GetResult EmbedArgument.Out
    EmbeddingFiles.Check file

    use model =
        EmbeddingModel.Load(run, arguments.GetResult(EmbedArgument.Device, "auto"), arguments.Contains EmbedArgument.Best)

    let allowSubset = arguments.Contains EmbedArgument.AllowSubset
    let options = openedWith model (arguments.TryGetResult EmbedArgument.Layout) allowSubset
    let workers = arguments.GetResult(EmbedArgument.Workers, 0)

    let dataset, embeddings =
        orSkipping (fun () ->
            Output.withProgress (fun progress ->
                let dataset =
                    ImageDatasets.OpenImages(images, options)
                    |> DataCommand.notingSubset allowSubset
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

    let device, best = arguments.GetResult(SearchArgument.Device, "auto"), arguments.Contains SearchArgument.Best
    let workers = arguments.GetResult(SearchArgument.Workers, 0)

    /// Opens and searches; nothing is measured, so whatever is there will do.
    let searched (model: EmbeddingModel) work =
        orSkipping (fun () ->
            let options = openedWith model (arguments.TryGetResult SearchArgument.Layout) true
            let gallery = ImageDatasets.OpenImages(arguments.GetResult SearchArgument.Gallery, options)
            let queries = ImageDatasets.OpenImages(arguments.GetResult SearchArgument.Query, DatasetOptions(AllowSubset = true))

            Output.withProgress (fun progress ->
                let usable = usable (arguments.Contains SearchArgument.SkipBad) workers progress stop
                let gallery, queries = usable gallery, usable queries
                let report = phase "embedding" (gallery.Count + queries.Count) progress
                gallery, work gallery queries report progress))

    let gallery, found =
        match Reranked.optionsOf (arguments.TryGetResult SearchArgument.Rerank) (arguments.TryGetResult SearchArgument.RerankBy) with
        | None ->
            use model = EmbeddingModel.Load(run, device, best)
            searched model (fun gallery queries report _ -> PictureSearch.Run(model, gallery, queries, top, workers, report, stop))
        | Some rerank ->
            use model = ConditionalModel.Load(run, device, best)

            searched model.Embedding (fun gallery queries report progress ->
                let reranking = laterPhase "re-ranking" queries.Count progress
                PictureSearch.Run(model, gallery, queries, top, rerank, workers, report, reranking, stop))

    arguments.TryGetResult SearchArgument.Html
    |> Option.iter (fun page ->
        found.WriteHtml(page, "Search", [| Fact("Run", run); Fact("Gallery", $"{gallery.Name}, {gallery.Count} pictures") |]))

    if arguments.Contains SearchArgument.Json then
        Output.json found.Answers
    else
        for answer in found.Answers do
            printfn $"{answer.Path}"

            for hit in answer.Hits do
                let anew = hit.Conditional |> Option.ofNullable
                let anew = anew |> Option.map (fun score -> $"{score, 7:F4}  ") |> Option.defaultValue ""
                printfn $"  {hit.Cosine, 7:F4}  {anew}{hit.Path}"

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

    ImageEncoder.CheckPng out
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
