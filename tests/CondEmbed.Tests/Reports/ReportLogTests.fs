/// The log of a run, and its metrics file.
module CondEmbed.Tests.ReportLogTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Reports
open CondEmbed.Tests.ReportDemo
open CondEmbed.Tests.Support

/// A clock that goes on by one second whenever it is asked.
type private Ticking() =
    inherit TimeProvider()
    let mutable now = DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)

    override _.GetUtcNow() =
        now <- now.AddSeconds 1.0
        now

let private step number = StepEntry(number, 1.5, metrics [ "a", 1.0; "b", 0.5 ], 0.003, 800.0, 2.0)

let private logged path (entries: LogEntry seq) =
    use writer = new LogWriter(path, Ticking())

    for entry in entries do
        writer.Write entry

let private inLog (action: string -> unit) = inFolder (fun folder -> action (Path.Combine(folder, "log.jsonl")))

let private numbers path = [ for entry in LogReader.Read(path).Steps -> entry.Step ]

let tests =
    testList
        "log"
        [ test "every kind comes back as it was written" {
              inLog (fun path ->
                  let entries: LogEntry list =
                      [ StartEntry(600, "condembed train", "0.1.0")
                        step 1
                        ValidationEntry(1, metrics [ "recall@1", 0.1 + 0.2 ])
                        LevelsEntry(1, metrics [ "level1_entropy", 0.25 ])
                        CheckpointEntry(1, "last/weights.safetensors", true)
                        ResumeEntry 1
                        EndEntry(1, "completed") ]

                  logged path entries

                  let kinds =
                      File.ReadAllLines path
                      |> Array.map (fun line -> Regex.Match(line, "^{\"kind\":\"([a-z]+)\",\"step\":[01],\"time\":").Groups[1].Value)

                  Expect.equal kinds [| "start"; "step"; "validation"; "levels"; "checkpoint"; "resume"; "end" |] "kinds"
                  let read = LogReader.Read path
                  let plain (entry: LogEntry) = entry.GetType().Name, entry.Step
                  Expect.equal (Seq.map plain read.Entries |> Seq.toList) (List.map plain entries) "entries"
                  Expect.equal (read.Validations[0].Metrics["recall@1"]) (0.1 + 0.2) "to the last bit"
                  Expect.equal (read.Levels[0].Measures["level1_entropy"]) 0.25 "levels"

                  Expect.equal (read.Steps[0].Terms["b"], read.Steps[0].LearningRate, read.Steps[0].GradientNorm) (0.5, 0.003, 2.0) "step"

                  Expect.equal read.Duration (TimeSpan.FromSeconds 5.0) "six intervals less the interruption")
          }
          test "a loss that is not finite comes back as what it was" {
              inLog (fun path ->
                  logged path [ StepEntry(1, nan, metrics [], 0.0, 0.0, infinity) ]
                  let read = LogReader.Read(path).Steps[0]
                  Expect.isTrue (Double.IsNaN read.Loss && Double.IsPositiveInfinity read.GradientNorm) "NaN and infinity")
          }
          test "a last line torn anywhere is left out, and cut off before more is written" {
              inLog (fun path ->
                  logged path [ step 1; step 2 ]
                  let whole = File.ReadAllBytes path
                  let second = Array.IndexOf(whole, byte '\n') + 1

                  for length in second .. whole.Length - 1 do
                      File.WriteAllBytes(path, whole[.. length - 1])
                      Expect.equal (numbers path) [ 1 ] $"torn at {length}"

                  logged path [ step 3 ]
                  Expect.equal (numbers path) [ 1; 3 ] "goes on on a line of its own"
                  File.AppendAllText(path, "\000\000\000\n")
                  logged path [ step 4 ]
                  Expect.equal (numbers path) [ 1; 3; 4 ] "zeros, as a power cut leaves them")
          }
          test "a bad line in the middle is named" {
              inLog (fun path ->
                  logged path [ step 1 ]
                  File.AppendAllText(path, "{\"kind\":\"party\"}\n")
                  File.AppendAllText(path, File.ReadAllLines(path)[0] + "\n")

                  Expect.throwsC (fun () -> numbers path |> ignore) (fun error ->
                      Expect.isTrue (error :? InputException) "the user can fix it"
                      Expect.stringContains error.Message $"{path}, line 2" "which line"))
          }
          test "a missing log is said" {
              Expect.throwsT<InputException> (fun () -> LogReader.Read "/nowhere/log.jsonl" |> ignore) "missing"
              LogWriter.TruncateAfter("/nowhere/log.jsonl", 3)
          }
          test "what is still open can be read" {
              inLog (fun path ->
                  use writer = new LogWriter(path)
                  writer.Write(step 1)
                  Expect.equal (numbers path) [ 1 ] "at once")
          }
          test "steps that are taken again are not logged twice" {
              inLog (fun path ->
                  logged
                      path
                      [ StartEntry(40, "c", "v")
                        step 10
                        CheckpointEntry(10, "last", false)
                        step 20
                        ValidationEntry(20, metrics [])
                        step 30 ]

                  File.AppendAllText(path, "{\"kind\":\"st")
                  let start = File.ReadAllLines(path)[0..2]
                  LogWriter.TruncateAfter(path, 10)
                  Expect.equal (File.ReadAllLines path) start "what was before stays, to the letter"
                  logged path [ ResumeEntry 10; step 20 ]
                  Expect.equal (numbers path) [ 10; 20 ] "steps"
                  Expect.isEmpty (LogReader.Read(path).Validations) "validations")
          }
          test "metrics.json comes back" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "metrics.json")
                  MetricsFile.Write(path, RunMetrics("emoji", 600, before, after))
                  let read = MetricsFile.Read path
                  Expect.equal (read.Dataset, read.Step) ("emoji", 600) "run"
                  Expect.equal (Seq.toList read.After) (Seq.toList after) "after, in order"
                  Expect.stringContains (File.ReadAllText path) "\"recall@1\": 0.6641" "plain keys"

                  for text in [ ""; "null"; "[]"; "{\"step\":1}" ] do
                      File.WriteAllText(path, text)
                      Expect.throwsT<InputException> (fun () -> MetricsFile.Read path |> ignore) text

                  Expect.throwsT<InputException> (fun () -> MetricsFile.Read(path + "x") |> ignore) "missing")
          } ]
