namespace CondEmbed

open System
open System.Collections.Generic
open System.Globalization

/// A setting that is wrong, where it came from, and how to fix it.
type Problem =
    { Key: string
      Message: string }

    override this.ToString() = $"{this.Key}: {this.Message}"

/// The type of a setting.
[<RequireQualifiedAccess>]
type SettingType =
    | Text
    | WholeNumber
    | Number
    | TrueOrFalse
    /// Numbers by name, as `loss_settings.alpha = 2`.
    | Numbers

/// A setting as described by its field of `Config`.
type SettingInfo = { Key: string; Field: string; Section: string; Type: SettingType; Constraint: Constraint; Meaning: string }

/// Settings as text: keys, values, and settings given as text.
module Settings =
    /// `PerClass` as `per_class`.
    let keyOf (field: string) = Choices.separated "_" field

    let private fields = Reflection.FSharpType.GetRecordFields typeof<Config>

    let private listed (names: string list) = String.Join(", ", names)

    let private attribute<'Attribute when 'Attribute :> Attribute> (field: Reflection.PropertyInfo) =
        field.GetCustomAttributes(typeof<'Attribute>, false)
        |> Seq.tryHead
        |> Option.map (fun found -> found :?> 'Attribute)

    let private describe field =
        match attribute<SettingAttribute> field with
        | Some found -> found.Meaning.Replace("{encoders}", listed Encoders.All.names).Replace("{losses}", listed Losses.All.names)
        | None -> ""

    let private typeOf (kind: Type) =
        if kind = typeof<int> then SettingType.WholeNumber
        elif kind = typeof<float> then SettingType.Number
        elif kind = typeof<bool> then SettingType.TrueOrFalse
        elif kind = typeof<NamedNumbers> then SettingType.Numbers
        else SettingType.Text

    /// What the attribute says; for a union, its words.
    let private constraintOf (field: Reflection.PropertyInfo) =
        match attribute<ConstraintAttribute> field, Choices.cases field.PropertyType with
        | Some found, _ -> found.Constraint
        | None, [] -> Constraint.Anything
        | None, cases -> Constraint.OneOf(List.map fst cases)

    /// Every setting, in order.
    let all =
        let sectionOf before field = attribute<SectionAttribute> field |> Option.map _.Name |> Option.defaultValue before
        let sections = ("", fields) ||> Array.scan sectionOf |> Array.tail

        [ for field, section in Array.zip fields sections do
              { Key = keyOf field.Name
                Field = field.Name
                Section = section
                Type = typeOf field.PropertyType
                Constraint = constraintOf field
                Meaning = describe field } ]

    /// Every setting with its value.
    let internal valued (config: Config) = List.zip all (List.ofArray (Reflection.FSharpValue.GetRecordFields config))

    /// Every setting: its key and what it means.
    let keys = [ for setting in all -> setting.Key, setting.Meaning ]

    let internal text (value: obj) =
        match value with
        | :? bool as b -> if b then "true" else "false"
        | :? IFormattable as number -> number.ToString(null, CultureInfo.InvariantCulture)
        | :? string as text -> text
        | choice when Reflection.FSharpType.IsUnion(choice.GetType()) -> Choices.word choice
        | other -> string other

    /// Every setting with its value as text; the settings of a loss one by one (`loss_settings.alpha`).
    let toPairs (config: Config) =
        [ for field, value in Seq.zip fields (Reflection.FSharpValue.GetRecordFields config) do
              match value with
              | :? NamedNumbers as settings ->
                  for KeyValue(key, number) in settings do
                      $"{keyOf field.Name}.{key}", text number
              | value -> keyOf field.Name, text value ]

    let private parse (kind: Type) (given: string) : Result<obj, string> =
        let number parser wanted =
            match parser () with
            | true, value -> Ok(box value)
            | _ -> Error $"'{given}' is not {wanted}"

        let culture = CultureInfo.InvariantCulture

        if kind = typeof<int> then
            number (fun () -> Int32.TryParse(given, NumberStyles.AllowLeadingSign, culture)) "a whole number"
        elif kind = typeof<float> then
            number (fun () -> Double.TryParse(given, NumberStyles.Float, culture)) "a number (with a point, as in 0.5)"
        elif kind = typeof<bool> then
            number (fun () -> Boolean.TryParse given) "true or false"
        elif kind = typeof<string> then
            Ok(box given)
        else
            let cases = Choices.cases kind

            match cases |> List.tryFind (fun (word, _) -> word = given) with
            | Some(_, case) -> Ok case
            | None -> Error(Constraint.notOneOf (List.map fst cases) given)

    let private set (values: obj array) (key: string, given: string) : Problem option =
        let place name = fields |> Array.tryFindIndex (fun field -> keyOf field.Name = name)

        let store index parsed =
            match parsed with
            | Ok value ->
                values[index] <- value
                None
            | Error message -> Some { Key = key; Message = message }

        match key.Split('.', 2), place key with
        | _, Some index when fields[index].PropertyType <> typeof<NamedNumbers> -> store index (parse fields[index].PropertyType given)
        | [| table; name |], _ when (place table |> Option.exists (fun i -> fields[i].PropertyType = typeof<NamedNumbers>)) ->
            let index = (place table).Value

            parse typeof<float> given
            |> Result.mapError (fun problem -> $"{problem}; names belong with the loss itself, as in loss = \"triplet({name}={given})\"")
            |> Result.map (fun number -> box ((unbox<NamedNumbers> values[index]).With [ KeyValuePair(name, unbox<float> number) ]))
            |> store index
        | _, Some _ -> Some { Key = key; Message = $"name the setting too, as in {key}.alpha=2" }
        | _ -> Some { Key = key; Message = $"there is no such setting{Names.nearest (List.map fst keys) key}" }

    /// The config with those of the given settings that can be read (later ones win), and everything that is wrong with the others.
    let overlay (settings: (string * string) seq) (config: Config) : Config * Problem list =
        let values = Reflection.FSharpValue.GetRecordFields config
        let problems = settings |> Seq.choose (set values) |> Seq.toList
        (Reflection.FSharpValue.MakeRecord(typeof<Config>, values) :?> Config), problems

    /// The config with the given settings (later ones win), or everything that is wrong with them.
    let apply (settings: (string * string) seq) (config: Config) : Result<Config, Problem list> =
        match overlay settings config with
        | config, [] -> Ok config
        | _, problems -> Error problems
