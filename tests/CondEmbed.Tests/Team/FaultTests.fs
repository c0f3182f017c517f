/// What happens when one of two processes under mpirun is killed, told to stop, or has other data or settings.
module CondEmbed.Tests.FaultTests

open System
open System.Diagnostics
open System.IO
open Expecto
open CondEmbed.Reports
open CondEmbed.Storage
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Mpirun
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private lasting = [ "steps", "20"; "save_every", "4"; "evaluate_every", "0"; "report", "false" ]

/// The run that nothing befalls.
let private undisturbed =
    dict
        [ for program in programs ->
              program,
              lazy
                  (let run = Path.Combine(Directory.CreateTempSubdirectory("condembed-faults-").FullName, "run")
                   AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(string (Path.GetDirectoryName run), true))
                   use running = mpirun program [] (training run lasting)
                   let outcome = running.Outcome()
                   Expect.equal outcome.Code 0 outcome.Everything
                   lastWeights run) ]

let private entries run =
    let log = RunFolder(run).Log
    if File.Exists log then LogReader.Read(log).Entries :> seq<LogEntry> else Seq.empty

/// Starts a run, lets something happen to its second process once there is a checkpoint, and gives how all ended and how long that took.
let private disturbed program run (disturb: int -> unit) =
    let mark = "CONDEMBED_TEST_RUN", Guid.NewGuid().ToString "N"
    use running = mpirun program [ mark ] (training run lasting)

    waitFor "a checkpoint" (fun () ->
        running.HasExited
        || entries run |> Seq.exists (fun entry -> entry :? CheckpointEntry && entry.Step >= 4))

    if running.HasExited then failtest (running.Outcome().Everything)
    let id = processOf program mark 1
    let watch = Stopwatch.StartNew()
    disturb id
    let outcome = running.Outcome()
    outcome, watch.Elapsed, id

let private signalled (name: string) (id: int) =
    use killer = Process.Start("kill", [ $"-{name}"; string id ])
    killer.WaitForExit()
    Expect.equal killer.ExitCode 0 "the signal is sent"

/// The run goes on, and ends as if nothing had happened.
let private expectResumed (program: string) run =
    use running = mpirun program [] [ "train"; "--resume"; run ]
    let outcome = running.Outcome()
    Expect.equal outcome.Code 0 outcome.Everything
    let expected = undisturbed[program].Value

    for (name, expected), (_, actual) in List.zip expected (lastWeights run) do
        Expect.isTrue ((expected: byte array) = actual) $"{name}, bit for bit"

let private ends program =
    [ test "a killed process takes the other with it, and the run can go on" {
          inFolder (fun folder ->
              let run = Path.Combine(folder, "run")
              let outcome, took, id = disturbed program run (signalled "KILL")
              Expect.notEqual outcome.Code 0 outcome.Everything
              Expect.isLessThan took (TimeSpan.FromSeconds 30.0) "all end soon"
              // Open MPI names the rank, MPICH the number of the process in the system.
              let name = if program.EndsWith "openmpi" then "rank 1" else $"PID {id}"
              Expect.stringContains (outcome.Out + outcome.Error) name "which one it was"
              Expect.isFalse (entries run |> Seq.exists (fun entry -> entry :? EndEntry)) "killed before the end"
              expectResumed program run)
      }

      test "a process that is told to stop lets all finish their step and save" {
          inFolder (fun folder ->
              let run = Path.Combine(folder, "run")
              let outcome, took, _ = disturbed program run (signalled "TERM")
              Expect.equal outcome.Code 1 outcome.Everything
              Expect.isLessThan took (TimeSpan.FromSeconds 30.0) "all end soon"
              let last = Seq.last (entries run) :?> EndEntry
              Expect.equal last.Reason "stopped" "in the log"
              let saved = entries run |> Seq.filter (fun entry -> entry :? CheckpointEntry) |> Seq.last
              Expect.equal saved.Step last.Step "saved after the last step"
              Expect.isLessThan last.Step 20 "before the end"
              expectResumed program run)
      } ]

/// Two processes that have different things at the same path: each has its own working folder.
let private apart program (prepare: string -> unit) settings (expected: string list) =
    if not (Directory.Exists "/proc/self/cwd") then skiptest "no /proc here"

    inFolder (fun folder ->
        let homes = [ for name in [ "first"; "second" ] -> Path.Combine(folder, name) ]

        for home in homes do
            unpack (Path.Combine(home, "pictures")) 16

        prepare (Path.Combine(homes[1], "pictures"))
        let run = Path.Combine(folder, "run")

        use running =
            mpirunIn
                program
                [ for home, settings in List.zip homes [ []; settings ] ->
                      home, trainOn "/proc/self/cwd/pictures" run ([ "steps", "2"; "evaluate_every", "0"; "report", "false" ] @ settings) ]

        let outcome = running.Outcome()
        Expect.notEqual outcome.Code 0 outcome.Everything

        for text in expected do
            Expect.stringContains outcome.Error text outcome.Everything

        Expect.isEmpty (entries run |> Seq.filter (fun entry -> entry :? StepEntry)) "before the first step")

let private files (pictures: string) = Directory.GetFiles(pictures, "*.png", SearchOption.AllDirectories) |> Array.sort

let private differences program =
    [ test "a process that cannot read its data stops all, with its message" {
          apart program (fun pictures -> Directory.Delete(pictures, true)) [] [ "process 1 of 2"; "/proc/self/cwd/pictures" ]
      }

      test "other images of a process are found before the first step" {
          apart
              program
              (fun pictures -> File.Delete((files pictures)[3]))
              []
              [ "process 1 of 2: the images or their classes are not those of process 0"
                "process 1 has \""
                "instead of \"" ]
      }

      test "other settings of a process are found before the first step" {
          apart
              program
              ignore
              [ "seed", "7" ]
              [ "process 1 of 2: the settings are not those of process 0; process 1 has \"seed = 7\" instead of \"seed = 0\"" ]
      } ]

/// How different processes are told of does not depend on the MPI.
let tests =
    testList
        "Faults"
        [ if not (OperatingSystem.IsWindows()) then
              for program in programs do
                  testList program (ends program)

              testList "differences" (differences programs.Head) ]
