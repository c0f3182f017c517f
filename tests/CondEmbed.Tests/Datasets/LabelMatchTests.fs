/// Images that are alike by several labels each: from tables, sequences and categories.
module CondEmbed.Tests.LabelMatchTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed.Datasets
open CondEmbed.Images
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Sampling
open CondEmbed.Interop
open CondEmbed.Tests.Support

let private image = RgbImage(1, 1, Rgb(1uy, 2uy, 3uy))

/// A sequence of images with labels in the columns a, b and c; "" for none.
let private sequence (labels: string list list) =
    MemoryDataset(
        "set",
        [ for row in labels do
              let labels = Dictionary<string, string>()

              for name, label in List.zip [ "a"; "b"; "c" ] row do
                  labels[name] <- label

              LabelledImage("x", image, Labels = labels) ]
    )

let private options rule columns = DatasetOptions(LabelMatch = rule, LabelColumns = (columns: string array))

/// The marks of all pairs of a data set, row by row.
let private marks (dataset: IImageDataset) =
    let all = [| 0 .. dataset.Count - 1 |]

    [ for image in all ->
          let row = Array.zeroCreate<sbyte> all.Length
          dataset.Pairs.Mark(image, all, Span row)
          [ for mark in row -> int mark ] ]

let private oneColumn a b =
    if a = "" || b = "" then 0
    elif a = b then 1
    else -1

/// A rule by comparing the labels of two images with each other.
let private plainly rule (first: string list) (second: string list) =
    let both = List.zip first second |> List.filter (fun (a, b) -> a <> "" && b <> "")
    let same = both |> List.filter (fun (a, b) -> a = b)

    let labels row =
        set
            [ for place, label in List.indexed row do
                  if label <> "" then place, label ]

    let all = Set.union (labels first) (labels second)

    match rule with
    | "any" ->
        if not same.IsEmpty then 1
        elif not both.IsEmpty then -1
        else 0
    | "all" ->
        if both.IsEmpty then 0
        elif same = both then 1
        else -1
    | "jaccard" when same.IsEmpty -> if all.IsEmpty then 0 else -1
    | "jaccard" -> if 2 * same.Length >= all.Count then 1 else 0
    | _ -> oneColumn first[1] second[1]

let private rules =
    testList
        "rule"
        [ for rule in [ "any"; "all"; "jaccard"; "b" ] do
              testPropertyWithConfig (fewCases 30) $"{rule} marks pairs as a loop over their labels does" (fun (seed: int) ->
                  let random = Random seed
                  // Some images have no label at all, and each column has one at least.
                  let row _ = [ for _ in 1..3 -> [ ""; "red"; "blue"; "green" ][random.Next 4] ]
                  let labels = [ "red"; "red"; "red" ] :: [ "blue"; ""; "" ] :: [ ""; ""; "" ] :: List.init 6 row
                  let dataset = ImageDatasets.Matched(sequence labels, options rule [| "a"; "b"; "c" |])
                  let expected = [ for first in labels -> [ for second in labels -> plainly rule first second ] ]
                  Expect.equal (marks dataset) expected "marks"

                  let part = DatasetPart(dataset, [| 8; 0; 2 |])
                  let ofPart = [ for first in [ 8; 0; 2 ] -> [ for second in [ 8; 0; 2 ] -> expected[first][second] ] ]
                  Expect.equal (marks part) ofPart "of a part, in its own order"
                  Expect.equal (part.Pairs.KeyOf 1) (dataset.Pairs.KeyOf 0) "key")

          test "an image without labels is in no pair" {
              let dataset = ImageDatasets.Matched(sequence [ [ "red"; ""; "" ]; [ "red"; "x"; "" ] ], options "b" [| "a" |])
              Expect.equal [ for image in 0..1 -> dataset.Pairs.IsInPairs image ] [ false; true ] "by b"
              Expect.equal [ for column in dataset.LabelColumns -> column.Name ] [ "a" ] "columns"
              Expect.isTrue (dataset.LabelColumns[0].Pairs.IsInPairs 0) "by a"
          }

          test "labels in Unicode's two forms are one, and categories are a column" {
              let images =
                  [ LabelledImage("one", image, Category = "caf\u00e9")
                    LabelledImage("two", image, Category = "cafe\u0301")
                    LabelledImage("three", image) ]

              let dataset = ImageDatasets.Matched(MemoryDataset("set", images), options "category" [||])
              Expect.equal (marks dataset) [ [ 1; 1; 0 ]; [ 1; 1; 0 ]; [ 0; 0; 0 ] ] "marks"
              Expect.equal dataset.Pairs.Rule "the same category" "rule"
          }

          test "classes alone leave a data set as it is" {
              let dataset = sequence [ [ "a"; "b"; "c" ] ]
              Expect.isTrue (Object.ReferenceEquals(ImageDatasets.Matched(dataset, DatasetOptions()), dataset)) "the same object"
              Expect.isNull (dataset :> IImageDataset).Pairs "no pairs"
          }

          test "a column that is not there is named, with the nearest" {
              let dataset = sequence [ [ "a"; "b"; "" ] ]

              rejects [ "set: no image has a label in a column 'C'"; "label, a, b" ] (fun () ->
                  ImageDatasets.Matched(dataset, options "any" [| "a"; "C" |]) |> ignore)

              rejects [ "column 'labels'"; "did you mean 'label'" ] (fun () ->
                  ImageDatasets.Matched(dataset, options "labels" [||]) |> ignore)
          } ]

