/// A file of single pairs, and batches of them.
module CondEmbed.Tests.ListedPairTests

open System
open System.IO
open Expecto
open CondEmbed.Datasets
open CondEmbed.Options
open CondEmbed.Sampling
open CondEmbed.Interop
open CondEmbed.Tests.LabelMatchTests
open CondEmbed.Tests.Support

/// Five images of two classes, and a file of pairs with some lines.
let private listing (lines: string list) use' =
    inFolder (fun root ->
        for name in [ "1"; "2"; "3"; "4"; "5" ] do
            File.WriteAllBytes(Path.Combine(root, $"{name}.png"), [| 1uy |])

        let table, pairs = Path.Combine(root, "t.csv"), Path.Combine(root, "pairs.csv")
        File.WriteAllLines(table, [ "path,label"; "1.png,a"; "2.png,a"; "3.png,b"; "4.png,b"; "5.png,c" ])
        File.WriteAllLines(pairs, lines)
        use' (fun rule -> ImageDatasets.Open(table, DatasetOptions(LabelMatch = rule, Pairs = pairs))))

let tests =
    testList
        "ListedPairs"
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

                  Expect.equal (List.ofSeq dataset.Pairs.Alike) [ ImagePair(0, 4) ] "listed as alike"
                  Expect.equal dataset.Pairs.Rule "the same label, where pairs.csv says nothing of a pair" "rule"
                  Expect.notEqual (dataset.Pairs.KeyOf 0) ((opened "none").Pairs.KeyOf 0) "key"
                  let part = DatasetPart(dataset, [| 4; 0 |])
                  Expect.equal (marks part) [ [ 1; 1 ]; [ 1; 1 ] ] "of a part"
                  Expect.equal (List.ofSeq part.Pairs.Alike) [ ImagePair(1, 0) ] "of a part, listed")
          }

          test "alone it makes all pairs that count" {
              listing [ "path_a,path_b,similar"; "1.png,3.png,1"; "1.png,2.png,-1" ] (fun opened ->
                  let dataset: IImageDataset = opened "none"
                  let none = [ 0; 0; 0; 0; 0 ]
                  Expect.equal (marks dataset) [ [ 0; -1; 1; 0; 0 ]; [ -1; 0; 0; 0; 0 ]; [ 1; 0; 0; 0; 0 ]; none; none ] "marks"
                  Expect.equal [ for image in 0..4 -> dataset.Pairs.IsInPairs image ] [ true; true; true; false; false ] "in pairs"
                  Expect.equal dataset.Pairs.Rule "the pairs in pairs.csv" "rule")
          }

          test "a number between -1 and 1 weighs a pair, which not every loss takes" {
              listing
                  [ "path_a,path_b,similar"; "1.png,3.png,0.25"; "1.png,2.png,-0.5"; "4.png,5.png,1.0"; "2.png,3.png,-0" ]
                  (fun opened ->
                      let dataset: IImageDataset = opened "none"

                      Expect.equal
                          (weights dataset)
                          [ [ 0f; -0.5f; 0.25f; 0f; 0f ]
                            [ -0.5f; 0f; -1f; 0f; 0f ]
                            [ 0.25f; -1f; 0f; 0f; 0f ]
                            [ 0f; 0f; 0f; 0f; 1f ]
                            [ 0f; 0f; 0f; 1f; 0f ] ]
                          "weights"

                      Expect.isTrue dataset.Pairs.HasWeights "weights"
                      Expect.equal (List.ofSeq dataset.Pairs.Alike) [ ImagePair(0, 2); ImagePair(3, 4) ] "alike")

              listing [ "path_a,path_b,similar"; "1.png,3.png,1.0"; "1.png,2.png,no" ] (fun opened ->
                  Expect.isFalse (opened "none").Pairs.HasWeights "none")

              listing
                  [ "path_a,path_b,similar"; "1.png,3.png,0.5"; "3.png,1.png,0.75"; "1.png,2.png,1.5"; "1.png,2.png,nan" ]
                  (fun opened ->
                      rejects
                          [ "line 3: '3.png' and '1.png' are of another number in an earlier line"
                            "line 4: similar '1.5' is neither"
                            "line 5: similar 'nan' is neither" ]
                          (fun () -> opened "none" |> ignore))
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
                            "line 5: similar 'maybe' is neither 1 (alike) nor 0 (unlike), nor a number from -1 to 1"
                            "line 6: '3.png' is paired with itself"
                            "line 7: 2 fields, but the header has 3" ]
                          (fun () -> opened "label" |> ignore))

              listing [ "a,b"; "1.png,2.png" ] (fun opened ->
                  rejects [ "pairs.csv: needs the columns path_a,path_b,similar" ] (fun () -> opened "none" |> ignore))

              listing [ "path_a,path_b,similar" ] (fun opened ->
                  rejects [ "pairs.csv: lists no pairs" ] (fun () -> opened "label" |> ignore))

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
                             | a, b when a <> b -> ImagePair(items[min a b], items[max a b])
                             | _ -> () |]
                      |> Array.distinct
                      |> Array.append [| ImagePair(items[0], items[1]) |]
                      |> Array.distinct

                  let inOne images (pair: ImagePair) = Array.contains pair.First images && Array.contains pair.Second images
                  let batch = 2 + random.Next 10
                  let sampler = PairSampler(items, pairs, batch, uint64 (abs (int64 seed)))
                  let epoch = [ for step in 0 .. sampler.StepsPerEpoch - 1 -> sampler.Batch step ]
                  Expect.equal sampler.StepsPerEpoch (max 1 (pairs.Length / (batch / 2))) "batches"

                  for images in epoch do
                      Expect.equal images.Length batch "size"
                      Expect.equal (Array.distinct images).Length batch "each image once"
                      Expect.all images (fun image -> Array.contains image items) "images to train on"

                      let inside = pairs |> Array.filter (inOne images)
                      Expect.isGreaterThan inside.Length 0 "pairs"

                  let met = pairs |> Array.filter (fun pair -> epoch |> List.exists (fun images -> inOne images pair))
                  // What is left out does not fill the last batch.
                  Expect.isLessThan (pairs.Length - met.Length) (max 1 batch) "pairs that are met"

                  Expect.equal
                      (sampler.Batch sampler.StepsPerEpoch)
                      (PairSampler(items, pairs, batch, uint64 (abs (int64 seed))).Batch sampler.StepsPerEpoch)
                      "a function of the step")

          test "pairs that cannot fill a batch are refused" {
              rejects [ "no pairs of alike images" ] (fun () -> PairSampler([| 1; 2 |], [||], 2, 0UL) |> ignore)
              rejects [ "a batch of 3"; "2 to 2" ] (fun () -> PairSampler([| 1; 2 |], [| ImagePair(1, 2) |], 3, 0UL) |> ignore)
          } ]
