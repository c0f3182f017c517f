/// `condembed search`: the most similar images of a gallery, optionally re-ranked by a run's levels.
module CondEmbed.Cli.SearchCommand

open System
open System.Collections.Generic
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Options
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.ImageLists
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Reports
open CondEmbed.Models
open CondEmbed.Pairs
open CondEmbed.Interop

let private show (arguments: ParseResults<SearchArgument>) (answers: IReadOnlyList<Answer>) =
    if arguments.Contains SearchArgument.Json then
        Output.json answers
    else
        for answer in answers do
            printfn $"{answer.Path}"

            for hit in answer.Hits do
                let anew = hit.Conditional |> Option.ofNullable
                let anew = anew |> Option.map (fun score -> $"{score, 7:F4}  ") |> Option.defaultValue ""
                printfn $"  {hit.Cosine, 7:F4}  {anew}{hit.Path}"

let private noLabel (place: string) (labels: string seq) (label: string) =
    // Images without a label have an empty one, which is never a near miss.
    let named = labels |> Seq.filter (fun other -> other <> "") |> Seq.truncate 100_000 |> Array.ofSeq

    if named.Length = 0 then
        InputException $"--label {label}: the images in {place} have no labels; search without --label."
    else
        let shown = named |> Array.truncate 10 |> String.concat ", "
        let more = if named.Length > 10 then $" and {named.Length - 10} more" else ""

        InputException
            $"--label {label}: {place} has no image with this label{CoreSettings.Nearest(named, label)}. Its labels: {shown}{more}."

/// Why nothing was found in a store.
let private nothingIn (store: IVectorStore) (label: string) (stop: CancellationToken) =
    if isNull label || Stores.wait (store.CountAsync stop) = 0L then
        InputException $"{store.Name}: is empty; fill it with 'condembed index RUN IMAGES --store ...'."
    else
        noLabel store.Name (Stores.wait (store.LabelsAsync(100_000, stop))) label

/// The images with one label, if one is given.
let private ofLabel label (dataset: IImageDataset) =
    match label with
    | None -> dataset
    | Some label ->
        match
            [| for at, item in Seq.indexed dataset.Items do
                   if item.Label = label then at |]
        with
        | [||] -> raise (noLabel dataset.Name (dataset.Items |> Seq.map _.Label |> Seq.distinct |> Seq.sort) label)
        | places -> DatasetPart(dataset, places)

let private openedQueries (arguments: ParseResults<SearchArgument>) =
    ImageDatasets.OpenImages(arguments.GetResult SearchArgument.Query, DatasetOptions(AllowSubset = true))
    |> DataCommand.noting false

/// Searches a store filled by `condembed index`.
let private inStore top (stop: CancellationToken) (arguments: ParseResults<SearchArgument>) address =
    for given, name in
        [ arguments.Contains SearchArgument.Rerank, "--rerank"
          arguments.Contains SearchArgument.RerankBy, "--rerank-by"
          arguments.Contains SearchArgument.RerankTemperature, "--rerank-temperature"
          arguments.Contains SearchArgument.Html, "--html" ] do
        if given then refuse $"{name}: needs the images themselves, which a store does not hold; search with --gallery."

    let device, best = arguments.GetResult(SearchArgument.Device, "auto"), arguments.Contains SearchArgument.Best
    let workers = arguments.GetResult(SearchArgument.Workers, 0)
    use model = Networks.load (arguments.GetResult SearchArgument.Run) device best

    let asked =
        StoreQuery(
            top,
            arguments.TryGetResult SearchArgument.Label |> Option.map ClassLabel.Normal |> Option.toObj,
            arguments.Contains SearchArgument.Exact
        )

    Stores.using (Stores.existing (StoreNetwork.Of model.Network) stop address) (fun store ->
        let queries, embeddings =
            orSkipping (fun () ->
                let queries = openedQueries arguments

                Output.withProgress (fun progress ->
                    let queries = usable (arguments.Contains SearchArgument.SkipBad) workers progress stop queries

                    queries,
                    namingBad workers progress stop [ queries ] (fun () -> model.Network.Embed(queries, null, workers, progress, stop))))

        [| for at, query in Seq.indexed queries.Items do
               let hits = store.SearchAsync(ReadOnlyMemory(embeddings.Row(at).ToArray()), asked, stop) |> Stores.wait

               if hits.Count = 0 then raise (nothingIn store asked.Label stop)

               Answer(query.Path, query.Label, [| for hit in hits -> Hit(hit.Path, hit.Label, hit.Cosine) |]) |])
    |> show arguments

