/// `condembed loss`: what losses there are, and the value and gradients of one on given embeddings.
module CondEmbed.Cli.LossCommand

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open Argu
open CondEmbed
open CondEmbed.Interop
open CondEmbed.Torch
open CondEmbed.Common
open CondEmbed.Models

[<RequireQualifiedAccess>]
type LossArgument =
    | [<MainCommand;
        Help "a loss or a weighted sum, then JSON {\"embeddings\": [[...]], \"labels\": [...][, \"class_weights\": [[...]]]}; pairs [[...]] in place of labels mark each pair as alike (above 0), unlike (below 0) or neither (0), and its size weighs the pair, for losses that take weights; class_weights are the proxies of losses that have some, one row a class (K rows with K centres), numbered by the labels">] Loss_What of
        LOSS_AND_FILE: string list
    | [<Help "a setting of the loss, as in --set margin=0.3 or --set miner=semi-hard; may be repeated">] Set of KEY_VALUE: string
    | [<Unique>] Json
    | [<Unique; Help "print every loss, miner, reducer and distance with its settings and defaults">] List
    | [<Unique; Help "of --list: as the page docs/losses.md">] Markdown

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let private problem file message = refuse $"{file}: {message}"

let private numbersOf file (name: string) (row: int) (json: JsonElement) =
    let wrong what = problem file $"{name}[{row}] {what}; expected a list of numbers."

    if json.ValueKind <> JsonValueKind.Array then wrong $"is {TextFile.KindOf json.ValueKind}"

    [| for number in json.EnumerateArray() do
           match number.ValueKind = JsonValueKind.Number, lazy (number.GetDouble()) with
           | true, value when Double.IsFinite value.Value -> value.Value
           | _ -> wrong $"holds {number.GetRawText()}" |]

let private rowsOf file name (json: JsonElement) =
    if json.ValueKind <> JsonValueKind.Array then
        problem file $"'{name}' is {TextFile.KindOf json.ValueKind}; expected a list of lists of numbers."

    [| for row, numbers in Seq.indexed (json.EnumerateArray()) -> numbersOf file name row numbers |]

/// Whole numbers as they are; text numbered by first appearance.
let private labelsOf file (json: JsonElement) =
    if json.ValueKind <> JsonValueKind.Array then
        problem file $"'labels' is {TextFile.KindOf json.ValueKind}; expected a list."

    let numbers = Dictionary<string, int64>()

    [| for label in json.EnumerateArray() ->
           match label.ValueKind, lazy (label.TryGetInt64()) with
           | JsonValueKind.Number, whole when fst whole.Value -> snd whole.Value
           | JsonValueKind.String, _ ->
               let text = ClassLabel.Normal(label.GetString())
               if not (numbers.ContainsKey text) then numbers[text] <- int64 numbers.Count
               numbers[text]
           | _ -> problem file $"'labels' contains {label.GetRawText()}; expected whole numbers or text." |]

let private members = [ "embeddings"; "labels"; "pairs"; "class_weights" ]

let private read (file: string) =
    let parts (root: JsonElement) =
        if root.ValueKind <> JsonValueKind.Object then
            problem file $"expected an object with 'embeddings' and 'labels', but found {TextFile.KindOf root.ValueKind}."

        for given in root.EnumerateObject() do
            let near = CoreSettings.Nearest(members, given.Name)
            if near <> "" && not (List.contains given.Name members) then problem file $"'{given.Name}' is unknown{near}"

        let wanted (name: string) =
            match root.TryGetProperty name with
            | true, value -> value
            | _ -> problem file (if name = "labels" then "there is neither 'labels' nor 'pairs'." else $"there is no '{name}'.")

        let rows (name: string) =
            match root.TryGetProperty name with
            | true, value when value.ValueKind <> JsonValueKind.Null -> rowsOf file name value
            | _ -> null

        let pairs = rows "pairs"
        let labels = if isNull pairs || fst (root.TryGetProperty "labels") then labelsOf file (wanted "labels") else null
        rowsOf file "embeddings" (wanted "embeddings"), labels, pairs, rows "class_weights"

    TextFile.ReadJson(file, parts)

let private settingOf (given: string) =
    match given.IndexOf '=' with
    | at when at > 0 -> KeyValuePair(given.Substring(0, at).Trim(), given.Substring(at + 1).Trim())
    | _ -> refuse $"--set {given}: write KEY=VALUE, as in --set margin=0.3."

let private settingLines (settings: LossSetting seq) = [ for s in settings -> $"    {s.Key}={s.Default}", s.Meaning ]

let private list () =
    let print (lines: (string * string) seq) =
        for left, right in lines do
            printfn $"{left, -34} {right}"

    printfn "losses (as in 'triplet(margin=0.3)', or a weighted sum: 'multi-similarity + 0.5 * proxy-anchor')\n"

    for loss in LossFunctions.All do
        let limits =
            if loss.NotForLevels <> "" then $"; {loss.NotForLevels}: not for levels, not for a memory"
            elif loss.NotForMemory <> "" then $"; {loss.NotForMemory}: not for a memory"
            else ""

        let weights = if loss.TakesWeights then "; takes weights of pairs" else ""
        print [ loss.Name, loss.Source + limits + weights ]
        print (settingLines loss.Settings)

    for kind, choices in LossFunctions.Choices |> Seq.groupBy _.Kind do
        printfn $"\n{kind}s\n"

        for choice in choices do
            print [ choice.Name, choice.Source ]
            print (settingLines choice.Settings)

let private show (result: LossResult) =
    printfn $"{result.Loss}: {result.Value:R}"

    for KeyValue(name, rows) in result.Gradients do
        printfn $"\ngradient by {name}, {rows.Length} x {rows[0].Length}:"

        for row in rows do
            printfn "%s" (row |> Seq.map (fun x -> x.ToString("g8").PadLeft 15) |> String.concat " ")

let run (arguments: ParseResults<LossArgument>) =
    let asJson = arguments.Contains LossArgument.Json

    match arguments.GetResult(LossArgument.Loss_What, []) with
    | [] when arguments.Contains LossArgument.List && arguments.Contains LossArgument.Markdown -> Output.result (LossReference.markdown ())
    | [] when arguments.Contains LossArgument.List ->
        if asJson then Output.json {| Losses = LossFunctions.All; Choices = LossFunctions.Choices |} else list ()
    | [ loss; file ] when not (arguments.Contains LossArgument.List) ->
        let settings = arguments.GetResults LossArgument.Set |> List.map settingOf
        let embeddings, labels, pairs, weights = read file
        Native.ensure ()
        let result = LossFunctions.Evaluate(loss, settings, embeddings, labels, pairs, weights)

        if asJson then Output.json {| Loss = result.Loss; Value = result.Value; Gradients = result.Gradients |} else show result
    | _ -> refuse "give a loss and a JSON file: condembed loss 'triplet(margin=0.3)' batch.json; or --list alone."
