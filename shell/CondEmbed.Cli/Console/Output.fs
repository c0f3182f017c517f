/// What the program prints, through the renderer chosen at the start.
module CondEmbed.Cli.Output

open System
open System.Collections.Generic
open System.Text.Json
open CondEmbed.Common
open CondEmbed.Evaluation
open CondEmbed.Reports

let private jsonOptions = lazy JsonSerializerOptions(JsonStyle.Indented, RespectNullableAnnotations = false)

let mutable private renderer = Renderers.lines

/// Commands whose `--json` is a line of JSON for each event, not one document at the end.
let private streaming = set [ "train"; "study"; "embed" ]

/// Chooses how to print, from the options and from where the output goes. Call it once, before anything is printed.
let choose (argv: string array) =
    let asks option = Array.contains option argv

    renderer <-
        if argv.Length > 0 && streaming.Contains argv[0] && asks "--json" then Renderers.events (asks "--quiet")
        elif asks "--quiet" then Renderers.quiet
        else Terminal.console () |> Option.map Terminal.renderer |> Option.defaultValue Renderers.lines

/// From now on only why this process ends is told, with its name: another one tells the rest.
let asOneOf who = renderer <- Renderers.oneOf who

/// Text that may come from a file: control characters, which a terminal would obey, as question marks.
let visible (text: string) = text |> String.map (fun c -> if Char.IsControl c && c <> '\n' && c <> '\r' then '?' else c)

/// One JSON document on standard output.
let json (document: 'T) = Console.Out.WriteLine(JsonSerializer.Serialize(document, jsonOptions.Value))

/// A notice on standard error: what was found, left out, decided. Never a result.
let notice (line: string) = renderer.Notice(visible line)

/// Results as text, on standard output.
let result (text: string) = renderer.Result text

/// An event for scripts, if they asked for events: its name and fields in snake case.
let event name fields = renderer.Event(name, fields)

/// An entry of a training's log: its validations and checkpoints are events too, and a terminal shows the best.
let logged (entry: LogEntry) = renderer.Logged entry

/// Why the program ends without a result, `stopped` or `failed`; gives the exit code back.
let ended how exitCode (message: string) =
    renderer.Ended(how, exitCode, visible message)
    exitCode

/// Restores the terminal before the program ends in the middle of its work.
let leave () = renderer.Leave()

/// Runs work and shows its progress on standard error: in place on a terminal, a line now and then elsewhere, or as events if those were asked for.
let withProgress (work: IProgress<RunProgress> -> 'T) : 'T = renderer.Working work

/// Metrics as lines of name and per cent.
let metricLines (metrics: IEnumerable<KeyValuePair<string, float>>) =
    let named = [ for KeyValue(key, value) in metrics -> MetricNames.Display key, Readable.Percent value ]
    let width = named |> Seq.map (fun (name, _) -> name.Length) |> Seq.fold max 28
    [ for name, value in named -> $"{name.PadRight width} {value, 8}" ]
