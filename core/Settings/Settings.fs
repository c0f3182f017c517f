namespace CondEmbed

open System
open System.Collections.Generic
open System.Globalization

/// A setting that is wrong, where it came from, and how to fix it.
type Problem =
    { Key: string
      Message: string }

    override this.ToString() = $"{this.Key}: {this.Message}"

module internal Problems =
    let problem key message = { Key = key; Message = message }

    /// The problem, if the settings are not all right.
    let demand ok key message = [ if not ok then problem key message ]

/// The type of a setting.
[<RequireQualifiedAccess>]
type SettingType =
    | Text
    | WholeNumber
    | Number
    | TrueOrFalse
    /// Numbers by name, as `loss_settings.alpha = 2`.
    | Numbers

/// A setting as described by the field that declares it.
type SettingInfo =
    { Key: string
      Field: string
      Section: string
      Type: SettingType
      Constraint: Constraint
      Needed: Needed
      Meaning: string }

/// Settings as text: keys, values, and settings given as text.
module Settings =
    /// `PerClass` as `per_class`.
    let keyOf (field: string) = Choices.separated "_" field

    let private listed (names: string list) = String.Join(", ", names)

    let private attribute<'Attribute when 'Attribute :> Attribute> (field: Reflection.PropertyInfo) =
        field.GetCustomAttributes(typeof<'Attribute>, false)
        |> Seq.tryHead
        |> Option.map (fun found -> found :?> 'Attribute)

    let private described (meaning: string) =
        meaning.Replace("{encoders}", listed Encoders.All.names).Replace("{losses}", listed Losses.All.names)

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

    /// The settings that a type of records declares, in order.
    let declaredBy (kind: Type) =
        let fields = Declared.fields kind
        let sectionOf before field = attribute<SectionAttribute> field |> Option.map _.Name |> Option.defaultValue before
        let sections = ("", fields) ||> Array.scan sectionOf |> Array.tail

        [ for field, section in Array.zip fields sections do
              let declared = (attribute<SettingAttribute> field).Value

              { Key = keyOf field.Name
                Field = field.Name
                Section = section
                Type = typeOf field.PropertyType
                Constraint = constraintOf field
                Needed = declared.Needed
                Meaning = described declared.Meaning } ]

    /// The settings of the core, in order.
    let all = declaredBy typeof<Config>

    let private valued (record: obj) =
        let kind = record.GetType()
        List.zip (declaredBy kind) [ for field in Declared.fields kind -> field.GetValue record ]

    /// What is wrong with each setting of a record by itself, according to its attributes; a choice is always valid.
    let internal refused (record: obj) =
        [ for setting, value in valued record |> List.filter (fun (_, value) -> (Choices.cases (value.GetType())).IsEmpty) do
              match Constraint.refusal setting.Constraint value with
              | Some message -> { Key = setting.Key; Message = message }
              | None -> () ]

    let internal text (value: obj) =
        match value with
        | :? bool as b -> if b then "true" else "false"
        | :? Enum as choice -> Choices.word choice
        | :? IFormattable as number -> number.ToString(null, CultureInfo.InvariantCulture)
        | :? string as text -> text
        | choice when Reflection.FSharpType.IsUnion(choice.GetType()) -> Choices.word choice
        | other -> string other

    /// Every setting of a record with its value as text; the settings of a loss one by one (`loss_settings.alpha`).
    let toPairs (record: obj) =
        [ for setting, value in valued record do
              match value with
              | :? NamedNumbers as numbers ->
                  for KeyValue(name, number) in numbers do
                      $"{setting.Key}.{name}", text number
              | value -> setting.Key, text value ]

    let private parse (kind: Type) (given: string) : Result<obj, string> =
        let number parser wanted =
            match parser () with
            | true, value -> Ok(box value)
            | _ -> Error $"'{given}' is not {wanted}"

        let culture = CultureInfo.InvariantCulture

        if kind = typeof<int> then
            match Int64.TryParse(given, NumberStyles.AllowLeadingSign, culture) with
            | true, value when value > int64 Int32.MaxValue || value < int64 Int32.MinValue ->
                Error $"is {value}; it must lie within {Int32.MinValue} and {Int32.MaxValue}"
            | _ -> number (fun () -> Int32.TryParse(given, NumberStyles.AllowLeadingSign, culture)) "a whole number"
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

    let private set
        (known: string list)
        (places: Map<string, obj * Reflection.PropertyInfo>)
        (key: string, given: string)
        : Problem option =
        let store (record, field: Reflection.PropertyInfo) parsed =
            match parsed with
            | Ok(value: obj) ->
                field.SetValue(record, value)
                None
            | Error message -> Some { Key = key; Message = message }

        let isTable (_, field: Reflection.PropertyInfo) = field.PropertyType = typeof<NamedNumbers>

        match key.Split('.', 2), places.TryFind key with
        | _, Some place when not (isTable place) -> store place (parse (snd place).PropertyType given)
        | [| table; name |], _ when places.TryFind table |> Option.exists isTable ->
            let record, field = places[table]
            let numbers = field.GetValue record :?> NamedNumbers

            parse typeof<float> given
            |> Result.mapError (fun problem -> $"{problem}; names belong with the loss itself, as in loss = \"triplet({name}={given})\"")
            |> Result.map (fun number -> box (numbers.With [ KeyValuePair(name, unbox<float> number) ]))
            |> store (record, field)
        | _, Some _ -> Some { Key = key; Message = $"name the setting too, as in {key}.alpha=2" }
        | _ -> Some { Key = key; Message = $"there is no such setting{Names.nearest known key}" }

    /// Writes those of the given settings that can be read into records that declare them (later ones win), and returns everything that is wrong with the others.
    let internal write (settings: (string * string) seq) (records: obj list) : Problem list =
        let fields =
            [ for record in records do
                  for field in Declared.fields (record.GetType()) -> keyOf field.Name, (record, field) ]

        settings |> Seq.choose (set (List.map fst fields) (Map fields)) |> Seq.toList

    /// The record with those of the given settings that can be read (later ones win), and everything that is wrong with the others.
    let overlay (settings: (string * string) seq) (record: 'Record) : 'Record * Problem list =
        let changed = Declared.copy record
        changed, write settings [ box changed ]

    /// The record with the given settings (later ones win), or everything that is wrong with them.
    let apply (settings: (string * string) seq) (record: 'Record) : Result<'Record, Problem list> =
        match overlay settings record with
        | changed, [] -> Ok changed
        | _, problems -> Error problems
