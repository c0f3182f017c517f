/// Files that are no images, or of a kind that is not read: said, never silent, and never waited for.
module CondEmbed.Tests.PassedOverTests

open System
open System.Diagnostics
open System.IO
open System.Threading.Tasks
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Options
open CondEmbed.Interop
open CondEmbed.Tests.Support
open CondEmbed.Tests.ImageSupport

let private jpeg = lazy File.ReadAllBytes(goldenImage "wide.jpg")

/// Files below a folder, JPEG images by their bytes whatever their names.
let private laid folder names =
    for name: string in names do
        let file = Path.Combine(folder, name)
        Directory.CreateDirectory(Path.GetDirectoryName file) |> ignore
        File.WriteAllBytes(file, jpeg.Value)

let private linesOf names =
    inFolder (fun folder ->
        laid folder names

        FolderDataset.Open(folder).PassedOver
        |> Seq.map (fun line -> line.Replace(folder, "F"))
        |> List.ofSeq)

let private notices =
    testList
        "in class folders"
        [ test "are counted by endings, with the classes that have fewer images, or none" {
              let lines =
                  linesOf
                      [ "one/0.jpg"
                        "one/1.png"
                        "one/a.HEIC"
                        "one/b.tif"
                        "one/c.avif"
                        "two/0.jfif"
                        "two/1.pjpeg"
                        "three/a.heic"
                        "three/b.heic" ]

              Expect.equal
                  lines
                  [ "F: passed over 5 files: 3 .heic, 1 .avif, 1 .tif; images in these formats are not supported: convert them to JPEG or PNG"
                    "F: classes with fewer images as a result: one (3 passed over)"
                    "F: classes without any images, which are left out: three (2 passed over)" ]
                  "all is said"
          }
          test "are counted in the folders of a split too" {
              let lines = linesOf [ "train/one/0.jpg"; "train/one/a.heic"; "test/two/0.jpg"; "test/two/notes.txt" ]
              Expect.stringContains lines[0] "1 .heic, 1 .txt" "both"
              Expect.stringEnds lines[1] "one (1 passed over)" "notes make no class smaller"
              Expect.hasLength lines 2 "no more"
          }
          test "are not told of where they are clutter, hidden, or beside the classes" {
              let clutter =
                  [ "one/.DS_Store"
                    "one/._0.jpg"
                    "one/Thumbs.db"
                    "two/desktop.ini"
                    "__MACOSX/one/0.jpg"
                    "README.md"
                    "split.csv" ]

              Expect.isEmpty (linesOf ([ "one/0.jpg"; "two/0.jpg" ] @ clutter)) "nothing"
          }
          test "are named where there is nothing else" {
              inFolder (fun folder ->
                  laid folder [ "one/0.heic"; "two/0.heic" ]

                  rejects [ "2 .heic"; "convert such images to JPEG or PNG"; ".jfif" ] (fun () -> FolderDataset.Open folder |> ignore)
                  rejects [ "2 .heic" ] (fun () -> FolderDataset.OpenUnlabelled folder |> ignore))
          } ]

let private single =
    test "a single file is taken by its content, whatever its name" {
        inFolder (fun folder ->
            let heic, photo = Path.Combine(folder, "x.heic"), Path.Combine(folder, "photo")
            File.WriteAllBytes(heic, Array.concat [ [| 0uy; 0uy; 0uy; 24uy |]; "ftypheic\000\000\000\000mif1heic"B; Array.zeroCreate 99 ])
            File.WriteAllBytes(photo, jpeg.Value)
            rejects [ "HEIC"; "convert it" ] (fun () -> ImageReader(ImageDatasets.OpenImages heic).Read 0 |> ignore)
            Expect.isGreaterThan (ImageReader(ImageDatasets.OpenImages photo).Read 0).Width 0 "read")
    }

let private pipes =
    if OperatingSystem.IsWindows() then
        []
    else
        [ test "a pipe with the name of an image is refused and not opened" {
              inFolder (fun folder ->
                  let pipe = Path.Combine(folder, "pipe.jpg")
                  use made = Process.Start("mkfifo", pipe)
                  made.WaitForExit()
                  let link = Path.Combine(folder, "link.jpg")
                  File.CreateSymbolicLink(link, pipe) |> ignore
                  File.CreateSymbolicLink(Path.Combine(folder, "zero.jpg"), "/dev/zero") |> ignore

                  for index in 0..2 do
                      let read =
                          Task.Run(fun () ->
                              rejects [ "pipe or a device" ] (fun () -> ImageReader(ImageDatasets.OpenImages folder).Read index |> ignore))

                      Expect.isTrue (read.Wait(TimeSpan.FromMinutes 1.0)) "nobody waits for it")
          } ]

let private resolved pairs = RunSettings.Resolve [ for key, value in pairs -> Given(key, key, value) ]