let private inGallery top (stop: CancellationToken) (arguments: ParseResults<SearchArgument>) =
    if arguments.Contains SearchArgument.Exact then refuse "--exact: is for a store; a gallery is always searched exactly."

    arguments.TryGetResult SearchArgument.Html
    |> Option.iter (fun page -> AtomicFile.Check(page, makesFolder = true))

    let named = arguments.GetResult SearchArgument.Run
    let device, best = arguments.GetResult(SearchArgument.Device, "auto"), arguments.Contains SearchArgument.Best
    let workers = arguments.GetResult(SearchArgument.Workers, 0)

    /// Opens and searches; nothing is measured, so an incomplete set will do.
    let searched (settings: RunSettings) work =
        orSkipping (fun () ->
            let options = openedWith settings (arguments.TryGetResult SearchArgument.Layout) true

            let gallery =
                ImageDatasets.OpenImages(arguments.GetResult SearchArgument.Gallery, options)
                |> DataCommand.noting false
                |> ofLabel (arguments.TryGetResult SearchArgument.Label |> Option.map ClassLabel.Normal)

            let queries = openedQueries arguments

            Output.withProgress (fun progress ->
                let usable = usable (arguments.Contains SearchArgument.SkipBad) workers progress stop
                let gallery, queries = usable gallery, usable queries
                gallery, namingBad workers progress stop [ gallery; queries ] (fun () -> work gallery queries progress)))

    let gallery, found =
        match
            Reranked.optionsOf
                (arguments.TryGetResult SearchArgument.Rerank)
                (arguments.TryGetResult SearchArgument.RerankBy)
                (arguments.TryGetResult SearchArgument.RerankTemperature)
        with
        | None ->
            use model = Networks.load named device best

            searched model.Settings (fun gallery queries progress ->
                ImageSearch.Run(model.Network, gallery, queries, top, workers, progress, stop))
        | Some rerank ->
            use model = Networks.loadWithLevels rerank.Cosine named device best

            searched model.Embedding.Settings (fun gallery queries progress ->
                ImageSearch.Run(model, gallery, queries, top, rerank.Options, workers, progress, stop))

    arguments.TryGetResult SearchArgument.Html
    |> Option.iter (fun page ->
        found.WriteHtml(page, "Search", [| Fact("Run", named); Fact("Gallery", $"{gallery.Name}, {gallery.Count} images") |]))

    show arguments found.Answers

    if not (arguments.Contains SearchArgument.Json) then
        arguments.TryGetResult SearchArgument.Html |> Option.iter (printfn "page  %s")

let run (stop: CancellationToken) (arguments: ParseResults<SearchArgument>) =
    arguments.TryGetResult SearchArgument.Threads |> Networks.withThreads
    let top = arguments.GetResult(SearchArgument.Top, 10)

    if top < 1 then refuse $"--top {top}: must be at least 1."

    match arguments.TryGetResult SearchArgument.Gallery, arguments.TryGetResult SearchArgument.Store with
    | Some _, Some _ -> refuse "--gallery and --store: give one of them."
    | Some _, None -> inGallery top stop arguments
    | None, given ->
        match Stores.addressOf given with
        | Some address -> inStore top stop arguments address
        | None ->
            refuse
                $"say where to search: --gallery with images, or --store with a store filled by 'condembed index' (or set {Stores.Variable})."
