module CondEmbed.Cli.TrainCommand

open System
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.Arguments
open CondEmbed.Datasets
open CondEmbed.Interop
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Options
open CondEmbed.Reports
open CondEmbed.Runs

/// `key=value` as a setting; InputException without an `=`.
let settingOf (text: string) =
    match text.IndexOf '=' with
    | -1 -> refuse $"--set {text}: write key=value, as in --set weight_decay=0.05"
    | at -> Given("--set", text.Substring(0, at).Trim(), text.Substring(at + 1).Trim())

/// The settings that an argument stands for: most options are named as their setting.
let private ofArgument argument =
    match argument with
    | TrainArgument.Data value -> [ Given("DATA", "data", value) ]
    | TrainArgument.Dataset value -> [ Given("--dataset", "data", value) ]
    | TrainArgument.Set text -> [ settingOf text ]
    | TrainArgument.NoInitialEvaluation -> [ Given("--no-initial-evaluation", "initial_evaluation", "false") ]
    | TrainArgument.Config _
    | TrainArgument.Out _
    | TrainArgument.Resume _
    | TrainArgument.Json
    | TrainArgument.ListSettings -> []
    | named -> [ Help.settingOf named ]

/// The settings in a file, and the folder for the run (`out`) if it names one.
let settingsOf file =
    let out, settings =
        file
        |> Option.map (TomlSettings.Read >> List.ofSeq)
        |> Option.defaultValue []
        |> List.partition (fun given -> given.Key = "out")

    settings, out |> List.tryLast |> Option.map _.Value

/// The data to train on.
let private dataOf (arguments: ParseResults<TrainArgument>) =
    match arguments.TryGetResult TrainArgument.Data, arguments.TryGetResult TrainArgument.Dataset with
    | Some data, Some dataset when data <> dataset ->
        refuse $"--dataset {dataset}: '{data}' is given as DATA too; give one of them, they both say what to train on."
    | data, dataset -> data |> Option.orElse dataset

/// The settings of a file and of the command line, resolved, and the folder for the run; the command line wins.
let private resolve (arguments: ParseResults<TrainArgument>) =
    let file, out = arguments.TryGetResult TrainArgument.Config |> settingsOf

    let line = arguments.GetAllResults() |> List.collect ofArgument

    if line |> List.exists (fun g -> g.Key = "steps") && line |> List.exists (fun g -> g.Key = "epochs") then
        refuse "--steps and --epochs: give one of them, they both say how long to train."

    dataOf arguments |> ignore

    DataDefaults.Resolve(file @ line @ Limits.settings (), Output.notice), arguments.TryGetResult TrainArgument.Out |> Option.orElse out

let private nameOf argument =
    match argument with
    | TrainArgument.Config _ -> [ "--config" ]
    | TrainArgument.Out _ -> [ "--out" ]
    | other -> ofArgument other |> List.map _.Source

