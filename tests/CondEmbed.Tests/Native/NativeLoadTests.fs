/// TorchSharp's own library: found, patched where the system needs it, and kept where nobody else can change it.
module CondEmbed.Tests.NativeLoadTests

open System
open System.Diagnostics
open System.IO
open System.Threading.Tasks
open Expecto
open CondEmbed.Tests.Support
open CondEmbed.Torch
open CondEmbed.Common
open CondEmbed.Tests.ElfTests

/// TorchSharp's library as it came, wherever it lies for this program.
let private original () =
    let folder =
        Expect.wantSome (NativeFiles.tryFolderOf NativeFiles.binding NativeFiles.folders) "the folder of TorchSharp's library"

    Path.Combine(folder, NativeFiles.binding)

let private onLinux test = if OperatingSystem.IsLinux() then test () else skiptest "only Linux has ELF libraries"

let private missingVersion = Error $"libstdc++.so.6: version `{Version}' not found"

let tests =
    testList
        "load"
        [ testCase "TorchSharp's own library can be weakened"
          <| fun () ->
              onLinux (fun () ->
                  let file = File.ReadAllBytes(original ())
                  isWeakenedCopy file (Expect.wantOk (weaken file) "TorchSharp's library"))

          testCase "a system with a newer libstdc++ is left alone"
          <| fun () ->
              inFolder (fun cache ->
                  let handle, loaded, _ = NativeLoad.loadBinding (Some cache) (fun _ -> Ok 7n) (original ())

                  Expect.equal (handle, loaded) (7n, original ()) "the original is loaded"
                  Expect.isEmpty (Directory.GetFileSystemEntries cache) "nothing is kept")

          testCase "an older libstdc++ gets a copy from the cache; the original stays as it is"
          <| fun () ->
              onLinux (fun () ->
                  inFolder (fun cache ->
                      let before = File.ReadAllBytes(original ())

                      let load path = if path = original () then missingVersion else Ok 8n

                      for _ in 1..2 do
                          let handle, loaded, _ = NativeLoad.loadBinding (Some cache) load (original ())
                          Expect.equal handle 8n "the copy is loaded"
                          Expect.stringStarts loaded cache "from the cache"
                          isWeakenedCopy before (File.ReadAllBytes loaded)

                      Expect.hasLength (Directory.GetFiles(cache, "*", SearchOption.AllDirectories)) 1 "one file is kept"
                      Expect.sequenceEqual (File.ReadAllBytes(original ())) before "the original"))

          testCase "where the cache cannot be used, a temporary folder serves"
          <| fun () ->
              onLinux (fun () ->
                  inFolder (fun folder ->
                      let notAFolder = Path.Combine(folder, "file")
                      File.WriteAllText(notAFolder, "")

                      let load path = if path = original () then missingVersion else Ok 9n

                      let handle, loaded, _ = NativeLoad.loadBinding (Some notAFolder) load (original ())
                      Expect.equal handle 9n "the copy is loaded"
                      Expect.isFalse (File.Exists loaded) "and gone"))

          testCase "a damaged file in the cache is replaced"
          <| fun () ->
              inFolder (fun cache ->
                  let path = NativeFiles.cachePath cache [| 1uy |]
                  NativeFiles.keep path [| 1uy; 2uy |]
                  File.WriteAllBytes(path, [| 1uy |])
                  NativeFiles.keep path [| 1uy; 2uy |]
                  Expect.sequenceEqual (File.ReadAllBytes path) [| 1uy; 2uy |] "the content")

          testCase "what others can change is not kept: a link, a folder of theirs, a right to write"
          <| fun () ->
              inFolder (fun cache ->
                  if OperatingSystem.IsLinux() then
                      let content = [| 1uy; 2uy |]
                      let path = NativeFiles.cachePath cache content
                      NativeFiles.keep path content
                      // The same bytes, but whoever owns the file behind the link can change them later.
                      let other = Path.Combine(cache, "other")
                      File.Move(path, other)
                      File.CreateSymbolicLink(path, other) |> ignore
                      NativeFiles.keep path content
                      Expect.isNull (FileInfo path).LinkTarget "a file of its own"

                      let folder = string (Path.GetDirectoryName path)
                      let mode = File.GetUnixFileMode folder
                      File.SetUnixFileMode(folder, mode ||| UnixFileMode.GroupWrite ||| UnixFileMode.OtherWrite)
                      NativeFiles.keep path content
                      Expect.equal (File.GetUnixFileMode folder) mode "only this user writes"

                      let moved = folder + "-moved"
                      Directory.Move(folder, moved)
                      Directory.CreateSymbolicLink(folder, moved) |> ignore
                      Expect.throwsT<IOException> (fun () -> NativeFiles.keep path content) "a link to a folder"

                      if Environment.UserName = "root" then
                          Directory.Delete folder
                          Directory.Move(moved, folder)
                          Process.Start("chown", [ "nobody"; folder ]).WaitForExit()
                          Expect.throwsT<IOException> (fun () -> NativeFiles.keep path content) "another user's folder")

          testCase "many at once keep one whole file"
          <| fun () ->
              inFolder (fun cache ->
                  let content = Array.init 1_000_000 byte
                  let path = NativeFiles.cachePath cache content
                  Parallel.For(0, 16, (fun _ -> NativeFiles.keep path content)) |> ignore
                  Expect.sequenceEqual (File.ReadAllBytes path) content "the content"
                  Expect.hasLength (Directory.GetFiles(cache, "*", SearchOption.AllDirectories)) 1 "no other file")

          testCase "another reason for not loading is the user's to read"
          <| fun () ->
              let load _ = Error "libfoo.so: cannot open"

              Expect.throwsC (fun () -> NativeLoad.loadBinding None load (original ()) |> ignore) (fun problem ->
                  Expect.isTrue (problem :? InputException) "an InputException"
                  Expect.stringContains problem.Message "libfoo.so: cannot open" "what the system said")

          testCase "only a libtorch of the same release fits"
          <| fun () ->
              NativeLoad.checkVersion "folder" (Some NativeFiles.Wanted)
              NativeLoad.checkVersion "folder" (Some "2.10.7")

              for version in [ Some "2.11.0"; Some "1.10.0"; None ] do
                  Expect.throwsT<InputException> (fun () -> NativeLoad.checkVersion "folder" version) "another release"

          testCase "CONDEMBED_LIBTORCH has to name a folder with libtorch"
          <| fun () ->
              Expect.isNone (NativeFiles.chosen "") "not set"

              inFolder (fun folder ->
                  Expect.throwsT<InputException> (fun () -> NativeFiles.chosen folder |> ignore) "an empty folder"
                  File.WriteAllText(Path.Combine(folder, NativeFiles.core), "")
                  Expect.equal (NativeFiles.chosen folder) (Some folder) "a folder with the library") ]
