/// How the program tells what it does: on a terminal, as lines, quietly, as events.
module CondEmbed.Tests.CliOutputTests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Cli
open CondEmbed.Common
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private training =
    RunProgress(
        RunProgress.Training,
        120,
        1500,
        Loss = 1.9908,
        Terms = [| KeyValuePair("loss", 1.0741); KeyValuePair("level1", 0.9167) |],
        LearningRate = 0.006,
        ImagesPerSecond = 595.0,
        Elapsed = TimeSpan.FromSeconds 5.4,
        Remaining = TimeSpan.FromSeconds 157.0
    )

let private shown width best at = [ for line in Display.underWay width true best at -> String.Join("", List.map snd line) ]

let private display =
    testList
        "display"
        [ test "120, 80 and 40 columns" {
              Expect.equal
                  [ for width in [ 119; 79; 39 ] do
                        yield! shown width "best MAP@R 42.75 at 250" training ]
                  [ "training  ━━━" + String('─', 37) + "  120/1,500  8%  595 img/s  2 m 37 s left"
                    "loss 1.991  (loss 1.0741, level1 0.9167)  lr 0.006  best MAP@R 42.75 at 250"
                    "training  ━━" + String('─', 26) + "  120/1,500  8%  595 img/s  2 m 37 s left"
                    "loss 1.991  (loss 1.0741, level1 0.9167)  lr 0.006  best MAP@R 42.75 at 250"
                    "training  ━" + String('─', 9) + "  8%  2 m 37 s left"
                    "loss 1.991  best MAP@R 42.75 at 250" ]
                  "lines"
          }

          testProperty "no line is wider than the terminal" (fun (width: int) (step: int) (steps: int) loss (phase: string) ->
              let width, step, steps = 10 + abs width % 190, abs (step % 1000000), abs (steps % 1000000)
              let phase = if String.IsNullOrWhiteSpace phase then "training" else Regex.Replace(phase, "\\p{C}", "x")
              let elapsed = TimeSpan.FromSeconds(float step)

              let at =
                  if loss then
                      RunProgress(phase, step, steps, Elapsed = elapsed, Loss = float step, LearningRate = 1e-3, Terms = training.Terms)
                  else
                      RunProgress(phase, step, steps, Elapsed = elapsed, Remaining = elapsed)

              for line in Display.finished width at :: shown width "best MAP@R 42.75 at 250" at do
                  Expect.isLessThanOrEqual line.Length width line) ]

let private tinyTraining (run: string) (more: string list) =
    [ "train"; imageFolder.Value; "--out"; run ]
    @ more
    @ [ for key, value in tiny do
            "--set"
            $"{key}={value}" ]

let private eventsOf (text: string) = [ for line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries) -> jsonOf line ]

let private nameOf (event: JsonElement) = event.GetProperty("event").GetString()

let private named name events = events |> List.filter (fun event -> nameOf event = name)

let private number (event: JsonElement) (name: string) = event.GetProperty(name).GetInt32()

let private trained =
    test "train says of which step its table is, how the best one does, and gives no pace to what has none" {
        inFolder (fun folder ->
            let run = RunFolder(Path.Combine(folder, "run"))
            let outcome = condembed (tinyTraining run.Root [])
            Expect.equal outcome.Code 0 outcome.Everything
            let metrics = MetricsFile.Read run.Metrics
            Expect.stringContains outcome.Out "before and after 6 steps:" "the heading"

            if metrics.BestStep = 6 then
                Expect.stringContains outcome.Out "The last step also did best on the validation classes." "the same"
            else
                let best = Readable.Percent metrics.Best["recall@1"]

                Expect.stringContains
                    outcome.Out
                    $"Step {metrics.BestStep} did best on the validation classes (Recall@1 {best}"
                    "the other"

            let report = outcome.Error.Split '\n' |> Array.filter _.StartsWith("writing the report")
            Expect.isNonEmpty report outcome.Error
            Expect.isFalse (report |> Array.exists _.Contains("img/s")) outcome.Error)
    }

