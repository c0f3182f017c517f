/// `condembed embed`: embeddings of images into a file, or into one shard of many.
module CondEmbed.Cli.EmbedCommand

open System.IO
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.ImageLists
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Interchange
open CondEmbed.Models
open CondEmbed.Options

let private imagesOf (arguments: ParseResults<EmbedArgument>) =
    let run, images = arguments.GetResult EmbedArgument.Embed_What |> twoOf "a run and images"

    match images with
    | Some images -> run, images
    | None -> refuse $"{run}: give images too: condembed embed RUN IMAGES --out FILE."

let private modelOf run (arguments: ParseResults<EmbedArgument>) =
    Networks.load run (arguments.GetResult(EmbedArgument.Device, "auto")) (arguments.Contains EmbedArgument.Best)

let private dataset (settings: RunSettings) images (arguments: ParseResults<EmbedArgument>) =
    let allowSubset = arguments.Contains EmbedArgument.AllowSubset

    ImageDatasets.OpenImages(images, openedWith settings (arguments.TryGetResult EmbedArgument.Layout) allowSubset)
    |> DataCommand.noting allowSubset

let private told (count: int) (dimension: int) (file: string) =
    Output.result $"{count} embeddings of {dimension} numbers in {file}"
    Output.event "finished" [ "command", "embed"; "file", Path.GetFullPath file; "count", count; "dimension", dimension ]

let private intoFile (stop: CancellationToken) (arguments: ParseResults<EmbedArgument>) =
    let run, images = imagesOf arguments
    let file = arguments.GetResult EmbedArgument.Out
    EmbeddingFiles.Check file

    if arguments.Contains EmbedArgument.Again then refuse "--again: is for shards; a file is always replaced."

    use model = modelOf run arguments
    let network = model.Network
    let workers = arguments.GetResult(EmbedArgument.Workers, 0)

    let dataset, embeddings =
        orSkipping (fun () ->
            Output.withProgress (fun progress ->
                let dataset =
                    dataset model.Settings images arguments
                    |> usable (arguments.Contains EmbedArgument.SkipBad) workers progress stop

                dataset, namingBad workers progress stop [ dataset ] (fun () -> network.Embed(dataset, null, workers, progress, stop))))

    let labelled = dataset.Items |> Seq.exists (fun item -> item.Label <> "")

    let column choose = [| for item in dataset.Items -> choose item |]

    let labels = if labelled then column _.Label else null
    EmbeddingFiles.Write(file, EmbeddingTable(embeddings.Values, embeddings.Count, embeddings.Dimension, column _.Path, labels))
    told embeddings.Count embeddings.Dimension file

let private intoShard (stop: CancellationToken) (arguments: ParseResults<EmbedArgument>) (shard: Shard) =
    let run, images = imagesOf arguments
    let folder = arguments.GetResult EmbedArgument.Out
    use model = modelOf run arguments
    let network = model.Network
    let dataset = dataset model.Settings images arguments

    let options =
        IndexOptions(
            Workers = arguments.GetResult(EmbedArgument.Workers, 0),
            Again = arguments.Contains EmbedArgument.Again,
            SkipBad = (if arguments.Contains EmbedArgument.SkipBad then leavingOut else null),
            Settings = readOnlyDict [ for pair in model.Settings.Pairs() -> pair.Key, pair.Value ]
        )

    let written =
        orSkipping (fun () ->
            Output.withProgress (fun progress -> ShardWriter.Write(network, dataset, shard, folder, options, progress, stop)))

    let file = Path.Combine(folder, shard.FileName)

    match Option.ofNullable written with
    | Some rows ->
        if rows = 0 then
            Output.notice $"shard {shard.Index} of {shard.Count} is empty: there are fewer whole batches of images than shards"

        told rows network.Dimension file
    | None ->
        Output.result $"{file}: exists already, from this network and these images"
        Output.event "finished" [ "command", "embed"; "file", Path.GetFullPath file; "count", 0; "dimension", network.Dimension ]

let run stop (arguments: ParseResults<EmbedArgument>) =
    arguments.TryGetResult EmbedArgument.Threads |> Networks.withThreads

    match arguments.TryGetResult EmbedArgument.Shard with
    | Some "auto" -> intoShard stop arguments (Shard.OfLauncher())
    | Some shard -> intoShard stop arguments (Shard.Parse shard)
    | None -> intoFile stop arguments
