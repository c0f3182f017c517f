/// `condembed config`: files of settings, and what can be set.
module CondEmbed.Cli.ConfigCommand

open System.IO
open Argu
open CondEmbed
open CondEmbed.Cli.ConfigArguments
open CondEmbed.Common
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Interop
open CondEmbed.Studies
open CondEmbed.Interop

let private usual = "condembed.toml"

let private knownEncoder (name: string) =
    if not (Seq.contains name CoreSettings.Encoders) then
        refuse $"--encoder {name}: there is no such encoder{CoreSettings.Nearest(CoreSettings.Encoders, name)}"

    name

let private demandNone (arguments: ParseResults<ConfigArgument>) option others =
    let given = arguments.GetAllResults()

    for name, isGiven in others do
        if List.exists isGiven given then refuse $"{name}: does not go with {option}; 'condembed config --help' says what does."

let private isSet = "--set", (fun (argument: ConfigArgument) -> argument.IsSet)
let private isEncoder = "--encoder", (fun (argument: ConfigArgument) -> argument.IsEncoder)
let private isFile = "FILE", (fun (argument: ConfigArgument) -> argument.IsFile)
let private isForce = "--force", (fun (argument: ConfigArgument) -> argument.IsForce)

let private init (arguments: ParseResults<ConfigArgument>) =
    demandNone arguments "--init" [ isSet ]
    let file = arguments.GetResult(ConfigArgument.File, usual)
    let text = arguments.GetResult(ConfigArgument.Encoder, "small") |> knownEncoder |> ConfigFile.text

    if File.Exists file && not (arguments.Contains ConfigArgument.Force) then
        refuse $"{file}: exists already; name another file, or overwrite it with --force."

    AtomicFile.Check file
    AtomicFile.WriteText(file, text)
    Output.result (Path.GetFullPath file)

let private named (arguments: ParseResults<ConfigArgument>) option =
    arguments.TryGetResult ConfigArgument.File
    |> Option.defaultWith (fun () -> refuse $"{option}: name the file, as in condembed config {option} run.toml.")

/// What the file names and is not here is said first, since it hides no mistake.
let private check file =
    TomlSettings.Missing file |> Seq.iter Output.notice

    if StudyFile.IsStudy file then
        let plan = StudyFile.Read file
        StudyChecks.OnData(plan, Output.notice)
        let trials = if plan.Trials.Count > 1 then $", {plan.Trials.Count} settings" else ""
        let arms, seeds = Readable.Counted(plan.Arms.Count, "arm"), Readable.Counted(plan.Seeds.Count, "seed")
        Output.result $"{file}: valid; a study of {arms}{trials} with {seeds}."
    else
        let given, _ = TrainCommand.settingsOf (Some file)
        let settings = DataDefaults.Resolve(given, Output.notice)
        let data = settings.Host.Data
        if ImageDatasets.IsEmbedded data || Path.Exists data then RunData.OpenForTraining settings |> ignore
        let number = Readable.Counted(given.Length, "setting")
        Output.result $"{file}: valid; it gives {number}, data {settings.Host.Data}, encoder {settings.Core.Encoder}."

let private show (arguments: ParseResults<ConfigArgument>) =
    demandNone arguments "--show" [ isForce ]
    let given, _ = arguments.TryGetResult ConfigArgument.File |> TrainCommand.settingsOf

    let encoder =
        arguments.TryGetResult ConfigArgument.Encoder
        |> Option.map (fun name -> Given("--encoder", "encoder", name))

    let more = arguments.GetResults ConfigArgument.Set |> List.map TrainCommand.settingOf

    DataDefaults.Resolve(given @ Option.toList encoder @ more, Output.notice)
    |> TomlSettings.Write
    |> _.TrimEnd()
    |> Output.result

let private reference (arguments: ParseResults<ConfigArgument>) =
    demandNone arguments "--reference" [ isFile; isSet; isEncoder; isForce ]
    Output.result (if arguments.Contains ConfigArgument.Markdown then ConfigReference.markdown () else ConfigReference.text ())

let run (arguments: ParseResults<ConfigArgument>) =
    let asked =
        [ if arguments.Contains ConfigArgument.Init then init
          if arguments.Contains ConfigArgument.Check then
              fun arguments ->
                  demandNone arguments "--check" [ isSet; isEncoder; isForce ]
                  named arguments "--check" |> check
          if arguments.Contains ConfigArgument.Show then show
          if arguments.Contains ConfigArgument.Reference then reference ]

    match asked with
    | [ work ] -> work arguments
    | _ -> refuse "condembed config: give one of --init, --check, --show and --reference; 'condembed config --help' shows how."
