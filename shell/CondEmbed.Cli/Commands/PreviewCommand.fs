/// `condembed preview`: the images as a network sees them.
module CondEmbed.Cli.PreviewCommand

open System
open System.IO
open Argu
open CondEmbed.Cli.Arguments
open CondEmbed.Datasets
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Models
open CondEmbed.Options
open CondEmbed.Runs

/// The settings that are given, and what follows from the data that is shown.
let private settingsOf (arguments: ParseResults<PreviewArgument>) source =
    let ofArgument argument =
        match argument with
        | PreviewArgument.Crop value -> [ Given("--crop", "size", value) ]
        | PreviewArgument.Set text -> [ TrainCommand.settingOf text ]
        | PreviewArgument.Source _
        | PreviewArgument.Out _
        | PreviewArgument.Config _ -> []
        | named -> [ Help.settingOf named ]

    let line = arguments.GetAllResults() |> List.collect ofArgument
    let file, _ = arguments.TryGetResult PreviewArgument.Config |> TrainCommand.settingsOf
    let given = file @ Limits.settings () @ line

    if ImageDatasets.IsImage source then
        RunSettings.Resolve given
    else
        DataDefaults.WithEncoder(given @ [ Given("DATA", "data", source); Given("", "allow_subset", "true") ], Output.notice)
        |> RunSettings.Resolve

let run (arguments: ParseResults<PreviewArgument>) =
    let source, out = arguments.GetResult PreviewArgument.Source, arguments.GetResult PreviewArgument.Out

    ImageEncoder.CheckPng out
    let settings = settingsOf arguments source

    if ImageDatasets.IsImage source then
        let reader = ImageReader(ImageDatasets.OpenImages source, Views.Decoder settings.Host)
        ImageEncoder.SavePng(Views.ForTesting(settings).Apply(reader.Read 0), out)
    else
        let options = DatasetOptions(Layout = settings.Host.Layout, AllowSubset = true, Boxes = settings.Host.Boxes)
        let dataset = ImageDatasets.Open(source, options) |> DataCommand.noting false

        let chosen = Preview.OnePerClass([| for item in dataset.Items -> item.Label |], 8)
        let caption = Func<int, string>(fun i -> dataset.Items[i].Label)

        let sheet =
            Preview.Sheet(
                ImageReader(dataset, Views.Decoder settings.Host),
                chosen,
                caption,
                Views.ForTesting settings,
                Views.ForTraining settings
            )

        ImageEncoder.SavePng(sheet, out)

    printfn $"{Path.GetFullPath out}"