/// What may be given with --resume: where the data is now, and how much further to train a finished run.
let private resume team (arguments: ParseResults<TrainArgument>) run =
    Limits.demandNone "a run goes on with its own settings; leave it out."
    let isOfRun given = not (List.contains given [ "DATA"; "--dataset"; "--steps"; "--epochs" ])

    match arguments.GetAllResults() |> List.collect nameOf |> List.distinct |> List.filter isOfRun with
    | [] -> ()
    | others ->
        let names = String.concat ", " others
        refuse $"--resume {run}: the run goes on with its own settings; leave out {names}, or start a new run."

    let number option (read: string -> bool * 'a) text =
        match Option.map read text with
        | None -> Nullable()
        | Some(true, value) -> Nullable value
        | Some _ -> refuse $"{option} {text.Value}: is not a number."

    let real (text: string) = Double.TryParse(text, Globalization.NumberStyles.Float, null)

    Trainer.Resume(
        run,
        ResumeOptions(
            Data = Option.toObj (dataOf arguments),
            Steps = number "--steps" Int32.TryParse (arguments.TryGetResult TrainArgument.Steps),
            Epochs = number "--epochs" real (arguments.TryGetResult TrainArgument.Epochs)
        ),
        team
    )

/// A setting's text as JSON: a number or truth value where TOML has one too.
let private jsonOf (value: string) : obj =
    if TomlSettings.Literal(value).StartsWith '"' then value else Text.Json.Nodes.JsonNode.Parse value

let private listSettings (arguments: ParseResults<TrainArgument>) =
    let encoder = arguments.GetResult(TrainArgument.Encoder, "small")

    let values = dict [ for pair in RunSettings.StartFor(encoder).Pairs() -> pair.Key, pair.Value ]

    for setting in RunSettings.All do
        let value = if values.ContainsKey setting.Key then values[setting.Key] else ""
        Output.result $"{setting.Key} = {value}"
        Output.result $"    {setting.Meaning}"
        Output.event "setting" [ "key", box setting.Key; "value", jsonOf value; "meaning", box setting.Meaning ]

/// How the network that did best on the validation classes does, since the table is of the last step.
let private bestLine (result: TrainingResult) =
    match result.Best with
    | null -> None
    | _ when result.BestStep = result.Steps -> Some "The last step also did best on the validation classes.\n"
    | best ->
        let values =
            [ for key in [ MetricNames.Recall1; MetricNames.MapAtR ] do
                  match best.TryGetValue key with
                  | true, value -> $"{MetricNames.Display key} {Readable.Percent value}"
                  | _ -> () ]

        let told = String.Join(", ", values)

        Some
            $"'after' is of the last step. Step {result.BestStep} did best on the validation classes ({told} on these here); --best uses its network.\n"

let private conclude (settings: RunSettings) (result: TrainingResult) =
    let times = if result.Before.Count = 0 then "after" else "before and after"
    let what = if settings.Host.SharedClasses then "Held-out images" else "Held-out classes"
    Output.result $"\n{what}, unconditional embeddings, {times} {result.Steps} steps:\n"
    Output.result (MetricTable.Format(result.Before, result.After) + "\n")
    bestLine result |> Option.iter Output.result

    if not (isNull result.Subset) then
        Output.result $"Measured on a subset, so not to be compared with published numbers: {result.Subset}.\n"

    Output.result $"run folder  {result.Folder}"

    if not (isNull result.Report) then Output.result $"report      {result.Report}"

    if not (isNull result.Communication) then Output.result $"Processes: {result.Communication}"

    Output.event
        "finished"
        [ "command", "train"
          "folder", result.Folder
          "report", result.Report
          "steps", result.Steps
          "before", result.Before
          "after", result.After
          "best", result.Best
          "best_step", result.BestStep
          "subset", result.Subset
          "warning", result.Warning ]

let private started (trainer: Trainer) step steps (data: DataSummary) =
    Output.event
        "started"
        [ "command", "train"
          "folder", trainer.Folder.Root
          "step", step
          "steps", steps
          "data", data
          "settings", dict [ for pair in trainer.Settings.Pairs() -> pair.Key, jsonOf pair.Value ] ]

let private happened trainer (entry: LogEntry) =
    match entry with
    | :? StartEntry as start ->
        Stopping.beginSaving ()
        started trainer 0 start.Steps start.Data
    | :? ResumeEntry as resumed ->
        Stopping.beginSaving ()
        started trainer resumed.Step resumed.Steps resumed.Data
    | _ -> ()

    Output.logged entry

/// A new run, or one that goes on.
let private trainerOf (team: Team) stop (arguments: ParseResults<TrainArgument>) =
    match arguments.TryGetResult TrainArgument.Resume with
    | Some run -> resume team arguments run
    | None ->
        let settings, out = resolve arguments

        if settings.Host.Weights = ImageNet.Weights then
            // One after another, so that the first one of a machine fetches them and the others find them.
            for rank in 0 .. team.Size - 1 do
                if rank = team.Rank then WeightsCommand.fetchFor stop settings
                TeamBytes.Wait team

        Trainer(settings, Option.toObj out, team)

/// One of several processes, which does not write: a signal to it lets all finish their step and save.
let private takePart (stop: CancellationToken) (trainer: Trainer) =
    let progress = SynchronousProgress(fun (at: RunProgress) -> if at.Phase = RunProgress.Training then Stopping.beginSaving ())
    trainer.Train(progress, stop) |> ignore

let run (commandLine: string) (stop: CancellationToken) (arguments: ParseResults<TrainArgument>) =
    if arguments.Contains TrainArgument.ListSettings then
        listSettings arguments
    else
        Together.run (fun team ->
            let trainer = trainerOf team stop arguments

            if team.Rank > 0 then
                takePart stop trainer
            else
                Stopping.whenEnded trainer.Folder.RemoveUnbegun
                trainer.Command <- commandLine
                trainer.Notice <- Output.notice
                trainer.Logged <- happened trainer
                Output.withProgress (fun progress -> trainer.Train(progress, stop)) |> conclude trainer.Settings)
