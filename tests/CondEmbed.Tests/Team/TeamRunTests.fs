/// Whole runs by several: threads here, and processes under mpirun.
module CondEmbed.Tests.TeamRunTests

open System
open System.IO
open System.Runtime.InteropServices
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Options
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Tests.Mpirun
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Tests.Together

let private floats (bytes: byte array) = MemoryMarshal.Cast<byte, float32>(ReadOnlySpan bytes).ToArray()

/// The same training but for rounding.
let private expectLike (expected: string) (actual: string) =
    for (name, expected), (name', actual) in List.zip (lastWeights expected) (lastWeights actual) do
        Expect.equal name' name "name"

        for a, b in Array.zip (floats expected) (floats actual) do
            if not (abs (a - b) <= 1e-5f * max 1f (abs a)) then failtest $"{name}: {b} stands for {a}"

    let metrics run = MetricsFile.Read(RunFolder(run).Metrics)
    Expect.equal (metrics actual).Origin.Batches (metrics expected).Origin.Batches "the sum of all images seen"
    Expect.equal (metrics actual).Step (metrics expected).Step "steps"

    for KeyValue(name, value) in (metrics expected).After do
        Expect.floatClose Accuracy.medium (metrics actual).After[name] value name

    let log run = LogReader.Read(RunFolder(run).Log)

    for expected, actual in Seq.zip (log expected).Steps (log actual).Steps do
        Expect.floatClose { absolute = 1e-4; relative = 1e-4 } actual.Loss expected.Loss $"loss of step {expected.Step}"
        Expect.floatClose { absolute = 0.0; relative = 1e-4 } actual.GradientNorm expected.GradientNorm $"gradient of step {expected.Step}"

let private byThreads count folder others =
    together count (fun team -> Trainer(settings imageFolder.Value (common @ others), folder, team).Train())
    |> List.head

let private threads =
    [ test "a run by two and by three is the run by one, also when it is stopped and another number goes on" {
          inFolder (fun folder ->
              let at name = Path.Combine(folder, name)
              byThreads 1 (at "one") [] |> ignore
              let result = byThreads 2 (at "two") []
              expectLike (at "one") (at "two")
              Expect.isNonEmpty result.After "the first process has the result"
              let whole = settings imageFolder.Value common

              let stopped =
                  together 3 (fun team ->
                      let trainer = Trainer(whole, at "three", team)
                      // Only one is asked to stop.
                      use source = new Threading.CancellationTokenSource()

                      let ask =
                          listener (fun at -> if team.Rank = 2 && at.Phase = RunProgress.Training && at.Step = 3 then source.Cancel())

                      try
                          trainer.Train(ask, source.Token) |> ignore
                          0
                      with :? TrainingStoppedException as stopped ->
                          stopped.Step)

              Expect.equal stopped.Head stopped[2] "all stop after the same step"
              Expect.isTrue (List.forall (fun step -> step >= 3 && step <= 4) stopped) $"{stopped}"
              together 2 (fun team -> Trainer.Resume(at "three", ResumeOptions(), team).Train()) |> ignore
              expectLike (at "one") (at "three"))
      }

      test "a run on pairs instead of classes, weighted or not, by two and by three is the run by one" {
          inFolder (fun folder ->
              let table = PairRunTests.tableIn folder
              let feedback = Path.Combine(folder, "pairs.csv")
              let images = [ for line in Seq.skip 1 (File.ReadLines table) -> line.Split(',')[0] ]
              File.WriteAllLines(feedback, "path_a,path_b,similar" :: [ for a, b in List.pairwise images -> $"{a},{b},0.5" ])
              let labels = [ "label_columns", "maker,kind"; "label_match", "jaccard"; "label_overlap", "0.3"; "label_weights", "true" ]

              // With other seeds, a ReLU now and then stands so near to 0 that rounding decides, and the gradient jumps.
              for name, others in [ "labels", labels; "feedback", [ "pairs", feedback; "sampler", "pairs"; "seed", "4" ] ] do
                  let run count =
                      let folder = Path.Combine(folder, $"{name} {count}")

                      together count (fun team -> Trainer(settings table (common @ others), folder, team).Train())
                      |> ignore

                      folder

                  let one = run 1

                  for count in [ 2; 3 ] do
                      expectLike one (run count))
      }

      test "what cannot be is told before the first step" {
          inFolder (fun folder ->
              let run count (settingsOf: Team -> RunSettings) () =
                  let out = Path.Combine(folder, Guid.NewGuid().ToString "N")
                  together count (fun team -> Trainer(settingsOf team, out, team).Train()) |> ignore

              rejects
                  [ "12 images cannot be shared out evenly among 5 processes"
                    "Start 3 or 4 or 6 processes"
                    // Two images of each class.
                    "a batch of 10 or 20" ]
                  (run 5 (fun _ -> settings imageFolder.Value common))

              // In these, machines may differ.
              run 2 (fun team -> settings imageFolder.Value (common @ [ "steps", "1"; "workers", string (1 + team.Rank) ])) ()

              rejects
                  [ "process 1 of 2"
                    "the settings are not those of process 0"
                    "process 1 has \"seed = 1\" instead of \"seed = 0\"" ]
                  (run 2 (fun team -> settings imageFolder.Value (common @ [ "seed", string team.Rank ]))))
      } ]

let private twoAreOne program variables folder =
    let at name = Path.Combine(folder, name)
    use running = mpirun program (("TERM", "xterm") :: variables) (training (at "two") [])
    let outcome = running.Outcome()
    Expect.equal outcome.Code 0 outcome.Everything

    Expect.isFalse
        (Seq.exists (fun c -> Char.IsControl c && c <> '\n' && c <> '\r') outcome.Everything)
        "control characters, also where it is given a terminal"

    Expect.stringContains outcome.Out "report " "the first process tells"
    Expect.stringContains outcome.Out "Processes: 2; communication " "what was sent"
    betweenTests (fun () -> byThreads 1 (at "one") []) |> ignore
    expectLike (at "one") (at "two")

    for step in LogReader.Read(RunFolder(at "two").Log).Steps do
        let bytes = float (TrafficTests.ofSettings (settings imageFolder.Value common) 2L)
        Expect.equal [ for one in step.Processes -> one.Bytes ] [ bytes; bytes ] $"sent in step {step.Step}"
        Expect.all step.Processes (fun one -> one.Seconds > 0.0) "seconds"

let private processes program =
    testList
        program
        [ test "two processes are one" { inFolder (twoAreOne program []) }

          // Where a constant of ours is not the standard's, the library below refuses the call. Nothing else is named, so no other library can have been used.
          test "two processes are one through the standard's binary interface" {
              inFolder (fun folder -> twoAreOne program [ "CONDEMBED_MPI", standardLibrary program folder ] folder)
          }

          test "a process that cannot go on ends all, with its message" {
              inFolder (fun folder ->
                  use running = mpirun program [] (training (Path.Combine(folder, "run")) [ "batch", "9"; "per_class", "3" ])
                  let outcome = running.Outcome()
                  Expect.equal outcome.Code 1 outcome.Everything
                  Expect.stringContains outcome.Error "cannot be shared out evenly among 2 processes" "message")
          } ]

let tests = testList "Team runs" threads

/// Beside the tests of torch.
let ofPrograms = testList "Team runs" (List.map processes programs)
