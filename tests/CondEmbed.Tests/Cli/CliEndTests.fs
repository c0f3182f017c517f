/// How the program ends where nothing goes as planned: signals, output that nobody takes, names that are none.
module CondEmbed.Tests.CliEndTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

[<Literal>]
let private Hangup = 1

let private sound = """{"embeddings":[[1,0],[0.8,0.6],[0,1],[1,1]],"labels":[0,0,1,1]}"""

/// By a shell, for redirections; the program's words come as "$@".
let private shell (redirected: string) folder (arguments: string list) =
    let script = $"exec \"$0\" \"$@\" {redirected}"
    let program = Path.Combine(repositoryRoot (), "tools", "condembed")
    let info = ProcessStartInfo("/bin/sh", [ "-c"; script; program ] @ arguments)
    info.WorkingDirectory <- folder
    info.RedirectStandardOutput <- true
    info.RedirectStandardError <- true
    use running = new Running(Process.Start info)
    running.Outcome()

let private signals =
    testTheory "a signal ends a command that hangs in a read, with the signal's own code" [ Hangup, 129; Interrupt, 130; Terminate, 143 ]
    <| fun (number, code) ->
        onSignal number (fun () ->
            inFolder (fun folder ->
                let pipe = pipeIn folder "never.json"
                use running = launch folder [ "metrics"; pipe ]
                use _ = writer running pipe
                signal number running
                let outcome = running.Outcome()
                Expect.equal outcome.Code code outcome.Everything
                Expect.equal (outcome.Error.Trim()) "condembed: stopped." "one line"))

let private early =
    test "a signal ends it also before it has begun" {
        onUnix (fun () ->
            inFolder (fun folder ->
                for wait in [ 20; 60; 100; 140 ] do
                    use running = launch folder [ "completion"; "bash" ]
                    Thread.Sleep wait
                    signal Terminate running
                    let outcome = running.Outcome()
                    Expect.contains [ 143; 0 ] outcome.Code outcome.Everything))
    }

let private outputs =
    testTheory
        "output that cannot be written is told, with exit code 1"
        [ ">&-", "it is closed"; ">/dev/full", "the disk is full"; ">&- 2>&- <&-", "" ]
    <| fun (redirected, reason) ->
        onUnix (fun () ->
            inFolder (fun folder ->
                File.WriteAllText(Path.Combine(folder, "e.json"), sound)
                let outcome = shell redirected folder [ "metrics"; "e.json" ]
                Expect.equal outcome.Code 1 outcome.Everything

                if reason <> "" then
                    Expect.stringContains outcome.Error $"condembed: standard output: cannot be written: {reason}" "why"
                    Expect.isFalse (outcome.Error.Contains "   at ") "no trace"))

let private enough =
    test "a reader that has had enough ends it without a word" {
        onUnix (fun () ->
            inFolder (fun folder ->
                let script = "{ \"$0\" \"$@\" 2>err; echo $? >code; } | true; cat err code"
                let program = Path.Combine(repositoryRoot (), "tools", "condembed")
                let info = ProcessStartInfo("/bin/sh", [ "-c"; script; program; "loss"; "--list" ], WorkingDirectory = folder)
                info.RedirectStandardOutput <- true
                info.RedirectStandardError <- true
                use running = new Running(Process.Start info)
                let outcome = running.Outcome()
                Expect.equal (outcome.Out.Trim()) "141" outcome.Everything))
    }

let private messages =
    test "messages that cannot be written cost no result" {
        onUnix (fun () ->
            inFolder (fun folder ->
                File.WriteAllText(Path.Combine(folder, "e.json"), sound)
                let whole = shell "" folder [ "metrics"; "e.json" ]

                for redirected in [ "2>&-"; "2>/dev/full" ] do
                    let outcome = shell redirected folder [ "metrics"; "e.json" ]
                    Expect.equal (outcome.Code, outcome.Out) (0, whole.Out) redirected))
    }

let private words =
    test "empty values are refused by the name of their option, and names after -- are names" {
        inFolder (fun folder ->
            for name in [ "-x.json"; "--x.json" ] do
                File.WriteAllText(Path.Combine(folder, name), sound)

            for arguments in [ [ "train"; "--out"; "" ]; [ "embed"; "run"; "x"; "--out"; "" ]; [ "search"; "run"; "--gallery"; "" ] ] do
                let outcome = condembedIn folder arguments
                Expect.equal outcome.Code 2 outcome.Everything
                Expect.stringContains outcome.Error $"{arguments[arguments.Length - 2]} '': is empty" "the option"

            Expect.equal (condembedIn folder [ "metrics"; "" ]).Code 2 "an empty name"
            Expect.equal (condembedIn folder [ "metrics"; "-x.json" ]).Code 2 "an option that is none"

            for name in [ "-x.json"; "--x.json" ] do
                let outcome = condembedIn folder [ "metrics"; "--"; name ]
                Expect.equal outcome.Code 0 outcome.Everything
                Expect.stringContains outcome.Out $"./{name}: 4 queries" "read")
    }

let tests = testList "end" [ signals; early; outputs; enough; messages; words ]
