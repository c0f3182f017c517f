/// Lists of published sets that name images outside of the folder.
module CondEmbed.Tests.ListedPathTests

open System.IO
open Expecto
open CondEmbed.Tests.PublishedSupport
open CondEmbed.Tests.Support

let private outside = [ "../gone.jpg"; "a/../../gone.jpg"; "a\\..\\gone.jpg"; "/gone.jpg"; "\\gone.jpg"; "C:/gone.jpg" ]

let private refused root words = rejects ("not a path inside the data set's folder" :: words) (fun () -> opened subset root |> ignore)

let tests =
    testList
        "Paths out of the folder"
        [ for path in outside do
              test $"{path} is refused with its list and line" {
                  inFolder (fun folder ->
                      let root = Path.Combine(folder, "set")
                      cub root [ 1 ]
                      write root "images.txt" [ "11 001.Bird_1/1_1.jpg"; $"12 {path}" ]
                      refused root [ "images.txt, line 2"; path ])

                  inFolder (fun root ->
                      write root "Ebay_train.txt" [ "header"; $"1 1 1 {path}" ]
                      write root "Ebay_test.txt" [ "header"; $"2 2 2 chair_final/..jpg" ]
                      refused root [ "Ebay_train.txt, line 2"; path ])

                  inFolder (fun root ->
                      write root "list_eval_partition.txt" [ "1"; "header"; $"{path} id_1 train" ]
                      refused root [ "list_eval_partition.txt, line 3"; path ])

                  inFolder (fun root ->
                      carsDevkit root "cars_test_annos_withlabels.mat" [ path, 1 ] []
                      refused root [ "cars_train_annos.mat: annotation 1"; path ])

                  inFolder (fun root ->
                      write root "anno_train.csv" [ $"{path},2,3,9,30,2" ]
                      write root "anno_test.csv" [ "a.jpg,2,3,9,30,1" ]
                      write root "names.csv" [ ".."; "Acura" ]
                      refused root [ "anno_train.csv, line 1"; path; "names.csv, class 1"; "'..'" ])
              } ]
