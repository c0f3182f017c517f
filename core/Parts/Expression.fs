/// Weighted sums of parts as text: `multi-similarity + 0.5 * triplet(margin=0.3, miner=semi-hard)`.
module CondEmbed.Expression

open System
open System.Globalization

let private words = "[A-Za-z][A-Za-z0-9_-]*(?:\\+\\+)?|[0-9][0-9.]*(?:[eE][-+]?[0-9]+)?|[-+*(),=]"

/// Longer texts are refused, because the reader recurses as deeply as the text is nested.
let private longest = 2000

let private split (text: string) : string list =
    if text.Length > longest then raise (FormatException $"it has more than {longest} letters")

    // As in Python, a module may stand before a name, and a name in quotation marks.
    let text = Text.RegularExpressions.Regex.Replace(text, "\\b(losses|miners|distances|reducers)\\.(?=[A-Za-z])", "")
    let text = Text.RegularExpressions.Regex.Replace(text, "([\"'])([A-Za-z][A-Za-z0-9_-]*)\\1", "$2")
    let unread = Text.RegularExpressions.Regex.Replace(text, words, " ").Trim()
    if unread <> "" then raise (FormatException $"'{unread[0]}' cannot be read here")
    [ for word in Text.RegularExpressions.Regex.Matches(text, words) -> word.Value ]

let private parse (text: string) =
    match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
    | true, number when (Numbers.refusal number).IsNone -> number
    | _ -> raise (FormatException $"'{text}' is not a number that can be used")

let private isNumber (word: string) = Char.IsAsciiDigit word[0]
let private isName (word: string) = Char.IsAsciiLetter word[0]

let private unexpected (rest: string list) wanted =
    let found = if rest.IsEmpty then "the end" else $"'{rest.Head}'"
    raise (FormatException $"expected {wanted}, but found {found}")

let rec private call (tokens: string list) =
    match tokens with
    | name :: "(" :: ")" :: rest when isName name -> { Name = name; Given = Map.empty }, rest
    | name :: "(" :: rest when isName name -> arguments name Map.empty rest
    | name :: rest when isName name -> { Name = name; Given = Map.empty }, rest
    | rest -> unexpected rest "a name"

and private arguments name given tokens =
    match tokens with
    | key :: "=" :: _ when isName key && Map.containsKey key given -> raise (FormatException $"'{key}' is given twice")
    | key :: "=" :: rest when isName key ->
        let found, rest = value rest

        match rest with
        | "," :: rest -> arguments name (Map.add key found given) rest
        | ")" :: rest -> { Name = name; Given = Map.add key found given }, rest
        | rest -> unexpected rest "',' or ')'"
    | rest -> unexpected rest "a setting (as in margin=0.2)"

and private value tokens =
    match tokens with
    | "-" :: number :: rest when isNumber number -> Number -(parse number), rest
    | number :: rest when isNumber number -> Number(parse number), rest
    | rest -> let found, rest = call rest in Named found, rest

let private term (tokens: string list) =
    match tokens with
    | weight :: "*" :: rest when isNumber weight -> let found, rest = call rest in (parse weight, found), rest
    | rest -> let found, rest = call rest in (1.0, found), rest

let rec private terms tokens =
    match term tokens with
    | first, [] -> [ first ]
    | first, "+" :: rest -> first :: terms rest
    | _, rest -> unexpected rest "'+' or the end"

let private shortened (text: string) = if text.Length > 100 then text.Substring(0, 100) + " ..." else text

/// The weights and parts of a sum, or where it cannot be read.
let read (text: string) : Result<(float * Call) list, string> =
    try
        let found = terms (split text)

        if found |> List.forall (fun (weight, _) -> weight = 0.0) then
            raise (FormatException "all weights are 0, so it trains nothing")

        Ok found
    with :? FormatException as problem ->
        Error $"'{shortened text}': {problem.Message}; write as in 'multi-similarity' or '0.5 * triplet(margin=0.3) + proxy-anchor'"

/// A sum as text.
let write (terms: (float * Call) list) =
    [ for weight, call in terms -> if weight = 1.0 then string call else $"{Number weight} * {call}" ]
    |> String.concat " + "

/// The value of a setting in a call: a number, or a name with or without settings.
let readValue (text: string) : Result<Value, string> =
    try
        match value (split text) with
        | found, [] -> Ok found
        | _, rest -> unexpected rest "the end"
    with :? FormatException as problem ->
        Error $"'{shortened text}': {problem.Message}"
