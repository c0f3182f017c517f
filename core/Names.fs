/// Suggestions for misspelt names.
module internal CondEmbed.Names

let private distance (a: string) (b: string) = Common.NearestName.Distance(a, b)

let private words (name: string) = name.ToLowerInvariant().Split('_', '-')

/// Whether a name is the other one with words cut short, as neg_margin is negative_margin.
let private abbreviates (short: string) (name: string) =
    let parts, wholes = words short, words name

    parts.Length > 1
    && parts.Length = wholes.Length
    && Array.forall2
        (fun (part: string) (whole: string) -> part <> "" && whole.StartsWith(part, System.StringComparison.Ordinal))
        parts
        wholes

/// The nearest of some names, of which each stands for another one: that other one. None if no name is near.
let tryNearest (known: (string * string) seq) (wrong: string) : string option =
    let wrong = wrong.ToLowerInvariant()
    let name, meant = known |> Seq.minBy (fun (name, _) -> distance wrong name)

    if distance wrong name <= max 2 (wrong.Length / 3) then
        Some meant
    else
        known |> Seq.tryFind (fun (name, _) -> abbreviates wrong name) |> Option.map snd

/// As words to append to an error message: in brackets, so that whatever follows may.
let suggestion (meant: string option) = meant |> Option.map (fun name -> $" (did you mean '{name}'?)") |> Option.defaultValue ""

/// The nearest of some names, as words to append to an error message.
let nearest (names: string seq) (wrong: string) = tryNearest (Seq.map (fun name -> name, name) names) wrong |> suggestion
