module CondEmbed.Tests.ImageSheetTests

open System
open System.IO
open Expecto
open CondEmbed.Tests.Support
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

let private at (image: RgbImage) x y =
    let i = (y * image.Width + x) * 3
    Rgb(image.Pixels[i], image.Pixels[i + 1], image.Pixels[i + 2])

let private white = Rgb(255uy, 255uy, 255uy)

let private heat =
    testList
        "heat"
        [ testCase "the lightest place is where the weight is, the darkest where it is least"
          <| fun () ->
              let grey = RgbImage(60, 40, Rgb(100uy, 100uy, 100uy))
              let weights = Array.init 24 (fun place -> if place = 9 then 0.5f else 0.02f)
              let map = HeatMap.Over(grey, weights, 4, 6)
              Expect.equal (map.Width, map.Height) (60, 40) "size"
              let light x y = let colour = at map x y in int colour.R + int colour.G + int colour.B
              // Row 1, column 3 of cells of 10 x 10.
              Expect.equal (Seq.maxBy (fun (x, y) -> light x y) (Seq.allPairs [ 5..10..55 ] [ 5..10..35 ])) (35, 15) "place"
              let scale = HeatMap.Scale(256, 2)
              let blended (colour: Rgb) = [ for c in [ colour.R; colour.G; colour.B ] -> int (round (40.0 + 0.6 * float c)) ]
              let found = at map 5 35
              Expect.equal [ int found.R; int found.G; int found.B ] (blended (at scale 0 0)) "the darkest over grey"
              let bright = at scale 255 1
              Expect.equal (at map 35 15 |> fun c -> int c.R) (blended bright).Head "the lightest over grey"

          testCase "even weights are dark everywhere, and a wrong number of them is refused"
          <| fun () ->
              let grey = RgbImage(20, 20, Rgb(100uy, 100uy, 100uy))
              let map = HeatMap.Over(grey, Array.create 4 0.25f, 2, 2)
              Expect.all [ for x in 0..19 -> at map x x ] ((=) (at map 0 0)) "one colour"
              Expect.isLessThan (at map 0 0).R 50uy "dark"
              Expect.throwsT<ArgumentException> (fun () -> HeatMap.Over(grey, [| 1.0f |], 2, 2) |> ignore) "1 is not 4" ]

let tests =
    testList
        "sheets and files"
        [ heat
          testCase "a PNG gives back its pixels"
          <| fun () ->
              let image = randomImage 1 37 22
              let back = decoder.Decode(ImageEncoder.Png image, "png")
              Expect.equal (back.Width, back.Height) (37, 22) "size"
              expectSame back.Pixels image.Pixels "pixels"

          testCase "a JPEG gives back nearly its pixels"
          <| fun () ->
              let image = RgbImage(40, 40, Rgb(200uy, 30uy, 90uy))
              let back = decoder.Decode(ImageEncoder.Jpeg(image, 90), "jpg")
              Expect.all (Array.zip back.Pixels image.Pixels) (fun (a, b) -> abs (int a - int b) < 6) "close"

          testCase "a saved PNG is whole, in a folder made for it, with nothing left beside it"
          <| fun () ->
              let folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())
              let path = Path.Combine(folder, "sheets", "a.png")
              let image = randomImage 1 9 8
              ImageEncoder.SavePng(image, path)
              ImageEncoder.SavePng(image, path)
              expectSame (decodeFile path).Pixels image.Pixels "pixels"
              Expect.equal (Directory.GetFiles(folder, "*", SearchOption.AllDirectories)) [| path |] "files"

              let blocked () = ImageEncoder.SavePng(image, Path.Combine(path, "b.png"))

              Expect.throwsT<CondEmbed.Common.InputException> blocked "a file is no folder"
              Directory.Delete(folder, true)

          testCase "a data URI is a PNG when small and a JPEG when large"
          <| fun () ->
              Expect.stringStarts (ImageEncoder.DataUri(randomImage 1 64 64)) "data:image/png;base64,iVBOR" "small"
              Expect.stringStarts (ImageEncoder.DataUri(randomImage 1 224 224)) "data:image/jpeg;base64,/9j/" "large"

          testCase "a contact sheet holds every pixel of every tile in its cell"
          <| fun () ->
              let tiles = [| for i in 0..4 -> Tile(randomImage i 20 10) |]
              let sheet = ContactSheet.Compose(tiles, 3, 2)
              Expect.equal (sheet.Width, sheet.Height) (3 * 46 + 6, 2 * 26 + 6) "size"

              for i in 0..4 do
                  let left, top = 6 + i % 3 * 46, 6 + i / 3 * 26

                  for y in 0..19 do
                      for x in 0..39 do
                          Expect.equal (at sheet (left + x) (top + y)) (at tiles[i].Image (x / 2) (y / 2)) $"tile {i} at {x}, {y}"

              Expect.equal (at sheet 2 2, at sheet 140 50) (white, white) "white elsewhere"

          testCase "a frame goes round its image"
          <| fun () ->
              let green = Rgb(0uy, 160uy, 0uy)

              let sheet = ContactSheet.Compose([| Tile(randomImage 1 20 20, null, Nullable green) |], 1)

              Expect.equal (at sheet 4 15, at sheet 27 15, at sheet 15 4, at sheet 15 27) (green, green, green, green) "all sides"
              Expect.equal (at sheet 1 15) white "outside"

          testCase "a caption takes a line below"
          <| fun () ->
              let sheet = ContactSheet.Compose([| Tile(randomImage 1 80 20, "a name that is much too long for so small a tile") |], 1)

              Expect.equal (sheet.Width, sheet.Height) (92, 49) "size"

          testCase "a preview shows the evaluation's view, then the views of training"
          <| fun () ->
              let files = [| for i in 0..3 -> $"{i}", ImageEncoder.Png(randomImage i 60 50) |]
              let reader = ImageReader(MemorySource files)
              let eval, train = EvalTransform(24, 20), TrainTransform(Size = 20)
              let sheet = Preview.Sheet(reader, [| 2; 0 |], null, eval, train, 3, 5L)
              let zoom, cell = 5, 106
              Expect.equal (sheet.Width, sheet.Height) (4 * cell + 6, 2 * cell + 6) "size"
              let image = decoder.Decode(ImageEncoder.Png(randomImage 0 60 50), "")
              let mutable random = SeededRandom.For(5L, 2L, 1L)
              let third = train.Apply(image, &random)
              Expect.equal (at sheet (6 + 7 * zoom) (6 + cell + 9 * zoom)) (at (eval.Apply image) 7 9) "evaluation, second row"
              Expect.equal (at sheet (6 + 3 * cell + 7 * zoom) (6 + cell + 9 * zoom)) (at third 7 9) "third view, second row"

          testCase "one image a class, spread over the classes"
          <| fun () ->
              let labels = [| for i in 0..19 -> string (i / 2) |]
              Expect.equal (Preview.OnePerClass(labels, 5) |> List.ofSeq) [ 0; 4; 8; 12; 16 ] "spread"
              Expect.equal (Preview.OnePerClass([| "b"; "a"; "b" |], 8) |> List.ofSeq) [ 0; 1 ] "all there are" ]
