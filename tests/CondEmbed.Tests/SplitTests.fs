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
              let data = classes (count.Get + 1) 2
              let fraction = 0.05 + 0.9 * abs (share.Get - floor share.Get)

              let split = ClassSplit.Make(data, SplitOptions(Seed = seed, TrainShare = fraction, ValidationShare = 0.2))

              let parts = [ labelsOf data split.Train; labelsOf data split.Validation; labelsOf data split.Test ]

              Expect.equal (parts |> List.sumBy Set.count) (count.Get + 1) "no class in two parts"
              Expect.equal (split.Train.Count + split.Validation.Count + split.Test.Count) data.Count "every image"
              Expect.isGreaterThan split.Train.Count 0 "something to train on"
              Expect.isGreaterThan split.Test.Count 0 "something to test"
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

          test "too few classes and shares out of range name their numbers" {
              rejects [ "1 class(es)"; "at least 2" ] (fun () -> ClassSplit.Make(classes 1 9) |> ignore)

              rejects [ "1.5"; "-1" ] (fun () ->
                  ClassSplit.Make(classes 4 1, SplitOptions(TrainShare = 1.5, ValidationShare = -1.0)) |> ignore)
          }

          test "a split for classification is refused, unless wanted" {
              let data = dataset [ "a", Role.Train; "b", Role.Train; "a", Role.Test; "a", Role.Test ]

              rejects [ "1 classes are both"; "first: a" ] (fun () -> ClassSplit.Make data |> ignore)
              let split = ClassSplit.Make(data, SplitOptions(AllowSharedClasses = true))
              Expect.sequenceEqual split.Test [ 2; 3 ] "test"
              Expect.sequenceEqual (ClassSplit.ForEvaluation data).Test [ 2; 3 ] "for evaluation only"
              Expect.sequenceEqual (ClassSplit.ForEvaluation(classes 2 1)).Test [ 0; 1 ] "all without roles"
          }

          test "roles that make no split" {
              let half = dataset [ "a", Role.Train; "b", Role.Unassigned ]
              rejects [ "1 of 2 images have no role"; "0 test, 0 query and 0 gallery" ] (fun () -> ClassSplit.Make half |> ignore)
              let queries = dataset [ "a", Role.Train; "b", Role.Query ]
              rejects [ "1 query and 0 gallery" ] (fun () -> ClassSplit.Make queries |> ignore)
          } ]
