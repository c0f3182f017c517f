namespace CondEmbed.Interop

open System
open System.Collections.Generic
open CondEmbed

/// A setting given as text, and where: the option `--batch`, or a line of a file.
[<Sealed>]
type Given(source: string, key: string, value: string) =
    member _.Source = source
    /// The key with underscores, even if it was written like an option: `per-class` becomes `per_class`.
    member val Key = key.Replace('-', '_')
    member _.Value = value

/// A setting as described by the types of the configuration.
[<Sealed>]
type SettingDescription internal (setting: SettingInfo) =
    /// The key in TOML, such as `per_class`.
    member _.Key = setting.Key
    /// The property of `TrainingOptions`, and of `Config` or of the host's own settings, such as `PerClass`.
    member _.Property = setting.Field
    /// The title of its section.
    member _.Section = setting.Section

    /// `text`, `whole number`, `number`, `true or false`, or `numbers by name`.
    member _.Type =
        match setting.Type with
        | SettingType.Text -> "text"
        | SettingType.WholeNumber -> "whole number"
        | SettingType.Number -> "number"
        | SettingType.TrueOrFalse -> "true or false"
        | SettingType.Numbers -> "numbers by name"

    /// The names to choose from; empty if it is not a choice.
    member _.Choices: IReadOnlyList<string> =
        match setting.Constraint with
        | Constraint.OneOf names -> List.toArray names
        | _ -> [||]

    /// What is allowed, as text: `0 to 1`, `at least 2`, or the names; empty if anything of its type is.
    member _.Allowed = Constraint.describe setting.Constraint
    /// Whether only training or the levels read it, so that it says nothing of the network itself once that is trained.
    member _.IsOfTraining = setting.Needed = Needed.InTraining

    member _.Meaning = setting.Meaning

/// The settings that records declare, `Config` and those of a host, and what the core knows of its own, for C#.
[<AbstractClass; Sealed>]
type CoreSettings private () =
    static let byKey (problems: Problem list) : IReadOnlyList<KeyValuePair<string, string>> =
        [| for problem in problems -> KeyValuePair(problem.Key, problem.Message) |]

    /// The settings that a type declares, in order.
    static member DeclaredBy(kind: Type) : IReadOnlyList<SettingDescription> =
        [| for setting in Settings.declaredBy kind -> SettingDescription setting |]

    /// The record of the declared defaults.
    static member Standard<'TRecord>() : 'TRecord = Declared.standard ()
    /// A copy of a record of settings.
    static member Copy(record: 'TRecord) : 'TRecord = Declared.copy record

    /// Every setting of a record with its value as text, in order.
    static member Pairs(record: obj) : IReadOnlyList<KeyValuePair<string, string>> =
        [| for key, value in Settings.toPairs record -> KeyValuePair(key, value) |]

    /// Writes settings into the records that declare them, later ones winning; what is wrong with those that cannot be read, by key.
    static member Write(given: Given seq, [<ParamArray>] records: obj array) =
        Settings.write [ for g in given -> g.Key, g.Value ] (List.ofArray records) |> byKey

    /// What is wrong with the settings of a record, each by itself, by key.
    static member Refused(record: obj) = Settings.refused record |> byKey

    /// Everything that is wrong with the core's settings, by key.
    static member Problems(config: Config) =
        match ConfigValidation.problems config with
        | [] -> Recipe.patternProblems config |> byKey
        | problems -> byKey problems

    /// The core's defaults of a run with that encoder, in a record of their own.
    static member StartFor(encoder: string) = Declared.copy (Config.startFor encoder)
    /// The number of steps on a number of training images.
    static member StepsOf(config: Config, images: int) = Config.stepsOf images config
    /// The sampler makes batches of multiples of so many images.
    static member GroupOf(config: Config) = ConfigValidation.batchGroup config
    /// The mean of red, green and blue that the encoder expects, for values in 0..1.
    static member MeanOf(config: Config) : IReadOnlyList<float> = List.toArray (Recipe.encoder config).Mean
    /// The standard deviation of red, green and blue that the encoder expects, for values in 0..1.
    static member DeviationOf(config: Config) : IReadOnlyList<float> = List.toArray (Recipe.encoder config).Deviation

    /// Whether the levels have parameters of their own, which a model needs to compare pairs.
    static member LevelsHaveParameters(config: Config) = not (Hierarchy.specs (Recipe.hierarchy config)).IsEmpty

    /// Why no stage of the encoder has an output to keep; null if its first stages are frozen.
    static member TrunkProblem(config: Config) : string =
        match Config.tryEncoder config with
        | None -> null
        | Some encoder when encoder.Stages.IsEmpty ->
            $"keeps what the frozen first stages of a residual network make of images, and '{config.Encoder}' has no such stages: leave trunk_cache empty"
        | Some _ when (Recipe.trunk config).IsSome -> null
        | Some encoder ->
            let first = Params.trainable encoder.Stages.Head.Specs |> String.concat ", "
            $"keeps what frozen stages make of images, and the first stage is trained: freeze it ({first}), for example with freeze = trunk, or leave trunk_cache empty"

    /// Why the settings cannot train on pairs in place of classes, and what to do; null if they can.
    static member ClassesProblem(config: Config) : string = LossValidation.classesProblem config |> Option.toObj

    /// Why the settings cannot train on pairs of different weights, and what to do; null if they can.
    static member WeightsProblem(config: Config) : string = LossValidation.weightsProblem config |> Option.toObj

    /// Names to choose from.
    static member Encoders: IReadOnlyList<string> = List.toArray Encoders.All.names
    static member Losses: IReadOnlyList<string> = List.toArray Losses.All.names

    /// Words to append to an error about a wrong name: ` (did you mean 'x'?)`, or nothing.
    static member Nearest(names: string seq, wrong: string) = Names.nearest names wrong
