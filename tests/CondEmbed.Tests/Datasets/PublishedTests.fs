/// Published sets other than CARS196, how they are recognised, and that they must be whole.
module CondEmbed.Tests.PublishedTests

open System.IO
open System.IO.Compression
open Expecto
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Tests.PublishedSupport
open CondEmbed.Tests.Support
open CondEmbed.Options

let private listsOnly = DatasetOptions(ListsOnly = true)

let private halves (dataset: IImageDataset) =
    let split = ClassSplit.Make(dataset, SplitOptions(ValidationShare = 0.0))
    split.Train.Count, split.Queries.Count, split.Gallery.Count

let private birds =
    testList
        "CUB-200-2011"
        [ test "ids join the lists, and classes make the halves" {
              inFolder (fun root ->
                  cub root [ 3; 100; 101; 102 ]
                  let found = opened subset root

                  Expect.equal
                      (shown found)
                      [ "images/003.Bird_3/3_1.jpg", "003.Bird_3", Role.Train
                        "images/003.Bird_3/3_2.jpg", "003.Bird_3", Role.Train
                        "images/100.Bird_100/100_1.jpg", "100.Bird_100", Role.Train
                        "images/100.Bird_100/100_2.jpg", "100.Bird_100", Role.Train
                        "images/101.Bird_101/101_1.jpg", "101.Bird_101", Role.Test
                        "images/101.Bird_101/101_2.jpg", "101.Bird_101", Role.Test
                        "images/102.Bird_102/102_1.jpg", "102.Bird_102", Role.Test
                        "images/102.Bird_102/102_2.jpg", "102.Bird_102", Role.Test ]
                      "images"

                  Expect.equal (halves found) (4, 4, 4) "halves"
                  Expect.stringContains ((ClassSplit.Make found).Describe()) "classes 1-100 train" "the rule"
                  Expect.stringContains ((ClassSplit.Make found).Describe()) "subset: 8 of 11,788 images of CUB-200-2011" "the subset"
                  Expect.isTrue (Seq.forall Option.isNone (boxesOf found)) "whole images"
                  let boxed = opened withBoxes root
                  Expect.equal (boxesOf boxed).Head (Some(PixelBox(2, 3, 8, 30))) "box"
                  Expect.equal (ImageReader(boxed).Read 0).Height 9 "cut at the edge"

                  write
                      root
                      "bounding_boxes.txt"
                      [ for item in [ 31; 32; 1001; 1002; 1011; 1012; 1021; 1022 ] -> $"{item} 2.0 12.0 8.0 5.0" ]

                  rejects [ "3_1.jpg"; "Top = 12"; "not inside 16 x 12" ] (fun () -> ImageReader(opened withBoxes root).Read 0 |> ignore)
                  File.Delete(Path.Combine(root, "classes.txt"))
                  Expect.equal ((opened subset root).Items[5].Label) "101" "without names")
          }

          test "the published lists are whole, and say what is missing where the images are not there" {
              inFolder (fun folder ->
                  ZipFile.ExtractToDirectory(sharedData "annotations.zip", folder)
                  let root = Path.Combine(folder, "annotations", "CUB_200_2011")
                  let listed = opened listsOnly root
                  Expect.equal (listed.Count, listed.Subset, halves listed) (11788, null, (5864, 5924, 5924)) "counts"

                  rejects
                      [ "11,788 of 11,788 listed images are missing"
                        "first: images/001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg" ]
                      (fun () -> opened (DatasetOptions()) root |> ignore))
          }

          test "a real part of it: refused, taken as a subset, and divided by another rule" {
              inFolder (fun folder ->
                  ZipFile.ExtractToDirectory(sharedData "cub50.zip", folder)

                  rejects [ "150 of 200 classes are not in the lists (first: class 51)"; "2,889 train images of 50" ] (fun () ->
                      opened (DatasetOptions()) folder |> ignore)

                  let found = opened subset folder
                  Expect.equal found.Count 2889 "images"
                  rejects [ "0 test"; "Split = \"first-half\"" ] (fun () -> ClassSplit.Make found |> ignore)
                  let split = ClassSplit.Make(found, SplitOptions(Rule = SplitRule.FirstHalf, ValidationShare = 0.0))
                  let classes (places: int seq) = set [ for place in places -> int (found.Items[place].Label.Substring(0, 3)) ]
                  Expect.equal (classes split.Train, classes split.Test) (set [ 1..25 ], set [ 26..50 ]) "halves")
          }

          test "mistakes in the lists, each with its line" {
              inFolder (fun root ->
                  cub root [ 1 ]
                  write root "images.txt" [ "11 a.jpg"; "11 b.jpg"; "12" ]

                  rejects [ "images.txt, line 2: the number 11 appears twice"; "line 3: 1 fields instead of 2" ] (fun () ->
                      opened subset root |> ignore)

                  write root "images.txt" [ "13 c.jpg" ]
                  rejects [ "has no class for image 13 of images.txt (line 1)" ] (fun () -> opened subset root |> ignore))
          } ]

