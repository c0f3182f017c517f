/// Rules over the names of leaves: learning-rate factor, weight decay, frozen or not.
module CondEmbed.Groups

open System
open System.Globalization
open CondEmbed.Common

/// How the leaves of a group are trained.
type Treatment =
    | Frozen
    | Trained of rateFactor: float * weightDecay: float

/// A pattern over dotted names (`*` any text, `?` one character) and what it means. The first rule that matches a leaf applies.
type Rule = { Pattern: string; Treatment: Treatment }

/// Leaves that are left alone until a number of steps are done, and trained from then on: gradual unfreezing, Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018,
/// section 3.3. The forward pass does not change: norms in training go on with their statistics.
type Beginning = { Leaves: string; Step: int }

let private fits name rule = Names.isLike rule.Pattern name

/// Patterns of all leaves of some specs and of no others: by the first part of a dotted name.
let private patternsOf (specs: ParamSpec list) =
    let pattern (name: string) =
        match name.IndexOf '.' with
        | -1 -> name
        | dot -> name.Substring(0, dot) + ".*"

    Params.trainable specs |> List.map pattern |> List.distinct

/// The rules that freeze what matches one of the patterns, which commas separate. Two of them are names: `trunk` for the stages of the encoder but the last, and `encoder` for all of it.
let frozen (encoder: Encoders.Encoder) (patterns: string) : Rule list =
    let meant pattern =
        match pattern, encoder.Stages with
        | "encoder", _ -> patternsOf encoder.Features.Specs
        | "trunk", stages when not stages.IsEmpty -> stages |> List.take (stages.Length - 1) |> List.collect _.Specs |> patternsOf
        | pattern, _ -> [ pattern ]

    [ for pattern in List.collect meant (Names.patterns patterns) -> { Pattern = pattern; Treatment = Frozen } ]

/// Whether the rules freeze a leaf of that name; a leaf that no rule covers is trained.
let freezes (rules: Rule list) name = rules |> List.tryFind (fits name) |> Option.exists (fun rule -> rule.Treatment = Frozen)

/// What may be meant by a pattern that matches nothing: the stages among the leaves, as patterns, and the nearest of these.
let private patternsLike (written: string) (leaves: string list) =
    let stages = leaves |> List.map (fun name -> name.Split('.')[0] + "*") |> List.distinct
    let shown = if stages.IsEmpty then "none" else stages |> List.truncate 12 |> String.concat ", "
    $"there are {shown}{Names.nearest stages written}"

/// Why a pattern is of no use for some leaves, of which it matches none; probably it is misspelt.
let missing what (pattern: string) (leaves: string list) : string option =
    if List.exists (Names.isLike pattern) leaves then
        None
    else
        Some $"'{pattern}' matches no {what}; {patternsLike pattern leaves}"

/// Each leaf with its treatment. InputException for leaves that no rule covers, and for rules that match no leaf and so are probably misspelt.
let assign (rules: Rule list) (leaves: string list) : (string * Treatment) list =
    let uncovered = leaves |> List.filter (fun name -> not (List.exists (fits name) rules))

    if not uncovered.IsEmpty then
        let names = uncovered |> List.truncate 5 |> String.concat ", "
        raise (InputException $"No rule covers {uncovered.Length} parameters ({names}): end the rules with one for '*'.")

    for rule in rules do
        missing "parameter" rule.Pattern leaves
        |> Option.iter (fun problem -> raise (InputException $"The pattern {problem}"))

    [ for name in leaves -> name, (List.find (fits name) rules).Treatment ]

/// The step at which each of some trained leaves begins: that of the first pattern that matches it, else 0. InputException for a pattern that matches none.
let beginnings (beginnings: Beginning list) (trained: string list) : string -> int =
    for beginning in beginnings do
        missing "parameter that is trained" beginning.Leaves trained
        |> Option.iter (fun problem -> raise (InputException $"The pattern {problem}"))

    fun name ->
        beginnings
        |> List.tryFind (fun beginning -> Names.isLike beginning.Leaves name)
        |> Option.fold (fun _ beginning -> beginning.Step) 0

/// `layer4*@0.2,layer3*@0.5` -> the patterns, each with the share of the steps after which its leaves begin. The error is the part that is not such a pair.
let readBeginnings (text: string) : Result<(string * float) list, string> =
    let read (part: string) =
        match part.Trim().Split '@' with
        | [| pattern; share |] when pattern <> "" ->
            match Double.TryParse(share, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, share when share >= 0.0 && share < 1.0 -> Ok(pattern, share)
            | _ -> Error part
        | _ -> Error part

    (text.Split(',', StringSplitOptions.RemoveEmptyEntries), Ok [])
    ||> Array.foldBack (fun part rest ->
        match read part, rest with
        | Ok first, Ok rest -> Ok(first :: rest)
        | Error part, _
        | Ok _, Error part -> Error part)

/// The rules that match at least one leaf: for lists of common rules, not all of which apply to every model.
let applicable (leaves: string list) (rules: Rule list) =
    rules |> List.filter (fun rule -> leaves |> List.exists (fun name -> fits name rule))
