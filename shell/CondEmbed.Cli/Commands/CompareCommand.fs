/// `condembed compare`: several runs side by side.
module CondEmbed.Cli.CompareCommand

open System.IO
open Argu
open CondEmbed
open CondEmbed.Common
open CondEmbed.Comparisons

[<RequireQualifiedAccess>]
type CompareArgument =
    | [<MainCommand; Mandatory; Help "folders of runs, finished or not; the others are compared with the first">] Runs of RUN: string list
    | [<Unique; Help "write a page: metrics, settings that differ, curves in one chart, cost, classes">] Out of FILE: string
    | [<Unique; Help "write every measured number as a line: run, what was measured, step, metric, value">] Csv of FILE: string
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let examples =
    [ "condembed compare runs/a runs/b", "their results, and the settings in which they differ"
      "condembed compare runs/* --out compared.html", "a page of all runs, with their curves in one chart"
      "condembed compare runs/a runs/b --json", "for a script" ]

let run (arguments: ParseResults<CompareArgument>) =
    let out, csv = arguments.TryGetResult CompareArgument.Out, arguments.TryGetResult CompareArgument.Csv
    out |> Option.iter (fun file -> AtomicFile.Check(file, makesFolder = true))
    csv |> Option.iter AtomicFile.Check
    let comparison = RunComparison.Read(arguments.GetResult CompareArgument.Runs)
    use files = AtomicFiles.Together()
    out |> Option.iter comparison.WriteHtml
    csv |> Option.iter comparison.WriteCsv
    files.Commit()

    if arguments.Contains CompareArgument.Json then
        Output.json comparison
    else
        printfn $"{Output.visible (comparison.ToText())}"

        for file in Option.toList out @ Option.toList csv do
            printfn $"written {Path.GetFullPath file}"
