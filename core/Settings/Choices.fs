/// What a setting chooses between. Its words in files and on the command line are the names of the cases: `MPerClass` is `m-per-class`.
module CondEmbed.Choices

open System
open FSharp.Reflection

/// What the linear layer of the head starts as.
[<RequireQualifiedAccess>]
type HeadStart =
    | Random
    | Pca

/// How a level makes a conditional embedding.
[<RequireQualifiedAccess>]
type LevelForm =
    | Projections
    | Group
    | Cosine
    | SecondHead

/// What a level reads of a token: by a projection of its own, or by the head's.
[<RequireQualifiedAccess>]
type LevelValues =
    | Own
    | Head

/// Which tokens the levels read: those of the last stage, or of one stage each.
[<RequireQualifiedAccess>]
type LevelTokens =
    | Last
    | Stages

/// Which levels have a loss.
[<RequireQualifiedAccess>]
type LevelLossOn =
    | Every
    | Last

/// What the loss of the levels trains: everything, or the levels alone.
[<RequireQualifiedAccess>]
type LevelGradients =
    | All
    | Levels

/// How gradients change the parameters.
[<RequireQualifiedAccess>]
type Optimiser =
    | Adamw
    | Sgd

/// The course of the learning rate after the warm-up.
[<RequireQualifiedAccess>]
type Schedule =
    | Cosine
    | Step
    | Constant

/// How batches are drawn.
[<RequireQualifiedAccess>]
type Sampler =
    | MPerClass
    | Hierarchical
    | CategoryBalanced
    | Plain
    | Pairs

/// The numbers that the encoder computes in while training.
[<RequireQualifiedAccess>]
type Precision =
    | Float32
    | Bfloat16

/// `PerClass` written with a separator, as `per_class`.
let internal separated (separator: string) (name: string) =
    name
    |> Seq.mapi (fun i c -> if Char.IsUpper c then (if i = 0 then "" else separator) + string (Char.ToLowerInvariant c) else string c)
    |> String.concat ""

/// The word of a case, of a union or a C# enum: `m-per-class`.
let word (choice: 'Choice) =
    match box choice with
    | :? Enum as value -> separated "-" (string value)
    | _ -> separated "-" (fst (FSharpValue.GetUnionFields(choice, choice.GetType(), true))).Name

/// The words of a type of choices with their cases; none for any other type.
let internal cases (kind: Type) : (string * obj) list =
    if kind.IsEnum then
        [ for value in Enum.GetValues kind -> word value, value ]
    elif FSharpType.IsUnion kind then
        [ for case in FSharpType.GetUnionCases kind -> separated "-" case.Name, FSharpValue.MakeUnion(case, [||]) ]
    else
        []
