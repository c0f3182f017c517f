/// Data sets from sequences, their images as tensors, and plots.
module CondEmbed.Tests.MemoryDataTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Reports
open CondEmbed.Models
open CondEmbed.Tests.Support
open TorchSharp

/// An image of one colour that says which it is.
let private plain (n: int) = RgbImage(5, 4, Rgb(byte n, byte (2 * n), byte (255 - n)))

let private data = lazy MemoryDataset("numbers", [ for n in 0..11 -> LabelledImage($"class{n / 3}", plain n) ])

let private sets =
    testList
        "sequence"
        [ testCase "images come back as they were, from pixels, files, tensors and streams" (fun () ->
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "a.png")
                  ImageEncoder.SavePng(plain 7, file)
                  CondEmbed.Torch.Native.ensure ()
                  use tensor = torch.tensor((plain 7).Pixels, dtype = torch.uint8).reshape(4L, 5L, 3L)

                  let ofStream = (use stream = File.OpenRead file in LabelledImage("d", stream))

                  let set =
                      MemoryDataset(
                          "set",
                          [ LabelledImage("a", plain 7); LabelledImage("b", file); LabelledImage("c", tensor); ofStream ]
                      )

                  let reader = ImageReader set
                  Expect.equal [ for item in set.Items -> item.Label ] [ "a"; "b"; "c"; "d" ] "labels"

                  for place in 0..3 do
                      let image = reader.Read place
                      Expect.equal (image.Width, image.Height) (5, 4) "size"
                      Expect.sequenceEqual image.Pixels (plain 7).Pixels "pixels"))

          testCase "a sequence is read once, and can be split" (fun () ->
              let mutable reads = 0

              let images =
                  seq {
                      reads <- reads + 1

                      for n in 0..11 do
                          LabelledImage($"class{n / 3}", plain n)
                  }

              let split = ClassSplit.Make(MemoryDataset("numbers", images))
              Expect.equal reads 1 "reads"
              Expect.equal (split.Train.Count + split.Validation.Count + split.Test.Count) 12 "every image has a part")

          testCase "roles and categories are kept" (fun () ->
              let set = MemoryDataset("set", [ LabelledImage("a", plain 1, Role = Role.Test, Category = "wide") ])
              Expect.equal (set.Items[0].Role, set.Items[0].Category) (Role.Test, "wide") "the item")

          testCase "what is wrong is named" (fun () ->
              rejects [ "nothing"; "no images" ] (fun () -> MemoryDataset("nothing", []) |> ignore)

              rejects [ "set"; "image 1"; "empty label" ] (fun () ->
                  MemoryDataset("set", [ LabelledImage("a", plain 1); LabelledImage("", plain 2) ]) |> ignore)

              let missing = MemoryDataset("set", [ LabelledImage("a", "/nowhere/at-all.png") ])
              rejects [ "/nowhere/at-all.png"; "no such file" ] (fun () -> (ImageReader missing).Read 0 |> ignore)
              CondEmbed.Torch.Native.ensure ()

              Expect.throwsC (fun () -> LabelledImage("a", torch.zeros (3L, 4L, 5L)) |> ignore) (fun error ->
                  for word in [ "H x W x 3 bytes"; "Float32"; "[3, 4, 5]" ] do
                      Expect.stringContains error.Message word "the message")) ]

