/// Progress on a terminal: a few lines at the bottom that change in place; the result of each phase stays above them.
module CondEmbed.Cli.Terminal

open System
open System.Diagnostics
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Reports
open Spectre.Console

let private styleOf role =
    match role with
    | Display.Plain -> Style.Plain
    | Display.Phase -> Style(decoration = Decoration.Bold)
    | Display.Done -> Style(Color.Green)
    | Display.Left
    | Display.Dim -> Style(Color.Grey)

let private renderable (lines: Display.Line list) =
    let text = Paragraph()

    for at, line in List.indexed lines do
        if at > 0 then text.Append "\n" |> ignore

        for role, piece in line do
            text.Append(piece, styleOf role) |> ignore

    text

/// A console on standard error where lines can be redrawn; None for a file, or a terminal that only takes lines.
let console () =
    if Console.IsErrorRedirected || Environment.GetEnvironmentVariable "TERM" = "dumb" then
        None
    else
        let console = AnsiConsole.Create(AnsiConsoleSettings(Out = AnsiConsoleOutput Console.Error))
        if console.Profile.Capabilities.Ansi then Some console else None

/// Redrawing more often than this is not noticeable.
let private leastBetween = TimeSpan.FromMilliseconds 100.0

/// The work of one call: the current phase, drawn now and then. Thread-safe, because a signal may print in between.
type private Live(console: IAnsiConsole, context: LiveDisplayContext, best: unit -> string) =
    let gate = obj ()
    let drawn = Stopwatch()
    let mutable current: RunProgress = null

    // The last column stays free: some terminals wrap when it is written.
    let width () = max 10 (console.Profile.Width - 1)

    let draw () =
        context.UpdateTarget(renderable (Display.underWay (width ()) console.Profile.Capabilities.Unicode (best ()) current))
        drawn.Restart()

    /// Text above the changing lines is written over them, so they are blanked first.
    let writeAbove (line: string) =
        context.UpdateTarget(Text "")
        console.WriteLine line

    let collapse () =
        if not (isNull current) then
            writeAbove (Display.finished (width ()) current)
            current <- null

    member _.Collapse() = lock gate collapse

    member _.Say line =
        lock gate (fun () ->
            if not (isNull current) && current.IsLast then collapse ()
            writeAbove line
            if not (isNull current) then draw ())

    member _.Report(at: RunProgress) =
        lock gate (fun () ->
            let isNew = isNull current || current.Phase <> at.Phase || at.Elapsed < current.Elapsed
            if isNew then collapse ()
            current <- at
            if isNew || at.IsLast || drawn.Elapsed >= leastBetween then draw ())

let renderer (console: IAnsiConsole) =
    let mutable best = nan, 0
    let mutable live: Live option = None
    let bestText () = if Double.IsNaN(fst best) then "" else best ||> Display.bestSoFar

    { new Renderer() with
        member _.Notice line =
            match live with
            | Some live -> live.Say line
            | None -> console.WriteLine line

        member _.Working work =
            console
                .Live(Text "")
                .AutoClear(true)
                .Start(fun context ->
                    let shown = Live(console, context, bestText)
                    live <- Some shown

                    try
                        work (SynchronousProgress<RunProgress>(fun at -> shown.Report at))
                    finally
                        live <- None
                        shown.Collapse())

        member _.Logged entry =
            match entry with
            | :? ValidationEntry as found ->
                let value = found.Metrics[MetricNames.MapAtR]
                if not (value <= fst best) then best <- value, found.Step
            | _ -> ()

        member _.Leave() = console.Cursor.Show true }
