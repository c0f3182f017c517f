/// `condembed import`: a network that another program trained, with its head, as a run.
module CondEmbed.Cli.ImportCommand

open System
open System.Collections.Generic
open System.Globalization
open Argu
open CondEmbed.Cli.TrainCommand
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Importing

let private number option (text: string) =
    match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
    | true, value -> value
    | _ -> refuse $"{option} {text}: is not a number."

let private whole option (text: string) =
    match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
    | true, value -> value
    | _ -> refuse $"{option} {text}: is not a whole number of at least 0."

let private optionsOf commandLine (arguments: ParseResults<Arguments.ImportArgument>) =
    let given = Help.given arguments
    let text name = Map.tryFind name given |> Option.toObj
    let settings = arguments.GetResults Arguments.ImportArgument.Set |> List.map settingOf

    ImportOptions(
        Checkpoint = arguments.GetResult Arguments.ImportArgument.Checkpoint,
        Head = text "head",
        Part = arguments.GetResult(Arguments.ImportArgument.Part, ""),
        Out = text "out",
        Encoder = text "encoder",
        Embedding = (Map.tryFind "embedding" given |> Option.map (whole "--embedding") |> Option.toNullable),
        Pooling = text "pooling",
        Power = (Map.tryFind "power" given |> Option.map (number "--power") |> Option.toNullable),
        LeaveOut = arguments.GetResult(Arguments.ImportArgument.LeaveOut, ""),
        Data = text "data",
        Settings = Dictionary(dict [ for given in settings -> given.Key, given.Value ]),
        Command = commandLine
    )

let run commandLine stop (arguments: ParseResults<Arguments.ImportArgument>) =
    let options = optionsOf commandLine arguments

    let imported = Output.withProgress (fun progress -> CheckpointImport.Run(options, progress, stop))

    for note in imported.Notes do
        Output.notice note

    if not (isNull imported.Metrics) then
        for KeyValue(key, value) in imported.Metrics do
            printfn $"{MetricNames.Display key}  {Readable.Percent value}"

    printfn $"{Output.visible imported.Folder}"
