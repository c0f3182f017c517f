namespace CondEmbed

open System
open System.Globalization

/// The values allowed for a single setting; `ConfigValidation` checks what depends on other settings.
[<RequireQualifiedAccess>]
type Constraint =
    | Anything
    | OneOf of string list
    /// Whole numbers of at least 1, separated by commas.
    | WholeNumbers
    | Within of low: float * high: float
    | AtLeast of low: int
    | Above of low: float

module internal Numbers =
    let text (number: float) = number.ToString CultureInfo.InvariantCulture

    /// Why a number is unusable; None if it is usable.
    let refusal (number: float) : string option =
        if not (Double.IsFinite number) then Some $"is {text number}; it must be a finite number"
        elif number = 0.0 && Double.IsNegative number then Some "is -0; write 0"
        elif abs number > float Single.MaxValue then Some $"is {text number}, which is more than float32 holds"
        else None

module Constraint =
    let private text = Numbers.text

    /// As text: `0 to 1`, `at least 2`, `above 0`, or the names; empty if anything is allowed.
    let describe limits =
        match limits with
        | Constraint.Anything
        | Constraint.WholeNumbers -> ""
        | Constraint.OneOf names -> String.Join(", ", names)
        | Constraint.Within(low, high) -> $"{text low} to {text high}"
        | Constraint.AtLeast low -> $"at least {low}"
        | Constraint.Above low -> $"above {text low}"

    /// Why a word that is not one of the names is refused.
    let internal notOneOf (names: string list) (word: string) =
        let all = String.Join(", ", names)
        $"'{word}' is not one of {all}{Names.nearest names word}"

    let private byKind limits (value: obj) : string option =
        let number () = Convert.ToDouble(value, CultureInfo.InvariantCulture)

        match limits with
        | Constraint.Anything -> None
        | Constraint.OneOf names when List.contains (string value) names -> None
        | Constraint.OneOf names -> Some(notOneOf names (string value))
        | Constraint.WholeNumbers ->
            let words = (string value).Split(',', StringSplitOptions.TrimEntries)

            let isGood (word: string) =
                match Int32.TryParse(word, NumberStyles.Integer, CultureInfo.InvariantCulture) with
                | true, number -> number > 0
                | _ -> false

            if words = [| "" |] || Array.forall isGood words then
                None
            else
                Some $"'{value}' is not a list of whole numbers of at least 1, such as 1,10,100"
        | Constraint.Within(low, high) when number () >= low && number () <= high -> None
        | Constraint.Within(low, high) -> Some $"is {text (number ())}; it must lie within {text low} and {text high}"
        | Constraint.AtLeast low when number () >= float low -> None
        | Constraint.AtLeast low -> Some $"is {text (number ())}; it must be at least {low}"
        | Constraint.Above low when number () > low -> None
        | Constraint.Above low -> Some $"is {text (number ())}; it must be above {text low}"

    /// Why a value is not allowed; None if it is.
    let refusal limits (value: obj) : string option =
        match value with
        | :? float as number -> Numbers.refusal number
        | _ -> None
        |> Option.orElseWith (fun () -> byKind limits value)

/// Begins a section of settings in help and pages: this field and those after it.
[<Sealed; AttributeUsage(AttributeTargets.Property)>]
type SectionAttribute(name: string) =
    inherit Attribute()
    member _.Name = name

/// The values that a setting takes: the source of its validation and its reference.
[<AbstractClass; AttributeUsage(AttributeTargets.Property)>]
type ConstraintAttribute(limits: Constraint) =
    inherit Attribute()
    member _.Constraint = limits

/// The name of an encoder.
[<Sealed>]
type EncoderNameAttribute() =
    inherit ConstraintAttribute(Constraint.OneOf Encoders.All.names)

/// The name of a pooling.
[<Sealed>]
type PoolingNameAttribute() =
    inherit ConstraintAttribute(Constraint.OneOf [ for name, _, _ in Encoders.All.poolings -> name ])

/// Both ends included.
[<Sealed>]
type WithinAttribute(low: float, high: float) =
    inherit ConstraintAttribute(Constraint.Within(low, high))

/// A whole number, at least this one.
[<Sealed>]
type AtLeastAttribute(low: int) =
    inherit ConstraintAttribute(Constraint.AtLeast low)

/// Above this number, which is excluded.
[<Sealed>]
type AboveAttribute(low: float) =
    inherit ConstraintAttribute(Constraint.Above low)

/// Whole numbers of at least 1, separated by commas; a list in C#.
[<Sealed>]
type WholeNumbersAttribute() =
    inherit ConstraintAttribute(Constraint.WholeNumbers)
