/// CARS196 in its four forms.
module CondEmbed.Tests.CarsTests

open System.IO
open Expecto
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Tests.PublishedSupport
open CondEmbed.Tests.Support

let private rows = [ "a.jpg", 1; "b.jpg", 98; "c.jpg", 99; "d.jpg", 196 ]

let private labels = [ "Acura 001 2007"; "Acura 098 2007"; "FIAT 099 2012"; "FIAT 196 2012" ]

let private roles = [ Role.Train; Role.Train; Role.Test; Role.Test ]

/// Files, labels and halves as they must be, and the boxes if they are asked for.
let private expectCars files (root: string) =
    let found = opened subset root
    Expect.equal (shown found) (List.zip3 files labels roles) "images"
    Expect.isTrue (Seq.forall Option.isNone (boxesOf found)) "whole images"
    Expect.equal found.Kind "CARS196" "recognised"

let private expectBoxes (root: string) =
    let found = opened withBoxes root
    Expect.equal (boxesOf found) (List.replicate 4 (Some(PixelBox(1, 2, 8, 28)))) "from one-based inclusive corners"
    let image = ImageReader(found).Read 0
    Expect.equal (image.Width, image.Height) (8, 10) "a box that reaches over the edge is cut there"

let private forms =
    testList
        "forms"
        [ test "one list" {
              inFolder (fun root ->
                  carsOneList root rows
                  let files = [ for file, _ in rows -> "car_ims/" + file ]
                  draw root files
                  expectCars files root
                  expectBoxes root)
          }

          for testList in [ "cars_test_annos_withlabels.mat"; "devkit/cars_test_annos_withlabels.mat" ] do
              for inner in [ ""; "cars_train/" ] do
                  test $"devkit, with {testList} and images in cars_train/{inner}" {
                      inFolder (fun root ->
                          // Each half of the devkit holds classes of both halves of metric learning.
                          carsDevkit root testList [ rows[0]; rows[2] ] [ rows[1]; rows[3] ]
                          let inTest = if inner = "" then "cars_test/" else "cars_test/cars_test/"
                          let files = [ $"cars_train/{inner}a.jpg"; $"{inTest}b.jpg"; $"cars_train/{inner}c.jpg"; $"{inTest}d.jpg" ]
                          draw root files
                          let found = opened subset root

                          Expect.equal (set (shown found)) (set (List.zip3 files labels roles)) "images"
                          expectBoxes root)
                  }

          test "class folders, with a name that no one class has" {
              inFolder (fun root ->
                  let files = [ for (file, _), label in List.zip rows labels -> $"images/{label}/{file}" ]
                  draw root (files @ [ "images/Acura 001 2007/._a.jpg" ])
                  expectCars files root
                  rejects [ "boxes"; "class folders" ] (fun () -> opened withBoxes root |> ignore))
          }

          for inner in [ "car_data/car_data"; "car_data" ] do
              test $"tables, with images in {inner}" {
                  inFolder (fun root ->
                      let line (file, label) = $"{file},2,3,9,30,{label}"
                      write root "anno_train.csv" [ line rows[0]; line rows[2] ]
                      write root "anno_test.csv" [ line rows[1]; line rows[3] ]
                      let slashed = "Acura 0/1 2007"
                      write root "names.csv" (slashed :: carsNames.Tail)
                      let file part label name = $"{inner}/{part}/{label}/{name}"

                      let files =
                          [ file "train" "Acura 0-1 2007" "a.jpg"
                            file "test" labels[1] "b.jpg"
                            file "train" labels[2] "c.jpg"
                            file "test" labels[3] "d.jpg" ]

                      draw root files
                      let expected = List.zip3 files (slashed :: labels.Tail) roles
                      Expect.equal (set (shown (opened subset root))) (set expected) "images"
                      expectBoxes root)
              } ]

let private counts =
    testList
        "counts"
        [ test "a whole list is whole, and without its images says how many are missing and which first" {
              inFolder (fun root ->
                  carsOneList root carsWhole
                  let listed = opened (DatasetOptions(ListsOnly = true)) root
                  Expect.equal (listed.Count, listed.Subset) (16185, null) "by its lists"
                  let split = ClassSplit.Make listed
                  Expect.equal (split.Train.Count + split.Validation.Count, split.Test.Count) (8054, 8131) "halves"

                  rejects
                      [ "CARS196 is incomplete"
                        "16,185 of 16,185 listed images are missing (first: car_ims/00000.jpg)"
                        "AllowSubset = true" ]
                      (fun () -> opened (DatasetOptions()) root |> ignore)

                  rejects [ "all of it is missing" ] (fun () -> opened subset root |> ignore))
          }

          test "a list that is short, and one that is not there" {
              inFolder (fun root ->
                  carsDevkit root "cars_test_annos_withlabels.mat" rows []
                  draw root [ for file, _ in rows -> "cars_train/" + file ]

                  rejects
                      [ "192 of 196 classes are not in the lists (first: class 2)"
                        "the lists name 2 train images of 2 classes; the published set has 8,054 of 98"
                        "the lists name 2 test images of 2 classes; the published set has 8,131 of 98" ]
                      (fun () -> opened (DatasetOptions()) root |> ignore)

                  File.Delete(Path.Combine(root, "cars_test_annos_withlabels.mat"))
                  rejects [ "cars_test_annos_withlabels.mat is missing" ] (fun () -> opened (DatasetOptions()) root |> ignore)

                  Expect.equal
                      (opened subset root).Subset
                      "4 of 16,185 images of CARS196 (train 2 of 8,054, test 2 of 8,131)"
                      "said of the subset")
          }

          test "lists that hold something else" {
              inFolder (fun root ->
                  let write value = writeBytes root "cars_annos.mat" (MatSupport.file MatSupport.plain value)
                  write [ "other", MatSupport.number 1 ]
                  rejects [ "cars_annos.mat"; "'annotations'"; "other" ] (fun () -> opened subset root |> ignore)
                  write [ "annotations", MatSupport.Struct([ "class" ], [ [ MatSupport.number 1 ] ]) ]
                  rejects [ "annotation 1 has no relative_im_path" ] (fun () -> opened subset root |> ignore)
                  carsOneList root [ "a.jpg", 197 ]
                  rejects [ "annotation 1"; "class is not from 1 to 196" ] (fun () -> opened subset root |> ignore))
          } ]

let tests = testList "CARS196" [ forms; counts ]
