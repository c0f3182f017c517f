/// Images into the store: what is embedded and written, and what is there already.
module CondEmbed.Tests.StoreIndexTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Interchange
open CondEmbed.Models
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support
open CondEmbed.Tests.StoreSupport

/// A network whose embedding of an image is the first of its pixels about their middle; it counts what it embeds.
type private PixelNetwork() =
    member val Embedded = 0 with get, set

    interface IEmbeddingNetwork with
        member _.Dimension = 24
        member _.View = EvalTransform(8, 8)
        member _.BatchSize = 5
        member _.Fingerprint = "pixels"

        member this.Embed(pixels, count) =
            this.Embedded <- this.Embedded + count

            [| for image in pixels |> Array.chunkBySize (pixels.Length / count) do
                   let row = [| for value in image[72..95] -> float32 value - 127.5f |]
                   let length = sqrt (Array.sumBy (fun x -> x * x) row)
                   for x in row -> x / length |]

        member _.Dispose() = ()

let private pixels = StoreNetwork("pixels", 24)

let private index (data: IImageDataset) table options =
    use network = new PixelNetwork()

    let summary =
        ensured (pgliteAddress table) pixels (fun store -> StoreIndexer.RunAsync(network, data, store, options) |> wait)

    summary, network.Embedded

let tests =
    testList
        "index"
        [ test "twice: nothing is embedded and nothing written the second time; --again does both" {
              let data = FolderDataset.Open imageFolder.Value
              let first, embedded = index data "twice" (IndexOptions 20)
              Expect.equal (first.Embedded, first.Known, embedded) (96L, 0L, 96) "all"
              let before = everything "twice"
              Expect.hasLength before 96 "rows"
              let second, embedded = index data "twice" (IndexOptions 7)
              Expect.equal (second.Embedded, second.Known, second.Renamed, embedded) (0L, 96L, 0L, 0) "none"
              Expect.equal (everything "twice") before "nothing changed"
              let third, embedded = index data "twice" (IndexOptions(20, Again = true))
              Expect.equal (third.Embedded, third.Known, embedded) (96L, 0L, 96) "again"
              Expect.equal (everything "twice") before "and came out the same"
          }

          test "stopped anywhere, whole blocks are there; going on makes it equal to a load at one go" {
              let data = FolderDataset.Open imageFolder.Value
              index data "whole" (IndexOptions 20) |> ignore
              use network = new PixelNetwork()
              use stop = new CancellationTokenSource()

              ensured (pgliteAddress "stopped") pixels (fun store ->
                  let progress = listener (fun at -> if at.Step >= 40 then stop.Cancel())

                  Expect.throwsT<OperationCanceledException>
                      (fun () -> StoreIndexer.RunAsync(network, data, store, IndexOptions 20, progress, stop.Token) |> wait |> ignore)
                      "stopped"

                  Expect.equal (store.CountAsync() |> wait) 40L "two blocks")

              let rest, embedded = index data "stopped" (IndexOptions 20)
              Expect.equal (rest.Embedded, rest.Known, embedded) (56L, 40L, 56) "the rest"
              Expect.equal (content "stopped") (content "whole") "equal"
          }

          test "a copy has no row of its own, a moved image keeps its row, a bad one is left out or named" {
              inFolder (fun folder ->
                  unpack folder 2
                  let files = Directory.GetFiles(folder, "*.png", SearchOption.AllDirectories) |> Array.sort
                  File.Copy(files[0], files[0].Replace(".png", "-copy.png"))
                  let opened () = FolderDataset.OpenUnlabelled folder
                  let first, _ = index (opened ()) "copies" (IndexOptions 5)
                  Expect.equal (first.Embedded, first.Same) (12L, 1L) "a copy"
                  let before = everything "copies"
                  let second, _ = index (opened ()) "copies" (IndexOptions 5)
                  Expect.equal (second.Embedded, second.Known, second.Renamed, second.Same) (0L, 12L, 0L, 1L) "twice"
                  Expect.equal (everything "copies") before "nothing changed"
                  Directory.CreateDirectory(Path.Combine(folder, "moved")) |> ignore
                  File.Move(files[3], Path.Combine(folder, "moved", "there.png"))
                  let third, embedded = index (opened ()) "copies" (IndexOptions 5)
                  Expect.equal (third.Embedded, third.Renamed, embedded) (0L, 1L, 0) "moved"
                  let named = content "copies" |> List.filter (fun row -> row[1] = "moved/there.png")
                  Expect.equal [ for row in named -> row[2] ] [ box "moved" ] "path and label"

                  let labelled, _ = index (opened ()) "copies" (IndexOptions(5, Label = "all"))
                  Expect.equal labelled.Renamed 12L "one label for all"

                  File.WriteAllText(files[1], "no image")
                  rejects [ "not"; Path.GetFileName files[1] ] (fun () -> index (opened ()) "copies" (IndexOptions 5) |> ignore)
                  let bad = List<string>()
                  let skipping = IndexOptions(5, SkipBad = fun image -> bad.Add image.Name)
                  let fourth, _ = index (opened ()) "copies" skipping
                  Expect.equal (fourth.Bad, bad.Count, fourth.Embedded) (1L, 1, 0L) "left out"
                  Expect.stringContains bad[0] (Path.GetFileName files[1]) "named")
          }

          test "parts of one image are images of their own" {
              let file = ReadOnlyMemory [| 1uy; 2uy |]
              let id box = ImageId.Of(file.Span, box)
              let whole, part, other = id (Nullable()), id (Nullable(PixelBox(0, 0, 1, 12))), id (Nullable(PixelBox(0, 0, 11, 2)))
              Expect.equal whole "a12871fee210fb8619291eaea194581cbd2531e4b23759d225f6806923f63222" "SHA-256 of the file"
              Expect.hasLength (List.distinct [ whole; part; other ]) 3 "three"
          } ]
