/// `condembed doctor`: what is here, what is wrong, and libtorch where it is missing.
module CondEmbed.Cli.DoctorCommand

open System
open System.Threading
open Argu
open CondEmbed.Health
open CondEmbed.Torch

[<RequireQualifiedAccess>]
type DoctorArgument =
    | [<Unique>] Get
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Get ->
                "first fetch libtorch for the CPU if it is missing: a NuGet package of some 130 MB, kept among this user's NuGet packages; takes the .NET SDK"
            | Json -> "one JSON document on standard output and nothing else there"

let examples =
    [ "condembed doctor", "what is here, and what is wrong"
      "condembed doctor --get", "once after 'dotnet tool install': libtorch, which the tool comes without" ]

let private getLibtorch (stop: CancellationToken) =
    match LibtorchDownload.Folder with
    | "" ->
        Output.notice $"fetching {LibtorchDownload.Package} ..."
        let folder = LibtorchDownload.FetchAsync(stop).GetAwaiter().GetResult()
        Output.notice $"libtorch is in {folder}"
    | folder -> Output.notice $"libtorch is here already: {folder}"

/// 0 when nothing is wrong, 1 otherwise.
let run stop (arguments: ParseResults<DoctorArgument>) =
    if arguments.Contains DoctorArgument.Get then getLibtorch stop

    let report = Doctor.Examine()

    if arguments.Contains DoctorArgument.Json then Console.Out.WriteLine(report.ToJson()) else printfn $"{report.ToText()}"

    if report.Healthy then 0 else 1
