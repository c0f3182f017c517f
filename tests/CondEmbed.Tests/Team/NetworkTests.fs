/// Processes on hosts of their own, which have nothing but a network between them: namespaces that the tests make, for which they have to be root.
module CondEmbed.Tests.NetworkTests

open System
open System.Diagnostics
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Mpirun
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private script = lazy Path.Combine(repositoryRoot (), "tests", "CondEmbed.Tests", "Team", "hosts.sh")

let private hosts (arguments: string list) =
    let info = ProcessStartInfo("sh", script.Value :: arguments, RedirectStandardOutput = true, RedirectStandardError = true)
    use running = new Running(Process.Start info)
    running.Outcome()

/// Runs a test with so many hosts, or skips it where they cannot be made.
let private among count (test: string -> unit) =
    let name = $"condembed{Environment.ProcessId}"

    try
        let made = hosts [ "up"; name; string count ]
        if made.Code <> 0 then skiptest $"no hosts could be made here, which only root can: {made.Error.Trim()}"
        test name
    finally
        hosts [ "down"; name; string count ] |> ignore

/// What stands in for ssh, as one command.
let private agent (folder: string) name =
    let file = Path.Combine(folder, "agent.sh")
    File.WriteAllText(file, $"#!/bin/sh\nexec sh '{script.Value}' on {name} \"$@\"\n")
    File.SetUnixFileMode(file, UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.UserExecute)
    file

/// The options by which Open MPI's mpirun starts a process on each host, and has no way to the others but the network.
let private remotely agent count =
    let addresses = String.concat "," [ for i in 1..count -> $"10.77.7.{i}" ]

    let only =
        [ for layer in [ "btl_tcp"; "oob_tcp" ] -> $"--mca {layer}_if_include 10.77.7.0/24" ]
        |> String.concat " "

    $"--allow-run-as-root --mca plm_rsh_agent {agent} --mca btl tcp,self {only} --host {addresses}"

/// What a host has sent over its only way to the others.
let private sent name host = (hosts [ "on"; name; $"10.77.7.{host}"; "cat /sys/class/net/eth0/statistics/tx_bytes" ]).Out

let private trains program count =
    test $"{program} trains on {count} hosts, over their network, as one process does" {
        if not (isThere program) then skiptest $"{program} is not there"

        inFolder (fun folder ->
            among count (fun name ->
                let run = Path.Combine(folder, "run")
                let agent = agent folder name
                let command = [ host; built "CondEmbed.Cli.dll" ] @ training run [ "steps", "3"; "report", "false" ]
                let quoted = command |> List.map (fun word -> $"'{word}'") |> String.concat " "
                let before = [ for host in 1..count -> sent name host |> int64 ]
                let outcome = hosts [ "on"; name; "10.77.7.1"; $"{program} {remotely agent count} -np {count} {quoted}" ]
                Expect.equal outcome.Code 0 outcome.Everything
                Expect.stringContains outcome.Out $"Processes: {count}; " "all took part"
                let settings = settings imageFolder.Value (common @ [ "steps", "3"; "report", "false" ])
                let steps = 3L * TrafficTests.ofSettings settings (int64 count)

                for host, before in List.indexed before do
                    Expect.isGreaterThan (int64 (sent name (host + 1)) - before) steps $"bytes that host {host + 1} sent"

                betweenTests (fun () -> Trainer(settings, Path.Combine(folder, "one"), Team.alone).Train())
                |> ignore

                let losses run = [ for step in LogReader.Read(RunFolder(run).Log).Steps -> step.Loss ]

                for expected, found in List.zip (losses (Path.Combine(folder, "one"))) (losses run) do
                    Expect.floatClose { absolute = 1e-4; relative = 1e-4 } found expected "loss"))
    }

/// With Open MPI alone: MPICH over UCX now and then waits without end between network namespaces of one machine.
let tests =
    testList
        "Hosts"
        [ for program in programs do
              if program.EndsWith "openmpi" then testList program [ for count in [ 2; 3 ] -> trains program count ] ]
