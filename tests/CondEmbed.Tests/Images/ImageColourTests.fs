module CondEmbed.Tests.ImageColourTests

open System
open Expecto
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

/// Pillow's arithmetic in plain F#, with C's types and casts spelled out.
module private Slow =
    let luma (p: byte[]) = byte ((int p[0] * 19595 + int p[1] * 38470 + int p[2] * 7471 + 32768) / 65536)

    let blend (degenerate: byte) (original: byte) (factor: float32) =
        let mixed = float32 (int degenerate) + factor * float32 (int original - int degenerate)

        byte (Math.Truncate(Math.Clamp(float mixed, 0.0, 255.0)))

    let perPixel change (pixels: byte[]) = pixels |> Array.chunkBySize 3 |> Array.collect change

    let brightness factor = perPixel (Array.map (fun v -> blend 0uy v factor))

    let contrast factor pixels =
        let mean = pixels |> Array.chunkBySize 3 |> Array.averageBy (luma >> float)
        perPixel (Array.map (fun v -> blend (byte (int (mean + 0.5))) v factor)) pixels

    let saturation factor = perPixel (fun p -> Array.map (fun v -> blend (luma p) v factor) p)

    let toHsv r g b =
        let most, least = max r (max g b), min r (min g b)

        if most = least then
            struct (0uy, 0uy, most)
        else
            let span = float32 (most - least)
            let part c = float32 (most - c) / span

            let sixths =
                if r = most then part b - part g
                elif g = most then float32 (2.0 + float (part r) - float (part b))
                else float32 (4.0 + float (part g) - float (part r))

            let hue = float32 ((float sixths / 6.0 + 1.0) % 1.0)
            struct (byte (int (float hue * 255.0)), byte (int (float (span / float32 most) * 255.0)), most)

    let toRgb (hue: byte) (saturation: byte) (value: byte) =
        let sixth = int (floor (float hue * 6.0 / 255.0))
        let place = float32 (float hue * 6.0 / 255.0 - float sixth)
        let strength = float32 (float saturation / 255.0)

        let round (number: float) = byte (Math.Round(number, MidpointRounding.AwayFromZero))

        let p = round (float value * (1.0 - float strength))
        let q = round (float value * (1.0 - float (strength * place)))
        let t = round (float value * (1.0 - float strength * (1.0 - float place)))

        match sixth % 6 with
        | _ when saturation = 0uy -> struct (value, value, value)
        | 0 -> struct (value, t, p)
        | 1 -> struct (q, value, p)
        | 2 -> struct (p, value, t)
        | 3 -> struct (p, q, value)
        | 4 -> struct (t, p, value)
        | _ -> struct (value, p, q)

let private apply operation (pixels: byte[]) =
    let copy = Array.copy pixels
    operation copy
    copy

let private brightness factor = apply (fun p -> ColourOps.Brightness(Span p, factor))

let private contrast factor = apply (fun p -> ColourOps.Contrast(Span p, factor))

let private saturation factor = apply (fun p -> ColourOps.Saturation(Span p, factor))

let private hue turn = apply (fun p -> HueShift.Apply(Span p, turn))

let private factors = [ 0.0f; 0.3f; 0.77f; 1.0f; 1.0001f; 1.4f; 3.0f ]

