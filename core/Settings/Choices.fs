/// What a setting chooses between. Its words in files and on the command line are the names of the cases: `FirstHalf` is `first-half`.
module CondEmbed.Choices

open System
open FSharp.Reflection

[<RequireQualifiedAccess>]
type Split =
    | Auto
    | Hash
    | FirstHalf

[<RequireQualifiedAccess>]
type LevelValues =
    | Own
    | Head

[<RequireQualifiedAccess>]
type LevelTokens =
    | Last
    | Stages

[<RequireQualifiedAccess>]
type LevelLossOn =
    | Every
    | Last

[<RequireQualifiedAccess>]
type LevelGradients =
    | All
    | Levels

[<RequireQualifiedAccess>]
type Optimiser =
    | Adamw
    | Sgd

[<RequireQualifiedAccess>]
type Schedule =
    | Cosine
    | Step
    | Constant

[<RequireQualifiedAccess>]
type Sampler =
    | MPerClass
    | Hierarchical
    | CategoryBalanced
    | Plain

[<RequireQualifiedAccess>]
type Filter =
    | Bilinear
    | Bicubic

[<RequireQualifiedAccess>]
type Augment =
    | Crop
    | Shift
    | None

[<RequireQualifiedAccess>]
type Surround =
    | Edge
    | White
    | Black

[<RequireQualifiedAccess>]
type Precision =
    | Float32
    | Bfloat16

/// `PerClass` written with a separator, as `per_class`.
let internal separated (separator: string) (name: string) =
    name
    |> Seq.mapi (fun i c -> if Char.IsUpper c then (if i = 0 then "" else separator) + string (Char.ToLowerInvariant c) else string c)
    |> String.concat ""

/// The word of a case: `m-per-class`.
let word (choice: 'Choice) = separated "-" (fst (FSharpValue.GetUnionFields(choice, choice.GetType(), true))).Name

/// The words of a type of choices with their cases; none for any other type.
let internal cases (kind: Type) : (string * obj) list =
    if FSharpType.IsUnion kind then
        [ for case in FSharpType.GetUnionCases kind -> separated "-" case.Name, FSharpValue.MakeUnion(case, [||]) ]
    else
        []
