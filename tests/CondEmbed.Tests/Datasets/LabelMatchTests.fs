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
let weights (dataset: IImageDataset) =
    let all = [| 0 .. dataset.Count - 1 |]

    [ for image in all ->
          let row = Array.zeroCreate<float32> all.Length
          dataset.Pairs.Mark(image, all, Span row)
          List.ofArray row ]

/// The marks where none has a weight.
let marks dataset = [ for row in weights dataset -> [ for mark in row -> int mark ] ]

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

          testPropertyWithConfig (fewCases 30) "several labels in a field: marks and weights as sets of them say" (fun (seed: int) ->
              let random = Random seed

              let field () =
                  [ for tag in [ "x"; "y"; "z"; "w" ] do
                        if random.Next 3 = 0 then tag ]

              let rows = ([ "x" ], [ "y" ]) :: List.init 7 (fun _ -> field (), field ())
              // Written with spaces, twice, and with nothing between two.
              let text (tags: string list) =
                  String.concat
                      ";"
                      [ for tag in tags do
                            yield! [ $" {tag} "; ""; tag ] ]

              let labels = [ for a, b in rows -> [ text a; text b; "" ] ]

              let opened rule weights =
                  ImageDatasets.Matched(
                      sequence labels,
                      DatasetOptions(LabelMatch = rule, LabelColumns = [| "a"; "b" |], LabelSeparator = ";", LabelWeights = weights)
                  )

              let columns (a: string list, b: string list) = [ set a; set b ]
              let all row = Set.unionMany [ for place, tags in List.indexed (columns row) -> Set.map (fun tag -> place, tag) tags ]

              let expected rule first second =
                  let both =
                      [ for one, other in List.zip (columns first) (columns second) do
                            if not (one.IsEmpty || other.IsEmpty) then not (Set.intersect one other).IsEmpty ]

                  let shared, union = (Set.intersect (all first) (all second)).Count, (Set.union (all first) (all second)).Count

                  match rule with
                  | "any" when List.contains true both -> 1.0f
                  | "all" when not both.IsEmpty && not (List.contains false both) -> 1.0f
                  | "any"
                  | "all" -> if both.IsEmpty then 0.0f else -1.0f
                  | _ when shared = 0 -> if union = 0 then 0.0f else -1.0f
                  | _ when 2 * shared < union -> 0.0f
                  | "weights" -> float32 shared / float32 union
                  | _ -> 1.0f

              for rule in [ "any"; "all"; "jaccard"; "weights" ] do
                  let dataset = if rule = "weights" then opened "jaccard" true else opened rule false
                  Expect.equal (weights dataset) [ for first in rows -> [ for second in rows -> expected rule first second ] ] rule
                  Expect.equal dataset.Pairs.HasWeights (rule = "weights") "has weights"
                  Expect.stringContains dataset.Pairs.Rule "separated by ';'" "the rule says how"
                  Expect.isTrue (dataset.LabelColumns[0].Pairs.IsInPairs 0) "by a column"
              // Without a separator, a field is one label.
              let plain = ImageDatasets.Matched(sequence labels, options "a" [||])

              let first = List.head (marks plain)

              let whole =
                  [ for a, _ in rows ->
                        if a.IsEmpty then 0
                        elif a = [ "x" ] then 1
                        else -1 ]

              Expect.equal first whole "one label")

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
                      ImageDatasets.Open(path, options "size" [||]) |> ignore)

                  for misspelt, meant in [ "jacard", "jaccard"; "al", "all"; "shapes", "shape" ] do
                      rejects [ "t.csv, line 1"; $"no column '{misspelt}'"; $"did you mean '{meant}'?" ] (fun () ->
                          ImageDatasets.Open(path, options misspelt [||]) |> ignore))
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

let tests = testList "LabelMatch" [ rules; tables ]
