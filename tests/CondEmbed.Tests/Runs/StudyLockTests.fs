/// A study's folder belongs to one program at a time.
module CondEmbed.Tests.StudyLockTests

open System.IO
open Expecto
open CondEmbed.Studies
open CondEmbed.Tests.StudySupport
open CondEmbed.Tests.Support

let private filesBelow folder = Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories) |> Array.sort

let private oneSeed = (study [] two).Replace("seeds = 2", "seeds = 1")

let private inUse = "another program is working on this study"

let tests =
    testList
        "study's folder"
        [ test "is one program's: another is told so, changes nothing, and comes in when the first has ended" {
              inFolder (fun folder ->
                  let out = Path.Combine(folder, "out")
                  let plan = StudyFile.Parse("t.toml", oneSeed)

                  let meanwhile _ _ =
                      let before = filesBelow out

                      for _ in 1..2 do
                          rejects [ out; inUse ] (fun () -> Study(plan, out).Run() |> ignore)

                      Expect.equal (filesBelow out) before "as it was"
                      Expect.hasLength (Study(plan, out).Report().Missing) 2 "who only looks needs no lock"
                      raise (IOException "the first ends")

                  try
                      Study(plan, out, Runner = StudyRunner meanwhile).Run() |> ignore
                      failtest "both runs have failed"
                  with :? StudyFailedException as failed ->
                      Expect.stringContains failed.Message "the first ends" "nothing else went wrong"

                  Expect.isFalse (File.Exists(Path.Combine(out, ".lock"))) "no lock is left"
                  Expect.isEmpty (Study(plan, out).Run().Missing) "the next one works")
          }
          test "is not made for a study that cannot be" {
              inFolder (fun folder ->
                  let text = oneSeed.Replace("[base]\n", "[base]\nweights = 'none.safetensors'\n")
                  let out = Path.Combine(folder, "above", "out")
                  rejects [ "none.safetensors" ] (fun () -> Study(StudyFile.Parse("t.toml", text), out).Run() |> ignore)
                  Expect.isEmpty (filesBelow folder) "nothing")
          }
          test "a run that turns out to be done when its turn comes is done" {
              inFolder (fun folder ->
                  let plan = StudyFile.Parse("t.toml", oneSeed)
                  let turns = ref 0
                  let all = Study(plan, folder).Jobs

                  let both _ stop =
                      turns.Value <- turns.Value + 1

                      for job in all do
                          StudyRunners.InThisProcess(job, stop)

                  Expect.isEmpty (Study(plan, folder, Runner = StudyRunner both).Run().Missing) "both are there"
                  Expect.equal turns.Value 1 "and none was begun again")
          } ]
