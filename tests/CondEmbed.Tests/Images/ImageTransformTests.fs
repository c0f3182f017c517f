module CondEmbed.Tests.ImageTransformTests

open System
open Expecto
open CondEmbed.Tests.Support
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport
open CondEmbed.Options

let private view (transform: TrainTransform) image seed =
    let mutable random = SeededRandom seed
    transform.Apply(image, &random)

let private shiftScale =
    testList
        "shift-scale"
        [ testCase "without ranges is the centre crop of the evaluation"
          <| fun () ->
              let image = randomImage 4 48 48
              let eval = EvalTransform(32, 24)
              // The same pixels: its box, from 6 to 42, is what Resize(32) and CenterCrop(24) leave of 48.
              let actual =
                  view
                      (TrainTransform(
                          Size = 24,
                          Geometry = Geometry.ShiftScale,
                          FlipProbability = 0.0,
                          BoxScale = Interval(1.0, 1.0),
                          Shift = 0.0,
                          Resize = Nullable 32
                      ))
                      image
                      1UL

              expectSame actual.Pixels (eval.Apply image).Pixels "pixels"

          testCase "of a run shows as much of an image while training as at test time, but for what it draws"
          <| fun () ->
              let start = RunSettings.StartFor "resnet50"

              let settings =
                  RunSettings({ start.Core with Size = 24 }, start.Host)
                      .With(fun changed ->
                          changed.Host.Augment <- Augmentation.Shift
                          changed.Host.ScaleMin <- 1.0
                          changed.Host.ScaleMax <- 1.0
                          changed.Host.Shift <- 0.0
                          changed.Host.Flip <- 0.0
                          changed.Host.Resize <- 32)

              let image = randomImage 1 48 48

              expectSame (view (Views.ForTraining settings) image 1UL).Pixels (Views.ForTesting(settings).Apply image).Pixels "views"

          testCase "resamples the box that it draws, with what surrounds the image"
          <| fun () ->
              for surround in [ Surround.Edge; Surround.Constant ] do
                  for seed in 1UL .. 40UL do
                      let width, height = 20 + int seed, 61 - int seed
                      let image = randomImage (int seed) width height

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

                      let wide, high = width + 2 * margin, height + 2 * margin
                      let padding = [| 10uy; 200uy; 30uy |]
                      let pixels = Array.zeroCreate (wide * high * 3)

                      for row in 0 .. high - 1 do
                          for column in 0 .. wide - 1 do
                              let x, y = column - margin, row - margin
                              let cx, cy = Math.Clamp(x, 0, width - 1), Math.Clamp(y, 0, height - 1)
                              let isImage = surround = Surround.Edge || (cx = x && cy = y)

                              for c in 0..2 do
                                  pixels[(row * wide + column) * 3 + c] <-
                                      if isImage then image.Pixels[(cy * width + cx) * 3 + c] else padding[c]

                      let padded = RgbImage(wide, high, pixels)
                      let m = float margin
                      let box = x - w + m, y - h + m, x + w + m, y + h + m
                      let expected = Slow.resizeBox padded box 24 24 ResampleFilter.Bilinear
                      let actual = view transform image seed
                      // The edges of the box are added up in another order here, so a weight may differ in its last bit.
                      let far =
                          Array.map2 (fun (a: byte) (b: byte) -> abs (int a - int b)) actual.Pixels expected.Pixels
                          |> Array.max

                      Expect.isLessThanOrEqual far 1 $"{surround}, seed {seed}"

          testCase "turns clockwise by at most the angle that is allowed"
          <| fun () ->
              let image = RgbImage(48, 48, Rgb())
              // A white bar from the centre to the right.
              for y in 22..25 do
                  for x in 24..47 do
                      Rgb(255uy, 255uy, 255uy).Fill(image.Pixels.AsSpan((y * 48 + x) * 3, 3))

              let transform =
                  TrainTransform(
                      Size = 48,
                      Geometry = Geometry.ShiftScale,
                      FlipProbability = 0.0,
                      BoxScale = Interval(1.0, 1.0),
                      Shift = 0.0,
                      Rotation = 30.0
                  )

              let angles =
                  [ for seed in 1UL .. 300UL ->
                        let seen = view transform image seed

                        let lit =
                            [ for i in 0 .. 48 * 48 - 1 do
                                  if seen.Pixels[i * 3] > 128uy then float (i % 48) - 23.5, float (i / 48) - 23.5 ]

                        let direction = atan2 (List.averageBy snd lit) (List.averageBy fst lit) * 180.0 / Math.PI

                        let mutable random = SeededRandom seed

                        for _ in 1..4 do
                            random.Unit() |> ignore

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
              let image = randomImage 5 80 50
              expectSame (view (TrainTransform.None eval) image 3UL).Pixels (eval.Apply image).Pixels "pixels"

          testCase "is a function of image and stream alone"
          <| fun () ->
              let image = randomImage 6 50 40

              let transform = TrainTransform(Size = 20, Brightness = 0.4, Hue = 0.1, GreyProbability = 0.3, ErasingProbability = 0.5)

              let once, again = view transform image 8UL, view transform image 8UL
              expectSame once.Pixels again.Pixels "same stream"
              Expect.isSome (difference once.Pixels (view transform image 9UL).Pixels) "another stream"
              expectSame image.Pixels (randomImage 6 50 40).Pixels "the image is left alone"

          testCase "is mirrored as often as asked"
          <| fun () ->
              let image = randomImage 7 16 16

              let mirrored =
                  image.Pixels
                  |> Array.chunkBySize 3
                  |> Array.chunkBySize 16
                  |> Array.map Array.rev
                  |> Array.concat
                  |> Array.concat

              let views =
                  [ for seed in 1UL .. 2000UL ->
                        (view (TrainTransform(Size = 16, Geometry = Geometry.CentreCrop, FlipProbability = 0.25)) image seed).Pixels ]

              Expect.all views (fun v -> v = image.Pixels || v = mirrored) "one or the other"
              let share = float (views |> List.filter ((=) mirrored) |> List.length) / 2000.0
              Expect.floatClose { absolute = 0.03; relative = 0.0 } share 0.25 "share"

          testCase "loses one rectangle of the right area to erasing"
          <| fun () ->
              let image = RgbImage(40, 40, Rgb(1uy, 1uy, 1uy))

              let transform =
                  TrainTransform(Size = 40, Geometry = Geometry.CentreCrop, ErasingProbability = 1.0, ErasingColour = Rgb(9uy, 8uy, 7uy))

              for seed in 1UL .. 300UL do
                  let pixels = (view transform image seed).Pixels |> Array.chunkBySize 3

                  let hit =
                      [ for i in 0 .. pixels.Length - 1 do
                            if pixels[i] <> [| 1uy; 1uy; 1uy |] then i % 40, i / 40 ]

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

let tests = testList "transforms" [ shiftScale; options ]
