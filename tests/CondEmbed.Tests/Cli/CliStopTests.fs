/// Stopping and killing the program while it trains, and going on.
module CondEmbed.Tests.CliStopTests

open System
open System.IO
open System.Threading
open Expecto
open CondEmbed.Storage
open CondEmbed.Reports
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private train others (run: string) =
    [ "train"
      imageFolder.Value
      "--out"
      run
      for key, value in tiny @ others do
          "--set"
          $"{key}={value}" ]

let private goOn (run: string) = [ "train"; "--resume"; run ]

let private stepsLogged run =
    let log = RunFolder(run).Log

    if File.Exists log then LogReader.Read(log).Steps.Count else 0

let private newest run =
    match CheckpointStore.Latest(RunFolder(run).Checkpoints) with
    | null -> 0L
    | checkpoint -> checkpoint.Step

/// Long enough that a signal always comes before the end.
let private long = [ "steps", "60"; "evaluate_every", "0"; "save_every", "0" ]

let private stoppedBy name number =
    test $"{name} finishes the step, saves and says how to go on; then it is the same run" {
        onSignal number (fun () ->
            inFolder (fun folder ->
                let run = Path.Combine(folder, "run")
                use running = launch folder (train long run)
                waitFor "two steps" (fun () -> running.HasExited || stepsLogged run >= 2)
                signal number running
                let outcome = running.Outcome()
                Expect.equal outcome.Code 1 outcome.Everything
                Expect.stringContains outcome.Error $"Continue with --resume {run}" "how to go on"
                Expect.isFalse (outcome.Error.Contains "   at ") outcome.Error
                Expect.equal (newest run) (int64 (stepsLogged run)) "the last step is saved"
                Expect.isLessThan (stepsLogged run) 60 "before the end"
                let last = Seq.last (LogReader.Read(RunFolder(run).Log).Entries) :?> EndEntry
                Expect.equal last.Reason "stopped" "logged"
                succeeds (goOn run) |> ignore
                expectSameRun (finishedRun long) run))
    }

/// Every step is saved, so that many kills fall into a save.
let private often = [ "steps", "12"; "evaluate_every", "4"; "save_every", "1" ]

let private killed =
    test "killed again and again, in the middle of steps and saves, it ends as the same run" {
        inFolder (fun folder ->
            let run = Path.Combine(folder, "run")
            let random = Random 1

            let killAfter arguments started =
                use running = launch folder arguments
                waitFor "a reason to kill it" (fun () -> running.HasExited || started ())
                Thread.Sleep(random.Next 60)
                running.Kill()
                running.Outcome() |> ignore

            killAfter (train often run) (fun () -> File.Exists(RunFolder(run).Settings))

            for _ in 1..4 do
                let before = newest run
                killAfter (goOn run) (fun () -> newest run > before)

            let outcome = condembed (goOn run)
            Expect.equal outcome.Code 0 outcome.Everything
            expectSameRun (finishedRun often) run
            Expect.isEmpty (Directory.GetFileSystemEntries(run, "*.tmp", SearchOption.AllDirectories)) "nothing unfinished is left")
    }

let private elsewhere =
    test "a run that was given a relative path goes on, and is evaluated, from any folder" {
        inFolder (fun folder ->
            let run = Path.Combine(folder, "run")
            let name = Path.GetFileName imageFolder.Value

            let arguments =
                [ "train"
                  name
                  "--out"
                  run
                  for key, value in tiny @ [ "steps", "2" ] do
                      yield! [ "--set"; $"{key}={value}" ] ]

            let first = condembedIn (Path.GetDirectoryName imageFolder.Value) arguments
            Expect.equal first.Code 0 first.Everything

            for command in [ goOn run; [ "evaluate"; run ] ] do
                let outcome = condembedIn folder command
                Expect.equal outcome.Code 0 outcome.Everything)
    }

