/// The scripts of F# Interactive run as they stand.
module CondEmbed.Tests.ScriptTests

open System.Diagnostics
open System.IO
open Expecto

/// Scripts that are loaded by the others.
let private parts = set [ "load.fsx"; "emoji.fsx" ]

let private run (script: string) =
    let start = ProcessStartInfo("dotnet", [ "fsi"; "--quiet"; script ])
    start.RedirectStandardOutput <- true
    start.RedirectStandardError <- true
    use fsi = Process.Start start
    let errors = fsi.StandardError.ReadToEndAsync()
    let output = fsi.StandardOutput.ReadToEnd()
    fsi.WaitForExit()
    Expect.equal fsi.ExitCode 0 $"{Path.GetFileName script} ends well: {errors.Result}"
    output

let private folder = lazy Path.Combine(Support.repositoryRoot (), "core", "scripts")

/// What a script must have said.
let private promises =
    [ "compose.fsx", "Recall@1 of classes never seen"
      "attention.fsx", "level 2: B H B T = [6, 4, 6, 64]"
      "loss.fsx", "gradient and finite differences: at most" ]

let tests =
    testList
        "Script"
        [ for script, promise in promises do
              testCase $"{script} runs as it stands" (fun () ->
                  Expect.stringContains (run (Path.Combine(folder.Value, script))) promise "what it prints")

          testCase "no script is left out" (fun () ->
              let there = Directory.GetFiles(folder.Value, "*.fsx") |> Array.map (fun file -> Path.GetFileName file) |> set

              Expect.equal (there - parts) (promises |> List.map fst |> set) "each script has a test")

          testCase "compose.fsx composes and trains in about twenty-five lines" (fun () ->
              let isCode (line: string) = line.Trim() <> "" && not (line.StartsWith "//" || line.StartsWith "open" || line.StartsWith "#")

              let lines = File.ReadAllLines(Path.Combine(folder.Value, "compose.fsx")) |> Array.filter isCode

              Expect.isLessThan lines.Length 32 "lines of code") ]
