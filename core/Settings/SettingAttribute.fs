namespace CondEmbed

open System

/// The default of a field of `Config` for the bundled emoji (for a choice, its word), and its meaning.
[<Sealed; AttributeUsage(AttributeTargets.Property)>]
type SettingAttribute(standard: obj, meaning: string) =
    inherit Attribute()
    member _.Standard = standard
    member _.Meaning = meaning

    /// The declared default, in the type of the field.
    static member internal StandardOf(field: Reflection.PropertyInfo) : obj =
        let declared = field.GetCustomAttributes(typeof<SettingAttribute>, false)[0] :?> SettingAttribute

        match Choices.cases field.PropertyType with
        | [] when field.PropertyType = typeof<NamedNumbers> -> NamedNumbers.Empty
        | [] -> declared.Standard
        | cases -> cases |> List.find (fun (word, _) -> box word = declared.Standard) |> snd
