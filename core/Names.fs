/// Suggestions for misspelt names, and patterns over names.
module internal CondEmbed.Names

open System
open System.IO.Enumeration

/// Whether a name is like a pattern, in which `*` stands for any text and `?` for one character.
let isLike (pattern: string) (name: string) = FileSystemName.MatchesSimpleExpression(pattern.AsSpan(), name.AsSpan(), ignoreCase = false)

/// The patterns in a text, separated by commas.
let patterns (text: string) = [ for pattern in text.Split(',', StringSplitOptions.RemoveEmptyEntries) -> pattern.Trim() ]

/// A name without what differs between conventions: `NTXentLoss` and `nt-xent-loss` are both `ntxentloss`.
let plain (name: string) = name.ToLowerInvariant().Replace("-", "").Replace("_", "")

let private distance (a: string) (b: string) = Common.NearestName.Distance(a, b)

let private words (name: string) = name.ToLowerInvariant().Split('_', '-')

/// Whether a name is the other one with words cut short, as neg_margin is negative_margin.
let private abbreviates (short: string) (name: string) =
    let parts, wholes = words short, words name

    parts.Length > 1
    && parts.Length = wholes.Length
    && Array.forall2 (fun (part: string) (whole: string) -> part <> "" && whole.StartsWith(part, StringComparison.Ordinal)) parts wholes

/// What the nearest of some names stands for, each of them given with that. None if no name is near, or there are none.
let tryNearest (known: (string * string) seq) (wrong: string) : string option =
    let wrong = wrong.ToLowerInvariant()
    let isNear (name, _) = Common.NearestName.IsNear(wrong, distance wrong name)

    known
    |> Seq.sortBy (fun (name, _) -> distance wrong name)
    |> Seq.tryHead
    |> Option.filter isNear
    |> Option.orElseWith (fun () -> known |> Seq.tryFind (fun (name, _) -> abbreviates wrong name))
    |> Option.map snd

/// As words to append to an error message, in brackets, so that anything may follow.
let suggestion (meant: string option) = meant |> Option.map (fun name -> $" (did you mean '{name}'?)") |> Option.defaultValue ""

/// The nearest of some names, as words to append to an error message.
let nearest (names: string seq) (wrong: string) = tryNearest (Seq.map (fun name -> name, name) names) wrong |> suggestion