let private products =
    let row (id, label, kind, path) = $"{id} {label} {kind} {path}"
    let header = "image_id class_id super_class_id path"

    testList
        "Stanford Online Products"
        [ test "the lists are the split, and super-classes are categories" {
              inFolder (fun root ->
                  write root "Ebay_train.txt" [ header; row (1, 1, 1, "bicycle_final/1_0.JPG"); row (2, 1, 1, "bicycle_final/1_1.JPG") ]
                  write root "Ebay_test.txt" [ header; row (3, 11319, 12, "toaster_final/2_0.JPG"); row (4, 11319, 12, "gone.JPG") ]
                  draw root [ "bicycle_final/1_0.JPG"; "bicycle_final/1_1.JPG"; "toaster_final/2_0.JPG" ]
                  rejects [ "1 of 4 listed images are missing (first: gone.JPG)" ] (fun () -> opened (DatasetOptions()) root |> ignore)
                  let found = opened subset root

                  Expect.equal
                      [ for item in found.Items -> item.Path, item.Label, item.Role, item.Category ]
                      [ "bicycle_final/1_0.JPG", "1", Role.Train, "bicycle"
                        "bicycle_final/1_1.JPG", "1", Role.Train, "bicycle"
                        "toaster_final/2_0.JPG", "11319", Role.Test, "toaster" ]
                      "images")
          }

          test "as many as are published are whole" {
              inFolder (fun root ->
                  let lines first count classes =
                      header
                      :: [ for at in 0 .. count - 1 -> row (at, first + at % classes, 1, $"chair_final/{first}_{at}.JPG") ]

                  write root "Ebay_train.txt" (lines 1 59551 11318)
                  write root "Ebay_test.txt" (lines 20000 60502 11316)
                  let listed = opened listsOnly root
                  Expect.equal (listed.Subset, halves listed) (null, (59551, 60502, 60502)) "counts")
          } ]

let private clothes =
    let row (path, item, status) = $"{path, -80} {item} {status}  "

    let lists (root: string) rows =
        write root "Eval/list_eval_partition.txt" (string (List.length rows) :: "image_name item_id evaluation_status" :: List.map row rows)

    testList
        "In-Shop"
        [ for folder in [ "Img/img"; "img" ] do
              test $"columns padded with blanks, queries and gallery, categories, boxes; images in {folder}" {
                  inFolder (fun root ->
                      let path sex item = $"{sex}/Dresses/id_{item}/0_front.jpg"

                      let rows =
                          [ "img/" + path "WOMEN" 1, "id_1", "train"
                            "img/" + path "WOMEN" 2, "id_2", "query"
                            "img/" + path "MEN" 3, "id_2", "gallery"
                            "img/" + path "MEN" 4, "id_3", "train"
                            "img/" + path "MEN" 5, "id_4", "gallery" ]

                      lists root rows

                      draw
                          root
                          [ for sex, item in [ "WOMEN", 1; "WOMEN", 2; "MEN", 3; "MEN", 4; "MEN", 5 ] -> $"{folder}/{path sex item}" ]

                      write
                          root
                          "Anno/list_bbox_inshop.txt"
                          ("5"
                           :: "image_name clothes_type pose_type x_1 y_1 x_2 y_2"
                           :: [ for path, _, _ in rows -> $"{path}  1 2  004 002 012 009" ])

                      let found = opened subset root

                      Expect.equal
                          [ for item in found.Items -> item.Label, item.Role, item.Category ]
                          [ "id_1", Role.Train, "WOMEN/Dresses"
                            "id_2", Role.Query, "WOMEN/Dresses"
                            "id_2", Role.Gallery, "MEN/Dresses"
                            "id_3", Role.Train, "MEN/Dresses"
                            "id_4", Role.Gallery, "MEN/Dresses" ]
                          "images"

                      Expect.equal (halves found) (2, 1, 2) "query against gallery"
                      Expect.equal (boxesOf (opened withBoxes root)).Head (Some(PixelBox(4, 2, 8, 7))) "box")
              }

          test "as many as are published are whole; another status is a mistake" {
              inFolder (fun root ->
                  let part first count classes status =
                      [ for at in 0 .. count - 1 ->
                            $"img/MEN/Denim/id_{first + at % classes}/{status}{at}.jpg", $"id_{first + at % classes}", status ]

                  lists root (part 0 25882 3997 "train" @ part 5000 14218 3985 "query" @ part 5000 12612 3985 "gallery")
                  let listed = opened listsOnly root
                  Expect.equal (listed.Subset, halves listed) (null, (25882, 14218, 12612)) "counts"
                  lists root [ "img/a/b/c/1.jpg", "id_1", "tested" ]
                  rejects [ "line 3: 'tested' is not one of train, query, gallery" ] (fun () -> opened subset root |> ignore))
          } ]

