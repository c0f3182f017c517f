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

/// A part requested by name, with the settings that were given: `triplet(margin=0.3, miner=semi-hard)`.
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
    | Share
    | Whole
    | OnOff

/// A setting: its key, its default, the range if it is a number, and its meaning.
type Setting =
    { Key: string
      Default: Value
      Range: Range
      Meaning: string }

    member this.IsNumber = this.Default.IsNumber

/// What a part is made from: the values of its settings, the number of classes to train on, and D.
type Chosen = { Values: Map<string, Value>; Classes: int; Features: int }

/// The settings that a part declares, and what it makes of them, just as a layer declares its parameters. Composed with `let!` and `and!` in `Part.define`.
type Declared<'T> = { Settings: Setting list; Read: Chosen -> 'T }

module Setting =
    let private declared range key value read meaning =
        let setting = { Key = key; Default = Number value; Range = range; Meaning = meaning }

        let number given =
            match given.Values[key] with
            | Number value -> read value
            | Named call -> invalidArg (nameof given) $"{key} is '{call}', not a number."

        { Settings = [ setting ]; Read = number }

    /// A setting that takes any number.
    let number key value meaning : Declared<float> = declared AnyNumber key value id meaning
    /// A setting that takes numbers above 0.
    let positive key value meaning : Declared<float> = declared AboveZero key value id meaning
    /// A setting that takes numbers from 0 to 1.
    let share key value meaning : Declared<float> = declared Share key value id meaning
    /// A setting that takes whole numbers.
    let whole key value meaning : Declared<int> = declared Whole key (float (value: int)) int meaning
    /// A setting that is 1 for yes or 0 for no.
    let onOff key value meaning : Declared<bool> = declared OnOff key (if value then 1.0 else 0.0) ((<>) 0.0) meaning

    /// Another part, by the name of its default.
    let part key name meaning : Declared<Call> =
        let setting = { Key = key; Default = Named { Name = name; Given = Map.empty }; Range = AnyNumber; Meaning = meaning }

        let call given =
            match given.Values[key] with
            | Named call -> call
            | Number value -> invalidArg (nameof given) $"{key} is {value}, not a name."

        { Settings = [ setting ]; Read = call }

    /// Not a setting: the number of classes to train on.
    let classes: Declared<int> = { Settings = []; Read = _.Classes }

    /// Not a setting: D, the features of an embedding.
    let features: Declared<int> = { Settings = []; Read = _.Features }

    /// What a setting takes, in words, for messages.
    let rangeText range =
        match range with
        | AnyNumber -> "a number"
        | AboveZero -> "a number above 0"
        | Share -> "a number from 0 to 1"
        | Whole -> "a whole number from 1 to 10000"
        | OnOff -> "0 or 1"

    /// Why the setting does not take the number; None if it does.
    let refusal setting (value: float) : string option =
        let isTaken =
            match setting.Range with
            | AnyNumber -> true
            | AboveZero -> value > 0.0
            | Share -> value >= 0.0 && value <= 1.0
            | Whole -> value >= 1.0 && value = Math.Floor value && value <= 10000.0
            | OnOff -> value = 0.0 || value = 1.0

        Numbers.refusal value
        |> Option.orElse (if isTaken then None else Some $"is {Numbers.text value}; it must be {rangeText setting.Range}")

/// A loss, miner, reducer or distance by name: its source, its settings, and how it is made.
type Part<'T> = { Name: string; Source: string; Settings: Setting list; Make: Chosen -> 'T }

