/// `condembed index`: images into a store that searches beyond memory.
module CondEmbed.Cli.IndexCommand

open System
open System.IO
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.ImageLists
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Interchange

[<RequireQualifiedAccess>]
type IndexArgument =
    | [<MainCommand;
        Mandatory;
        Help "the run's folder (or a model file, or an exported .onnx file), then the images: a folder, a table, an image, or {bundled}; or the shards of 'embed --shard': their folder, its manifest.json, or .parquet files">] Index_What of
        RUN_AND_IMAGES_OR_SHARDS: string list
    | [<Unique>] Store of ADDRESS: string
    | [<Unique; Help "how many images to write at a time, all or none of them (512)">] Block of N: int
    | [<Unique; Help "also embed and write again what is there already">] Again
    | [<Unique;
        Help "for a file: also keep the embeddings in eight bits per number, so that a search can skip most images; a quarter larger, same results">] Codes
    | [<Unique; Help "the class of all these images, instead of what the data says">] Label of NAME: string
    | [<Unique;
        CustomCommandLine "--skip-bad";
        Help "leave out images that cannot be used, and say which; otherwise all of them are named before anything is written">] SkipBad
    | [<Unique; CustomCommandLine "--allow-missing"; Help "go on without missing shards">] AllowMissing
    | [<Unique; Help "the summary as one JSON document on standard output, and nothing else">] Json
    | [<Unique>] Layout of NAME: string
    | [<Unique; CustomCommandLine "--allow-subset">] AllowSubset
    | [<Unique>] Best
    | [<Unique>] Device of D: string
    | [<Unique>] Threads of N: int
    | [<Unique>] Workers of N: int

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let examples =
    [ "condembed index runs/first photos --store photos.index", "embeds the photos that are not yet in the file"
      "condembed index runs/first photos --store 'postgres://me@localhost/catalogue'", "the same for a table in PostgreSQL with pgvector"
      "condembed index runs/first photos --store photos.index --codes", "the same for a file that is searched in a third of the time"
      "condembed index shards --store 'postgres://me@localhost/catalogue?table=photos'", "what 'embed --shard' has written on many machines" ]

let private isShard (path: string) = path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase)

/// The shards given, if any, by what opens them: a manifest, a folder with one or with shards, or files.
let private shardsOf what : (bool -> IProgress<RunProgress> -> CancellationToken -> EmbeddingShards) option =
    let byManifest manifest = Some(fun allowMissing progress stop -> EmbeddingShards.Of(manifest, allowMissing, progress, stop))
    let byFiles files = Some(fun allowMissing _ _ -> EmbeddingShards.Open(files, allowMissing))

    match what with
    | [ manifest: string ] when manifest.EndsWith(".json", StringComparison.OrdinalIgnoreCase) -> byManifest (ShardManifest.Read manifest)
    | [ folder ] when Directory.Exists folder ->
        match ShardManifest.InFolder folder, EmbeddingShards.FilesIn folder with
        | null, files when files.Count = 0 -> None
        | null, files -> byFiles files
        | manifest, _ -> byManifest manifest
    | files when not files.IsEmpty && List.forall isShard files -> byFiles (Array.ofList files)
    | _ -> None

let private optionsOf (arguments: ParseResults<IndexArgument>) =
    let block = arguments.GetResult(IndexArgument.Block, 512)

    if block < 1 || block > 100_000 then refuse $"--block {block}: a number from 1 to 100000 is expected."

    IndexOptions(
        block,
        arguments.GetResult(IndexArgument.Workers, 0),
        arguments.Contains IndexArgument.Again,
        arguments.TryGetResult IndexArgument.Label |> Option.toObj,
        if arguments.Contains IndexArgument.SkipBad then leavingOut else null
    )

/// The store that is to be filled.
let private storeFor network stop (arguments: ParseResults<IndexArgument>) address =
    Stores.opened network stop (arguments.Contains IndexArgument.Codes) address

let private load address (options: IndexOptions) (stop: CancellationToken) (arguments: ParseResults<IndexArgument>) opened =
    let shards: EmbeddingShards =
        Output.withProgress (fun progress -> opened (arguments.Contains IndexArgument.AllowMissing) progress stop)

    if shards.Missing.Count > 0 then
        let first =
            String.Join(", ", Seq.truncate 5 shards.Missing)
            + (if shards.Missing.Count > 5 then ", ..." else "")

        Output.notice $"shards that are missing, whose images will not be found: {shards.Missing.Count} ({first})"

    Stores.using (storeFor shards.Network stop arguments address) (fun store ->
        store.Name, Output.withProgress (fun progress -> StoreIndexer.LoadAsync(shards, store, options, progress, stop) |> Stores.wait))

let private embed address (options: IndexOptions) (stop: CancellationToken) (arguments: ParseResults<IndexArgument>) what =
    let run, images = twoOf "a run and images, or shards" what

    let images =
        images
        |> Option.defaultWith (fun () -> refuse $"{run}: give images too: condembed index RUN IMAGES --store ADDRESS.")

    use model = Networks.load run (arguments.GetResult(IndexArgument.Device, "auto")) (arguments.Contains IndexArgument.Best)

    let allowSubset = arguments.Contains IndexArgument.AllowSubset

    let dataset =
        ImageDatasets.OpenImages(images, openedWith model.Settings (arguments.TryGetResult IndexArgument.Layout) allowSubset)

    let dataset = DataCommand.noting allowSubset dataset

    Stores.using (storeFor (StoreNetwork.Of model.Network) stop arguments address) (fun store ->
        store.Name,
        orSkipping (fun () ->
            Output.withProgress (fun progress ->
                if isNull options.SkipBad then
                    let check = StoreIndexer.CheckAsync(dataset, store, options, progress, stop) |> Stores.wait
                    check.Error() |> Option.ofObj |> Option.iter raise

                StoreIndexer.RunAsync(model.Network, dataset, store, options, progress, stop) |> Stores.wait)))

let private sentence (store: string) (summary: IndexSummary) =
    let also what (number: int64) = if number > 0L then $", {number} {what}" else ""
    let renamed = also "of them under another path or label now" summary.Renamed
    let same = also "the same as another of these" summary.Same
    let bad = also "left out, since they cannot be used" summary.Bad
    $"{summary.Embedded} images written, {summary.Known} there already{renamed}{same}{bad}; {Readable.Duration summary.Elapsed}; {store}"

let run (stop: CancellationToken) (arguments: ParseResults<IndexArgument>) =
    arguments.TryGetResult IndexArgument.Threads |> Networks.withThreads

    let what = arguments.GetResult IndexArgument.Index_What

    let address =
        arguments.TryGetResult IndexArgument.Store
        |> Stores.addressOf
        |> Option.defaultWith (fun () ->
            refuse $"say where to put them: --store postgres://user@host/database or --store NAME.index, or set {Stores.Variable}.")

    let options = optionsOf arguments

    let store, summary =
        match shardsOf what with
        | Some opened -> load address options stop arguments opened
        | None -> embed address options stop arguments what

    if arguments.Contains IndexArgument.Json then
        Output.json
            {| Store = store
               Embedded = summary.Embedded
               Known = summary.Known
               Renamed = summary.Renamed
               Same = summary.Same
               Bad = summary.Bad
               Seconds = summary.Elapsed.TotalSeconds |}
    else
        Output.result (sentence store summary)
