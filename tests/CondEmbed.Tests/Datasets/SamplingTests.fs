module CondEmbed.Tests.SamplingTests

open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed.Sampling
open CondEmbed.Tests.Support

/// Class c has sizes[c] items; item numbers are scattered so that they are not positions.
let private items (sizes: int list) =
    let labels =
        [| for c, size in List.indexed sizes do
               for _ in 1..size -> int64 c |]

    [| for i in 0 .. labels.Length - 1 -> 1000 + 7 * i |], labels

let private sampler sizes batch perClass seed steps =
    let numbers, labels = items sizes

    let steps =
        match steps with
        | Some steps -> System.Nullable steps
        | None -> System.Nullable()

    MPerClassSampler(numbers, labels, batch, perClass, seed, steps), dict (Array.zip numbers labels)

type Shape = { Sizes: int list; PerClass: int; ClassesInBatch: int; Seed: uint64; Steps: int }

let private shapes =
    gen {
        let! count = Gen.choose (2, 12)
        let! sizes = Gen.listOfLength count (Gen.choose (1, 9))
        let! perClass = Gen.choose (1, 5)
        let! inBatch = Gen.choose (2, count)
        let! seed = Gen.choose (0, 1000)
        let! steps = Gen.choose (1, 30)

        return { Sizes = sizes; PerClass = perClass; ClassesInBatch = inBatch; Seed = uint64 seed; Steps = steps }
    }

let private forShapes name (property: Shape -> unit) =
    testCase name (fun () -> Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen shapes) property))

let private build shape = sampler shape.Sizes (shape.ClassesInBatch * shape.PerClass) shape.PerClass shape.Seed (Some shape.Steps)

/// The difference between the largest and the smallest count among all possible values.
let private spread (possible: 'a seq) (drawn: 'a seq) =
    let counts = drawn |> Seq.countBy id |> dict

    let counts = [ for value in possible -> if counts.ContainsKey value then counts[value] else 0 ]

    List.max counts - List.min counts

let tests =
    testList
        "Sampling"
        [ forShapes "a batch has exactly batch / m classes with m images, distinct where there are enough" (fun shape ->
              let sampler, labelOf = build shape

              for step in [ 0; shape.Steps; 3 * shape.Steps + 1 ] do
                  let groups = sampler.Batch step |> Array.groupBy (fun item -> labelOf[item])
                  Expect.equal groups.Length shape.ClassesInBatch "classes"

                  for label, group in groups do
                      Expect.equal group.Length shape.PerClass "images of a class"
                      Expect.equal (Array.distinct group).Length (min shape.PerClass shape.Sizes[int label]) "distinct")

          forShapes "over an epoch classes, and the images of a class, come equally often" (fun shape ->
              let sampler, labelOf = build shape

              let drawn =
                  [ for step in 0 .. shape.Steps - 1 do
                        yield! sampler.Batch step ]

              let classes = drawn |> List.map (fun item -> labelOf[item])
              Expect.isLessThanOrEqual (spread (Seq.distinct labelOf.Values) classes) shape.PerClass "classes, in hands of m"

              for label, group in List.groupBy (fun item -> labelOf[item]) drawn do
                  let all =
                      [ for pair in labelOf do
                            if pair.Value = label then pair.Key ]

                  Expect.isLessThanOrEqual (spread all group) 1 "images of a class")

          forShapes "a batch depends on seed and step only, in whatever order steps are asked for" (fun shape ->
              let one, _ = build shape
              let other, _ = build shape
              let steps = [ 0 .. 3 * shape.Steps ]
              let forward = steps |> List.map one.Batch
              let backward = List.rev steps |> List.map other.Batch |> List.rev
              Expect.equal backward forward "same batches")

          test "the first batches of a seed are what they were in the first release" {
              let sampler, _ = sampler [ 3; 3; 3; 3 ] 4 2 1UL None

              let drawn = [ for step in 0..3 -> sampler.Batch step |> Array.map (fun item -> (item - 1000) / 7) |> List.ofArray ]

              Expect.equal drawn [ [ 2; 0; 6; 8 ]; [ 4; 3; 11; 9 ]; [ 1; 0; 10; 9 ]; [ 2; 0; 4; 3 ] ] "batches"
          }

          test "seeds and epochs differ" {
              let batches seed from =
                  let sampler, _ = sampler (List.replicate 30 4) 12 2 seed (Some 10)
                  [ for step in from .. from + 9 -> sampler.Batch step ]

              Expect.notEqual (batches 1UL 0) (batches 2UL 0) "seeds"
              Expect.notEqual (batches 1UL 0) (batches 1UL 10) "epochs"
          }

          test "an epoch is items / batch by default" {
              let sampler, _ = sampler (List.replicate 10 5) 8 2 0UL None
              Expect.equal sampler.StepsPerEpoch 6 "50 / 8"
              Expect.equal sampler.SmallClassCount 0 "no small classes"
          }

          test "errors name the numbers" {
              let build batch perClass steps = sampler [ 4; 4; 4 ] batch perClass 0UL steps |> ignore

              rejects [ "batch of 7"; "2 images per class"; "6 or 8" ] (fun () -> build 7 2 None)
              rejects [ "needs 4 classes"; "there are 3"; "a batch of 6 would work" ] (fun () -> build 8 2 None)
              // One class has no negatives, so no batch of one is taken or advised.
              rejects [ "a batch of 4 with 4"; "contains one class"; "at least 8" ] (fun () -> build 4 4 None)
              rejects [ "not a multiple of 4"; "so the least is 8" ] (fun () -> build 6 4 None)

              rejects [ "there are 1 to train on"; "give more classes" ] (fun () -> sampler [ 9 ] 8 4 0UL None |> ignore)
              rejects [ "batch of 0"; "an epoch of 0 steps" ] (fun () -> build 0 2 (Some 0))
          } ]
