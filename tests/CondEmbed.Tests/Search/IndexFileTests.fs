/// The files of an index: what comes back, and what is damaged.
module CondEmbed.Tests.IndexFileTests

open System
open System.IO
open Expecto
open CondEmbed.Search
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.Support
open CondEmbed.Tests.IndexSupport

let private damaged (path: string) (change: byte[] -> byte[]) =
    let other = path + ".damaged"
    File.WriteAllBytes(other, change (File.ReadAllBytes path))
    other

let private flipped at (bytes: byte[]) =
    let bytes = Array.copy bytes
    bytes[at] <- bytes[at] ^^^ 1uy
    bytes

let tests =
    testList
        "files"
        [ test "texts come back as they were" {
              use index = new ImageIndex(2, "net")
              add index (IndexItem("ключ/\u00e9", "{\"price\": 3}")) [| 1.0f; 0.0f |]
              add index (IndexItem("plain")) [| 0.0f; 1.0f |]

              throughFile index (fun loaded ->
                  Expect.equal (List.ofSeq loaded.Items) [ IndexItem("ключ/\u00e9", "{\"price\": 3}"); IndexItem "plain" ] "items"
                  Expect.equal (loaded.Dimension, loaded.Fingerprint) (2, "net") "what it is")
          }

          test "an empty index is a file too" {
              throughFile (new ImageIndex(3, "net")) (fun loaded -> Expect.equal loaded.Count 0 "nothing")
          }

          test "what is damaged or another file is said" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "a.index")
                  use index = filled (signs 1 100 16)
                  index.Save path
                  let length = int (FileInfo path).Length
                  let load path = (ImageIndex.Load path).Dispose()
                  rejects [ "nowhere"; "cannot be read" ] (fun () -> load (Path.Combine(folder, "nowhere")))
                  rejects [ "not an index of images" ] (fun () -> load (damaged path (fun _ -> "hello"B)))
                  rejects [ "not an index of images" ] (fun () -> load (damaged path (fun _ -> [||])))
                  rejects [ "its header" ] (fun () -> load (damaged path (flipped 17)))
                  rejects [ "its header" ] (fun () -> load (damaged path (flipped 200)))
                  rejects [ "its header" ] (fun () -> load (damaged path (Array.truncate 3000)))

                  rejects [ "format 3"; "reads formats 1 and 2" ] (fun () ->
                      load (
                          damaged path (fun bytes ->
                              bytes[8] <- 3uy
                              bytes)
                      ))

                  rejects [ $"has {length - 1} bytes, not {length}" ] (fun () -> load (damaged path (Array.truncate (length - 1))))
                  rejects [ "its ids and labels" ] (fun () -> load (damaged path (flipped (length - 1))))
                  rejects [ "its ids and labels" ] (fun () -> load (damaged path (flipped (4096 + 100 * 64 + 5))))
                  rejects [ "its embeddings" ] (fun () -> (ImageIndex.Load(damaged path (flipped 5000), check = true)).Dispose()))
          }

          test "an index of another network is refused" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "a.index")
                  use index = filled (signs 1 10 4)
                  index.Save path

                  rejects [ path; "another network (net)"; "(means)" ] (fun () ->
                      use embedder = new Embedder(new FakeNetwork())
                      (ImageIndex.Load(path, embedder)).Dispose()))
          }

          test "embeddings stay in the file until a search wants them" {
              inFolder (fun folder ->
                  let path = Path.Combine(folder, "a.index")
                  use index = filled (signs 1 20000 64)
                  index.Save path
                  let before = GC.GetTotalAllocatedBytes true
                  use loaded = ImageIndex.Load path
                  loaded.Search(Array.concat (List.replicate 16 ones), 3) |> ignore
                  let taken = GC.GetTotalAllocatedBytes true - before
                  Expect.isLessThan taken (20000L * 64L * 4L / 4L) "bytes of memory, of 5 MB")
          }

          test "a file that cannot be written leaves what was there" {
              inFolder (fun folder ->
                  use index = filled (signs 1 10 4)
                  rejects [ "no folder" ] (fun () -> index.Save(Path.Combine(folder, "missing", "a.index")))
                  Expect.isEmpty (Directory.GetFileSystemEntries folder) "nothing left")
          }

          test "after disposal it says so" {
              let index = filled (signs 1 10 4)
              index.Dispose()
              index.Dispose()
              Expect.throwsT<ObjectDisposedException> (fun () -> index.Search(ones, 1) |> ignore) "search"
              Expect.throwsT<ObjectDisposedException> (fun () -> index.Count |> ignore) "count"
          } ]
