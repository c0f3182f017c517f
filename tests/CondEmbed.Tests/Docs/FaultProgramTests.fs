/// The program that injects faults, as a process: a few quick cases, and that it can fail.
module CondEmbed.Tests.FaultProgramTests

open System.IO
open Expecto
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

let private faults arguments = run "CondEmbed.Faults.dll" (Path.GetTempPath()) [] arguments

let tests =
    testList
        "Fault program"
        [ test "killed in a write, told to end, on full and read-only disks, a command leaves all or nothing" {
              onUnix (fun () ->
                  let quick =
                      [ "kill-in-write"; "signal"; "two"; "full"; "read-only" ]
                      |> List.map (fun fault -> $"{fault}.classes")

                  let outcome = faults [ "--cases"; String.concat "," quick ]
                  Expect.equal outcome.Code 0 outcome.Everything

                  for case in quick do
                      Expect.stringContains outcome.Out case "its row")
          }

          test "half a file is found, and found again from its seed" {
              onUnix (fun () ->
                  for arguments in [ [ "--cases"; "failing"; "--seed"; "7" ]; [ "--replay"; "failing"; "7" ] ] do
                      let outcome = faults arguments
                      Expect.equal outcome.Code 1 outcome.Everything

                      Expect.stringContains
                          outcome.Error
                          "FAILED failing, seed 7 (--replay failing 7): result is half-written"
                          "what and how")
          }

          test "every kind of case is known to the page of promises" {
              let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "promises.md"))

              for case in (faults [ "--list" ]).Out.Split('\n', System.StringSplitOptions.RemoveEmptyEntries) do
                  Expect.stringContains page $"`{case.Trim().Split('.')[0]}`" "a row of the page"
          } ]
