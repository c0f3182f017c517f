/// How the program reports: results go to standard output, everything else to standard error.
namespace CondEmbed.Cli

open System
open System.Collections.Generic
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes
open CondEmbed.Common
open CondEmbed.Reports

/// Chosen once, when the program starts; commands do not ask which one it is. Results and errors are plain lines unless a renderer says otherwise.
[<AbstractClass>]
type Renderer() =
    /// Each line of a message, such as each of several problems, says who speaks.
    static member Say(message: string) =
        for line in message.Split '\n' do
            Console.Error.WriteLine $"condembed: {line.TrimEnd '\r'}"

    /// A notice about the work; never a result.
    abstract Notice: line: string -> unit
    /// Runs work and shows how far it is. Reports may come from several threads.
    abstract Working: work: (IProgress<RunProgress> -> 'T) -> 'T
    /// An entry of a training's log.
    abstract Logged: entry: LogEntry -> unit
    default _.Logged _ = ()
    /// An event for scripts, with its name and fields.
    abstract Event: name: string * fields: (string * obj) list -> unit
    default _.Event(_, _) = ()
    /// Results as text.
    abstract Result: text: string -> unit
    default _.Result text = Console.Out.WriteLine text
    /// Why the program ends without a result: `stopped` or `failed`.
    abstract Ended: how: string * exitCode: int * message: string -> unit
    default _.Ended(_, _, message) = Renderer.Say message
    /// Restores the terminal before the program ends in the middle of its work.
    abstract Leave: unit -> unit
    default _.Leave() = ()

module Renderers =
    /// Only results and errors.
    let quiet =
        { new Renderer() with
            member _.Notice _ = ()
            member _.Working work = work (SynchronousProgress ignore) }

    /// One of several processes, whose first one tells the rest: only its own problem, with its name.
    let oneOf who =
        { new Renderer() with
            member _.Notice _ = ()
            member _.Working work = work (SynchronousProgress ignore)
            member _.Result _ = ()

            member _.Ended(how, _, message) =
                // The first one tells how all were stopped.
                if how <> "stopped" then Renderer.Say $"{who}: {message}" }

    /// Plain lines, with a line of progress now and then.
    let lines =
        { new Renderer() with
            member _.Notice line = Console.Error.WriteLine line

            member _.Working work =
                let pacer = ProgressPacer(TimeSpan.FromSeconds 5.0)
                work (SynchronousProgress(fun at -> if pacer.ShouldPrint at then Console.Error.WriteLine(ProgressText.Line at))) }

    let private options =
        lazy
            JsonSerializerOptions(JsonStyle.Line, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, RespectNullableAnnotations = false)

    let private progressFields (at: RunProgress) : (string * obj) list =
        let seconds (time: Nullable<TimeSpan>) = if time.HasValue then Nullable time.Value.TotalSeconds else Nullable()

        [ "phase", at.Phase
          "step", at.Step
          "steps", at.Steps
          "detail", at.Detail
          "loss", at.Loss
          "terms", Dictionary at.Terms
          "learning_rate", at.LearningRate
          "images_per_second", at.ImagesPerSecond
          "elapsed_seconds", at.Elapsed.TotalSeconds
          "remaining_seconds", seconds at.Remaining ]

    /// One JSON object per line on standard output, and nothing else. docs/cli.md has the schema.
    let events isQuiet =
        let gate = obj ()

        let write name (fields: (string * obj) list) =
            let line = JsonObject()
            line["event"] <- JsonValue.Create(name: string)
            line["time"] <- JsonSerializer.SerializeToNode(DateTimeOffset.UtcNow, options.Value)

            for key, value in fields do
                line[key] <- JsonSerializer.SerializeToNode(value, options.Value)

            lock gate (fun () -> Console.Out.WriteLine(line.ToJsonString options.Value))

        { new Renderer() with
            member _.Notice line = if not isQuiet then write "notice" [ "message", line ]

            member _.Working work =
                let pacer = ProgressPacer(TimeSpan.FromSeconds 1.0)
                work (SynchronousProgress(fun at -> if not isQuiet && pacer.ShouldPrint at then write "progress" (progressFields at)))

            member _.Logged entry =
                match entry with
                | :? ValidationEntry as found -> write "evaluation" [ "step", found.Step; "metrics", found.Metrics ]
                | :? LevelsEntry as found -> write "levels" [ "step", found.Step; "measures", found.Measures ]
                | :? CheckpointEntry as saved -> write "checkpoint" [ "step", saved.Step; "path", saved.File; "is_best", saved.IsBest ]
                | _ -> ()

            member _.Event(name, fields) = write name fields
            member _.Result _ = ()

            member _.Ended(how, exitCode, message) =
                write how [ "message", message; "exit_code", exitCode ]
                quiet.Ended(how, exitCode, message) }