/// Runs through all 2^24 triples of bytes and returns the first for which two functions differ.
let private firstDifference
    (f: byte -> byte -> byte -> struct (byte * byte * byte))
    (g: byte -> byte -> byte -> struct (byte * byte * byte))
    =
    seq { 0..255 }
    |> Seq.tryPick (fun a ->
        let mutable found = None

        for b in 0..255 do
            for c in 0..255 do
                // One by one: to compare whole structs takes five times as long.
                let struct (x, y, z) = f (byte a) (byte b) (byte c)
                let struct (x', y', z') = g (byte a) (byte b) (byte c)
                if x <> x' || y <> y' || z <> z' then found <- Some(a, b, c)

        found)

let private arithmetic =
    testList
        "arithmetic"
        [ testCase "of brightness, contrast and saturation equals the plain loops"
          <| fun () ->
              let pixels = (randomImage 1 31 17).Pixels

              for factor in factors do
                  expectSame (brightness factor pixels) (Slow.brightness factor pixels) $"brightness {factor}"
                  expectSame (contrast factor pixels) (Slow.contrast factor pixels) $"contrast {factor}"
                  expectSame (saturation factor pixels) (Slow.saturation factor pixels) $"saturation {factor}"

          testCase "of RGB to HSV equals the plain function for every colour"
          <| fun () -> Expect.isNone (firstDifference (fun r g b -> HueShift.ToHsv(r, g, b)) Slow.toHsv) "first difference"

          testCase "of HSV to RGB equals the plain function for every colour"
          <| fun () -> Expect.isNone (firstDifference (fun h s v -> HueShift.ToRgb(h, s, v)) Slow.toRgb) "first difference" ]

let private byHand =
    testList
        "by hand"
        [ testCase "brightness truncates and clips"
          <| fun () ->
              Expect.equal (brightness 0.5f [| 3uy; 100uy; 255uy |]) [| 1uy; 50uy; 127uy |] "darker"
              Expect.equal (brightness 1.5f [| 3uy; 101uy; 200uy |]) [| 4uy; 151uy; 255uy |] "lighter"

          testCase "grey weighs the channels by ITU-R 601-2"
          <| fun () ->
              Expect.equal (apply (fun p -> ColourOps.Greyscale(Span p)) [| 255uy; 0uy; 0uy |]) [| 76uy; 76uy; 76uy |] "red: 76.245"
              Expect.equal (saturation 0.0f [| 0uy; 255uy; 0uy |]) [| 150uy; 150uy; 150uy |] "green: 149.685"
              Expect.equal (saturation 0.5f [| 0uy; 0uy; 255uy |]) [| 14uy; 14uy; 142uy |] "blue: 29.07, half-way"

          testCase "contrast turns about the mean grey"
          <| fun () ->
              // Greys 10 and 21 have the mean 15.5, rounded to 16.
              let pixels = [| 10uy; 10uy; 10uy; 21uy; 21uy; 21uy |]
              Expect.equal (contrast 0.0f pixels) (Array.create 6 16uy) "flat"
              Expect.equal (contrast 2.0f pixels) [| 4uy; 4uy; 4uy; 26uy; 26uy; 26uy |] "doubled"

          testCase "a third of the circle turns red into green"
          <| fun () ->
              // 255/3 = 85 steps of hue: h = 85 is exactly the second sixth.
              Expect.equal (hue (85.0 / 255.0) [| 255uy; 0uy; 0uy |]) [| 0uy; 255uy; 0uy |] "green"
              Expect.equal (hue -0.25 [| 90uy; 90uy; 90uy |]) [| 90uy; 90uy; 90uy |] "grey stays" ]

let private identities =
    testList
        "identities"
        [ testCase "factor 1 and hue 0 change nothing"
          <| fun () ->
              let pixels = (randomImage 2 20 20).Pixels
              expectSame (brightness 1.0f pixels) pixels "brightness"
              expectSame (contrast 1.0f pixels) pixels "contrast"
              expectSame (saturation 1.0f pixels) pixels "saturation"
              expectSame (hue 0.0 pixels) pixels "hue"

          testCase "a mirrored row of any width is the row from its end"
          <| fun () ->
              for width in 1..70 do
                  let image = randomImage width width 3
                  let mirrored = Array.copy image.Pixels
                  ColourOps.Flip(mirrored.AsSpan(), width)

                  let expected =
                      [| for y in 0..2 do
                             for x in width - 1 .. -1 .. 0 do
                                 for c in 0..2 -> image.Pixels[(y * width + x) * 3 + c] |]

                  expectSame mirrored expected $"{width} pixels"

          testCase "jitter of strength 0 changes nothing, and the others stay in range"
          <| fun () ->
              let image = randomImage 3 16 16
              let still = TrainTransform.None(EvalTransform(16, 16))

              let view (transform: TrainTransform) seed =
                  let mutable random = SeededRandom seed
                  (transform.Apply(image, &random)).Pixels

              expectSame (view still 4UL) image.Pixels "off"

              for seed in 1UL .. 200UL do
                  let actual =
                      view (TrainTransform(Size = 16, Geometry = Geometry.CentreCrop, FlipProbability = 0.0, Brightness = 0.4)) seed

                  let low, high = brightness 0.6f image.Pixels, brightness 1.4f image.Pixels

                  let within = Array.forall2 (fun a (l, h) -> a >= l && a <= h) actual (Array.zip low high)

                  Expect.isTrue within "between 0.6 and 1.4"

          testCase "jitters come in random order"
          <| fun () ->
              // Brightness and contrast do not commute; both orders must occur.
              let image = randomImage 4 16 16

              let transform =
                  TrainTransform(Size = 16, Geometry = Geometry.CentreCrop, FlipProbability = 0.0, Brightness = 0.5, Contrast = 0.5)

              let orders =
                  [ for seed in 1UL .. 60UL do
                        let mutable random = SeededRandom seed
                        let actual = (transform.Apply(image, &random)).Pixels
                        random <- SeededRandom seed
                        // Flip and the jitter's own coin come first; then the order takes four draws.
                        for _ in 1..6 do
                            random.Bits() |> ignore

                        let b, c = float32 (random.Uniform(0.5, 1.5)), float32 (random.Uniform(0.5, 1.5))
                        let brightFirst = brightness b image.Pixels |> contrast c
                        let contrastFirst = contrast c image.Pixels |> brightness b
                        Expect.isTrue (actual = brightFirst || actual = contrastFirst) "one of the two orders"
                        actual = brightFirst ]

              Expect.isTrue (List.contains true orders && List.contains false orders) "both orders" ]

let tests = testList "colour" [ arithmetic; byHand; identities ]
