module CondEmbed.Tests.ImageRandomTests

open System
open Expecto
open CondEmbed.Tests.Support
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

let private streams count = [ for i in 0 .. count - 1 -> SeededRandom.For(7L, int64 i, 0L) ]

let private random =
    testList
        "seeded random"
        [ testCase "gives the published numbers of SplitMix64"
          <| fun () ->
              let mutable random = SeededRandom 1234567UL

              let expected = [ 6457827717110365317UL; 3203168211198807973UL; 9817491932198370423UL; 4593380528125082431UL ]

              Expect.equal [ for _ in 1..4 -> random.Bits() ] expected "first four"

          testCase "has unrelated streams for neighbouring seeds, steps and slots"
          <| fun () ->
              let first seed step slot =
                  let mutable random = SeededRandom.For(seed, step, slot)
                  random.Bits()

              let all =
                  [ for seed in 0L .. 9L do
                        for step in 0L .. 9L do
                            for slot in 0L .. 9L -> first seed step slot ]

              Expect.hasLength (List.distinct all) 1000 "all different"
              Expect.equal (first 1L 2L 3L) (first 1L 2L 3L) "and repeatable"

          testCase "is uniform, unbiased and normal"
          <| fun () ->
              let mutable random = SeededRandom 5UL
              let n = 20000
              let faces = [| for _ in 1..n -> random.Next 6 |] |> Array.countBy id |> Array.sort
              Expect.equal (Array.map fst faces) [| 0..5 |] "all faces"
              Expect.all faces (fun (_, count) -> abs (count - n / 6) < 200) "equally often"
              let uniform = [| for _ in 1..n -> random.Uniform(-2.0, 4.0) |]
              Expect.isTrue (Array.min uniform >= -2.0 && Array.max uniform < 4.0) "bounds"
              Expect.floatClose { absolute = 0.05; relative = 0.0 } (Array.average uniform) 1.0 "mean"
              let normal = [| for _ in 1..n -> random.Normal() |]
              Expect.floatClose { absolute = 0.03; relative = 0.0 } (Array.average normal) 0.0 "mean"
              Expect.floatClose { absolute = 0.03; relative = 0.0 } (normal |> Array.averageBy (fun x -> x * x)) 1.0 "variance"
              let heads = Seq.init n (fun _ -> random.Bool 0.3) |> Seq.filter id |> Seq.length
              Expect.floatClose { absolute = 0.015; relative = 0.0 } (float heads / float n) 0.3 "coin"

          testCase "permutes evenly"
          <| fun () ->
              let mutable random = SeededRandom 9UL
              let order = Array.zeroCreate 4

              let all =
                  [ for _ in 1..4800 do
                        random.Permutation(Span order)
                        string order[0] + string order[1] + string order[2] + string order[3] ]

              let counts = List.countBy id all
              Expect.hasLength counts 24 "all orders"
              Expect.all counts (fun (_, n) -> abs (n - 200) < 70) "equally often" ]

let private crops =
    let scale, ratio = Interval(0.2, 1.0), Interval(3.0 / 4.0, 4.0 / 3.0)

    let boxes width height scale ratio =
        [ for stream in streams 4000 do
              let mutable random = stream
              RandomBox.ToCrop(width, height, scale, ratio, &random) ]

    testList
        "random resized crop"
        [ testCase "stays inside, within its area and aspect, and reaches the corners"
          <| fun () ->
              let all = boxes 300 200 scale ratio

              let inside (b: PixelBox) = b.Left >= 0 && b.Top >= 0 && b.Left + b.Width <= 300 && b.Top + b.Height <= 200

              Expect.all all inside "inside"
              let area (b: PixelBox) = float (b.Width * b.Height) / 60000.0
              let aspect (b: PixelBox) = float b.Width / float b.Height
              Expect.all all (fun b -> area b > 0.19 && area b <= 1.0) "area"
              Expect.all all (fun b -> aspect b > 0.74 && aspect b < 1.35) "aspect"
              Expect.isTrue (all |> List.exists (fun b -> b.Left = 0) && all |> List.exists (fun b -> b.Left + b.Width = 300)) "sides"
              Expect.isTrue (all |> List.exists (fun b -> b.Top = 0) && all |> List.exists (fun b -> b.Top + b.Height = 200)) "sides"

          testCase "draws area uniformly and aspect log-uniformly"
          <| fun () ->
              let all = boxes 400 400 (Interval(0.2, 0.5)) ratio
              let area = all |> List.averageBy (fun b -> float (b.Width * b.Height) / 160000.0)
              let aspect = all |> List.averageBy (fun b -> log (float b.Width / float b.Height))
              Expect.floatClose { absolute = 0.01; relative = 0.0 } area 0.35 "mean area"
              Expect.floatClose { absolute = 0.01; relative = 0.0 } aspect 0.0 "mean log aspect"

          testCase "falls back to the centre where nothing fits"
          <| fun () ->
              let whole = Interval(1.0, 1.0)
              Expect.all (boxes 1000 10 whole ratio) (fun b -> b = PixelBox(493, 0, 13, 10)) "wide"
              Expect.all (boxes 10 1000 whole ratio) (fun b -> b = PixelBox(0, 493, 10, 13)) "tall"
              Expect.all (boxes 1 1 whole ratio) (fun b -> b = PixelBox(0, 0, 1, 1)) "one pixel"

          testCase "shows the box that it draws"
          <| fun () ->
              let image = randomImage 3 90 60

              let transform = TrainTransform(Size = 32, FlipProbability = 0.0, Filter = ResampleFilter.Bicubic)

              let mutable random = SeededRandom 11UL

              let box = RandomBox.ToCrop(90, 60, transform.CropScale, transform.CropRatio, &random)

              let mutable stream = SeededRandom 11UL

              let expected = Slow.resize (Slow.crop image box.Left box.Top box.Width box.Height) 32 32 ResampleFilter.Bicubic

              expectSame (transform.Apply(image, &stream)).Pixels expected.Pixels "pixels" ]

let tests = testList "chance" [ random; crops ]