/// `let! a = Setting.number ... and! b = ...` declares settings in order, and `return` makes something from their values.
type DeclaredBuilder() =
    member _.Return(value: 'T) : Declared<'T> = { Settings = []; Read = fun _ -> value }
    member _.BindReturn(declared: Declared<'A>, f: 'A -> 'B) : Declared<'B> = { Settings = declared.Settings; Read = declared.Read >> f }

    member _.MergeSources(first: Declared<'A>, second: Declared<'B>) : Declared<'A * 'B> =
        { Settings = first.Settings @ second.Settings; Read = fun given -> first.Read given, second.Read given }

/// The same, as a part of a name and a source.
type PartBuilder(name, source) =
    inherit DeclaredBuilder()

    member _.Run(declared: Declared<'T>) : Part<'T> = { Name = name; Source = source; Settings = declared.Settings; Make = declared.Read }

module Part =
    /// Several settings combined.
    let declare = DeclaredBuilder()

    /// A part of a name and a source: `Part.define "nca" "Goldberger et al., NIPS 2004" { let! scale = Setting.positive "scale" 1.0 "..." return ... }`.
    let define name source = PartBuilder(name, source)

    /// The names of the parts, in their order.
    let names (parts: Part<_> list) = [ for part in parts -> part.Name ]

    /// The part of that name, if there is one.
    let tryFind (parts: Part<'T> list) name = parts |> List.tryFind (fun part -> part.Name = name)

    let private valueProblem kind name key (setting: Setting) (value: Value) =
        match setting.Default, value with
        | Number _, Number x -> Setting.refusal setting x |> Option.map (fun why -> $"the {kind} '{name}': {key} {why}")
        | Number _, _ -> Some $"the {kind} '{name}': {key} is {value}; it must be {Setting.rangeText setting.Range}"
        | Named _, Number _ -> Some $"the {kind} '{name}': {key} is {value}; it must be a name"
        | Named _, Named _ -> None

    let private unknownProblem kind name (known: string list) (unknown: string list) =
        let quoted = [ for key in unknown -> $"'{key}'" ] |> String.concat " and "
        let has = if known.IsEmpty then "it has none" else "it has " + String.concat ", " known

        let near =
            match unknown with
            | _ when known.IsEmpty -> ""
            | [ one ] -> Names.nearest known one
            | several ->
                match
                    [ for key in several do
                          for near in Option.toList (Names.tryNearest [ for name in known -> name, name ] key) do
                              $"'{near}' for '{key}'" ]
                with
                | [] -> ""
                | found -> " (did you mean " + String.concat " and " found + "?)"

        let settings = if unknown.Length = 1 then "setting" else "settings"
        $"the {kind} '{name}' has no {settings} {quoted}; {has}{near}"

    /// What is wrong with the settings that a part was given: each as it was written, the key that it stands for, and its value. `name` is what the part was called, and
    /// `known` are the settings that it has under that name.
    let internal settingProblems kind name (known: string list) (part: Part<_>) (given: (string * string * Value) list) : string list =
        let find key = part.Settings |> List.tryFind (fun s -> s.Key = key)

        [ match
              [ for written, key, _ in given do
                    if (find key).IsNone then written ]
          with
          | [] -> ()
          | unknown -> unknownProblem kind name known unknown
          for written, key, value in given do
              for setting in Option.toList (find key) do
                  yield! valueProblem kind name written setting value |> Option.toList ]

    /// Stages under pytorch-metric-learning's names, which are other words here.
    let private elsewhere =
        Map
            [ "AvgNonZeroReducer", "non-zero"
              "CosineSimilarity", "cosine"
              "DotProductSimilarity", "score=dot, for the losses that have it"
              "LpDistance", "l2, or squared-l2 for power=2"
              "MeanReducer", "mean"
              "PerAnchorReducer", "per-anchor"
              "SumReducer", "sum"
              "ThresholdReducer", "within(low=..., high=...)" ]

    /// Everything that is wrong with a call's own name and settings; parts inside it are checked when they are made.
    let problems kind (parts: Part<_> list) (call: Call) =
        match tryFind parts call.Name with
        | None ->
            let all = String.concat ", " (names parts)

            match Map.tryFind call.Name elsewhere with
            | Some ours -> [ $"there is no {kind} '{call.Name}'; here it is {ours}" ]
            | None -> [ $"there is no {kind} '{call.Name}'; there are {all}{Names.nearest (names parts) call.Name}" ]
        | Some part ->
            settingProblems
                kind
                part.Name
                [ for s in part.Settings -> s.Key ]
                part
                [ for KeyValue(key, value) in call.Given -> key, key, value ]

    /// Makes the part that is called. ArgumentException with everything that is wrong with the call.
    let make kind (parts: Part<'T> list) classes features (call: Call) : 'T =
        match problems kind parts call with
        | [] ->
            let part = (tryFind parts call.Name).Value
            let defaults = Map [ for s in part.Settings -> s.Key, s.Default ]
            let values = (defaults, call.Given) ||> Map.fold (fun all key value -> Map.add key value all)
            part.Make { Values = values; Classes = classes; Features = features }
        | wrong -> raise (ArgumentException(String.concat "; " wrong))

    /// The setting under a key, which names one of the parts; that part is then made.
    let setting kind (parts: Part<'T> list) key name meaning : Declared<'T> =
        let call = Setting.part key name meaning

        { Settings = call.Settings
          Read = fun given -> call.Read given |> make kind parts given.Classes given.Features }
