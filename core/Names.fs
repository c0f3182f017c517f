/// Suggestions for misspelt names.
module internal CondEmbed.Names

/// How many letters must change to turn one word into the other (Levenshtein).
let private distance (a: string) (b: string) =
    let next (row: int list) (i, letter) =
        let cell left (j, other) = List.min [ left + 1; row[j + 1] + 1; row[j] + (if letter = other then 0 else 1) ]

        (i + 1, Seq.indexed b) ||> Seq.scan cell |> Seq.toList

    ([ 0 .. b.Length ], Seq.indexed a) ||> Seq.fold next |> List.last

/// The nearest of some names, as words to append to an error message.
let nearest (names: string seq) (wrong: string) =
    let best = names |> Seq.minBy (fun name -> distance (wrong.ToLowerInvariant()) name)

    if distance (wrong.ToLowerInvariant()) best <= max 2 (wrong.Length / 3) then $"; did you mean '{best}'?" else ""
