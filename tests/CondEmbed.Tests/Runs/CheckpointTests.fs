module CondEmbed.Tests.CheckpointTests

open System
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Storage
open CondEmbed.Tests.Support

let private atomic =
    testList
        "atomic file"
        [ test "replaces the whole content" {
              inFolder (fun root ->
                  let path = Path.Combine(root, "a.txt")
                  AtomicFile.WriteText(path, "long old text")
                  AtomicFile.WriteText(path, "new")
                  Expect.equal (File.ReadAllText path) "new" "content"
                  Expect.hasLength (Directory.GetFileSystemEntries root) 1 "nothing else")
          }

          test "a failing write leaves the old file, and nothing beside it" {
              inFolder (fun root ->
                  let path = Path.Combine(root, "a.txt")
                  AtomicFile.WriteText(path, "old")

                  let failing (stream: Stream) =
                      stream.WriteByte 1uy
                      raise (IOException "disk full")

                  Expect.throwsT<IOException> (fun () -> AtomicFile.Write(path, failing)) "thrown"
                  Expect.equal (File.ReadAllText path) "old" "content"
                  Expect.hasLength (Directory.GetFileSystemEntries root) 1 "nothing else")
          } ]

exception private Killed

let private saveText (text: string) (folder: string) =
    File.WriteAllText(Path.Combine(folder, "weights"), text)
    File.WriteAllText(Path.Combine(folder, "state"), text)

let private textOf (checkpoint: Checkpoint) =
    let weights = File.ReadAllText(Path.Combine(checkpoint.Folder, "weights"))
    Expect.equal (File.ReadAllText(Path.Combine(checkpoint.Folder, "state"))) weights "files of one step"
    weights

let private store =
    testList
        "checkpoint store"
        [ test "the newest counts, older ones go" {
              inFolder (fun root ->
                  use store = new CheckpointStore(root, 2)
                  Expect.isNull (store.Latest()) "none yet"

                  for step in [ 5L; 10L; 200L ] do
                      store.Save(step, saveText $"{step}") |> ignore

                  Expect.equal [ for checkpoint in CheckpointStore.All root -> checkpoint.Step ] [ 10L; 200L ] "two are kept"
                  Expect.equal (textOf (store.Latest())) "200" "newest"
                  Expect.throwsT<ArgumentException> (fun () -> store.Save(199L, saveText "") |> ignore) "steps do not go back")
          }

          test "the same step can be saved again" {
              inFolder (fun root ->
                  use store = new CheckpointStore(root, 1)

                  for text in [ "one"; "two"; "three" ] do
                      store.Save(7L, saveText text) |> ignore
                      Expect.equal (textOf (store.Latest())) text "newest"

                  Expect.equal (CheckpointStore.All root).Count 1 "one is kept")
          }

          test "what cannot be written, as on a full disk, leaves no half behind, and the newest stays" {
              inFolder (fun root ->
                  use store = new CheckpointStore(root, 1)
                  store.Save(1L, saveText "one") |> ignore

                  let half folder =
                      File.WriteAllText(Path.Combine(folder, "weights"), "two")
                      raise (IOException("No space left on device", 28))

                  Expect.throwsT<IOException> (fun () -> store.Save(2L, half) |> ignore) "thrown"
                  Expect.equal (textOf (store.Latest())) "one" "newest"

                  Expect.equal
                      [ for folder in Directory.GetDirectories root -> Path.GetFileName folder ]
                      [ "step-000000001" ]
                      "nothing else")
          }

          test "killed at any point of a save, the newest is the old one whole or the new one whole" {
              let points =
                  inFolder (fun root ->
                      let points = ResizeArray<string>()
                      use store = new CheckpointStore(root, 1)
                      store.Save(1L, saveText "1") |> ignore
                      store.Passing <- Action<string>(points.Add)
                      store.Save(2L, saveText "2") |> ignore
                      List.ofSeq points)

              Expect.hasLength points 7 "every point was passed"

              for at, point in List.indexed points do
                  inFolder (fun root ->
                      let kill =
                          use store = new CheckpointStore(root, 1)
                          store.Save(1L, saveText "1") |> ignore

                          store.Passing <- fun passed -> if passed = point then raise Killed

                          Expect.throwsT<Killed> (fun () -> store.Save(2L, saveText "2") |> ignore) point

                      kill
                      let expected = if at < 3 then "1" else "2"
                      Expect.equal (textOf (CheckpointStore.Latest root)) expected $"read after: {point}"
                      use store = new CheckpointStore(root, 1)
                      Expect.equal (textOf (store.Latest())) expected $"opened after: {point}"
                      store.Save(3L, saveText "3") |> ignore
                      Expect.equal [ for checkpoint in CheckpointStore.All root -> textOf checkpoint ] [ "3" ] "and it goes on"
                      Expect.hasLength (Directory.GetDirectories root) 1 "nothing unfinished is left")
          }

          test "killed while files are written" {
              inFolder (fun root ->
                  use store = new CheckpointStore(root)
                  store.Save(1L, saveText "1") |> ignore

                  let half (folder: string) =
                      File.WriteAllText(Path.Combine(folder, "weights"), "2")
                      raise Killed

                  Expect.throwsT<Killed> (fun () -> store.Save(2L, half) |> ignore) "killed"
                  Expect.equal (textOf (store.Latest())) "1" "the old one"
                  store.Save(2L, saveText "2") |> ignore
                  Expect.equal (textOf (store.Latest())) "2" "saved after all")
          }

          test "only one writer at a time" {
              inFolder (fun root ->
                  use _ = new CheckpointStore(root)
                  rejects [ root; "another run is using this folder" ] (fun () -> (new CheckpointStore(root)).Dispose()))
          }

          test "folders of other names are left alone" {
              inFolder (fun root ->
                  for name in [ "best"; "step-x"; "notes.tmp" ] do
                      Directory.CreateDirectory(Path.Combine(root, name)) |> ignore

                  use store = new CheckpointStore(root, 1)
                  store.Save(1L, saveText "1") |> ignore
                  Expect.hasLength (Directory.GetDirectories root) 4 "all there")
          } ]

let tests = testList "Checkpoint" [ atomic; store ]
