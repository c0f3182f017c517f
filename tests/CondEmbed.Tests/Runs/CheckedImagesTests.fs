/// What runs with kept maps remember of the images that they checked.
module CondEmbed.Tests.CheckedImagesTests

open System.IO
open Expecto
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Images
open CondEmbed.Runs
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Tests.TrunkTests

/// Whether a run decoded all images before it began, its losses, and what it said.
let private watched config (root: string) =
    let trainer = Trainer(config, root)
    let lines, checkedAll = ResizeArray<string>(), ref false
    trainer.Notice <- System.Action<string>(lines.Add)

    trainer.Train(listener (fun at -> if at.Phase = "checking images" then checkedAll.Value <- true))
    |> ignore

    checkedAll.Value, lossesOf root, String.concat "\n" lines

/// The image becomes another one, whose file is not longer, and keeps its length and time.
let private exchange (path: string) (other: byte array) =
    let time, length = File.GetLastWriteTimeUtc path, int (FileInfo path).Length
    // What follows the end of a PNG is ignored.
    File.WriteAllBytes(path, Array.append other (Array.zeroCreate (length - other.Length)))
    File.SetLastWriteTimeUtc(path, time)

let tests =
    testList
        "Checked images"
        [ test "reads no image whose file has not changed, and finds one that has" {
              inFolder (fun folder ->
                  let pictures = Path.Combine(folder, "pictures")
                  unpack pictures 16
                  let config others = settings pictures (frozen @ kept folder @ others)
                  let run name others = watched (config others) (Path.Combine(folder, name))
                  let checkedFirst, losses, _ = run "first" []
                  Expect.isTrue checkedFirst "the first decodes all"

                  let data = RunData.Open(config [])
                  let lengthOf (path: string) = FileInfo(path).Length

                  let trained =
                      [ for item in data.Split.Train -> Path.Combine(pictures, data.Dataset.Items[item].Path) ]
                      |> List.sortBy lengthOf

                  let smallest, changing = trained.Head, List.last trained
                  exchange changing (File.ReadAllBytes smallest)
                  let checkedAgain, again, said = run "again" []
                  Expect.isFalse checkedAgain "the next decodes none"
                  Expect.stringContains said ": found" "the maps"
                  Expect.equal again losses "and trains the same"

                  File.SetLastWriteTimeUtc(changing, System.DateTime.UtcNow.AddMinutes 1.0)
                  let checkedChanged, _, said = run "changed" []
                  Expect.isTrue checkedChanged "a file of another time is read, and so are all"
                  Expect.stringContains said "to be computed" "its content is another"

                  File.WriteAllBytes(changing, Array.zeroCreate 99)

                  Expect.throwsC (fun () -> run "broken" [] |> ignore) (fun problem ->
                      Expect.isTrue (problem :? InputException) "an InputException"
                      Expect.stringContains problem.Message (Path.GetFileName changing) "the image that is broken")

                  let leftOut = [ "skip_bad", "true" ]
                  let checkedRest, _, said = run "left-out" leftOut
                  Expect.isTrue checkedRest "all are decoded again"
                  Expect.stringContains said "left out: " "the broken image"
                  let checkedLast, _, said = run "left-out-again" leftOut
                  Expect.isFalse checkedLast "and none the next time"
                  Expect.stringContains said "left out: " "the broken image is remembered")
          }

          test "makes another where training views come from shrunk images" {
              inFolder (fun folder ->
                  let run name others = watched (settings imageFolder.Value (frozen @ kept folder @ others)) (Path.Combine(folder, name))
                  run "first" [] |> ignore
                  let shrunk = [ "cache", Path.Combine(folder, "cache"); "cache_side", "16" ]
                  let _, _, said = run "shrunk" shrunk
                  Expect.stringContains said "to be computed" "of shrunk images"
                  let _, _, said = run "shrunk-again" shrunk
                  Expect.stringContains said ": found" "once")
          }

          test "tells bundled images by the build of the program, and those in memory only by reading them" {
              let stamps (data: IImageDataset) = [ for image in 0..2 -> data.StampOf image ]

              for data in [ EmojiDataset.Open() :> IImageDataset; EmojiScenesDataset.Open() ] do
                  Expect.all (stamps data) (isNull >> not) data.Name

              let whole = ImageDatasets.Open imageFolder.Value
              let bytes = [ for image in 0..2 -> LabelledImage($"label{image}", RgbImage(2, 2, Array.zeroCreate 12)) ]
              Expect.all (stamps (MemoryDataset("memory", bytes))) isNull "in memory"
              Expect.hasLength (List.distinct (stamps whole)) 3 "files"
              Expect.equal (stamps (DatasetPart(whole, [ 2; 1; 0 ]))) (List.rev (stamps whole)) "of a part"
          } ]
