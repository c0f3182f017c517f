namespace CondEmbed

open System
open System.Collections.Generic
open System.Globalization

/// What a setting of a loss, miner, reducer or distance can be: a number, or another part with settings of its own.
type Value =
    | Number of float
    | Named of Call

    /// As it is read.
    override this.ToString() =
        match this with
        | Number x -> x.ToString CultureInfo.InvariantCulture
        | Named call -> string call

/// A part asked for by name, with the settings that were given: `triplet(margin=0.3, miner=semi-hard)`.
and Call =
    { Name: string
      Given: Map<string, Value> }

    /// As it is read.
    override this.ToString() =
        let given = [ for KeyValue(key, value) in this.Given -> $"{key}={value}" ] |> String.concat ", "
        if this.Given.IsEmpty then this.Name else $"{this.Name}({given})"

/// Which numbers a setting takes.
type Range =
    | AnyNumber
    | AboveZero
    | Whole
    | OnOff

/// A setting: its key, default, which numbers it takes where it is one, and its meaning.
type Setting =
    { Key: string
      Default: Value
      Range: Range
      Meaning: string }

    member this.IsNumber = this.Default.IsNumber

module Setting =
    let private numeric range key value meaning = { Key = key; Default = Number value; Range = range; Meaning = meaning }

    /// A setting that takes any number.
    let number key value meaning = numeric AnyNumber key value meaning
    /// A setting that takes numbers above 0.
    let positive key value meaning = numeric AboveZero key value meaning
    /// A setting that takes whole numbers.
    let whole key value meaning = numeric Whole key (float (value: int)) meaning
    /// A setting that is 1 for yes or 0 for no.
    let onOff key value meaning = numeric OnOff key (if value then 1.0 else 0.0) meaning

    /// Another part, by the name of its default.
    let part key name meaning = { Key = key; Default = Named { Name = name; Given = Map.empty }; Range = AnyNumber; Meaning = meaning }

    /// What a setting takes, in words, for messages.
    let rangeText range =
        match range with
        | AnyNumber -> "a number"
        | AboveZero -> "a number above 0"
        | Whole -> "a whole number from 1 to 10000"
        | OnOff -> "0 or 1"

    /// Why the setting does not take the number; None if it does.
    let refusal setting (value: float) : string option =
        let isTaken =
            match setting.Range with
            | AnyNumber -> true
            | AboveZero -> value > 0.0
            | Whole -> value >= 1.0 && value = Math.Floor value && value <= 10000.0
            | OnOff -> value = 0.0 || value = 1.0

        Numbers.refusal value
        |> Option.orElse (if isTaken then None else Some $"is {Numbers.text value}; it must be {rangeText setting.Range}")

/// What a part is made from: its settings, how many classes there are to train on, and D.
type Chosen =
    { Values: Map<string, Value>
      Classes: int
      Features: int }

    member this.Number key =
        match this.Values[key] with
        | Number value -> value
        | Named call -> invalidArg (nameof key) $"{key} is '{call}', not a number."

    member this.Whole key = int (this.Number key)
    member this.IsOn key = this.Number key <> 0.0

    member this.Call key =
        match this.Values[key] with
        | Named call -> call
        | Number value -> invalidArg (nameof key) $"{key} is {value}, not a name."

/// A loss, miner, reducer or distance by name: where it is from, its settings, and how it is made.
type Part<'T> = { Name: string; Source: string; Settings: Setting list; Make: Chosen -> 'T }

