/// Opens images for commands that have a network, and leaves out bad ones.
module CondEmbed.Cli.ImageLists

open System
open CondEmbed
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Options
open CondEmbed.Runs

/// One name, or two. InputException for none or more.
let twoOf what names =
    match names with
    | [ one ] -> one, None
    | [ one; two ] -> one, Some two
    | _ ->
        let given = String.concat " " names
        refuse $"{given}: give {what}, and nothing else."

/// The options for opening a data set for a network: boxes are part of what it was trained on.
let openedWith (settings: RunSettings) layout allowSubset =
    DatasetOptions(Layout = Option.defaultValue ImageDatasets.Auto layout, AllowSubset = allowSubset, Boxes = settings.Host.Boxes)

/// Adds the way around a bad image to its error.
let orSkipping work =
    try
        work ()
    with :? BadImageException as bad ->
        refuse $"{bad.Message} Fix or remove it, or leave out such images with --skip-bad."

let private leftOut = Action<string> Output.notice

/// Says which images are left out as they are met.
let leavingOut = Action<BadImage>(fun bad -> Output.notice $"left out: {bad.Name}: {bad.Reason}")

/// A data set without its unusable images, if asked for.
let usable skipBad workers progress stop (dataset: IImageDataset) =
    if skipBad then DatasetPart.WithoutBad(dataset, workers, leftOut, progress, stop) else dataset

/// Work on data sets, of whose unusable images all are named, and not just the first that the work meets.
let namingBad workers progress stop (datasets: IImageDataset list) work =
    try
        work ()
    with :? BadImageException ->
        for dataset in datasets do
            let check = ImageCheck.Run(ImageReader dataset, null, workers, progress, stop)
            check.Error() |> Option.ofObj |> Option.iter raise

        reraise ()

/// Data with a split, every image of which was decoded: without its unusable images, or with an error that names them all.
let checkedData skipBad (data: RunData) workers progress stop = data.Checked(skipBad, workers, leftOut, progress, stop)
