namespace CondEmbed

open System
open System.Globalization

/// Which values a setting takes by itself; what depends on other settings is the matter of `Check`.
[<RequireQualifiedAccess>]
type Allowed =
    | Anything
    | OneOf of string list
    | Within of low: float * high: float
    | AtLeast of low: int
    | Above of low: float

module internal Numbers =
    let text (number: float) = number.ToString CultureInfo.InvariantCulture

    /// Why a number is none that anything is computed with; None if it is one.
    let refusal (number: float) : string option =
        if not (Double.IsFinite number) then Some $"is {text number}; it must be a finite number"
        elif number = 0.0 && Double.IsNegative number then Some "is -0; write 0"
        elif abs number > float Single.MaxValue then Some $"is {text number}, which is more than float32 holds"
        else None

module Allowed =
    let private text = Numbers.text

    /// For people: `0 to 1`, `at least 2`, `above 0`, the names; empty where anything is allowed.
    let describe allowed =
        match allowed with
        | Allowed.Anything -> ""
        | Allowed.OneOf names -> String.Join(", ", names)
        | Allowed.Within(low, high) -> $"{text low} to {text high}"
        | Allowed.AtLeast low -> $"at least {low}"
        | Allowed.Above low -> $"above {text low}"

    let private byKind allowed (value: obj) : string option =
        let number () = Convert.ToDouble(value, CultureInfo.InvariantCulture)

        match allowed with
        | Allowed.Anything -> None
        | Allowed.OneOf names when List.contains (string value) names -> None
        | Allowed.OneOf names -> Some $"'{value}' is none of {describe allowed}{Names.nearest names (string value)}"
        | Allowed.Within(low, high) when number () >= low && number () <= high -> None
        | Allowed.Within(low, high) -> Some $"is {text (number ())}; it must lie within {text low} and {text high}"
        | Allowed.AtLeast low when number () >= float low -> None
        | Allowed.AtLeast low -> Some $"is {text (number ())}; it must be at least {low}"
        | Allowed.Above low when number () > low -> None
        | Allowed.Above low -> Some $"is {text (number ())}; it must be above {text low}"

    /// Why a value is not allowed; None if it is.
    let refusal allowed (value: obj) : string option =
        match value with
        | :? float as number -> Numbers.refusal number
        | _ -> None
        |> Option.orElseWith (fun () -> byKind allowed value)

/// Begins a section of settings, for people: it holds this field and those after it.
[<Sealed; AttributeUsage(AttributeTargets.Property)>]
type SectionAttribute(name: string) =
    inherit Attribute()
    member _.Name = name

/// Says which values a field of `Config` takes: the check and the reference are made from it.
[<AbstractClass; AttributeUsage(AttributeTargets.Property)>]
type AllowedAttribute(allowed: Allowed) =
    inherit Attribute()
    member _.Allowed = allowed

/// One of these words.
[<Sealed>]
type OneOfAttribute([<ParamArray>] names: string array) =
    inherit AllowedAttribute(Allowed.OneOf(List.ofArray names))

/// The name of an encoder.
[<Sealed>]
type EncoderNameAttribute() =
    inherit AllowedAttribute(Allowed.OneOf Encoders.All.names)

/// The name of a pooling.
[<Sealed>]
type PoolingNameAttribute() =
    inherit AllowedAttribute(Allowed.OneOf [ for name, _, _ in Encoders.All.poolings -> name ])

/// Both ends included.
[<Sealed>]
type WithinAttribute(low: float, high: float) =
    inherit AllowedAttribute(Allowed.Within(low, high))

/// A whole number from this one on.
[<Sealed>]
type AtLeastAttribute(low: int) =
    inherit AllowedAttribute(Allowed.AtLeast low)

/// The end excluded.
[<Sealed>]
type AboveAttribute(low: float) =
    inherit AllowedAttribute(Allowed.Above low)
