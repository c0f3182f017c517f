/// What is found out about a data set.
module CondEmbed.Tests.InspectTests

open System
open System.IO
open Expecto
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Tests.PublishedSupport
open CondEmbed.Tests.Support

let private inspected (dataset: IImageDataset) = DatasetInspector(dataset).Run(2)

/// Two classes for training and two for test, four images each, with some things wrong.
let private troubled (root: string) =
    let file part label image = Path.Combine(root, part, label, image)

    for at, (part, label) in List.indexed [ "train", "a"; "train", "b"; "test", "c"; "test", "d" ] do
        for image in 0..3 do
            drawImage (file part label $"{image}.png") (at * 10 + image)

    File.Copy(file "train" "a" "0.png", file "test" "c" "copy.png")
    File.Copy(file "test" "d" "1.png", file "test" "d" "copy.png")
    File.WriteAllText(file "train" "b" "broken.png", "no image")
    File.WriteAllText(file "train" "b" "empty.png", "")
    File.WriteAllBytes(file "train" "b" "really.png", ImageEncoder.Jpeg(RgbImage(40, 30, Rgb(1uy, 2uy, 3uy))))

let private findings =
    testList
        "findings"
        [ test "counts, sizes, formats, bad images and duplicates" {
              inFolder (fun root ->
                  troubled root
                  let found = inspected (ImageDatasets.Open root)
                  Expect.equal (found.Images, found.Classes, found.Categories) (21, 4, 0) "counts"
                  Expect.equal found.ImagesPerClass (Spread(4, 5.0, 7)) "per class"

                  Expect.equal
                      [ for part in found.Parts -> part.Name, part.Classes, part.Images ]
                      [ "train", 2, 11; "validation", 0, 0; "test", 2, 10 ]
                      "parts"

                  Expect.equal (found.Width, found.Height) (Spread(16, 16.0, 40), Spread(12, 12.0, 30)) "sizes"

                  Expect.equal
                      [ for KeyValue(format, files) in found.Formats -> format, files ]
                      [ "PNG", 18; "JPEG", 1; "other", 1 ]
                      "by content, whatever the name says"

                  Expect.equal [ for bad in found.Bad -> bad.Name ] [ "train/b/broken.png"; "train/b/empty.png" ] "bad"
                  let twice = found.Duplicates
                  Expect.equal (twice.Groups, twice.Copies, twice.TrainAndTest) (2, 2, 1) "duplicates"
                  Expect.equal (twice.WithinTrain, twice.WithinTest, twice.AcrossClasses) (0, 1, 1) "where"

                  Expect.equal
                      (List.ofSeq twice.Examples[0] |> List.sort)
                      [ "test/c/copy.png"; "train/a/0.png" ]
                      "those on both sides come first")
          }

          test "several boxes of one file are no duplicates" {
              inFolder (fun root ->
                  draw root [ "1.png" ]
                  write root "t.csv" [ "path,label,x,y,w,h"; "1.png,a,0,0,4,4"; "1.png,b,4,4,4,4"; "1.png,b,4,4,4,4" ]
                  let found = inspected (ImageDatasets.Open(Path.Combine(root, "t.csv")))
                  Expect.equal (found.Duplicates.Copies, found.Width) (1, Spread(4, 4.0, 4)) "only the same part is the same")
          }

          test "data that cannot be divided says why, and the rest is still found out" {
              inFolder (fun root ->
                  cub root [ 1; 2; 3 ]
                  let found = inspected (opened subset root)
                  Expect.stringContains found.Split "Split = \"first-half\"" "why"
                  Expect.isEmpty found.Parts "parts"
                  Expect.stringContains found.Subset "6 of 11,788" "subset"
                  Expect.equal found.Images 6 "images")
          }

          test "a sheet shows an image of each class but the bad ones, with a frame of its part" {
              inFolder (fun root ->
                  troubled root
                  let inspector = DatasetInspector(ImageDatasets.Open root)
                  let found = inspector.Run()
                  let sheet = inspector.Sheet found.Bad
                  Expect.isTrue (sheet.Width > 4 * 112 && sheet.Height > 112) "four images in a row"

                  let frames =
                      set [ for at in 0..3 .. sheet.Pixels.Length - 3 -> sheet.Pixels[at], sheet.Pixels[at + 1], sheet.Pixels[at + 2] ]

                  Expect.isTrue (frames.Contains(40uy, 110uy, 200uy) && frames.Contains(230uy, 130uy, 30uy)) "train and test")
          }

          test "work that is called off ends" {
              use stop = new Threading.CancellationTokenSource()
              stop.Cancel()

              Expect.throwsT<OperationCanceledException>
                  (fun () -> DatasetInspector(EmojiDataset.Open()).Run(cancellationToken = stop.Token) |> ignore)
                  "cancelled"
          } ]

let private parts =
    testList
        "parts"
        [ test "without bad images, items and files keep together, and a published set is whole no more" {
              inFolder (fun root ->
                  troubled root
                  let left = ResizeArray()
                  let whole = ImageDatasets.Open root
                  let part = DatasetPart.WithoutBad(whole, notice = Action<string>(left.Add))
                  Expect.equal (part.Count, left.Count) (19, 2) "counts"
                  Expect.equal part.Items[part.Count - 1].Path whole.Items[20].Path "the last item"
                  Expect.equal (part.Read(part.Count - 1)) (whole.Read 20) "its file"
                  Expect.isNull part.Subset "a folder was never published"

                  let published =
                      FileDataset(
                          "set",
                          whole.Items,
                          [ for item in whole.Items -> Path.Combine(root, item.Path) ],
                          IsPublished = true,
                          Kind = "Set"
                      )

                  Expect.isNull (published :> IImageDataset).Subset "whole"
                  Expect.stringContains (DatasetPart.WithoutBad published).Subset "19 of 21 images of Set" "not whole any more")
          }

          test "nothing that can be used" {
              inFolder (fun root ->
                  write root "a/1.png" [ "no image" ]
                  rejects [ "none of the 1 images" ] (fun () -> DatasetPart.WithoutBad(ImageDatasets.Open root) |> ignore))
          } ]

let tests = testList "Inspect" [ findings; parts ]
