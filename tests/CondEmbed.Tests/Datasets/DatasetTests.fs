module CondEmbed.Tests.DatasetTests

open System.IO
open System.Linq
open Expecto
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Tests.Support

let private write (root: string) (files: string list) =
    for file in files do
        let path = Path.Combine(root, file)
        Directory.CreateDirectory(Path.GetDirectoryName path) |> ignore
        File.WriteAllText(path, file)

let private shown (dataset: IImageDataset) = [ for item in dataset.Items -> item.Path, item.Label, item.Role ]

let private labelsOf (dataset: IImageDataset) (places: seq<int>) = set [ for place in places -> dataset.Items[place].Label ]

let private emoji =
    testList
        "emoji"
        [ test "462 classes by six makers, half of them held out" {
              let emoji = EmojiDataset.Open()
              let split = ClassSplit.Make emoji
              Expect.equal emoji.Count 2772 "images"
              Expect.equal (labelsOf emoji (seq { 0 .. emoji.Count - 1 })).Count 462 "classes"
              Expect.equal split.Test.Count (231 * 6) "test images"
              Expect.equal split.Train.Count (208 * 6) "training images"
              Expect.equal split.Validation.Count (23 * 6) "validation images"
              Expect.isTrue split.AllAgainstAll "test images search among each other"
              Expect.stringContains emoji.Licences "Apache-2.0" "licences are included"
          }

          test "the written split equals the rule" {
              let emoji = EmojiDataset.Open()
              let rule = EmojiSplit.ByRule(emoji.Items.Select(_.Label))
              let written = EmojiSplit.Read()
              Expect.equal written.Count 462 "lines"

              for pair in rule do
                  Expect.equal written[pair.Key] pair.Value pair.Key
          }

          test "every image is a PNG, also when threads read at once" {
              let emoji = EmojiDataset.Open()

              let starts = ParallelEnumerable.Range(0, emoji.Count).Select(fun i -> emoji.Read(i)[1..3]).ToArray()

              Expect.all starts (fun start -> start = "PNG"B) "PNG signature"
          }

          test "an image handed out is the caller's own" {
              let emoji = EmojiDataset.Open()
              emoji.Read(0)[0] <- 0uy
              Expect.equal (emoji.Read(0)[0]) 0x89uy "the set is unchanged"
          } ]

