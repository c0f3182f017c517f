/// The benchmark program as a process: one quick row for real, and its judgement of results that are made up.
module CondEmbed.Tests.BenchmarkTests

open System
open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

let private benchmarks arguments = run "CondEmbed.Benchmarks.dll" (Path.GetTempPath()) [] arguments

/// Results of one row, whose ratio of a contestant by another has a middle and quarters around it.
let private results (folder: string) name (low: float, median: float, high: float) =
    let spread = $"""{{ "median": {median}, "low": {low}, "high": {high} }}"""

    let measure contestant = $"""{{ "contestant": "{contestant}", "name": "seconds", "unit": "s", "value": {spread}, "rounds": 7 }}"""

    let ratio = $"""{{ "of": "a", "over": "b", "name": "seconds", "value": {spread}, "at_most": 1.5 }}"""

    let row =
        $"""{{ "name": "step.x", "what": "work", "measures": [ {measure "a"}, {measure "b"} ], "ratios": [ {ratio} ], "absent": [] }}"""

    let machine =
        """{ "processor": "p", "cores": 2, "instructions": [], "gibibytes": 8, "system": "s", "runtime": "r", "peers": [] }"""

    let path = Path.Combine(folder, name)

    File.WriteAllText(
        path,
        $"""{{ "date": "2026-01-01", "version": "1", "quick": false, "threads": 2, "machine": {machine}, "rows": [ {row} ] }}"""
    )

    path

let private compared old now =
    inFolder (fun folder -> benchmarks [ "--read"; results folder "now.json" now; "--compare"; results folder "old.json" old ])

let tests =
    testList
        "Benchmarks"
        [ test "a quick row plays, and its results can be read, shown and compared again" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "new", "results.json")
                  let played = benchmarks [ "--quick"; "--only"; "optimiser.adamw"; "--json"; file ]
                  Expect.equal played.Code 0 played.Everything
                  use document = JsonDocument.Parse(File.ReadAllText file)
                  let row = document.RootElement.GetProperty("rows")[0]
                  Expect.equal (row.GetProperty("name").GetString()) "optimiser.adamw" "name"

                  for measure in row.GetProperty("measures").EnumerateArray() do
                      Expect.isGreaterThan (measure.GetProperty("value").GetProperty("median").GetDouble()) 0.0 "time"

                  let again = benchmarks [ "--read"; file; "--compare"; file ]
                  Expect.equal again.Code 0 again.Everything
                  Expect.stringContains again.Out "| optimiser.adamw |" "table"
                  Expect.stringContains again.Out "Nothing got slower" "with itself")
          }

          test "what got slower beyond noise is named, with exit code 1" {
              let outcome = compared (0.98, 1.0, 1.02) (1.18, 1.2, 1.22)
              Expect.equal outcome.Code 1 outcome.Everything
              Expect.stringContains outcome.Out "step.x: a by b, seconds, was 1, is 1.2" "the row"
          }

          test "noise is not slower, and faster is not" {
              for now in [ 0.98, 1.04, 1.1; 0.7, 1.2, 1.7; 0.48, 0.5, 0.52 ] do
                  let outcome = compared (0.98, 1.0, 1.02) now
                  Expect.equal outcome.Code 0 outcome.Everything
          }

          test "curves are drawn of rows named scaling.* and of no others, from several files at once" {
              inFolder (fun folder ->
                  let image = Path.Combine(folder, "curves.svg")
                  let plain = results folder "plain.json" (0.9, 1.0, 1.1)
                  let text = File.ReadAllText(plain).Replace("step.x", "scaling.x")
                  let growing = Path.Combine(folder, "growing.json")
                  File.WriteAllText(growing, text.Replace("\"a\"", "\"all 32\"").Replace("\"b\"", "\"all 64\""))
                  let refused = benchmarks [ "--read"; plain; "--curves"; image ]
                  Expect.equal refused.Code 2 refused.Everything
                  Expect.stringContains refused.Error "scaling.*" "what is drawn"
                  let drawn = benchmarks [ "--read"; plain; "--read"; growing; "--curves"; image ]
                  Expect.equal drawn.Code 0 drawn.Everything
                  Expect.stringContains drawn.Out "| step.x |" "rows of the first file"
                  Expect.stringContains drawn.Out "| scaling.x |" "rows of the second"
                  Expect.stringContains (File.ReadAllText image) ">scaling.x, seconds</text>" "an image")
          }

          test "results that are none, places that cannot be written, and another effort are refused" {
              inFolder (fun folder ->
                  let sound = results folder "sound.json" (0.9, 1.0, 1.1)
                  let other = Path.Combine(folder, "other.json")
                  File.WriteAllText(other, """{ "a": 1 }""")
                  let quick = Path.Combine(folder, "quick.json")
                  File.WriteAllText(quick, File.ReadAllText(sound).Replace("\"quick\": false", "\"quick\": true"))

                  for arguments, words in
                      [ [ "--read"; other ], "rows or machine are missing"
                        [ "--only"; "optimiser.adamw"; "--compare"; other ], "rows or machine are missing"
                        [ "--only"; "optimiser.adamw"; "--compare"; quick ], "same effort"
                        [ "--read"; sound; "--json"; folder ], "cannot be written"
                        [ "--read"; sound; "--compare"; quick ], "same effort" ] do
                      let outcome = benchmarks arguments
                      Expect.equal outcome.Code 2 outcome.Everything
                      Expect.stringContains outcome.Error words "what is wrong")
          }

          test "a pattern that fits nothing, a file that is none, and a number of threads that cannot be are refused" {
              for arguments, words in
                  [ [ "--only"; "nothing.*" ], "No benchmark is named nothing.*"
                    [ "--read"; "/nowhere/x.json" ], "/nowhere/x.json"
                    [ "--threads"; "0"; "--only"; "step.overhead" ], "--threads" ] do
                  let outcome = benchmarks arguments
                  Expect.equal outcome.Code 2 outcome.Everything
                  Expect.stringContains outcome.Error words "what is wrong"
          } ]
