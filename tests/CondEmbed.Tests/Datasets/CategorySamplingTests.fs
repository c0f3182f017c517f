/// Samplers that know categories, and the plain one.
module CondEmbed.Tests.CategorySamplingTests

open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed.Sampling
open CondEmbed.Tests.Support

/// Sizes of the classes of each category, and what is asked for.
type Shape =
    { Sizes: int list list
      PerClass: int
      Categories: int
      Classes: int
      Seed: uint64 }

    member this.Batch = this.PerClass * this.Categories * this.Classes

let private shapes =
    gen {
        let! categories = Gen.choose (1, 5)
        let! classes = Gen.choose (1, 3)

        let! sizes =
            Gen.listOfLength categories (Gen.choose (classes, 6) |> Gen.bind (fun count -> Gen.listOfLength count (Gen.choose (1, 5))))

        let! perClass = Gen.choose (1, 4)
        let! inBatch = Gen.choose (1, categories)
        let! seed = Gen.choose (0, 1000)

        return { Sizes = sizes; PerClass = perClass; Categories = inBatch; Classes = classes; Seed = uint64 seed }
    }
    |> Gen.filter (fun shape -> shape.Categories * shape.Classes > 1)

let private forShapes name (property: Shape -> unit) =
    testCase name (fun () -> Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, Prop.forAll (Arb.fromGen shapes) property))

/// Items (scattered numbers) with their class and category.
let private items (sizes: int list list) =
    let all =
        [| for category, classes in List.indexed sizes do
               for one, size in List.indexed classes do
                   for _ in 1..size -> int64 (100 * category + one), $"kind {category}" |]

    [| for i in 0 .. all.Length - 1 -> 1000 + 7 * i |], Array.map fst all, Array.map snd all

let private hierarchical shape each : IBatchSampler =
    let numbers, labels, categories = items shape.Sizes
    HierarchicalSampler(numbers, labels, categories, shape.Batch, shape.PerClass, shape.Categories, each, shape.Seed)

let private balanced shape : IBatchSampler =
    let numbers, labels, categories = items shape.Sizes
    CategoryBalancedSampler(numbers, labels, categories, shape.Batch, shape.PerClass, shape.Categories, shape.Seed)

let private batches (sampler: IBatchSampler) epoch =
    [ for step in 0 .. sampler.StepsPerEpoch - 1 -> sampler.Batch(epoch * sampler.StepsPerEpoch + step) ]

let private categoriesOf (shape: Shape) =
    let numbers, labels, categories = items shape.Sizes
    dict (Array.zip numbers (Array.zip labels categories))

/// As many categories, classes of each, and images of each as asked for; images distinct where the class has enough.
let private holds (shape: Shape) (batch: int[]) =
    let facts = categoriesOf shape
    let groups = batch |> Array.groupBy (fun item -> snd facts[item])
    Expect.equal groups.Length shape.Categories "categories"

    for _, group in groups do
        let classes = group |> Array.groupBy (fun item -> fst facts[item])
        Expect.equal classes.Length shape.Classes "classes of a category"

        for label, images in classes do
            let size = shape.Sizes[int label / 100][int label % 100]
            Expect.equal images.Length shape.PerClass "images of a class"
            Expect.equal (Array.distinct images).Length (min shape.PerClass size) "distinct images"

let rec private choose k list =
    match k, list with
    | 0, _ -> [ [] ]
    | _, [] -> []
    | _, head :: tail -> [ for rest in choose (k - 1) tail -> head :: rest ] @ choose k tail