let private tensors =
    testList
        "tensors"
        [ tensorTest "all images in order, with classes numbered by name" (fun () ->
              use tensors = new ImageTensors(data.Value, [| 5; 0; 11 |], 4)
              Expect.sequenceEqual tensors.All.Images.shape [ 3L; 4L; 4L; 3L ] "shape"
              Expect.sequenceEqual (tensors.All.Labels.data<int64>().ToArray()) [ 1L; 0L; 2L ] "numbers"
              Expect.sequenceEqual tensors.Classes [ "class0"; "class1"; "class3" ] "names"
              let first = tensors.All.Images.select(0L, 0L).contiguous().data<byte>().ToArray()
              Expect.sequenceEqual first[0..2] [ 5uy; 10uy; 250uy ] "pixels")

          tensorTest "they outlive the scope they were made in" (fun () ->
              use tensors = CondEmbed.Tensors.scoped (fun () -> new ImageTensors(data.Value, null, 4))
              Expect.equal (tensors.All.Labels.sum().item<int64>()) 18L "labels can be read")

          tensorTest "a batch depends on seed and step alone, and holds equally many of each class" (fun () ->
              use tensors = new ImageTensors(data.Value, null, 4)
              let labels seed step = tensors.Draw(step, 6, 3, seed).Labels.data<int64>().ToArray()
              let images seed step = tensors.Draw(step, 6, 3, seed).Images.data<byte>().ToArray()
              let first = images 1 4
              images 2 0 |> ignore
              Expect.sequenceEqual (images 1 4) first "again"
              Expect.notEqual (List.init 5 (images 1)) (List.init 5 (images 2)) "another seed"

              for step in 0..5 do
                  Expect.allEqual (labels 1 step |> Array.countBy id |> Array.map snd) 3 "of each class"

              rejects [ "batch of 7"; "multiple of 3" ] (fun () -> tensors.Draw(0, 7, 3) |> ignore))

          tensorTest "a view is applied to each image, with its own size" (fun () ->
              use tensors = new ImageTensors(data.Value, null, 4)
              let batch = tensors.Draw(0, 6, 3, 0, TrainTransform(Size = 8))
              Expect.sequenceEqual batch.Images.shape [ 6L; 8L; 8L; 3L ] "shape"
              let same = tensors.Draw(0, 6, 3, 0)
              let corner (images: TorchSharp.torch.Tensor) = images.select(1L, 0L).select(1L, 0L).contiguous().data<byte>().ToArray()
              Expect.sequenceEqual (corner batch.Images) (corner same.Images) "an image of one colour stays so")

          tensorTest "embeddings are measured against the classes" (fun () ->
              use tensors = new ImageTensors(data.Value, null, 4)
              let perfect = torch.eye(4L).index_select(0L, tensors.All.Labels)
              Expect.equal ((tensors.Measure perfect).Recall 1) 1.0 "of one direction a class"
              let sheet = tensors.Neighbours(perfect, [ 0; 4 ], 3, 1)
              let colours = sheet.Pixels |> Array.chunkBySize 3 |> set
              Expect.isTrue (colours.Contains [| 0uy; 150uy; 60uy |]) "two of the same class in green"
              Expect.isTrue (colours.Contains [| 210uy; 50uy; 40uy |]) "the third of another in red"

              Expect.throwsC (fun () -> tensors.Neighbours(torch.eye 4L, [ 0 ]) |> ignore) (fun error ->
                  Expect.stringContains error.Message "12 images need 12 embeddings, not 4" "the message"))

          tensorTest "an image that is not there, a map that is none and a size of nothing are refused in words" (fun () ->
              use tensors = new ImageTensors(data.Value, null, 4)

              let refused (words: string) (mistake: unit -> obj) =
                  Expect.throwsC (mistake >> ignore) (fun error -> Expect.stringContains error.Message words "the message")

              let perfect = torch.eye(4L).index_select(0L, tensors.All.Labels)
              refused "no image 12: there are 12, from 0 to 11" (fun () -> tensors.Image 12)
              refused "no image -1" (fun () -> tensors.Image -1)
              refused "no image 99" (fun () -> tensors.Neighbours(perfect, [ 0; 99 ], 3, 1))
              refused "no image 99" (fun () -> tensors.Heat(99, torch.ones (2L, 2L)))
              refused "An attention map is h w" (fun () -> tensors.Heat(0, torch.ones 4L))
              refused "The step is -1" (fun () -> tensors.Draw(-1, 6, 3))
              refused "Images of 0 px" (fun () -> new ImageTensors(data.Value, null, 0)))

          tensorTest "halves have every class, in the one or the other" (fun () ->
              inFolder (fun folder ->
                  for n in 0..23 do
                      let file = Path.Combine(folder, $"class{n / 2}", $"{n}.png")
                      Directory.CreateDirectory(Path.GetDirectoryName file) |> ignore
                      ImageEncoder.SavePng(plain n, file)

                  let halves = ImageTensors.Halves(folder, 4)
                  use train = halves.Train
                  use test = halves.Test
                  Expect.equal (train.Classes.Count, test.Classes.Count) (6, 6) "none is left out"
                  Expect.isEmpty (Seq.filter (fun name -> Seq.contains name test.Classes) train.Classes) "apart")) ]