let private tables =
    testList
        "table"
        [ test "further columns are read when they are asked for, and a field may be empty" {
              inFolder (fun root ->
                  File.WriteAllBytes(Path.Combine(root, "1.png"), [| 1uy |])
                  let path = Path.Combine(root, "t.csv")
                  File.WriteAllLines(path, [ "path,label,Colour,shape"; "1.png,a,red,"; "1.png,b,red,round"; "1.png,c,blue,round" ])
                  Expect.isEmpty (ImageDatasets.Open path).Items[0].Labels "not asked for"
                  let data = ImageDatasets.Open(path, options "any" [| "colour"; "shape" |])

                  Expect.equal
                      [ for KeyValue(name, label) in data.Items[1].Labels -> name, label ]
                      [ "colour", "red"; "shape", "round" ]
                      "labels"

                  Expect.equal [ for KeyValue(name, _) in data.Items[0].Labels -> name ] [ "colour" ] "an empty field is no label"
                  Expect.equal (marks data) [ [ 1; 1; -1 ]; [ 1; 1; 1 ]; [ -1; 1; 1 ] ] "marks"
                  let alone = ImageDatasets.Open(path, options "shape" [| "label" |])
                  Expect.equal (marks alone) [ [ 0; 0; 0 ]; [ 0; 1; 1 ]; [ 0; 1; 1 ] ] "one column"

                  rejects [ "t.csv, line 1"; "no column 'size'"; "'Colour'" ] (fun () ->
                      ImageDatasets.Open(path, options "size" [||]) |> ignore))
          }

          test "settings that do not fit are refused" {
              let resolve pairs = RunSettings.Resolve [ for key, value in pairs -> Given("test", key, value) ] |> ignore
              rejects [ "label_match"; "'all' compares several columns"; "label_columns" ] (fun () -> resolve [ "label_match", "all" ])
              rejects [ "label_match"; "is empty" ] (fun () -> resolve [ "label_match", "" ])
              rejects [ "label_overlap"; "is 0" ] (fun () -> resolve [ "label_overlap", "0" ])
          }

          test "what needs classes is refused before anything is read" {
              inFolder (fun root ->
                  File.WriteAllBytes(Path.Combine(root, "1.png"), [| 1uy |])
                  let path = Path.Combine(root, "t.csv")
                  File.WriteAllLines(path, "path,label,colour" :: [ for i in 1..4 -> $"1.png,{i},red" ])

                  for others, words in
                      [ [ "loss", "proxy-anchor"; "levels", "0" ], [ "the loss 'proxy-anchor' compares images with proxies" ]
                        [ "level_loss", "margin(per_class=1)" ], [ "'margin(per_class=1)' learns something of each class" ]
                        [ "memory", "100" ], [ "a memory keeps the class numbers"; "memory to 0" ]
                        [ "similarity_mixup", "true" ], [ "similarity_mixup" ] ] do
                      let settings =
                          RunSettings.Resolve
                              [ for key, value in ("data", path) :: ("label_match", "colour") :: others -> Given("test", key, value) ]

                      rejects ("the same colour" :: "no classes" :: words) (fun () ->
                          Trainer(settings, Path.Combine(root, "run")).Train() |> ignore))
          } ]

