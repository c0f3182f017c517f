/// `condembed data`: what a data set is, and what is wrong with it.
module CondEmbed.Cli.DataCommand

open System
open System.IO
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Datasets

let private noteSubset dataset = ImageDatasets.SubsetNotice dataset |> Option.ofObj |> Option.iter Output.notice

/// Prints the notices of a data set, and says if `--allow-subset` was given without need; returns the data set.
let noting allowed (dataset: IImageDataset) =
    dataset.Notices |> Seq.iter Output.notice
    if allowed then noteSubset dataset
    dataset

[<RequireQualifiedAccess>]
type InspectArgument =
    | [<MainCommand; Mandatory; Unique; Help "a folder, a table, or {bundled}">] Folder of DATA: string
    | [<Unique; Help "a PNG file: an image of each of up to 48 classes (frames: blue train, green validation, orange test)">] Out of
        FILE: string
    | [<Unique>] Json
    | [<Unique>] Layout of NAME: string
    | [<Unique; CustomCommandLine "--allow-subset">] AllowSubset
    | [<Unique; CustomCommandLine "--shared-classes">] SharedClasses
    | [<Unique; Help "crop images to the bounding boxes of a published set">] Boxes
    | [<Unique; Help "auto, hash, first-half">] Split of RULE: string
    | [<Unique>] Workers of N: int

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess; HelpDescription "Show this help.">]
type DataArgument =
    | [<CliPrefix(CliPrefix.None); Help "counts, splits, sizes, bad images and duplicates of a data set, and a sheet of some images">] Inspect of
        ParseResults<InspectArgument>

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let private splitOf (name: string) =
    match name with
    | "auto" -> SplitRule.Auto
    | "hash" -> SplitRule.Hash
    | "first-half" -> SplitRule.FirstHalf
    | _ -> refuse $"--split {name}: is not one of auto, hash and first-half."

let private inspectAll (inspector: DatasetInspector) workers stop =
    Output.withProgress (fun progress -> inspector.Run(workers, progress, stop))

let private count (number: int) = Readable.Count(int64 number)

let private spread (unit: string) (numbers: Spread) =
    if isNull numbers then
        "none can be read"
    else
        $"{count numbers.Min} to {count numbers.Max}{unit}, median {Readable.Number numbers.Median}"

let private partLine (part: InspectedPart) = "", $"{part.Name}: {count part.Classes} classes, {count part.Images} images"

let private duplicateLines (found: Duplicates) =
    if found.Groups = 0 then
        [ "duplicates", "none byte for byte (SHA-256 of the files)" ]
    else
        [ "duplicates", $"{count found.Copies} copies in groups equal byte for byte (SHA-256 of the files): {count found.Groups}"
          "", $"groups in both train and test: {count found.TrainAndTest}"
          "", $"groups within train: {count found.WithinTrain}; within test: {count found.WithinTest}"
          "", $"groups under several labels: {count found.AcrossClasses}"
          for paths in Seq.truncate 5 found.Examples do
              "", "= " + String.Join(" = ", paths) ]

let private badLines (bad: BadImage seq) =
    let all = Seq.toList bad

    [ "bad images", (if all.IsEmpty then "none" else count all.Length)
      for image in List.truncate 20 all do
          "", $"{image.Name}: {image.Reason}"
      if all.Length > 20 then "", $"... and {count (all.Length - 20)} more; --json lists all" ]

let private lines (found: DatasetInspection) =
    let categories = if found.Categories = 0 then "" else $" in {count found.Categories} categories"
    let formats = String.Join(", ", [ for KeyValue(format, files) in found.Formats -> $"{count files} {format}" ])
    let megabytes = Readable.Number(float found.Bytes / 1e6)

    [ "what", $"{found.Name}: {found.Kind}"
      yield! found.Notices |> Seq.mapi (fun at line -> (if at = 0 then "notice" else ""), line)
      if not (isNull found.Subset) then "subset", found.Subset
      "images", count found.Images
      "classes", $"{count found.Classes}{categories}"
      "per class", spread " images" found.ImagesPerClass
      "split", found.Split.Replace(Environment.NewLine, "; ")
      yield! Seq.map partLine found.Parts
      "width", spread " px" found.Width
      "height", spread " px" found.Height
      "formats", $"{formats}; {megabytes} MB"
      yield! badLines found.Bad
      yield! duplicateLines found.Duplicates ]

let private inspect (stop: CancellationToken) (arguments: ParseResults<InspectArgument>) =
    let sheet = arguments.TryGetResult InspectArgument.Out
    Option.iter ImageEncoder.CheckPng sheet

    let options =
        DatasetOptions(
            Layout = arguments.GetResult(InspectArgument.Layout, ImageDatasets.Auto),
            AllowSubset = arguments.Contains InspectArgument.AllowSubset,
            Boxes = arguments.Contains InspectArgument.Boxes
        )

    let split =
        SplitOptions(
            Rule = splitOf (arguments.GetResult(InspectArgument.Split, "auto")),
            SharedClasses = arguments.Contains InspectArgument.SharedClasses
        )

    let dataset = ImageDatasets.Open(arguments.GetResult InspectArgument.Folder, options)
    if options.AllowSubset then noteSubset dataset

    let inspector = DatasetInspector(dataset, split)
    let found = inspectAll inspector (arguments.GetResult(InspectArgument.Workers, 0)) stop
    sheet |> Option.iter (fun file -> ImageEncoder.SavePng(inspector.Sheet found.Bad, file))

    if arguments.Contains InspectArgument.Json then
        Output.json found
    else
        for name, text in lines found do
            printfn $"{name, -13} {text}"

        sheet |> Option.iter (fun file -> printfn $"""{"sheet", -13} {Path.GetFullPath file}""")

/// What the group's help ends with.
let examples =
    [ "condembed data inspect CUB_200_2011 --out sheet.png", "a published set, recognised by its lists, with a sheet of images"
      "condembed data inspect birds --allow-subset --split first-half --json", "an incomplete one, for a script" ]

let run (stop: CancellationToken) (arguments: ParseResults<DataArgument>) =
    match arguments.GetSubCommand() with
    | DataArgument.Inspect inner -> inspect stop inner
