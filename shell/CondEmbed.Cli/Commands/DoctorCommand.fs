/// `condembed doctor`: what is installed, what is wrong, and how to get libtorch if it is missing.
module CondEmbed.Cli.DoctorCommand

open System
open System.Threading
open Argu
open CondEmbed.Common
open CondEmbed.Health
open CondEmbed.Torch

[<RequireQualifiedAccess>]
type DoctorArgument =
    | [<Unique;
        Help "first fetch libtorch for the CPU if it is missing: a NuGet package of some 130 MB, kept among your NuGet packages; needs the .NET SDK">] Get
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let examples =
    [ "condembed doctor", "what is installed, and what is wrong"
      "condembed doctor --get", "once after 'dotnet tool install': fetches libtorch, which the tool comes without" ]

let private getLibtorch (stop: CancellationToken) =
    match LibtorchDownload.Folder with
    | "" ->
        Output.notice $"fetching {LibtorchDownload.Package} ..."
        let folder = LibtorchDownload.FetchAsync(stop).GetAwaiter().GetResult()
        Output.notice $"libtorch is in {folder}"
    | folder -> Output.notice $"libtorch is here already: {folder}"

/// The MPI that would be used, in words, and what is wrong with the one that is named.
let private mpi () =
    try
        CondEmbed.Mpi.MpiTeam.Describe(), null
    with :? InputException as problem ->
        "", Problem("No process can train together with others.", problem.Message)

/// 0 when nothing is wrong, 1 otherwise.
let run stop (arguments: ParseResults<DoctorArgument>) =
    if arguments.Contains DoctorArgument.Get then getLibtorch stop

    let mpi, problem = mpi ()
    let report = Doctor.Examine(mpi, problem)

    if arguments.Contains DoctorArgument.Json then Console.Out.WriteLine(report.ToJson()) else printfn $"{report.ToText()}"

    if report.Healthy then 0 else 1
