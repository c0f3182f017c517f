/// The program that checks a GPU, as a process, on the CPU and in small.
module CondEmbed.Tests.GpuCheckTests

open System
open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

let private check arguments = run "CondEmbed.Checks.dll" (Path.GetTempPath()) [] arguments

/// libtorch of another version under its usual name, where this machine has one.
let private otherLibtorch folder =
    let found =
        [ for folder in [ "/usr/lib/x86_64-linux-gnu"; "/usr/lib/aarch64-linux-gnu" ] do
              if Directory.Exists folder then yield! Directory.GetFiles(folder, "libtorch_cpu.so.1.13") ]

    match found with
    | file :: _ -> File.CreateSymbolicLink(Path.Combine(folder, "libtorch_cpu.so"), file) |> ignore
    | [] -> skiptest "no libtorch of another version: python3-torch of Debian 12 has one"

let tests =
    testList
        "GPU check"
        [ test "steps agree, levels are timed, and the results are a table and JSON" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "check.json")
                  let outcome = check [ "--quick"; "--only"; "encoders,attention"; "--out"; file ]
                  Expect.equal outcome.Code 0 outcome.Everything
                  Expect.stringContains outcome.Out "| encoders | ok | 3 of 3 agree" "the table"
                  Expect.stringContains outcome.Out "| attention: 2 levels, 8 images | ok |" "times"
                  let results = jsonOf (File.ReadAllText file)

                  for part in results.GetProperty("checks").EnumerateArray() do
                      if part.GetProperty("name").GetString() = "encoders" then
                          let rows = [ for row in part.GetProperty("rows").EnumerateArray() -> row.GetProperty "numbers" ]
                          let number (name: string) (row: JsonElement) = row.GetProperty(name).GetDouble()
                          Expect.hasLength rows 3 "encoders"
                          Expect.all rows (fun row -> number "difference" row <= number "allowed" row) "they agree"
                          // The one without ReLUs, whose gradients rounding moves little.
                          Expect.isLessThan (rows |> List.last |> number "difference") 1e-4 "a vit"

                          if outcome.Out.Contains "no GPU" then
                              Expect.all rows (fun row -> number "difference" row > 0.0) "something was compared")
          }

          test "a difference that is too large fails, with its name" {
              let outcome = check [ "--quick"; "--only"; "bfloat16"; "--tolerance"; "1e-12" ]
              Expect.equal outcome.Code 1 outcome.Everything
              Expect.stringContains outcome.Out "| bfloat16 | FAILED | 0 of 2 agree" "the table"
              Expect.stringContains outcome.Out "| bfloat16: vit-s16 | FAILED |" "the case"
          }

          test "libtorch of another version is refused, with the one that is needed" {
              inFolder (fun folder ->
                  otherLibtorch folder
                  let outcome = check [ folder; "--quick" ]
                  Expect.equal outcome.Code 2 outcome.Everything
                  Expect.stringContains outcome.Out "TorchSharp needs 2.10.0" "the version"
                  Expect.isFalse (outcome.Out.Contains "encoders") "nothing else is tried")
          }

          test "a folder without libtorch, and a check that there is not, are refused" {
              inFolder (fun folder ->
                  let outcome = check [ folder; "--quick" ]
                  Expect.equal outcome.Code 2 outcome.Everything
                  Expect.stringContains outcome.Everything "there is no libtorch_cpu" "what is missing")

              let outcome = check [ "--only"; "encoder" ]
              Expect.equal outcome.Code 2 outcome.Everything
              Expect.stringContains outcome.Error "no check is called 'encoder'" "its name"
          } ]
