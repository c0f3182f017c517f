module CondEmbed.Tests.ImageTransformTests

open System
open Expecto
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

let private streams count = [ for i in 0 .. count - 1 -> SeededRandom.For(7L, int64 i, 0L) ]

let private view (transform: TrainTransform) image seed =
    let mutable random = SeededRandom seed
    transform.Apply(image, &random)

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

              let all = [ for seed in 0L .. 9L do for step in 0L .. 9L do for slot in 0L .. 9L -> first seed step slot ]
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
              let image = picture 3 90 60
              let transform = TrainTransform(Size = 32, FlipProbability = 0.0, Filter = ResampleFilter.Bicubic)
              let mutable random = SeededRandom 11UL
              let box = RandomBox.ToCrop(90, 60, transform.CropScale, transform.CropRatio, &random)
              let expected = Slow.resize (Slow.crop image box.Left box.Top box.Width box.Height) 32 32 ResampleFilter.Bicubic
              expectSame (view transform image 11UL).Pixels expected.Pixels "pixels" ]

let private shiftScale =
    testList
        "shift-scale"
        [ testCase "without ranges is the centre crop of the evaluation"
          <| fun () ->
              let image = picture 4 48 48
              let eval = EvalTransform(32, 24)
              // The box's edges are then 6 and 42, whole pixels; resampling it alone differs only where the filter meets its edge.
              let actual = view (TrainTransform(Size = 24, Geometry = Geometry.ShiftScale, FlipProbability = 0.0, BoxScale = Interval(1.0, 1.0), Shift = 0.0, Resize = Nullable 32)) image 1UL
              expectSame actual.Pixels (eval.Apply image).Pixels "pixels"

          testCase "resamples the box that it draws, with what surrounds the picture"
          <| fun () ->
              for surround in [ Surround.Edge; Surround.Constant ] do
                  for seed in 1UL .. 40UL do
                      let width, height = 20 + int seed, 61 - int seed
                      let image = picture (int seed) width height

                      let transform =
                          TrainTransform(
                              Size = 24,
                              Geometry = Geometry.ShiftScale,
                              FlipProbability = 0.0,
                              BoxScale = Interval(0.5, 2.5),
                              BoxRatio = Interval(0.5, 2.0),
                              Shift = 0.9,
                              Surround = surround,
                              SurroundColour = Rgb(10uy, 200uy, 30uy)
                          )

                      let mutable random = SeededRandom seed
                      let side = float (min width height)
                      let scale = side * random.Uniform(0.5, 2.5)
                      let stretch = sqrt (RandomBox.LogUniform(Interval(0.5, 2.0), &random))
                      let x = float width / 2.0 + side * random.Uniform(-0.9, 0.9)
                      let y = float height / 2.0 + side * random.Uniform(-0.9, 0.9)
                      let w, h = scale * stretch / 2.0, scale / stretch / 2.0
                      let margin = 200

                      let at x y c =
                          let cx, cy = Math.Clamp(x, 0, width - 1), Math.Clamp(y, 0, height - 1)

                          if surround = Surround.Edge || (cx = x && cy = y) then image.Pixels[(cy * width + cx) * 3 + c]
                          else [| 10uy; 200uy; 30uy |][c]

                      let wide, high = width + 2 * margin, height + 2 * margin

                      let padded =
                          RgbImage(wide, high, [| for y in 0 .. high - 1 do for x in 0 .. wide - 1 do for c in 0..2 -> at (x - margin) (y - margin) c |])

                      let m = float margin
                      let box = x - w + m, y - h + m, x + w + m, y + h + m
                      let expected = Slow.resizeBox padded box 24 24 ResampleFilter.Bilinear
                      let actual = view transform image seed
                      // The edges of the box are added up in another order here, so a weight may differ in its last bit.
                      let far = Array.map2 (fun (a: byte) (b: byte) -> abs (int a - int b)) actual.Pixels expected.Pixels |> Array.max
                      Expect.isLessThanOrEqual far 1 $"{surround}, seed {seed}"

          testCase "turns clockwise by at most the angle that is allowed"
          <| fun () ->
              let image = RgbImage(48, 48, Rgb())
              // A white bar from the centre to the right.
              for y in 22..25 do
                  for x in 24..47 do
                      Rgb(255uy, 255uy, 255uy).Fill(image.Pixels.AsSpan((y * 48 + x) * 3, 3))

              let transform = TrainTransform(Size = 48, Geometry = Geometry.ShiftScale, FlipProbability = 0.0, BoxScale = Interval(1.0, 1.0), Shift = 0.0, Rotation = 30.0)

              let angles =
                  [ for seed in 1UL .. 300UL ->
                        let seen = view transform image seed
                        let lit = [ for i in 0 .. 48 * 48 - 1 do if seen.Pixels[i * 3] > 128uy then float (i % 48) - 23.5, float (i / 48) - 23.5 ]
                        let direction = atan2 (List.averageBy snd lit) (List.averageBy fst lit) * 180.0 / Math.PI
                        let mutable random = SeededRandom seed
                        for _ in 1..4 do random.Unit() |> ignore
                        let drawn = random.Uniform(-30.0, 30.0)
                        Expect.floatClose { absolute = 2.0; relative = 0.0 } direction drawn "the bar's direction"
                        direction ]

              Expect.isTrue (List.max angles > 25.0 && List.min angles < -25.0) "the whole range" ]

