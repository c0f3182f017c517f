/// Rules over the names of leaves: learning-rate factor, weight decay, frozen or not.
module CondEmbed.Groups

open System
open System.IO.Enumeration
open CondEmbed.Common

/// How the leaves of a group are trained.
type Treatment =
    | Frozen
    | Trained of rateFactor: float * weightDecay: float

/// A pattern over dotted names (`*` any text, `?` one character) and what it means. The first rule that matches a leaf applies.
type Rule = { Pattern: string; Treatment: Treatment }

let private fits (name: string) rule = FileSystemName.MatchesSimpleExpression(rule.Pattern.AsSpan(), name.AsSpan(), ignoreCase = false)

/// The rules that freeze what matches one of the patterns, which commas separate.
let frozen (patterns: string) : Rule list =
    [ for pattern in patterns.Split(',', StringSplitOptions.RemoveEmptyEntries) -> { Pattern = pattern.Trim(); Treatment = Frozen } ]

/// Whether the rules freeze a leaf of that name; a leaf that no rule covers is trained.
let freezes (rules: Rule list) name = rules |> List.tryFind (fits name) |> Option.exists (fun rule -> rule.Treatment = Frozen)

/// Each leaf with its treatment. InputException for leaves that no rule covers, and for rules that match no leaf and so are probably misspelt.
let assign (rules: Rule list) (leaves: string list) : (string * Treatment) list =
    let uncovered = leaves |> List.filter (fun name -> not (List.exists (fits name) rules))

    if not uncovered.IsEmpty then
        let names = uncovered |> List.truncate 5 |> String.concat ", "
        raise (InputException $"No rule covers {uncovered.Length} parameters ({names}): end the rules with one for '*'.")

    for rule in rules do
        if not (List.exists (fun name -> fits name rule) leaves) then
            let names = leaves |> List.truncate 8 |> String.concat ", "
            let what = if rule.Treatment = Frozen then "freeze: the" else "The"
            raise (InputException $"{what} pattern '{rule.Pattern}' matches no parameter; there are {names} ... .")

    [ for name in leaves -> name, (List.find (fits name) rules).Treatment ]

/// The rules that match at least one leaf: for lists of common rules, not all of which apply to every model.
let applicable (leaves: string list) (rules: Rule list) =
    rules |> List.filter (fun rule -> leaves |> List.exists (fun name -> fits name rule))
