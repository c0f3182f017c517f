namespace CondEmbed

open System

/// What a field of `Config` says of itself: its value for the bundled emoji (a choice by its word), and its meaning.
[<Sealed; AttributeUsage(AttributeTargets.Property)>]
type SettingAttribute(standard: obj, meaning: string) =
    inherit Attribute()
    member _.Standard = standard
    member _.Meaning = meaning

    /// The value that a field declares, of its own type.
    static member internal StandardOf(field: Reflection.PropertyInfo) : obj =
        let declared = field.GetCustomAttributes(typeof<SettingAttribute>, false)[0] :?> SettingAttribute

        match Choices.cases field.PropertyType with
        | [] when field.PropertyType = typeof<NamedNumbers> -> NamedNumbers.Empty
        | [] -> declared.Standard
        | cases -> cases |> List.find (fun (word, _) -> box word = declared.Standard) |> snd
