/// Suggestions for misspelt names.
module internal CondEmbed.Names

let private distance (a: string) (b: string) = Common.NearestName.Distance(a, b)

/// The nearest of some names, as words to append to an error message.
let nearest (names: string seq) (wrong: string) =
    let best = names |> Seq.minBy (fun name -> distance (wrong.ToLowerInvariant()) name)

    if distance (wrong.ToLowerInvariant()) best <= max 2 (wrong.Length / 3) then $"; did you mean '{best}'?" else ""