module Part =
    /// The names of the parts, in their order.
    let names (parts: Part<_> list) = [ for part in parts -> part.Name ]

    /// The part of that name, if there is one.
    let tryFind (parts: Part<'T> list) name = parts |> List.tryFind (fun part -> part.Name = name)

    let private settingProblem kind (part: Part<_>) key (value: Value) =
        match part.Settings |> List.tryFind (fun s -> s.Key = key), value with
        | None, _ ->
            let known = [ for s in part.Settings -> s.Key ]
            let near = if known.IsEmpty then "" else Names.nearest known key
            let known = String.concat ", " known
            let has = if known = "" then "it has none" else $"it has {known}"
            Some $"the {kind} '{part.Name}' has no setting '{key}'; {has}{near}"
        | Some({ Default = Number _ } as setting), Number x ->
            Setting.refusal setting x |> Option.map (fun why -> $"the {kind} '{part.Name}': {key} {why}")
        | Some({ Default = Number _ } as setting), _ ->
            Some $"the {kind} '{part.Name}': {key} is {value}; it must be {Setting.rangeText setting.Range}"
        | Some { Default = Named _ }, Number _ -> Some $"the {kind} '{part.Name}': {key} is {value}; it must be a name"
        | Some { Default = Named _ }, Named _ -> None

    /// Everything that is wrong with a call's own name and settings; those of the parts within it are looked at when they are made.
    let problems kind (parts: Part<_> list) (call: Call) =
        match tryFind parts call.Name with
        | None ->
            let all = String.concat ", " (names parts)
            [ $"there is no {kind} '{call.Name}'; there are {all}{Names.nearest (names parts) call.Name}" ]
        | Some part -> [ for KeyValue(key, value) in call.Given -> settingProblem kind part key value ] |> List.choose id

    /// Makes the part that is called. ArgumentException with everything that is wrong with the call.
    let make kind (parts: Part<'T> list) classes features (call: Call) : 'T =
        match problems kind parts call with
        | [] ->
            let part = (tryFind parts call.Name).Value
            let defaults = Map [ for s in part.Settings -> s.Key, s.Default ]
            let values = (defaults, call.Given) ||> Map.fold (fun all key value -> Map.add key value all)
            part.Make { Values = values; Classes = classes; Features = features }
        | wrong ->
            let message = String.concat "; " wrong
            raise (ArgumentException $"{Char.ToUpperInvariant message[0]}{message.Substring 1}.")

/// Weighted sums of parts as text: `multi-similarity + 0.5 * triplet(margin=0.3, miner=semi-hard)`.
module Expression =
    let private words = "[A-Za-z][A-Za-z0-9_-]*(?:\\+\\+)?|[0-9][0-9.]*(?:[eE][-+]?[0-9]+)?|[-+*(),=]"

    /// Longer ones are refused: reading goes as deep as a text is nested.
    let private longest = 2000

    let private split (text: string) : string list =
        if text.Length > longest then raise (FormatException $"it has more than {longest} letters")

        let unread = Text.RegularExpressions.Regex.Replace(text, words, " ").Trim()
        if unread <> "" then raise (FormatException $"'{unread[0]}' cannot be read here")
        [ for word in Text.RegularExpressions.Regex.Matches(text, words) -> word.Value ]

    let private parse (text: string) =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, number when (Numbers.refusal number).IsNone -> number
        | _ -> raise (FormatException $"'{text}' is no number that can be used")

    let private isNumber (word: string) = Char.IsAsciiDigit word[0]
    let private isName (word: string) = Char.IsAsciiLetter word[0]

    let private unexpected (rest: string list) wanted =
        let found = if rest.IsEmpty then "the end" else $"'{rest.Head}'"
        raise (FormatException $"{wanted} is wanted where {found} stands")

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

    /// The weights and parts of a sum; or where it cannot be read.
    let read (text: string) : Result<(float * Call) list, string> =
        try
            let found = terms (split text)

            if found |> List.forall (fun (weight, _) -> weight = 0.0) then
                raise (FormatException "with nothing but weights of 0 it trains nothing")

            Ok found
        with :? FormatException as problem ->
            Error $"'{shortened text}': {problem.Message}; write as in 'multi-similarity' or '0.5 * triplet(margin=0.3) + proxy-anchor'"

    /// A sum as it is read.
    let write (terms: (float * Call) list) =
        [ for weight, call in terms -> if weight = 1.0 then string call else $"{Number weight} * {call}" ]
        |> String.concat " + "

    /// A value as it stands in a call: a number, or a name with or without settings.
    let readValue (text: string) : Result<Value, string> =
        try
            match value (split text) with
            | found, [] -> Ok found
            | _, rest -> unexpected rest "the end"
        with :? FormatException as problem ->
            Error $"'{shortened text}': {problem.Message}"

    /// The calls with settings given to all those that have them, over what they were given.
    let set (settingsOf: string -> Setting list) (settings: Map<string, Value>) (terms: (float * Call) list) =
        let has key (call: Call) = settingsOf call.Name |> List.exists (fun s -> s.Key = key)
        let put (call: Call) key value = if has key call then { call with Given = Map.add key value call.Given } else call
        [ for weight, call in terms -> weight, Map.fold put call settings ]
