/// `condembed study`: matched runs of several settings with several seeds, and their differences.
module CondEmbed.Cli.StudyCommand

open System
open System.IO
open System.Text.RegularExpressions
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Common
open CondEmbed.Studies

[<RequireQualifiedAccess>]
type StudyArgument =
    | [<MainCommand;
        Mandatory;
        Unique;
        Help "a TOML file: seeds = 5 (or a list), a table [base] with what all arms have in common, [arms.NAME] with the changes of each (the first is the baseline, or baseline = \"NAME\"); [grid] and [random] for settings that every arm is run with; test_on = [...] for more data sets, rerank = K also measures the nearest K in the order of the levels, and rerank_cosine = T in that of attention without levels; or the study.json of a study, to show it again">] Study of
        FILE: string
    | [<Unique; Help "the folder of the study, new or existing (studies/NAME): finished runs are kept, missing ones are run">] Out of
        DIR: string
    | [<Unique; Help "how many runs at a time, each in its own process (1)">] Jobs of N: int
    | [<Unique; CustomCommandLine "--dry-run"; Help "only list the runs, and which of them are done">] DryRun
    | [<Unique; CustomCommandLine "--report-only"; Help "write the results of the existing runs, and run nothing">] ReportOnly
    | [<Unique; Help "print the tables as LaTeX, with captions (they need its package booktabs)">] Latex
    | [<Unique;
        Help "run nothing, and print how many seeds each comparison needs for an interval of +- the width, by what the seeds so far say">] Power
    | [<Unique; Help "with --power: how far the 95 % interval may reach to each side, in points (0.5)">] Width of POINTS: float
    | [<Unique; Help "{events}">] Json

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

/// How to start this program again: itself, or dotnet and its assembly.
let private thisProgram () =
    let file = Environment.ProcessPath
    let assembly = Path.Combine(AppContext.BaseDirectory, "CondEmbed.Cli.dll")

    if Path.GetFileNameWithoutExtension(file).Equals("dotnet", StringComparison.OrdinalIgnoreCase) then
        StudyRunners.InProcesses(file, [| assembly |])
    else
        StudyRunners.InProcesses(file, [||])

let private list (study: Study) =
    for job in study.Jobs do
        let state =
            if job.IsFinished then "done"
            elif job.IsBegun then $"stopped after step {job.StepsDone}"
            else "not begun"

        Output.result $"{job.Name, -40} {state}"

        Output.event
            "run"
            [ "arm", job.Arm
              "trial", job.Trial
              "seed", job.Seed
              "folder", job.Folder
              "done", job.IsFinished
              "step", job.StepsDone ]

/// How many seeds each comparison needs.
let private needed width results =
    Output.result (StudyPower.Format(results, width))

    for one in StudyPower.Of(results, width) do
        let seeds = Option.ofNullable one.Needed |> Option.toArray

        Output.event
            "power"
            [ "arm", one.Arm
              "against", one.Against
              "measured", one.Measured
              "metric", one.Metric
              "seeds", one.Seeds
              "deviation", one.Deviation
              "width", width
              "level", one.Level
              "needed", seeds ]

/// The tables, as asked for.
let private show (arguments: ParseResults<StudyArgument>) (results: StudyResults) =
    if arguments.Contains StudyArgument.Power then
        needed (arguments.GetResult(StudyArgument.Width, 0.5) / 100.0) results
    elif arguments.Contains StudyArgument.Latex then
        let latex = StudyTables.Latex results
        Output.result latex
        Output.event "latex" [ "text", latex ]
    else
        Output.result $"\n{StudyTables.Format results}"

        for line in StudyTables.Choices results do
            Output.result $"{line}."

        for sentence in StudyVerdict.Sentences results do
            Output.result sentence

        if results.Differences.Count = 0 then
            Output.result $"Nothing is compared: no other arm has a finished run with a seed of {results.Baseline}'s."
        elif results.Unmatched.Count = 0 then
            Output.result "Matched: with each seed, all arms started from the same encoder and saw the same images, by their checksums."
        else
            for problem in results.Unmatched do
                Output.result $"Not matched: {problem}."

        if results.Missing.Count > 0 then Output.result $"""{Readable.Counted(results.Missing.Count, "run")} missing."""