let private sizes =
    test "resize follows size where it is not given" {
        let resize pairs = (resolved pairs).Host.Resize
        let size value = [ "encoder", "resnet50"; "size", string value ]

        for side, short in [ 112, 128; 160, 183; 128, 146; 224, 256; 64, 73; 288, 329 ] do
            Expect.equal (resize (size side)) short $"size {side}"

        Expect.equal (resize [ "encoder", "vit-s16"; "size", "112" ]) 128 "a transformer"
        Expect.equal (resize (size 112 @ [ "resize", "112" ])) 112 "as given"
        Expect.equal (resize [ "encoder", "resnet50" ]) 256 "the encoder's own"
        Expect.equal ((resolved [ "size", "64" ]).ShortSide) 64 "small images are seen whole"
        Expect.equal (TrainingOptions(Encoder = "resnet50", Size = 112).Resolve().Host.Resize) 128 "from C#"
        Expect.equal (resize [ "size", "112"; "encoder", "resnet50" ]) 128 "in any order"
    }

let private white = Rgb(255uy, 255uy, 255uy)

let private background =
    testList
        "a colour behind transparent parts"
        [ test "is a setting, checked, and part of the view" {
              for text, colour in
                  [ "white", white
                    "#fff", white
                    "#FF8000", Rgb(255uy, 128uy, 0uy)
                    "Grey", Rgb(128uy, 128uy, 128uy)
                    "teal", Rgb(0uy, 128uy, 128uy) ] do
                  Expect.equal (Views.ForTesting(resolved [ "background", text ])).Background (Nullable colour) text
                  Expect.equal (Views.ForTraining(resolved [ "background", text ])).Background (Nullable colour) $"{text}, training"

              for text in [ "none"; "" ] do
                  Expect.equal (Views.ForTesting(resolved [ "background", text ])).Background (Nullable()) "none"

              for text in [ "whit"; "transparent"; "control" ] do
                  rejects [ "background"; text; "#rrggbb" ] (fun () -> resolved [ "background", text ] |> ignore)
          }
          test "changes the fingerprint of a network only where there is one" {
              Expect.equal
                  (string (EvalTransform(256, 224)))
                  "EvalTransform { Resize = 256, Crop = 224, Filter = Bilinear, OutputSize = 224 }"
                  "as always"

              Expect.stringContains (string (EvalTransform(256, 224, Background = Nullable white))) "#ffffff" "told"
          }
          test "is kept with an export" {
              let kept view = (Preprocessing.Parse(Preprocessing(view, [| 0.5 |], [| 0.5 |]).ToJson())).View
              let view = EvalTransform(36, 32, Background = Nullable(Rgb(1uy, 2uy, 253uy)))
              Expect.equal (kept view) view "the same"
              Expect.equal (kept (EvalTransform(36, 32))) (EvalTransform(36, 32)) "none"
          }
          test "is put there by whoever reads for a view, with a cache or without" {
              let cutOut = File.ReadAllBytes(goldenImage "cutout.png")
              let source = MemorySource [| "cutout", cutOut |]
              let right = (SkiaDecoder(Background = Nullable white)).Decode(cutOut, "cutout")
              let plain = decoder.Decode(cutOut, "cutout")
              expectSame right.Pixels (decodeFile (goldenImage "cutout-on-white.png")).Pixels "the product that was taken on white"
              Expect.notEqual right.Pixels plain.Pixels "it matters"

              for cache in [ null; DecodedCache() ] do
                  let reader = ImageReader(source, cache = cache)
                  expectSame (reader.Read 0).Pixels plain.Pixels "dropped"
                  let view = EvalTransform(24, 24, Background = Nullable white)
                  let mutable random = SeededRandom.For(0L, 0L, 0L)
                  let pixels = Array.zeroCreate<byte>(24 * 24 * 3)
                  reader.View(0, view, &random, pixels.AsSpan())
                  expectSame pixels (view.Apply right).Pixels "on white"
          } ]

let private largest =
    test "the largest image is a setting" {
        let file = File.ReadAllBytes(goldenImage "small.png")
        let read (settings: RunSettings) = (Views.Decoder settings.Host).Decode(file, "small") |> ignore
        read (resolved [])
        rejects [ "MaxMegapixels" ] (fun () -> read (resolved [ "max_megapixels", "0.001" ]))
        Expect.equal ((resolved [ "max_megapixels", "120" ]).Host.MaxPixels) 120_000_000L "millions"
        Expect.equal ((resolved []).Host.MaxPixels) SkiaDecoder.DefaultMaxPixels "as a decoder's own"
    }

/// Names of Latin-1 letters, which .NET cannot make: both become the same letter when they are read.
let private named =
    test "folders whose names are not UTF-8 are refused, for they would be one class" {
        if not (OperatingSystem.IsLinux()) then skiptest "only Linux has such names"

        inFolder (fun folder ->
            let shell script = Process.Start("/bin/sh", [ "-c"; script; folder ]).WaitForExit()
            shell "mkdir \"$0/$(printf 'M\\374')\" \"$0/$(printf 'M\\366')\""

            try
                rejects [ folder; "not UTF-8"; "Rename it" ] (fun () -> FolderDataset.Open folder |> ignore)
            finally
                // .NET cannot remove them either.
                shell "rm -r \"$0\"/M*")
    }

let tests = testList "Passed over" ([ notices; single; sizes; background; largest; named ] @ pipes)