let private options =
    testList
        "training view"
        [ testCase "without augmentation is the view of the evaluation"
          <| fun () ->
              let eval = EvalTransform(40, 32, ResampleFilter.Bicubic)
              let image = picture 5 80 50
              expectSame (view (TrainTransform.None eval) image 3UL).Pixels (eval.Apply image).Pixels "pixels"

          testCase "is a function of picture and stream alone"
          <| fun () ->
              let image = picture 6 50 40

              let transform =
                  TrainTransform(Size = 20, Brightness = 0.4, Hue = 0.1, GreyProbability = 0.3, ErasingProbability = 0.5)

              let once, again = view transform image 8UL, view transform image 8UL
              expectSame once.Pixels again.Pixels "same stream"
              Expect.isSome (difference once.Pixels (view transform image 9UL).Pixels) "another stream"
              expectSame image.Pixels (picture 6 50 40).Pixels "the picture is left alone"

          testCase "is mirrored as often as asked"
          <| fun () ->
              let image = picture 7 16 16
              let mirrored = image.Pixels |> Array.chunkBySize 3 |> Array.chunkBySize 16 |> Array.map Array.rev |> Array.concat |> Array.concat
              let views = [ for seed in 1UL .. 2000UL -> (view (TrainTransform(Size = 16, Geometry = Geometry.CentreCrop, FlipProbability = 0.25)) image seed).Pixels ]
              Expect.all views (fun v -> v = image.Pixels || v = mirrored) "one or the other"
              let share = float (views |> List.filter ((=) mirrored) |> List.length) / 2000.0
              Expect.floatClose { absolute = 0.03; relative = 0.0 } share 0.25 "share"

          testCase "loses one rectangle of the right area to erasing"
          <| fun () ->
              let image = RgbImage(40, 40, Rgb(1uy, 1uy, 1uy))
              let transform = TrainTransform(Size = 40, Geometry = Geometry.CentreCrop, ErasingProbability = 1.0, ErasingColour = Rgb(9uy, 8uy, 7uy))

              for seed in 1UL .. 300UL do
                  let pixels = (view transform image seed).Pixels |> Array.chunkBySize 3
                  let hit = [ for i in 0 .. pixels.Length - 1 do if pixels[i] <> [| 1uy; 1uy; 1uy |] then i % 40, i / 40 ]
                  Expect.all pixels (fun p -> p = [| 1uy; 1uy; 1uy |] || p = [| 9uy; 8uy; 7uy |]) "the colour"
                  let span part = 1 + (List.map part hit |> List.max) - (List.map part hit |> List.min)
                  Expect.equal (span fst * span snd) hit.Length "a rectangle"
                  let area = float hit.Length / 1600.0
                  Expect.isTrue (area > 0.01 && area < 0.35) "area"

          testCase "has its settings checked, all at once"
          <| fun () ->
              let wrong = TrainTransform(CropScale = Interval(0.0, 2.0), FlipProbability = 1.5, Hue = 0.7, Shift = nan)
              Expect.hasLength (wrong.Problems()) 4 "problems"
              Expect.stringContains (wrong.Problems()[0]) "CropScale is 0-2" "named"
              Expect.isEmpty (TrainTransform().Problems()) "defaults are right" ]

let tests = testList "transforms" [ random; crops; shiftScale; options ]