let private hierarchicalTests =
    testList
        "hierarchical"
        [ forShapes "a batch holds what it promises" (fun shape ->
              for epoch in 0..1 do
                  batches (hierarchical shape 2) epoch |> List.iter (holds shape))

          forShapes "in an epoch every combination of categories makes as many batches" (fun shape ->
              let facts = categoriesOf shape

              let found =
                  batches (hierarchical shape 3) 1
                  |> List.countBy (Array.map (fun item -> snd facts[item]) >> Array.distinct >> Array.sort >> List.ofArray)

              let expected = choose shape.Categories [ for at in 0 .. shape.Sizes.Length - 1 -> $"kind {at}" ]
              Expect.equal (List.sort found) (List.sort [ for combination in expected -> combination, 3 ]) "combinations")

          forShapes "a batch depends on seed and step only, in whatever order steps are asked for" (fun shape ->
              for make in [ (fun () -> hierarchical shape 2); (fun () -> balanced shape) ] do
                  let steps = [ 0 .. 3 * make().StepsPerEpoch ]
                  let one, other = make (), make ()
                  let forward = steps |> List.map one.Batch
                  Expect.equal (List.rev steps |> List.map other.Batch |> List.rev) forward "same batches")

          test "seeds and epochs differ" {
              let shape seed = { Sizes = List.replicate 4 (List.replicate 5 6); PerClass = 2; Categories = 2; Classes = 2; Seed = seed }
              Expect.notEqual (batches (hierarchical (shape 1UL) 2) 0) (batches (hierarchical (shape 2UL) 2) 0) "seeds"
              Expect.notEqual (batches (hierarchical (shape 1UL) 2) 0) (batches (hierarchical (shape 1UL) 2) 1) "epochs"
              Expect.notEqual (batches (balanced (shape 1UL)) 0) (batches (balanced (shape 2UL)) 0) "seeds"
              Expect.notEqual (batches (balanced (shape 1UL)) 0) (batches (balanced (shape 1UL)) 1) "epochs"
          }

          test "no batch of one class is taken or advised" {
              let shape = { Sizes = [ [ 4; 4 ]; [ 4 ] ]; PerClass = 2; Categories = 1; Classes = 1; Seed = 0UL }
              rejects [ "a batch of 2 with 2"; "contains one class"; "at least 4" ] (fun () -> balanced shape |> ignore)
              rejects [ "'kind 1' has 1"; "draw without categories" ] (fun () -> balanced { shape with Classes = 2 } |> ignore)
          }

          test "too many combinations are counted, not made" {
              let shape = { Sizes = List.replicate 60 [ 2 ]; PerClass = 1; Categories = 20; Classes = 1; Seed = 0UL }
              rejects [ "60 categories"; "combinations of 20" ] (fun () -> hierarchical shape 4 |> ignore)
          }

          test "nearly all of many categories make few combinations" {
              for left in 0..2 do
                  let shape = { Sizes = List.replicate 24 [ 2 ]; PerClass = 1; Categories = 24 - left; Classes = 1; Seed = 0UL }
                  let sampler = hierarchical shape 3
                  Expect.equal sampler.StepsPerEpoch (3 * [ 1; 24; 276 ][left]) "24 choose left"
                  sampler.Batch 0 |> holds shape
          } ]

let private balancedTests =
    testList
        "category-balanced"
        [ forShapes "a batch holds what it promises" (fun shape ->
              for epoch in 0..2 do
                  batches (balanced shape) epoch |> List.iter (holds shape))

          test "categories come in proportion to their classes" {
              let shape =
                  { Sizes = [ List.replicate 2 4; List.replicate 6 4; List.replicate 12 4 ]
                    PerClass = 2
                    Categories = 1
                    Classes = 2
                    Seed = 5UL }

              let facts = categoriesOf shape
              let sampler = balanced shape
              let drawn = [ for step in 0..3999 -> snd facts[(sampler.Batch step)[0]] ] |> List.countBy id |> Map

              for kind, share in [ "kind 0", 0.1; "kind 1", 0.3; "kind 2", 0.6 ] do
                  Expect.isLessThan (abs (float drawn[kind] / 4000.0 - share)) 0.03 kind
          }

          test "errors name the numbers" {
              let build sizes batch perClass categories =
                  let numbers, labels, kinds = items sizes
                  CategoryBalancedSampler(numbers, labels, kinds, batch, perClass, categories, 0UL) |> ignore

              let three = List.replicate 3 [ 4; 4; 4 ]
              rejects [ "batch of 10"; "2 categories times 2 images"; "8 or 12" ] (fun () -> build three 10 2 2)
              rejects [ "4 categories"; "there are 3" ] (fun () -> build three 16 2 4)
              rejects [ "needs 4 classes"; "'kind 0' has 3"; "a batch of 12" ] (fun () -> build three 16 2 2)
              rejects [ "at least 1" ] (fun () -> build three 0 2 2)

              rejects [ "class 1 is in the category 'a' and in 'b'" ] (fun () ->
                  CategoryBalancedSampler([| 0; 1 |], [| 1L; 1L |], [| "a"; "b" |], 2, 1, 1, 0UL) |> ignore)
          } ]

let private plainTests =
    testList
        "plain"
        [ test "an epoch holds every image at most once, and leaves out less than a batch" {
              let numbers = [| for i in 0..52 -> 3 * i |]
              let sampler = ShuffledSampler(numbers, 8, 4UL)
              Expect.equal sampler.StepsPerEpoch 6 "53 / 8"

              for epoch in 0..3 do
                  let drawn = Seq.concat (batches sampler epoch) |> Seq.toArray
                  Expect.hasLength (Array.distinct drawn) 48 "distinct"
                  Expect.all drawn (fun item -> Array.contains item numbers) "of the images"

              Expect.notEqual (batches sampler 0) (batches sampler 1) "epochs"
              Expect.equal (sampler.Batch 9) ((ShuffledSampler(numbers, 8, 4UL)).Batch 9) "by seed and step alone"
          }

          test "a batch larger than all" { rejects [ "batch of 9"; "8 images" ] (fun () -> ShuffledSampler([| 1..8 |], 9, 0UL) |> ignore) } ]

let tests = testList "CategorySampling" [ hierarchicalTests; balancedTests; plainTests ]
