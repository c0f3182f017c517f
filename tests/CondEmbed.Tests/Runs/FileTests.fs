/// Files that appear whole, several together, and never in the place of something else.
module CondEmbed.Tests.FileTests

open System
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support
open CondEmbed.Common

let private text (path: string) = if File.Exists path then File.ReadAllText path else "-"

let private names folder = [ for entry in Directory.GetFileSystemEntries folder -> Path.GetFileName entry ] |> List.sort

let private together =
    testList
        "together"
        [ test "nothing has its name before all are written" {
              inFolder (fun folder ->
                  let a, b = Path.Combine(folder, "a"), Path.Combine(folder, "b")
                  AtomicFile.WriteText(a, "old")
                  use files = AtomicFiles.Together()
                  AtomicFile.WriteText(a, "new")
                  AtomicFile.WriteText(b, "new")
                  Expect.equal (text a, text b) ("old", "-") "before"
                  files.Commit()
                  Expect.equal (text a, text b) ("new", "new") "after"
                  Expect.equal (names folder) [ "a"; "b" ] "nothing else")
          }

          test "when one fails, the others stay as they were" {
              inFolder (fun folder ->
                  let a, b = Path.Combine(folder, "a"), Path.Combine(folder, "b")
                  AtomicFile.WriteText(a, "old")

                  let attempt () =
                      use files = AtomicFiles.Together()
                      AtomicFile.WriteText(a, "new")
                      AtomicFile.Write(b, fun _ -> raise (IOException("full", 28)))
                      files.Commit()

                  Expect.throwsT<DiskException> attempt "the disk is full"
                  Expect.equal (text a, text b) ("old", "-") "as before"
                  Expect.equal (names folder) [ "a" ] "nothing else")
          }

          test "when a name cannot be given, the others get theirs back" {
              inFolder (fun folder ->
                  let a, b = Path.Combine(folder, "a"), Path.Combine(folder, "b")
                  AtomicFile.WriteText(a, "old")

                  let attempt () =
                      use files = AtomicFiles.Together()
                      AtomicFile.WriteText(a, "new")
                      AtomicFile.WriteText(b, "new")
                      Directory.CreateDirectory b |> ignore
                      files.Commit()

                  Expect.throwsT<InputException> attempt "a folder stands there"
                  Expect.equal (text a) "old" "as before"
                  Expect.equal (names folder) [ "a"; "b" ] "nothing else")
          } ]

let private refusals =
    test "a name that no file can have is refused before the work, with what is wrong" {
        inFolder (fun folder ->
            let inside name = Path.Combine(folder, name)
            File.WriteAllText(inside "file", "")

            for path, wrong in
                [ "", "is empty"
                  folder, "is a folder"
                  inside "file/x", "is a file"
                  inside "gone/x", "there is no folder"
                  inside "a\nb", "control character"
                  inside (String('x', 300)), "too long" ] do
                rejects [ wrong ] (fun () -> AtomicFile.Check path)
                rejects [ wrong ] (fun () -> AtomicFile.WriteText(path, "text"))

            AtomicFile.WriteText(inside (String('x', 250)), "text")
            Expect.equal (names folder) [ "file"; String('x', 250) ] "a long name that the system allows")
    }

let private special =
    test "a link is followed, and a device is written to instead of replaced" {
        onUnix (fun () ->
            inFolder (fun folder ->
                let target, link = Path.Combine(folder, "target"), Path.Combine(folder, "link")
                AtomicFile.WriteText(target, "old")
                File.CreateSymbolicLink(link, target) |> ignore
                AtomicFile.WriteText(link, "new")
                Expect.equal (text target) "new" "the file that it leads to"
                Expect.isNotNull (FileInfo(link).LinkTarget) "still a link"
                let device = Path.Combine(folder, "device")
                File.CreateSymbolicLink(device, "/dev/full") |> ignore
                Expect.throwsT<DiskException> (fun () -> AtomicFile.WriteText(device, "text")) "the disk is full"
                Expect.equal (FileInfo(device).LinkTarget) "/dev/full" "still there"))
    }

let private reasons =
    testTheory
        "what the system says becomes one sentence with the file"
        [ IOException("No space left on device : '/x.tmp'", 28) :> exn, true, "the disk is full"
          AggregateException(IOException("no", 28)), true, "the disk is full"
          IOException("Read-only file system : '/x.tmp'", 30), false, "the disk is read-only"
          UnauthorizedAccessException "Access to the path '/x.tmp' is denied.", false, "no permission"
          IOException("Something else : '/x.tmp'", 12345), false, "Something else" ]
    <| fun (problem, isOfDisk, reason) ->
        let told = FileProblem.OfWriting("out.csv", problem)
        Expect.equal (told :? DiskException) isOfDisk "whose fault"
        Expect.stringContains told.Message reason "the reason"
        Expect.stringStarts told.Message "out.csv: " "the file that was named"
        Expect.isFalse (told.Message.Contains ".tmp") "not the temporary one"

let tests = testList "files" [ together; refusals; special; reasons ]