let private recognition =
    testList
        "recognition"
        [ test "one folder down, beside junk; never two; by name" {
              inFolder (fun folder ->
                  let root = Path.Combine(folder, "CUB_200_2011")
                  cub root [ 1; 101 ]
                  draw folder [ "__MACOSX/CUB_200_2011/._1.jpg" ]
                  Expect.equal (opened subset folder).Count 4 "found inside"
                  Expect.equal (opened (DatasetOptions(Layout = "cub", AllowSubset = true)) folder).Count 4 "by name"
                  Expect.equal (opened (DatasetOptions(Layout = "folder")) (Path.Combine(root, "images"))).Count 4 "as a plain folder"
                  Expect.equal (ImageDatasets.OpenImages(folder, subset)).Items[3].Label "101.Bird_101" "to embed"
                  cub (Path.Combine(folder, "again")) [ 1 ]
                  rejects [ "several data sets"; "CUB_200_2011"; "again" ] (fun () -> opened subset folder |> ignore)
                  Expect.equal (opened subset root).Count 4 "named")
          }

          test "a set without one of its lists is known by another, and the list is named" {
              let lacking layout (list: string) make =
                  inFolder (fun root ->
                      make root
                      File.Delete(Path.Combine(root, list))

                      for layout in [ "auto"; layout ] do
                          rejects [ root; Path.GetFileName list; "is missing" ] (fun () ->
                              opened (DatasetOptions(Layout = layout)) root |> ignore))

              let products root =
                  let header = "image_id class_id super_class_id path"
                  write root "Ebay_train.txt" [ header; "1 1 1 bicycle_final/1.JPG" ]
                  write root "Ebay_test.txt" [ header; "2 2 1 bicycle_final/2.JPG" ]
                  draw root [ "bicycle_final/1.JPG"; "bicycle_final/2.JPG" ]

              let clothes root =
                  for list in [ "Eval/list_eval_partition.txt"; "Anno/list_bbox_inshop.txt" ] do
                      write root list [ "0"; "image_name" ]

                  draw root [ "Img/img/WOMEN/1.png" ]

              let carTables root =
                  for list in [ "anno_train.csv"; "anno_test.csv" ] do
                      write root list [ "a.jpg,2,3,9,30,1" ]

                  write root "names.csv" [ "Acura 001 2007" ]
                  draw root [ "car_data/car_data/train/Acura 001 2007/a.jpg" ]

              for list in [ "Ebay_train.txt"; "Ebay_test.txt" ] do
                  lacking "sop" list products

              for list in [ "images.txt"; "image_class_labels.txt" ] do
                  lacking "cub" list (fun root -> cub root [ 1; 101 ])

              for list in [ "anno_train.csv"; "anno_test.csv"; "names.csv" ] do
                  lacking "cars" list carTables

              lacking "in-shop" "Eval/list_eval_partition.txt" clothes

              inFolder (fun root ->
                  products root
                  File.Delete(Path.Combine(root, "Ebay_test.txt"))
                  Expect.stringContains (opened subset root).Subset "train 1 of 59,551, test 0 of 60,502" "what is there, if that will do")
          }

          test "a subset of what was never published means nothing" {
              inFolder (fun root ->
                  draw root [ "a/1.png"; "b/1.png" ]

                  Expect.stringContains
                      (ImageDatasets.SubsetNotice(opened subset root))
                      "not a published data set (class folders)"
                      "plain folders"

                  cub root [ 1; 101 ]
                  Expect.isNull (ImageDatasets.SubsetNotice(opened subset root)) "a published set")
          }

          test "what is asked for and not there, and layouts that are none" {
              inFolder (fun folder ->
                  draw folder [ "a/1.png"; "b/1.png" ]

                  rejects [ folder; "Stanford Online Products"; "Ebay_train.txt" ] (fun () ->
                      opened (DatasetOptions(Layout = "sop")) folder |> ignore)

                  rejects [ "'birds'"; "auto, folder, cub, cars, sop, in-shop, table" ] (fun () ->
                      opened (DatasetOptions(Layout = "birds")) folder |> ignore))
          }

          test "the settings know the same layouts" {
              for layout in ImageDatasets.LayoutNames do
                  Expect.equal (TrainingOptions(Layout = layout).Resolve().Host.Layout) layout layout

              rejects [ "Layout: 'birds' is not one of auto" ] (fun () -> TrainingOptions(Layout = "birds").Resolve() |> ignore)
          }

          test "junk of archives is no class" {
              inFolder (fun folder ->
                  draw folder [ "train/a/1.png"; "test/b/1.png"; "train/a/._1.png"; "__MACOSX/train/a/1.png" ]
                  Expect.equal (opened (DatasetOptions()) folder).Count 2 "images")
          } ]

let tests = testList "Published" [ birds; products; clothes; recognition ]
