namespace CondEmbed.Interop

open System
open System.Collections.Generic
open CondEmbed
open CondEmbed.Common

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
    /// The property of `TrainingOptions` and the field of `Config`, such as `PerClass`.
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
    member _.Meaning = setting.Meaning

/// Settings for C#: from text to a valid Config, and back.
[<AbstractClass; Sealed>]
type RunSettings private () =
    /// `steps` and `epochs` exclude each other: the later one wins.
    static member private Length(given: Given list) =
        let lengths = given |> List.filter (fun g -> g.Key = "steps" || g.Key = "epochs")

        match List.tryLast lengths with
        | Some last when last.Key = "steps" && lengths |> List.exists (fun g -> g.Key = "epochs") -> given @ [ Given("", "epochs", "0") ]
        | _ -> given

    /// `resize` follows `size` if it is not given itself: the encoder's default would leave only the middle of test images.
    static member private Following(given: Given list, start: Config) =
        let last key = given |> List.tryFindBack (fun g -> g.Key = key) |> Option.map (fun g -> Int32.TryParse g.Value)

        match last "size", last "resize" with
        | Some(true, size), None when start.Resize > 0 && size > 0 && size < 100000 -> Config.resized size start
        | _ -> start

    /// Applies the settings in order, later ones winning, to the defaults of the encoder among them. InputException with
    /// everything that is wrong, each problem with its source.
    static member Resolve(given: Given seq) : Config = RunSettings.Resolve(given, [||])

    /// The same; the layout of the data has to be one that the host knows.
    static member Resolve(given: Given seq, layouts: IReadOnlyList<string>) : Config =
        let given = RunSettings.Length(List.ofSeq given)

        let sources = dict [ for g in given |> List.rev |> List.distinctBy (fun (g: Given) -> g.Key) -> g.Key, g.Source ]

        let encoder = given |> List.tryFindBack (fun (g: Given) -> g.Key = "encoder") |> Option.map _.Value

        let start = encoder |> Option.filter (fun name -> List.contains name Encoders.All.names)

        let start = Config.startFor (defaultArg start Config.standard.Encoder)
        let start = RunSettings.Following(given, start)
        let config, unread = start |> Settings.overlay [ for g in given -> g.Key, g.Value ]

        /// Whether the source already names the setting, as `--per-class` and `PerClass` do for per_class.
        let isNamed (key: string) (source: string) =
            source.EndsWith(key.Replace('_', '-'), StringComparison.Ordinal)
            || source.Equals(key.Replace("_", ""), StringComparison.OrdinalIgnoreCase)

        let describe (problem: Problem) =
            match sources.TryGetValue problem.Key with
            | true, source when isNamed problem.Key source -> $"{source}: {problem.Message}"
            | true, source -> $"{source}: {problem}"
            | _ -> string problem

        let layout =
            [ if layouts.Count > 0 && not (Seq.contains config.Layout layouts) then
                  { Key = "layout"; Message = Constraint.notOneOf (List.ofSeq layouts) config.Layout } ]

        match unread @ layout @ ConfigValidation.problems config with
        | [] -> config
        | problems -> raise (InputException(List.map describe problems))

    /// Every key with its meaning, in order.
    static member Keys: IReadOnlyList<KeyValuePair<string, string>> =
        [| for key, meaning in Settings.keys -> KeyValuePair(key, meaning) |]

    /// Every setting with its type, what it takes and what it means, in order. The layouts of the data are those that the host knows.
    static member All(layouts: IReadOnlyList<string>) : IReadOnlyList<SettingDescription> =
        let described (setting: SettingInfo) =
            SettingDescription(
                if setting.Key = "layout" then { setting with Constraint = Constraint.OneOf(List.ofSeq layouts) } else setting
            )

        Settings.all |> List.map described |> List.toArray :> IReadOnlyList<SettingDescription>

    /// The settings with some of them changed: `RunSettings.With(config, c => c.Seed = 3)`. InputException with everything that is wrong.
    static member With(config: Config, change: Action<Config>) : Config =
        let changed = { config with Seed = config.Seed }
        change.Invoke changed

        match ConfigValidation.problems changed with
        | [] -> changed
        | problems -> raise (InputException(List.map string problems))

    /// Every setting with its value as text, in order.
    static member Pairs(config: Config) : IReadOnlyList<KeyValuePair<string, string>> =
        [| for key, value in Settings.toPairs config -> KeyValuePair(key, value) |]

    /// The defaults of a run with that encoder.
    static member StartFor(encoder: string) = Config.startFor encoder
    /// The number of steps on a number of training images.
    static member StepsOf(config: Config, images: int) = Config.stepsOf images config

    /// The K of Recall@K that the settings name; none if they leave it to the data.
    static member RecallAtOf(config: Config) : IReadOnlyList<int> = Config.recallAtOf config |> List.toArray :> IReadOnlyList<int>
    /// Short side to which test images are resized.
    static member ResizeOf(config: Config) = Config.resizeOf config

    /// The colour behind transparent parts as 0xrrggbb; null if transparency is dropped.
    static member BackgroundOf(config: Config) : Nullable<int> =
        if Colour.isNone config.Background then Nullable() else Colour.tryParse config.Background |> Option.toNullable

    /// The largest number of pixels in an image that is read.
    static member MaxPixelsOf(config: Config) = int64 (Math.Round(config.MaxMegapixels * 1e6))
    /// The mean of red, green and blue that the encoder expects, for values in 0..1.
    static member MeanOf(config: Config) : IReadOnlyList<float> = List.toArray (Recipe.encoder config).Mean
    /// The standard deviation of red, green and blue that the encoder expects, for values in 0..1.
    static member DeviationOf(config: Config) : IReadOnlyList<float> = List.toArray (Recipe.encoder config).Deviation
    /// Names to choose from.
    static member Encoders: IReadOnlyList<string> = List.toArray Encoders.All.names
    static member Losses: IReadOnlyList<string> = List.toArray Losses.All.names

    /// Words to append to an error about a wrong name: `; did you mean 'x'?`, or nothing.
    static member Nearest(names: string seq, wrong: string) = Names.nearest names wrong