let private conclude arguments (study: Study) (results: StudyResults) =
    show arguments results

    if not (arguments.Contains StudyArgument.Power || arguments.Contains StudyArgument.Latex) then
        Output.result $"\nresults  {study.ResultsFile}"
        Output.result $"table    {study.TableFile}"
        Output.result $"report   {study.ReportFile}"

    Output.event
        "finished"
        [ "command", "study"
          "results", study.ResultsFile
          "table", study.TableFile
          "report", study.ReportFile
          "unmatched", Seq.toArray results.Unmatched
          "missing", results.Missing.Count ]

let private demandSound (arguments: ParseResults<StudyArgument>) =
    let jobs, width = arguments.GetResult(StudyArgument.Jobs, 1), arguments.TryGetResult StudyArgument.Width
    if jobs < 1 then refuse $"--jobs {jobs}: must be at least 1."

    match width with
    | Some points when not (points > 0.0 && Double.IsFinite points) -> refuse $"--width {points}: must be above 0, in points."
    | Some points when not (arguments.Contains StudyArgument.Power) -> refuse $"--width {points}: belongs to --power; add it."
    | _ -> ()

    if arguments.Contains StudyArgument.Power && arguments.Contains StudyArgument.Latex then
        refuse "--power and --latex: give one of them."

/// Shows stored results again.
let private showStored (arguments: ParseResults<StudyArgument>) (file: string) =
    let running =
        function
        | StudyArgument.Out _
        | StudyArgument.Jobs _
        | StudyArgument.DryRun
        | StudyArgument.ReportOnly -> true
        | _ -> false

    for option in arguments.GetAllResults() |> List.filter running do
        refuse $"--{Help.nameOf option}: {file} contains results, so nothing is run; leave it out, or give the study's TOML file."

    show arguments (StudyTables.ReadJson file)
    Output.event "finished" [ "command", "study"; "results", Path.GetFullPath file ]

/// The command that makes the study, and not one that only shows it.
let private making (commandLine: string) = Regex.Replace(commandLine, " --(power|report-only|latex|width[ =][^ ]+)(?= |$)", "")

let private runOf (commandLine: string) (stop: CancellationToken) (arguments: ParseResults<StudyArgument>) (file: string) =
    let jobs = arguments.GetResult(StudyArgument.Jobs, 1)

    let out =
        arguments.TryGetResult StudyArgument.Out
        |> Option.defaultWith (fun () -> Path.Combine("studies", Path.GetFileNameWithoutExtension file))

    let study =
        Study(
            StudyFile.Read file,
            out,
            Runner = thisProgram (),
            AtOnce = jobs,
            Threads = max 1 (Environment.ProcessorCount / jobs),
            Command = making commandLine,
            Notice = Output.notice
        )

    if arguments.Contains StudyArgument.DryRun then
        study.Check()
        list study
    elif arguments.Contains StudyArgument.ReportOnly || arguments.Contains StudyArgument.Power then
        study.Report() |> conclude arguments study
    else
        let trials = if study.Plan.Trials.Count > 1 then $"{study.Plan.Trials.Count} settings x " else ""
        let arms, seeds = Readable.Counted(study.Plan.Arms.Count, "arm"), Readable.Counted(study.Plan.Seeds.Count, "seed")
        Output.notice $"{arms} x {trials}{seeds} in {Path.GetFullPath out}"

        Output.event
            "started"
            [ "command", "study"
              "folder", Path.GetFullPath out
              "arms", [| for arm in study.Plan.Arms -> arm.Name |]
              "seeds", Seq.toArray study.Plan.Seeds
              "runs", study.Jobs.Count ]

        Stopping.beginSaving ()
        Output.withProgress (fun progress -> study.Run(progress, stop)) |> conclude arguments study

let run (commandLine: string) (stop: CancellationToken) (arguments: ParseResults<StudyArgument>) =
    let file = arguments.GetResult StudyArgument.Study
    Limits.demandNone "write max_megapixels into the study's file."
    demandSound arguments

    let stored = Path.Combine(file, "study.json")

    if File.Exists stored then
        refuse $"{file}: is the folder of a study; name its results, {stored}, or the study's TOML file."
    elif Path.GetExtension(file).Equals(".json", StringComparison.OrdinalIgnoreCase) then
        showStored arguments file
    else
        runOf commandLine stop arguments file
