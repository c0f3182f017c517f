module CondEmbed.Tests.ImageResampleTests

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

/// Sizes of input and output, a filter and a seed for the pixels.
type ResizeCase = { Width: int; Height: int; ToWidth: int; ToHeight: int; Filter: ResampleFilter; Seed: int }

type Cases =
    static member ResizeCase() =
        gen {
            let! width = Gen.choose (1, 70)
            let! height = Gen.choose (1, 70)
            let! toWidth = Gen.choose (1, 60)
            let! toHeight = Gen.choose (1, 60)
            let! filter = Gen.elements [ ResampleFilter.Bilinear; ResampleFilter.Bicubic ]
            let! seed = Gen.choose (0, 1000000)

            return { Width = width; Height = height; ToWidth = toWidth; ToHeight = toHeight; Filter = filter; Seed = seed }
        }
        |> Arb.fromGen

let private config = { FsCheckConfig.defaultConfig with arbitrary = [ typeof<Cases> ]; maxTest = 150 }

let private part (seed: int) whole =
    let random = Random seed
    let size = random.Next(1, whole + 1)
    random.Next(0, whole - size + 1), size

let tests =
    testList
        "resampler"
        [ testPropertyWithConfig config "equals the plain loops for any sizes"
          <| fun case ->
              let image = randomImage case.Seed case.Width case.Height
              let actual = Resampler.Resize(image, case.ToWidth, case.ToHeight, case.Filter)
              let expected = Slow.resize image case.ToWidth case.ToHeight case.Filter
              expectSame actual.Pixels expected.Pixels "pixels"

          testPropertyWithConfig config "shortens rows to the same bytes with any instructions"
          <| fun case ->
              let image = randomImage case.Seed case.Width case.Height
              let columns = ResampleWeights(case.Width, 0.0, float case.Width, case.ToWidth, 0, case.ToWidth, case.Filter)
              let length = case.ToWidth * 3 * case.Height
              let rows () = Array.zeroCreate<byte>(length + ResampleKernels.Spill)
              let fast, plain = rows (), rows ()
              ResampleKernels.Rows(PixelView.Of image, 0, case.Height, columns, fast.AsSpan())
              ResampleKernels.RowsByPairs(PixelView.Of image, 0, case.Height, columns, plain.AsSpan())
              expectSame fast[.. length - 1] plain[.. length - 1] "rows"

          testPropertyWithConfig config "of a box equals crop, then resize"
          <| fun case ->
              let image = randomImage case.Seed case.Width case.Height
              let left, width = part case.Seed case.Width
              let top, height = part (case.Seed + 1) case.Height

              let actual = Resampler.Resize(image, PixelBox(left, top, width, height), case.ToWidth, case.ToHeight, case.Filter)

              let expected = Slow.resize (Slow.crop image left top width height) case.ToWidth case.ToHeight case.Filter

              expectSame actual.Pixels expected.Pixels "pixels"

          testPropertyWithConfig config "of a window equals that part of the whole"
          <| fun case ->
              let image = randomImage case.Seed case.Width case.Height
              let left, width = part case.Seed case.ToWidth
              let top, height = part (case.Seed + 1) case.ToHeight
              let actual = Array.zeroCreate (width * height * 3)

              Resampler.Resize(
                  PixelView.Of image,
                  case.ToWidth,
                  case.ToHeight,
                  PixelBox(left, top, width, height),
                  case.Filter,
                  Span actual
              )

              let whole = Slow.resize image case.ToWidth case.ToHeight case.Filter
              expectSame actual (Slow.crop whole left top width height).Pixels "pixels"

          testPropertyWithConfig config "of a box with fractional edges equals the plain loops"
          <| fun case ->
              let image = randomImage case.Seed case.Width case.Height
              let random = Random case.Seed

              let edges side =
                  let a, b = random.NextDouble() * float side, random.NextDouble() * float side
                  min a b, max a b

              let left, right = edges case.Width
              let top, bottom = edges case.Height

              if right - left > 0.1 && bottom - top > 0.1 then
                  let actual = Array.zeroCreate (case.ToWidth * case.ToHeight * 3)
                  let box = struct (left, top, right, bottom)
                  Resampler.Resize(PixelView.Of image, box, case.ToWidth, case.ToHeight, case.Filter, Span actual)

                  let expected = Slow.resizeBox image (left, top, right, bottom) case.ToWidth case.ToHeight case.Filter

                  expectSame actual expected.Pixels "pixels"

          testPropertyWithConfig config "then centre crop equals torchvision's, padded where the image is too small"
          <| fun case ->
              let image = randomImage case.Seed case.Width case.Height
              let resize, crop = case.ToWidth, case.ToHeight
              let short = min case.Width case.Height
              let width, height = resize * case.Width / short, resize * case.Height / short
              let resized = Slow.resize image width height case.Filter

              let padding side = if crop > side then -((crop - side) / 2) else int (Math.Round(float (side - crop) / 2.0))

              let expected = Slow.crop resized (padding width) (padding height) crop crop
              expectSame (EvalTransform(resize, crop, case.Filter).Apply image).Pixels expected.Pixels "pixels"

          testCase "leaves an image of the right size alone"
          <| fun () ->
              let image = randomImage 1 37 21
              expectSame (Resampler.Resize(image, 37, 21, ResampleFilter.Bicubic)).Pixels image.Pixels "identity"

          testCase "of a box that leaves the image is refused"
          <| fun () ->
              let image = randomImage 1 10 10

              Expect.throwsT<ArgumentOutOfRangeException>
                  (fun () -> Resampler.Resize(image, PixelBox(5, 0, 6, 5), 4, 4, ResampleFilter.Bilinear) |> ignore)
                  "outside"

              for box in [ PixelBox(5, 0, Int32.MaxValue, 5); PixelBox(0, 5, 5, Int32.MaxValue); PixelBox(Int32.MaxValue, 0, 5, 5) ] do
                  Expect.throwsT<ArgumentOutOfRangeException> (fun () -> image.Part box |> ignore) $"{box}" ]
