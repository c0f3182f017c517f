namespace CondEmbed

open System
open System.Reflection

/// When a setting is read.
type Needed =
    /// Whenever the network is used: it says what that is, what it sees, how it runs, or what it is measured on.
    | Always = 0
    /// While training alone, or by the levels, which training adds: it says nothing of the network itself once that is trained.
    | InTraining = 1

/// The default of a setting for the bundled emoji (for a choice, its word), when it is read, and its meaning: of a field of `Config`, or a property of another record.
[<Sealed; AttributeUsage(AttributeTargets.Property)>]
type SettingAttribute(standard: obj, needed: Needed, meaning: string) =
    inherit Attribute()
    member _.Standard = standard
    member _.Needed = needed
    member _.Meaning = meaning

/// Records that declare settings: `Config`, and those of a host.
module internal Declared =
    /// The properties of a type that are settings, in order.
    let fields (kind: Type) =
        kind.GetProperties()
        |> Array.filter (fun field -> field.IsDefined(typeof<SettingAttribute>, false))
        |> Array.sortBy _.MetadataToken

    let private record (valueOf: PropertyInfo -> obj) : 'Record =
        let made = Activator.CreateInstance<'Record>()

        for field in fields typeof<'Record> do
            field.SetValue(made, valueOf field)

        made

    /// The declared default, in the type of the field.
    let private standardOf (field: PropertyInfo) : obj =
        let declared = field.GetCustomAttributes(typeof<SettingAttribute>, false)[0] :?> SettingAttribute

        match Choices.cases field.PropertyType with
        | [] when field.PropertyType = typeof<NamedNumbers> -> NamedNumbers.Empty
        | [] -> declared.Standard
        | cases -> cases |> List.find (fun (word, _) -> box word = declared.Standard) |> snd

    /// The record of the declared defaults.
    let standard<'Record> () : 'Record = record standardOf

    /// A copy of a record.
    let copy (original: 'Record) : 'Record = record (fun field -> field.GetValue original)
