module CondEmbed.Tests.NativeTests

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open System.Threading.Tasks
open Expecto
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Common
open CondEmbed.Health
open CondEmbed.Tests.ElfTests

/// Runs one test of this program as a process of its own; gives its exit code and what it printed.
let private child (settings: (string * string) list) test =
    let start = Support.ownProcess [ "--filter"; $"CondEmbed.Native.process.{test}" ]

    for name, value in settings do
        start.Environment[name] <- value

    task {
        use running = new Process(StartInfo = start)
        running.Start() |> ignore
        let output = running.StandardOutput.ReadToEndAsync()
        let! errors = running.StandardError.ReadToEndAsync()
        let! text = output
        do! running.WaitForExitAsync()
        return running.ExitCode, text + errors
    }

let private processTests =
    testList
        "process"
        [ testCase "torch computes"
          <| fun () ->
              Native.ensure ()
              use ones = torch.ones (2L, 3L)
              use sum = ones.sum ()
              Expect.equal (sum.item<float32>()) 6f "the sum"

          testCase "the status agrees with TorchSharp"
          <| fun () ->
              let status = Native.status ()
              Expect.equal status.Problem "" "nothing is wrong"
              Expect.equal status.Libtorch NativeFiles.Wanted "libtorch"
              Expect.stringStarts torch.__version__ NativeFiles.Wanted "the version that TorchSharp was made for"
              Expect.contains status.Devices "cpu" "the devices"
              Expect.isTrue (File.Exists status.Loaded) $"the file {status.Loaded}"

          testCase "libtorch comes from the folder that the user names"
          <| fun () ->
              let folder = Environment.GetEnvironmentVariable NativeFiles.Variable

              if String.IsNullOrEmpty folder then
                  Expect.equal (Native.status ()).Problem "" "without a name, the usual one"
              else
                  Expect.equal (Native.status ()).Folder folder "the folder"

          testCase "the doctor says what is wrong, and nothing else"
          <| fun () ->
              let found = Doctor.Examine()
              let problem = (Native.status ()).Problem

              Expect.equal [ for wrong in found.Problems -> wrong.Fix ] [ if problem <> "" then problem ] "what is wrong"

              Expect.equal found.Native.Loaded (problem = "") "whether torch can be used"
              Expect.stringContains (found.ToText()) (if problem = "" then "Nothing is wrong." else problem) "for people"
              let json = JsonDocument.Parse(found.ToJson()).RootElement
              Expect.equal (json.GetProperty("healthy").GetBoolean()) (problem = "") "for programs"
              Expect.isNotEmpty (json.GetProperty("versions").GetProperty("torchsharp").GetString()) "the version of TorchSharp"
              Expect.all found.SelfTests _.Passed "what is there works" ]

let private otherProcessTests =
    testList
        "processes"
        [ testCaseTask "two that start at once share the cache"
          <| fun () ->
              task {
                  let cache = Directory.CreateTempSubdirectory "condembed-tests-"
                  let settings = [ "XDG_CACHE_HOME", cache.FullName ]
                  let! results = Task.WhenAll [ for _ in 1..2 -> child settings "torch computes" ]

                  for code, said in results do
                      Expect.equal code 0 said

                  let kept = Directory.GetFiles(cache.FullName, "*", SearchOption.AllDirectories)
                  Expect.hasLength kept (if (Native.status ()).Patched then 1 else 0) "no file too many"
                  cache.Delete true
              }

          testCaseTask "another folder of libtorch can be named"
          <| fun () ->
              task {
                  let folder = Directory.CreateTempSubdirectory "condembed-tests-"

                  for file in Directory.GetFiles (Native.status ()).Folder do
                      File.CreateSymbolicLink(Path.Combine(folder.FullName, Path.GetFileName file), file) |> ignore

                  let! code, said = child [ NativeFiles.Variable, folder.FullName ] "libtorch comes from the folder that the user names"

                  folder.Delete true
                  Expect.equal code 0 said
              }

          testCaseTask "a folder without libtorch is an error that names it"
          <| fun () ->
              task {
                  let! code, said = child [ NativeFiles.Variable, "/no/such/folder" ] "torch computes"
                  Expect.notEqual code 0 "the exit code"
                  Expect.stringContains said "CONDEMBED_LIBTORCH names '/no/such/folder'" "the message"
              }

          testCaseTask "the doctor needs no libtorch"
          <| fun () ->
              task {
                  let! code, said = child [ NativeFiles.Variable, "/no/such/folder" ] "the doctor says what is wrong, and nothing else"

                  Expect.equal code 0 said
              } ]

let private deviceTests =
    let isCpu (device: torch.Device) = device.``type`` = DeviceType.CPU

    testList
        "device"
        [ testCase "auto takes what there is"
          <| fun () ->
              let cards = (Native.devices ()).Length - 1
              Expect.equal (isCpu (Device.choose "auto")) (cards = 0) "CUDA if there is one"
              Expect.isTrue (isCpu (Device.choose " CPU ")) "the CPU on request, in any case"

          testCase "a device that is not there is an error that says what is"
          <| fun () ->
              for name in [ "cuda:999"; "cuda:-1"; "cuda:"; "gpu"; "" ] do
                  Expect.throwsC (fun () -> Device.choose name |> ignore) (fun problem ->
                      Expect.isTrue (problem :? InputException) name
                      Expect.stringContains problem.Message "cpu" "what there is") ]

/// Adds and subtracts, which takes scalars that TorchSharp makes, while other threads collect the garbage. The first result other than 1.5, if any.
let wrongScalar rounds (shape: int64 array) =
    use source = new Threading.CancellationTokenSource()

    let collecting () =
        while not source.IsCancellationRequested do
            for _ in 1..200 do
                (1.0).ToScalar() |> ignore

            GC.Collect 0

    let collectors = [| for _ in 1..3 -> Threading.Tasks.Task.Run collecting |]

    try
        scoped (fun () ->
            let x, y = torch.ones shape, torch.ones shape

            seq {
                for _ in 1..rounds do
                    try
                        match scoped (fun () -> (x + y - 0.5).flatten().[0].item<float32>()) with
                        | 1.5f -> ()
                        | other -> string other
                    with :? ExternalException as problem ->
                        problem.Message
            }
            |> Seq.tryHead)
    finally
        source.Cancel()
        Threading.Tasks.Task.WaitAll collectors

let private scalarTests =
    testCase "scalars live until libtorch has read them, however often the garbage is collected"
    <| fun () ->
        if not (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture = Architecture.X64) then
            skiptest "scalars are freed late on Linux on x64 only"

        Native.ensure ()
        Expect.isNone (wrongScalar 1500 [| 64L; 64L; 16L; 16L |]) "x + y - 0.5"

let tests =
    testList "Native" [ ElfTests.tests; NativeLoadTests.tests; processTests; otherProcessTests; deviceTests; scalarTests ]