let private folders =
    testList
        "folder"
        [ test "class folders, nested files, hidden ones passed over, ordinal order" {
              inFolder (fun root ->
                  write root [ "b/2.jpg"; "b/10.jpg"; "a/x/1.PNG"; "B/1.webp"; "a/._1.png"; ".git/1.png"; "a/notes.txt" ]

                  Expect.equal
                      (shown (ImageDatasets.Open root))
                      [ "B/1.webp", "B", Role.Unassigned
                        "a/x/1.PNG", "a", Role.Unassigned
                        "b/10.jpg", "b", Role.Unassigned
                        "b/2.jpg", "b", Role.Unassigned ]
                      "items"

                  Expect.equal (File.ReadAllText(Path.Combine(root, "a/x/1.PNG"))) "a/x/1.PNG" "file"
                  Expect.equal ((ImageDatasets.Open root).Read 1) "a/x/1.PNG"B "read by number")
          }

          test "a link is as long as what it leads to, and nothing where that is gone" {
              inFolder (fun folder ->
                  let root, store = Path.Combine(folder, "set"), Path.Combine(folder, "store")
                  write root [ "a/1.png" ]
                  write store [ "an image with a longer name.png"; "gone.png" ]
                  let link (name: string) target = File.CreateSymbolicLink(Path.Combine(root, "a", name), target) |> ignore
                  link "2.png" (Path.Combine(store, "an image with a longer name.png"))
                  link "3.png" "2.png"
                  link "4.png" (Path.Combine(store, "gone.png"))
                  File.Delete(Path.Combine(store, "gone.png"))
                  let data = ImageDatasets.Open root
                  Expect.equal [ for at in 0..3 -> data.LengthOf at ] [ 7L; 31L; 31L; 0L ] "bytes")
          }

          test "split folders give roles" {
              inFolder (fun root ->
                  write root [ "train/a/1.png"; "Query/b/1.png"; "gallery/b/2.png" ]

                  Expect.equal
                      (shown (ImageDatasets.Open root))
                      [ "Query/b/1.png", "b", Role.Query; "gallery/b/2.png", "b", Role.Gallery; "train/a/1.png", "a", Role.Train ]
                      "items")
          }

          test "a class may be called train" {
              inFolder (fun root ->
                  write root [ "train/1.png"; "plane/1.png" ]
                  Expect.equal ((ImageDatasets.Open root).Items[1].Label) "train" "label")
          }

          test "split folders beside others are refused" {
              inFolder (fun root ->
                  write root [ "train/a/1.png"; "test/b/1.png"; "more/1.png" ]
                  rejects [ root; "test, train"; "more" ] (fun () -> ImageDatasets.Open root |> ignore))
          }

          test "a folder round the class folders is refused, and the inner one named" {
              inFolder (fun root ->
                  let nested = write root
                  let inner (names: string) = "inner folder: " + Path.Combine(root, names)
                  let refuses words = rejects words (fun () -> ImageDatasets.Open root |> ignore)
                  nested [ "set/a/1.png"; "set/b/1.png"; "set/b/2.png"; "readme.txt" ]
                  refuses [ "'set', which contains 2 folders"; inner "set" ]
                  Expect.equal (ImageDatasets.Open(Path.Combine(root, "set"))).Count 3 "which is what to give"
                  Expect.equal (ImageDatasets.OpenImages root).Count 3 "to embed, classes do not matter"
                  Directory.Move(Path.Combine(root, "set"), Path.Combine(root, "b"))
                  Directory.CreateDirectory(Path.Combine(root, "set")) |> ignore
                  Directory.Move(Path.Combine(root, "b"), Path.Combine(root, "set", "train"))
                  refuses [ inner "set" ])
          }

          test "one class alone, and one part of a split, are no folder too many" {
              inFolder (fun root ->
                  write root [ "a/1.png"; "a/x/2.png"; "a/y/3.png" ]
                  Expect.equal (ImageDatasets.Open root).Count 3 "images directly in the class")

              inFolder (fun root ->
                  write root [ "train/a/1.png"; "train/b/1.png" ]
                  Expect.equal [ for item in (ImageDatasets.Open root).Items -> item.Label ] [ "a"; "b" ] "classes of the part")
          }

          test "images outside class folders are refused with their number" {
              inFolder (fun root ->
                  write root [ "a/1.png"; "2.png"; "3.png" ]
                  rejects [ "2 of 3"; "2.png"; "CLASS" ] (fun () -> ImageDatasets.Open root |> ignore))
          }

          test "they are welcome when only embedding" {
              inFolder (fun root ->
                  write root [ "a/1.png"; "2.png" ]

                  let open' (path: string) = [ for item in (ImageDatasets.OpenImages path).Items -> item.Label ]

                  Expect.equal (open' root) [ ""; "a" ] "folder"
                  Expect.equal (open' (Path.Combine(root, "2.png"))) [ "" ] "single image")
          }

          test "an empty folder and an unknown thing say what was looked for" {
              inFolder (fun root ->
                  rejects [ root; ".png .jpg" ] (fun () -> ImageDatasets.Open root |> ignore)
                  let nowhere = Path.Combine(root, "nowhere")
                  rejects [ nowhere; "does not exist"; "emoji" ] (fun () -> ImageDatasets.Open nowhere |> ignore)
                  let other = Path.Combine(root, "notes.txt")
                  File.WriteAllText(other, "notes")
                  rejects [ other; "of another kind"; ".csv"; "folder" ] (fun () -> ImageDatasets.Open other |> ignore))
          } ]

let private table (root: string) (name: string) (lines: string list) =
    let path = Path.Combine(root, name)
    File.WriteAllLines(path, lines)
    path

let private tables =
    testList
        "table"
        [ test "paths from its folder, quotes, roles and boxes" {
              inFolder (fun root ->
                  write root [ "p/1.png"; "p/a,b.png" ]

                  let path =
                      table
                          root
                          "t.csv"
                          [ "\uFEFFLabel,path,split,x,y,w,h"
                            "cat,p/1.png,train,,,,"
                            "\"a \"\"cat\"\"\",\"p/a,b.png\",test,1,2,30,40" ]

                  let data = ImageDatasets.Open path
                  Expect.equal (shown data) [ "p/1.png", "cat", Role.Train; "p/a,b.png", "a \"cat\"", Role.Test ] "items"
                  Expect.isFalse (data.Items[0].Box.HasValue) "empty box fields mean the whole image"
                  Expect.equal (data.Items[1].Box.Value) (PixelBox(1, 2, 30, 40)) "box"
                  Expect.equal (data.Read 1) "p/a,b.png"B "file")
          }

          test "columns of open-metric-learning" {
              inFolder (fun root ->
                  write root [ "1.png" ]

                  let path =
                      table
                          root
                          "t.tsv"
                          [ "label\tpath\tsplit\tis_query\tis_gallery\tcategory\tsequence\tx_1\tx_2\ty_1\ty_2"
                            "0\t1.png\ttrain\t\t\tc\t7\t0\t10\t5\t25"
                            "1\t1.png\tvalidation\tTrue\tTrue\t\t7\t\t\t\t"
                            "1\t1.png\tvalidation\tTrue\tFalse\tc\t\t\t\t\t"
                            "1\t1.png\tvalidation\tFalse\tTrue\td\t\t\t\t\t"
                            "2\t1.png\ttrain\t\t\tc\t\t\t\t\t"
                            "3\t1.png\tvalidation\tFalse\tTrue\td\t\t\t\t\t" ]

                  let data = ImageDatasets.Open path

                  Expect.equal
                      [ for item in data.Items -> item.Role ]
                      [ Role.Train; Role.Test; Role.Query; Role.Gallery; Role.Train; Role.Gallery ]
                      "roles"

                  Expect.equal [ for item in data.Items -> item.Category ] [ "c"; null; "c"; "d"; "c"; "d" ] "categories"
                  Expect.equal (data.Items[0].Box.Value) (PixelBox(0, 5, 10, 20)) "corners become a box"
                  let split = ClassSplit.Make data
                  Expect.sequenceEqual split.Queries [ 1; 2 ] "queries"
                  Expect.sequenceEqual split.Gallery [ 1; 3; 5 ] "gallery")
          }

          test "all mistakes at once, each with its line" {
              inFolder (fun root ->
                  write root [ "1.png" ]

                  let path =
                      table
                          root
                          "t.csv"
                          [ "path,label,split,x,y,w,h"; "1.png,,train,,,,"; "gone.png,a,later,1,2,x,4"; "1.png,a"; "1.png,a,,1,1,0,5" ]

                  rejects
                      [ $"{path}, line 2: 'label' is empty"
                        "line 3: split 'later' is not one of train"
                        "line 3: x,y,w,h = '1,2,x,4'"
                        "line 3: no such file: gone.png"
                        "line 4: 2 fields, but the header has 7"
                        "line 5: the box is empty (0 x 5 pixels)" ]
                      (fun () -> ImageDatasets.Open path |> ignore))
          }

          test "a wrong header, and very many mistakes" {
              inFolder (fun root ->
                  let wrong = table root "w.csv" [ "file,label,label,x"; "1,2,3,4" ]

                  rejects
                      [ "no column 'path'"
                        "name the column of the image files 'path'"
                        "'label' appears twice"
                        "missing: y, w, h" ]
                      (fun () -> ImageDatasets.Open wrong |> ignore)

                  let unlabelled = table root "u.csv" [ "path,kind"; "1.png,a" ]

                  rejects [ "no column 'label'"; "name the column of the classes 'label'" ] (fun () ->
                      ImageDatasets.Open unlabelled |> ignore)

                  let many = table root "m.csv" ("path,label" :: [ for i in 1..80 -> $"{i}.png,a" ])
                  rejects [ "10.png"; "and 70 more problems" ] (fun () -> ImageDatasets.Open many |> ignore)
                  let quote = table root "q.csv" [ "path,label"; "\"1.png,a" ]
                  rejects [ "q.csv, line 2"; "never closed" ] (fun () -> ImageDatasets.Open quote |> ignore))
          }

          testCase "the box of a table cuts the image, and one that reaches outside is a bad image" (fun () ->
              inFolder (fun folder ->
                  let pixels = Array.init (8 * 4 * 3) byte
                  let image = RgbImage(8, 4, pixels)
                  ImageEncoder.SavePng(image, Path.Combine(folder, "a.png"))
                  let table = Path.Combine(folder, "table.csv")
                  File.WriteAllText(table, "path,label,x,y,w,h\na.png,one,2,1,3,2\na.png,two,6,1,3,2\n")
                  let reader = ImageReader(ImageDatasets.Open table)
                  let part = reader.Read 0
                  Expect.equal (part.Width, part.Height) (3, 2) "size"
                  Expect.sequenceEqual part.Pixels (Array.append pixels[30..38] pixels[54..62]) "pixels"
                  rejects [ "a.png"; "outside"; "8 x 4" ] (fun () -> reader.Read 1 |> ignore))) ]

let tests = testList "Dataset" [ emoji; folders; tables ]
