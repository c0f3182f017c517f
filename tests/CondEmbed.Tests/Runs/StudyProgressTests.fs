/// What a study says while it runs: the arm, seed and phase under way, and one estimate for the whole.
module CondEmbed.Tests.StudyProgressTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Options
open CondEmbed.Interop
open CondEmbed.Common
open CondEmbed.Reports
open CondEmbed.Studies
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private progress =
    let job arm seed changes =
        StudyJob(arm, seed, RunSettings.Resolve [ for key, value in changes -> Given("test", key, value) ], "nowhere")

    let steps = [ "steps", "100" ]
    let step number = StepEntry(number, 1.0, Dictionary(), 0.1, 1.0, 1.0) :> LogEntry

    testList
        "progress"
        [ test "the phase of a run, as its log says" {
              let start = StartEntry(100, "", "") :> LogEntry
              let ended reason = EndEntry(100, reason) :> LogEntry

              for log, expected in
                  [ [], "preparing"
                    [ start ], "measuring before training"
                    [ start; step 1; step 40 ], "training 40/100"
                    [ start; step 40; ResumeEntry(40, Steps = 100); step 41 ], "training 41/100"
                    [ start; step 100 ], "evaluating and writing the report"
                    [ start; step 100; ended "finished" ], "finishing" ] do
                  let state = JobState.Of(List.toArray log)
                  Expect.equal state.Phase expected "phase"
                  Expect.equal state.IsFinished (expected = "finishing") "finished"
          }

          test "names arm, seed and phase, with one estimate for the whole study" {
              let a0, a1, b0 = job "a" 0 steps, job "a" 1 steps, job "b" 0 steps

              let states =
                  dict
                      [ a0, JobState(100, 100, "done", true)
                        a1, JobState(50, 100, "training 50/100", false)
                        b0, JobState(0, 0, "preparing", false) ]

              // 20 of the steps were there before: 130 in 13 s leave 150 for 15 s.
              let at = StudyProgress.Of(Dictionary states, [| a1; b0 |], 20, TimeSpan.FromSeconds 13.0)
              Expect.equal (at.Step, at.Steps) (150, 300) "steps of all runs"
              Expect.equal at.Remaining (Nullable(TimeSpan.FromSeconds 15.0)) "time left of all"
              Expect.equal at.Detail "a, seed 1: training 50/100; b, seed 0: preparing" "what is under way"

              Expect.equal
                  (ProgressText.Line at)
                  "study  150/300  50%  a, seed 1: training 50/100; b, seed 0: preparing  13 s, 15 s left"
                  "the line"
          }

          test "runs whose length is given in epochs count as long as those that have begun" {
              let inEpochs seed = job "a" seed [ "epochs", "2" ]
              let a0, a1 = inEpochs 0, inEpochs 1

              let of' first =
                  StudyProgress.Of(
                      Dictionary(dict [ a0, first; a1, JobState(0, 0, "preparing", false) ]),
                      [| a0 |],
                      0,
                      TimeSpan.FromSeconds 5.0
                  )

              Expect.equal (of' (JobState(0, 0, "preparing", false))).Steps 0 "not known yet"
              let at = of' (JobState(40, 80, "training", false))
              Expect.equal (at.Step, at.Steps) (40, 160) "the other is taken to be as long"
              Expect.equal at.Remaining (Nullable(TimeSpan.FromSeconds 15.0)) "time left"
          }

          test "data that cannot be divided or tested on is refused before anything is trained" {
              inFolder (fun folder ->
                  let few = Path.Combine(folder, "few")
                  unpack few 2
                  let one = Path.Combine(folder, "one")
                  unpack one 1

                  let begun data testOn =
                      Study(
                          StudyFile.Parse("test.toml", StudySupport.study [ $"test_on = ['{testOn}']" ] StudySupport.two),
                          Path.Combine(folder, data)
                      )

                  rejects [ "only one class to test with" ] (fun () -> (begun "a" one).Run() |> ignore)
                  let arms = [ "[arms.a]"; "[arms.b]"; $"data = '{few}'" ]

                  let study = Study(StudyFile.Parse("test.toml", StudySupport.study [] arms), Path.Combine(folder, "b"))

                  rejects [ "2 classes; at least 4 are needed" ] (fun () -> study.Run() |> ignore)
                  Expect.isFalse (Seq.exists (fun (job: StudyJob) -> job.IsBegun) study.Jobs) "nothing is begun")
          } ]

let tests = testList "study progress" [ progress ]