let private events =
    testList
        "events"
        [ test "train tells all that happens as lines of JSON, and nothing else on either stream" {
              inFolder (fun folder ->
                  let run = RunFolder(Path.Combine(folder, "run"))
                  let outcome = condembed (tinyTraining run.Root [ "--json" ])
                  Expect.equal (outcome.Code, outcome.Error) (0, "") outcome.Everything
                  let events = eventsOf outcome.Out

                  for event in events do
                      Expect.isGreaterThan (event.GetProperty("time").GetDateTimeOffset()) (DateTimeOffset.UtcNow.AddHours -1.0) "time"

                  let started = List.exactlyOne (named "started" events)
                  Expect.equal (number started "step", number started "steps") (0, 6) "steps"
                  Expect.equal (started.GetProperty("folder").GetString()) run.Root "folder"
                  Expect.equal (started.GetProperty("settings").GetProperty("batch").GetInt32()) 8 "settings are typed"
                  let parts = [ for part in started.GetProperty("data").GetProperty("parts").EnumerateArray() -> number part "classes" ]
                  Expect.equal parts [ 6; 2; 8 ] "classes of train, validation, test"

                  let log = LogReader.Read run.Log

                  Expect.equal
                      [ for event in named "evaluation" events -> number event "step" ]
                      [ for at in log.Validations -> at.Step ]
                      "evaluations"

                  let measured = List.exactlyOne (named "levels" events)
                  let measures = measured.GetProperty("measures").EnumerateObject()
                  Expect.equal (number measured "step") 6 "the levels, after the last step"
                  Expect.equal (set [ for measure in measures -> measure.Name ]) (set (log.Levels[0].Measures.Keys)) "measures"
                  Expect.equal [ for event in named "checkpoint" events -> number event "step" ] [ 2; 4; 6 ] "checkpoints"
                  Expect.isNonEmpty (named "progress" events) "progress"
                  Expect.isNonEmpty (named "notice" events) "notices"
                  let last = List.last events
                  Expect.equal (nameOf last) "finished" "the last"

                  Expect.equal
                      (last.GetProperty("after").GetProperty("map_at_r").GetDouble())
                      (MetricsFile.Read(run.Metrics).After["map_at_r"])
                      "metrics")
          }

          test "with --quiet neither notices nor progress" {
              inFolder (fun folder ->
                  let events = eventsOf (succeeds (tinyTraining (Path.Combine(folder, "run")) [ "--json"; "--quiet" ]))
                  Expect.isEmpty (named "progress" events @ named "notice" events) "left out"
                  Expect.equal (List.map nameOf (List.truncate 1 events)) [ "started" ] "the rest stays")
          }

          test "what is wrong is an event too, with the exit code" {
              for arguments in
                  [ [ "train"; "--json"; "--batch"; "x" ]
                    [ "train"; "--json"; "--btch"; "8" ]
                    [ "train"; "--json"; "--out" ] ] do
                  let outcome = condembed arguments
                  let event = eventsOf outcome.Out |> List.exactlyOne
                  Expect.equal (nameOf event, number event "exit_code", outcome.Code) ("failed", 2, 2) outcome.Everything

                  for line in (event.GetProperty("message").GetString()).Split '\n' do
                      Expect.stringContains outcome.Error line "also on standard error"
          } ]

let private quiet =
    test "--quiet leaves results alone, of any command" {
        inFolder (fun folder ->
            let outcome = condembed (tinyTraining (Path.Combine(folder, "run")) [ "--quiet" ])
            Expect.equal (outcome.Code, outcome.Error) (0, "") outcome.Everything
            Expect.stringContains outcome.Out "MAP@R" "results"
            let outcome = condembed [ "data"; "inspect"; imageFolder.Value; "--quiet" ]
            let before = condembed [ "--quiet"; "--max-megapixels"; "50"; "data"; "inspect"; imageFolder.Value ]
            Expect.equal (before.Code, before.Out) (outcome.Code, outcome.Out) "before the command"
            Expect.equal (outcome.Code, outcome.Error) (0, "") outcome.Everything
            Expect.stringContains outcome.Out "96" "results")
    }

/// What a terminal of a given width is sent on standard error; standard output goes elsewhere.
let private onTerminal columns variables arguments =
    if not (File.Exists "/usr/bin/script") then skiptest "there is no 'script' to make a terminal with (Debian: bsdutils)"

    let program = Path.Combine(AppContext.BaseDirectory, "CondEmbed.Cli.dll")
    let command = $"stty cols {columns} rows 24; dotnet '{program}' {arguments} >/dev/null"
    let info = Diagnostics.ProcessStartInfo("/usr/bin/script", [ "-qec"; command; "/dev/null" ], RedirectStandardOutput = true)

    for name, value in [ "LANG", "C.UTF-8"; "TERM", "xterm" ] @ variables do
        info.Environment[name] <- value

    use child = Diagnostics.Process.Start info
    let text = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    Expect.equal child.ExitCode 0 text
    text

let private escapes = Regex "\x1b(\\[[0-9;?]*[A-Za-z]|[=>])"

let private terminal =
    testList
        "terminal"
        [ test "progress changes in place, fits the width, and leaves one line" {
              for columns in [ 80; 40 ] do
                  let sent = onTerminal columns [] $"data inspect '{imageFolder.Value}'"
                  Expect.stringContains sent "\x1b[" "lines are changed in place"
                  let lines = escapes.Replace(sent, "").Split([| '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries)
                  Expect.isTrue (lines |> Array.exists (fun line -> line.Contains "━" || line.Contains "=")) sent
                  Expect.all lines (fun line -> line.TrimEnd().Length < columns) "no line wraps"
                  Expect.stringStarts (lines |> Array.findBack (fun line -> line.Trim() <> "")) "inspecting  96/96" "what is left"
          }

          test "NO_COLOR is honoured, and a dumb terminal has plain lines" {
              let arguments = $"data inspect '{imageFolder.Value}'"
              Expect.isMatch (onTerminal 80 [] arguments) "\x1b\\[[0-9;]*3[0-9]" "colours"
              Expect.isFalse (Regex.IsMatch(onTerminal 80 [ "NO_COLOR", "1" ] arguments, "\x1b\\[[0-9;]*[39][0-9]m")) "no colours"
              Expect.isFalse ((onTerminal 80 [ "TERM", "dumb" ] arguments).Contains '\x1b') "plain"
          } ]

let tests = testList "output" [ display; trained; events; quiet; terminal ]
