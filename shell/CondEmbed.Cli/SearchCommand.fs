/// `condembed search`: the most similar pictures of a gallery, on request re-ranked by a run's levels.
module CondEmbed.Cli.SearchCommand

open System
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.Pictures
open CondEmbed.Datasets
open CondEmbed.Reports
open CondEmbed.Serving
open CondEmbed.Training

let run (stop: CancellationToken) (arguments: ParseResults<SearchArgument>) =
    let named = arguments.GetResult SearchArgument.Run
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
            use model = EmbeddingModel.Load(named, device, best)
            searched model (fun gallery queries report _ -> PictureSearch.Run(model, gallery, queries, top, workers, report, stop))
        | Some rerank ->
            use model = ConditionalModel.Load(named, device, best)

            searched model.Embedding (fun gallery queries report progress ->
                let reranking = laterPhase "re-ranking" queries.Count progress
                PictureSearch.Run(model, gallery, queries, top, rerank, workers, report, reranking, stop))

    arguments.TryGetResult SearchArgument.Html
    |> Option.iter (fun page ->
        found.WriteHtml(page, "Search", [| Fact("Run", named); Fact("Gallery", $"{gallery.Name}, {gallery.Count} pictures") |]))

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
