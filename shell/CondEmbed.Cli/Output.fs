/// What the program prints: one JSON document, tables, progress.
module CondEmbed.Cli.Output

open System
open System.Collections.Generic
open System.Text.Json
open CondEmbed.Reports
open Spectre.Console

let private jsonOptions =
    JsonSerializerOptions(
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true
    )

/// Text that may come from a file: control characters, which a terminal would obey, as question marks.
let visible (text: string) = text |> String.map (fun c -> if System.Char.IsControl c && c <> '\n' && c <> '\r' then '?' else c)

/// One JSON document on standard output.
let json (document: 'T) = Console.Out.WriteLine(JsonSerializer.Serialize(document, jsonOptions))

/// Metrics as lines of name and per cent.
let metricLines (metrics: IEnumerable<KeyValuePair<string, float>>) =
    let named = [ for KeyValue(key, value) in metrics -> MetricNames.Display key, Human.Percent value ]
    let width = named |> Seq.map (fun (name, _) -> name.Length) |> Seq.fold max 28
    [ for name, value in named -> $"{name.PadRight width} {value, 8}" ]

/// Runs work that reports how far it is, on standard error: a bar on a terminal, a line now and then elsewhere.
let withProgress (work: IProgress<RunProgress> -> 'T) : 'T =
    let relay listener =
        { new IProgress<RunProgress> with
            member _.Report at = listener at }

    if Console.IsErrorRedirected then
        let pacer = ProgressPacer(TimeSpan.FromSeconds 5.0)

        work (relay (fun at -> if pacer.ShouldPrint at then eprintfn $"{ProgressText.Line at}"))
    else
        let terminal = AnsiConsole.Create(AnsiConsoleSettings(Out = AnsiConsoleOutput Console.Error))

        let columns: ProgressColumn array =
            [| SpinnerColumn()
               TaskDescriptionColumn(Alignment = Justify.Left)
               ProgressBarColumn()
               PercentageColumn()
               RemainingTimeColumn() |]

        terminal
            .Progress()
            .Columns(columns)
            .Start(fun context ->
                let tasks = Dictionary<string, ProgressTask>()
                let isWide = terminal.Profile.Width >= 120

                let describe (at: RunProgress) =
                    let place = $"{at.Phase} {at.Step}/{at.Steps}"

                    if not at.Loss.HasValue then place
                    elif isWide then $"{place} {ProgressText.Loss at}  {ProgressText.Pace at}"
                    else $"{place} loss {Human.Number at.Loss.Value}"

                let task (at: RunProgress) =
                    match tasks.TryGetValue at.Phase with
                    | true, task when not task.IsFinished -> task
                    | _ ->
                        let task = context.AddTask(at.Phase, maxValue = float (max 1 at.Steps))
                        tasks[at.Phase] <- task
                        task

                work (
                    relay (fun at ->
                        let task = task at
                        task.Description <- Markup.Escape(describe at)
                        task.Value <- float at.Step)
                ))