/// Five images of two classes, and a file of pairs with some lines.
let private listing (lines: string list) use' =
    inFolder (fun root ->
        for name in [ "1"; "2"; "3"; "4"; "5" ] do
            File.WriteAllBytes(Path.Combine(root, $"{name}.png"), [| 1uy |])

        let table, pairs = Path.Combine(root, "t.csv"), Path.Combine(root, "pairs.csv")
        File.WriteAllLines(table, [ "path,label"; "1.png,a"; "2.png,a"; "3.png,b"; "4.png,b"; "5.png,c" ])
        File.WriteAllLines(pairs, lines)
        use' (fun rule -> ImageDatasets.Open(table, DatasetOptions(LabelMatch = rule, Pairs = pairs))))

let private lists =
    testList
        "a file of pairs"
        [ test "wins over what labels say, both ways, and leaves the rest as it is" {
              listing [ "similar,path_a,path_b"; "0,1.png,2.png"; "yes,5.png,1.png"; "0,2.png,1.png" ] (fun opened ->
                  let dataset: IImageDataset = opened "label"

                  Expect.equal
                      (marks dataset)
                      [ [ 1; -1; -1; -1; 1 ]
                        [ -1; 1; -1; -1; -1 ]
                        [ -1; -1; 1; 1; -1 ]
                        [ -1; -1; 1; 1; -1 ]
                        [ 1; -1; -1; -1; 1 ] ]
                      "marks"

                  Expect.equal (List.ofSeq dataset.Pairs.Alike) [ struct (0, 4) ] "listed as alike"
                  Expect.equal dataset.Pairs.Rule "the same label, where pairs.csv says nothing of a pair" "rule"
                  Expect.notEqual (dataset.Pairs.KeyOf 0) ((opened "none").Pairs.KeyOf 0) "key"
                  let part = DatasetPart(dataset, [| 4; 0 |])
                  Expect.equal (marks part) [ [ 1; 1 ]; [ 1; 1 ] ] "of a part"
                  Expect.equal (List.ofSeq part.Pairs.Alike) [ struct (1, 0) ] "of a part, listed")
          }

          test "alone it makes all pairs that count" {
              listing [ "path_a,path_b,similar"; "1.png,3.png,1"; "1.png,2.png,-1" ] (fun opened ->
                  let dataset: IImageDataset = opened "none"
                  let none = [ 0; 0; 0; 0; 0 ]
                  Expect.equal (marks dataset) [ [ 0; -1; 1; 0; 0 ]; [ -1; 0; 0; 0; 0 ]; [ 1; 0; 0; 0; 0 ]; none; none ] "marks"
                  Expect.equal [ for image in 0..4 -> dataset.Pairs.IsInPairs image ] [ true; true; true; false; false ] "in pairs"
                  Expect.equal dataset.Pairs.Rule "the pairs in pairs.csv" "rule")
          }

          test "all mistakes at once, each with its line" {
              listing
                  [ "path_a,path_b,similar"
                    "1.png,2.png,1"
                    "2.png,1.png,0"
                    "1.png,9.png,1"
                    "3.png,4.png,maybe"
                    "3.png,3.png,1"
                    "3.png,4.png" ]
                  (fun opened ->
                      rejects
                          [ "pairs.csv, line 3: '2.png' and '1.png' are alike in one line and unlike in another"
                            "line 4: '9.png' is no image of t"
                            "such as '1.png'"
                            "line 5: similar 'maybe' is neither 1 (alike) nor 0 (unlike)"
                            "line 6: '3.png' is paired with itself"
                            "line 7: 2 fields, but the header has 3" ]
                          (fun () -> opened "label" |> ignore))

              listing [ "a,b"; "1.png,2.png" ] (fun opened ->
                  rejects [ "pairs.csv: needs the columns path_a,path_b,similar" ] (fun () -> opened "none" |> ignore))

              rejects [ "gone.csv: no such file" ] (fun () -> ImageDatasets.Open("emoji", DatasetOptions(Pairs = "gone.csv")) |> ignore)

              let resolve pairs = RunSettings.Resolve [ for key, value in pairs -> Given("test", key, value) ] |> ignore
              rejects [ "label_match"; "'none' leaves only pairs" ] (fun () -> resolve [ "label_match", "none" ])
              rejects [ "sampler"; "'pairs' makes batches"; "name it in pairs" ] (fun () -> resolve [ "sampler", "pairs" ])
          }

          testPropertyWithConfig
              (fewCases 60)
              "batches of pairs hold both images of each, every pair once in an epoch, and no image twice"
              (fun (seed: int) ->
                  let random = Random seed
                  let items = [| for i in 0..19 -> 100 + 3 * i |]

                  let pairs =
                      [| for _ in 1 .. 3 + random.Next 40 do
                             match random.Next 20, random.Next 20 with
                             | a, b when a <> b -> struct (items[min a b], items[max a b])
                             | _ -> () |]
                      |> Array.distinct
                      |> Array.append [| struct (items[0], items[1]) |]
                      |> Array.distinct

                  let batch = 2 + random.Next 10
                  let sampler = PairSampler(items, pairs, batch, uint64 (abs (int64 seed)))
                  let epoch = [ for step in 0 .. sampler.StepsPerEpoch - 1 -> sampler.Batch step ]
                  Expect.equal sampler.StepsPerEpoch (max 1 (pairs.Length / (batch / 2))) "batches"

                  for images in epoch do
                      Expect.equal images.Length batch "size"
                      Expect.equal (Array.distinct images).Length batch "each image once"
                      Expect.all images (fun image -> Array.contains image items) "images to train on"
                      let inside = pairs |> Array.filter (fun struct (a, b) -> Array.contains a images && Array.contains b images)
                      Expect.isGreaterThan inside.Length 0 "pairs"

                  let met =
                      pairs
                      |> Array.filter (fun struct (a, b) ->
                          epoch |> List.exists (fun images -> Array.contains a images && Array.contains b images))
                  // What is left out does not fill the last batch.
                  Expect.isLessThan (pairs.Length - met.Length) (max 1 batch) "pairs that are met"

                  Expect.equal
                      (sampler.Batch sampler.StepsPerEpoch)
                      (PairSampler(items, pairs, batch, uint64 (abs (int64 seed))).Batch sampler.StepsPerEpoch)
                      "a function of the step")

          test "pairs that cannot fill a batch are refused" {
              rejects [ "no pairs of alike images" ] (fun () -> PairSampler([| 1; 2 |], [||], 2, 0UL) |> ignore)
              rejects [ "a batch of 3"; "2 to 2" ] (fun () -> PairSampler([| 1; 2 |], [| struct (1, 2) |], 3, 0UL) |> ignore)
          } ]

let tests = testList "LabelMatch" [ rules; tables; lists ]