let private plots =
    testList
        "plots"
        [ testCase "curves and maps are written as SVG, with their words" (fun () ->
              inFolder (fun folder ->
                  let file name = Path.Combine(folder, "below", name)
                  let curves = [ PlotCurve("total loss", [ 3.0; nan; 2.0; 1.0 ]); PlotCurve("level 1", [ 1.0; 0.5 ]) ]
                  Plots.Curves(file "curve.svg", "Training", curves)
                  let svg = File.ReadAllText(file "curve.svg")

                  for word in [ "<svg"; "Training"; "total loss"; "step" ] do
                      Expect.stringContains svg word "the SVG"

                  let embeddings = Embeddings<float32>(Array.init 72 (fun i -> float32 (i * i % 17)), 24, 3)
                  Plots.Map(file "map.svg", "Where they lie", embeddings, [| for i in 0..23 -> $"kind {i / 2}" |])
                  let map = File.ReadAllText(file "map.svg")

                  for word in [ "Where they lie"; "kind 0"; "2 other classes" ] do
                      Expect.stringContains map word "the map"))

          testCase "another ending, and labels of another length, are refused" (fun () ->
              rejects [ "a.jpg"; "not .svg" ] (fun () -> Plots.Curves("a.jpg", "", [ PlotCurve("a", [ 1.0 ]) ]))

              Expect.throwsC (fun () -> Plots.Map("a.svg", "", Embeddings<float32>([| 1f; 2f |], 1, 2), [||])) (fun error ->
                  Expect.stringContains error.Message "1 embeddings but 0 labels" "the message"))

          testCase "one dimension, and one embedding, can be shown" (fun () ->
              inFolder (fun folder ->
                  let file name = Path.Combine(folder, name)

                  /// Where the dots are, across: those of the embeddings, and then one a class beside its name.
                  let dots name (embeddings: Embeddings<float32>) (labels: string array) =
                      Plots.Map(file name, "", embeddings, labels)

                      [ for dot in Regex.Matches(File.ReadAllText(file name), "<circle [^>]*cx=\"([0-9.]+)\"") do
                            float dot.Groups[1].Value ]

                  let line = Embeddings<float32>([| 1f; 2f; 4f |], 3, 1)

                  match dots "a.svg" line [| "a"; "a"; "b" |] with
                  | [ one; two; four; _; _ ] ->
                      Expect.floatClose Accuracy.low ((four - two) / (two - one)) 2.0 "as far apart as the numbers"
                  | other -> failtest $"{other.Length} dots"

                  let single = dots "b.svg" (Embeddings<float32>([| 1f; 2f |], 1, 2)) [| "a" |]
                  Expect.equal single.Length 2 "one dot, and that of its class")) ]

let private shown =
    tensorTest "data sets and their tensors say in one line what is in them, also by %A" (fun () ->
        let emoji = EmojiDataset.Open()
        let part = DatasetPart(data.Value, [| 0; 1; 3 |])
        use tensors = new ImageTensors(data.Value, [| 5 |], 4)

        for shown, line in
            [ box emoji, "emoji: 2,772 images of 462 classes"
              box data.Value, "numbers: 12 images of 4 classes"
              box part, "numbers: 3 images of 2 classes"
              box (FileDataset("photos", [ ImageItem("a.png", "", Role.Unassigned) ], [ "a.png" ])), "photos: 1 image"
              box tensors, "1 image of 1 class, 4 x 4 px" ] do
            Expect.equal (string shown) line "ToString"
            Expect.equal (sprintf "%A" shown) line "by %A")

let tests = testList "MemoryData" [ sets; tensors; shown; plots ]
