/// `condembed card`: a run's model card.
module CondEmbed.Cli.CardCommand

open System.IO
open Argu
open CondEmbed.Common
open CondEmbed.Comparisons

[<RequireQualifiedAccess>]
type CardArgument =
    | [<MainCommand; Mandatory; Unique; Help "the folder of a finished run">] Run of RUN: string
    | [<Unique; Help "a .md file for the card, such as README.md in the run's folder; printed if left out">] Out of FILE: string
    | [<Unique; Help "the licence of the network, such as cc-by-4.0">] Licence of NAME: string

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let examples =
    [ "condembed card runs/first", "what a stranger should know of it, in Markdown"
      "condembed card runs/first --licence cc-by-4.0 --out runs/first/README.md", "beside the weights, to publish the folder" ]

let run (arguments: ParseResults<CardArgument>) =
    let out = arguments.TryGetResult CardArgument.Out
    Option.iter AtomicFile.Check out

    let card = ModelCard.Of(arguments.GetResult CardArgument.Run, arguments.TryGetResult CardArgument.Licence |> Option.toObj)

    match out with
    | Some file ->
        AtomicFile.WriteText(file, card)
        printfn $"written {Path.GetFullPath file}"
    | None -> printf $"{Output.visible card}"
