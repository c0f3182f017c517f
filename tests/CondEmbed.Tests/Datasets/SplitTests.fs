module CondEmbed.Tests.SplitTests

open Expecto
open CondEmbed.Datasets
open CondEmbed.Tests.Support

let private dataset (items: (string * Role) list) =
    let items = [| for i, (label, role) in List.indexed items -> ImageItem($"{i}.png", label, role) |]

    FileDataset("made", items, [| for item in items -> item.Path |]) :> IImageDataset

let private classes count images =
    dataset
        [ for c in 1..count do
              for _ in 1..images -> $"class{c:d3}", Role.Unassigned ]

let private labelsOf (dataset: IImageDataset) (places: seq<int>) = set [ for place in places -> dataset.Items[place].Label ]

let tests =
    testList
        "Split"
        [ testProperty "parts are disjoint by class and hold every image"
          <| fun (count: FsCheck.PositiveInt) (seed: uint64) (share: FsCheck.NormalFloat) ->
              let data = classes (count.Get + 3) 2
              let fraction = 0.05 + 0.9 * abs (share.Get - floor share.Get)

              let split = ClassSplit.Make(data, SplitOptions(Seed = seed, TrainShare = fraction, ValidationShare = 0.2))

              let parts = [ labelsOf data split.Train; labelsOf data split.Validation; labelsOf data split.Test ]

              Expect.equal (parts |> List.sumBy Set.count) (count.Get + 3) "no class in two parts"
              Expect.equal (split.Train.Count + split.Validation.Count + split.Test.Count) data.Count "every image"
              Expect.isGreaterThanOrEqual parts[0].Count 2 "classes to train on: one has no negatives"
              Expect.isGreaterThanOrEqual parts[2].Count 2 "classes to test with: one is always found"
              Expect.notEqual parts[1].Count 1 "one validation class would always score 1"

          test "the first half of the sorted names" {
              let data = classes 5 1

              let split = ClassSplit.Make(data, SplitOptions(Rule = SplitRule.FirstHalf, TrainShare = 0.4, ValidationShare = 0.0))

              Expect.sequenceEqual split.Train [ 0; 1 ] "train"
              Expect.isEmpty split.Validation "validation"
              Expect.sequenceEqual split.Test [ 2; 3; 4 ] "test"
          }

          test "another seed gives another split, the same seed the same" {
              let data = classes 40 1

              let train seed = (ClassSplit.Make(data, SplitOptions(Seed = seed))).Train |> List.ofSeq

              Expect.equal (train 1UL) (train 1UL) "same"
              Expect.notEqual (train 1UL) (train 2UL) "other"
          }

          test "described with counts" {
              let data = classes 10 3

              Expect.equal
                  ((ClassSplit.Make data).Describe())
                  "split: by class, seeded hash of the names (seed 0)\ntrain: 3 classes, 9 images\nvalidation: 2 classes, 6 images\ntest: 5 classes, 15 images"
                  "text"
          }

          test "classes with a single image are named" {
              let data =
                  dataset
                      [ for label in [ "a"; "a"; "b"; "b"; "c" ] do
                            label, Role.Train
                        for label in [ "x"; "x"; "y"; "y"; "p"; "q"; "r"; "s" ] do
                            label, Role.Test ]

              let described = (ClassSplit.Make(data, SplitOptions(ValidationShare = 0.0))).Describe()
              Expect.stringContains described "train: 3 classes, 5 images; 1 of the classes has a single image, and no positive: c" "one"
              Expect.stringContains described "; 4 of the classes have a single image, and nothing to find: p, q, r, ..." "several"
          }

          test "too few classes and shares out of range name their numbers" {
              for few, said in [ 1, "1 class;"; 2, "2 classes;"; 3, "3 classes;" ] do
                  rejects [ said; "at least 4"; "SharedClasses = true" ] (fun () -> ClassSplit.Make(classes few 9) |> ignore)

              rejects [ "1.5"; "-1" ] (fun () ->
                  ClassSplit.Make(classes 4 1, SplitOptions(TrainShare = 1.5, ValidationShare = -1.0)) |> ignore)
          }

          test "a split for classification is refused, unless wanted" {
              let labels = [ for n in 1..6 -> $"c{n}" ]
              let both = dataset [ for label in labels @ labels -> label, Role.Train ] |> fun all -> all.Items

              let data = dataset [ for at, item in Seq.indexed both -> item.Label, (if at < 6 then Role.Train else Role.Test) ]

              rejects [ "6 classes are both"; "first: c1"; "SharedClasses = true"; "Split = \"hash\"" ] (fun () ->
                  ClassSplit.Make data |> ignore)

              let split = ClassSplit.Make(data, SplitOptions(SharedClasses = true))
              Expect.sequenceEqual split.Train [ 0..5 ] "all classes are trained on: none is held back for validation"
              Expect.sequenceEqual split.Test [ 6..11 ] "test"
              Expect.sequenceEqual (ClassSplit.ForEvaluation data).Test [ 6..11 ] "for evaluation only"
              Expect.sequenceEqual (ClassSplit.ForEvaluation(classes 2 1)).Test [ 0; 1 ] "all without roles"
          }

          test "validation serves as the test where there is no other" {
              let parts labels = dataset [ for role, label in labels -> label, role ]
              let train = [ for n in 1..4 -> Role.Train, $"t{n}" ]
              let alone = parts (train @ [ Role.Validation, "a"; Role.Validation, "b" ])
              let split = ClassSplit.Make alone
              Expect.sequenceEqual split.Test [ 4; 5 ] "the validation images"
              Expect.stringContains split.Rule "its validation images serve as the test" "said"
              Expect.equal (labelsOf alone split.Validation).Count 2 "validation classes are held back from training"
              Expect.sequenceEqual (ClassSplit.ForEvaluation alone).Test [ 4; 5 ] "for evaluation only"

              let beside = parts (train @ [ Role.Validation, "a"; Role.Validation, "b"; Role.Test, "c"; Role.Test, "d" ])
              let split = ClassSplit.Make beside
              Expect.sequenceEqual split.Validation [ 4; 5 ] "beside a test it is what it is called"
              Expect.sequenceEqual split.Test [ 6; 7 ] "the test"
          }

          test "one class is refused in every part" {
              let parts (roles: (Role * int) list) =
                  dataset
                      [ for role, count in roles do
                            for n in 1..count do
                                for _ in 1..2 -> $"{role}{n}", role ]

              let refused expected roles = rejects [ expected; "At least 2 are needed" ] (fun () -> ClassSplit.Make(parts roles) |> ignore)
              refused "only one class to train on" [ Role.Train, 1; Role.Test, 3 ]
              refused "only one class to test with" [ Role.Train, 3; Role.Test, 1 ]
              refused "only one class to validate with" [ Role.Train, 3; Role.Validation, 1; Role.Test, 3 ]
              refused "only one class in the gallery" [ Role.Train, 3; Role.Query, 3; Role.Gallery, 1 ]
              ClassSplit.Make(parts [ Role.Train, 2; Role.Query, 1; Role.Gallery, 2 ]) |> ignore

              for data in [ classes 1 9; parts [ Role.Train, 3; Role.Test, 1 ] ] do
                  rejects [ "only one class to test with" ] (fun () -> ClassSplit.ForEvaluation data |> ignore)
          }

          test "roles that make no split" {
              let half = dataset [ "a", Role.Train; "b", Role.Unassigned ]

              rejects [ "1 of 2 images have no role"; "0 test, 0 query and 0 gallery"; "Split = \"hash\"" ] (fun () ->
                  ClassSplit.Make half |> ignore)

              let queries = dataset [ "a", Role.Train; "b", Role.Query ]
              rejects [ "1 query and 0 gallery" ] (fun () -> ClassSplit.Make queries |> ignore)
          } ]