let private another =
    test "two programs cannot train in one folder" {
        onUnix (fun () ->
            inFolder (fun folder ->
                let run = Path.Combine(folder, "run")
                use running = launch folder (train [ "steps", "100000" ] run)
                waitFor "a step" (fun () -> running.HasExited || stepsLogged run >= 1)
                let second = condembed (goOn run)
                Expect.equal second.Code 2 second.Everything
                Expect.stringContains second.Error "another run is using this folder" "why"
                signal Terminate running
                Expect.equal (running.Outcome().Code) 1 "the first is not disturbed"))
    }

let private twice =
    test "a second signal ends it at once; then it goes on from what is saved" {
        onSignal Interrupt (fun () ->
            inFolder (fun folder ->
                let run = Path.Combine(folder, "run")
                // Steps that take longer than the two signals.
                let slow =
                    [ "encoder", "resnet18"
                      "size", "160"
                      "steps", "100000"
                      "initial_evaluation", "false"
                      "evaluate_every", "0"
                      "save_every", "1" ]

                use running = launch folder (train slow run)
                waitFor "a checkpoint" (fun () -> running.HasExited || newest run >= 1L)
                signal Interrupt running
                // Sooner, it would be taken for the first one again.
                Thread.Sleep 150
                signal Interrupt running
                let outcome = running.Outcome()
                Expect.contains [ 130; 1 ] outcome.Code outcome.Everything
                Expect.isFalse (outcome.Error.Contains "   at ") outcome.Error))
    }

let private echoed =
    test "a signal that arrives twice at once, as from timeout and dotnet run, is one: the run is saved" {
        onSignal Terminate (fun () ->
            inFolder (fun folder ->
                let run = Path.Combine(folder, "run")
                use running = launch folder (train [ "steps", "100000"; "evaluate_every", "0"; "save_every", "0" ] run)
                waitFor "a step" (fun () -> running.HasExited || stepsLogged run >= 1)
                signal Terminate running
                signal Terminate running
                let outcome = running.Outcome()
                Expect.equal outcome.Code 1 outcome.Everything
                Expect.isGreaterThan (newest run) 0L "a checkpoint"))
    }

let private notBegun =
    test "before there is anything to save, a signal ends it at once and leaves no folder" {
        onUnix (fun () ->
            inFolder (fun folder ->
                let pipe, run = pipeIn folder "never.safetensors", Path.Combine(folder, "run")
                use running = launch folder (train [ "weights", pipe ] run)
                use _ = writer running pipe
                if not running.HasExited then signal Terminate running
                let outcome = running.Outcome()
                Expect.contains [ 143; 2 ] outcome.Code outcome.Everything
                Expect.isFalse (Directory.Exists run) "no folder"))
    }

let private unheard =
    test "with nobody left to read its events, it saves and stops" {
        onUnix (fun () ->
            inFolder (fun folder ->
                let run = Path.Combine(folder, "run")
                let program = Path.Combine(repositoryRoot (), "tools", "condembed")
                let arguments = train long run @ [ "--json" ]
                let script = "\"$0\" \"$@\" | head -n 3 >/dev/null"
                let info = Diagnostics.ProcessStartInfo("/bin/sh", [ "-c"; script; program ] @ arguments)
                info.RedirectStandardOutput <- true
                info.RedirectStandardError <- true
                use running = new Running(Diagnostics.Process.Start info)
                let outcome = running.Outcome()
                Expect.stringContains outcome.Error "Continue with --resume" outcome.Everything
                Expect.isFalse (outcome.Error.Contains "standard output") "it is nobody's fault"
                Expect.isTrue (File.Exists(RunFolder(run).Settings)) "there is a run to go on with"))
    }

let tests =
    testList
        "stop"
        [ stoppedBy "SIGTERM" Terminate
          stoppedBy "Ctrl-C" Interrupt
          stoppedBy "SIGHUP" 1
          killed
          elsewhere
          another
          twice
          echoed
          notBegun
          unheard ]
