/// Pixels of other libraries.
module CondEmbed.Tests.PixelTests

open System
open Expecto
open SkiaSharp
open CondEmbed.Images
open CondEmbed.Tests.CSharp
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.Support

/// The bytes of a pixel in an order, and how they lie.
let private packed (image: RgbImage) order gap =
    let size =
        if order = PixelOrder.Grey then 1
        elif order = PixelOrder.Rgb || order = PixelOrder.Bgr then 3
        else 4

    let stride = image.Width * size + gap
    let bytes = Array.create ((image.Height - 1) * stride + image.Width * size) 77uy

    for y in 0 .. image.Height - 1 do
        for x in 0 .. image.Width - 1 do
            let at = (y * image.Width + x) * 3
            let r, g, b = image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]

            let pixel =
                match order with
                | PixelOrder.Rgb -> [| r; g; b |]
                | PixelOrder.Bgr -> [| b; g; r |]
                | PixelOrder.Rgba -> [| r; g; b; 9uy |]
                | PixelOrder.Bgra -> [| b; g; r; 9uy |]
                | _ -> [| r |]

            pixel.CopyTo(bytes, y * stride + x * size)

    bytes, stride

let tests =
    testList
        "pixels"
        [ test "of any order and stride are the image" {
              for order in Enum.GetValues<PixelOrder>() do
                  for gap in [ 0; 5 ] do
                      let image = randomImage 3 7 5

                      let expected =
                          if order = PixelOrder.Grey then
                              [| for i in 0 .. image.Pixels.Length - 1 -> image.Pixels[i / 3 * 3] |]
                          else
                              image.Pixels

                      let bytes, stride = packed image order gap
                      let made = RgbImage.FromPixels(ReadOnlySpan bytes, 7, 5, (if gap = 0 then 0 else stride), order)
                      Expect.equal (made.Width, made.Height) (7, 5) "sizes"
                      ImageSupport.expectSame made.Pixels expected $"{order}, {gap} bytes between rows"
          }

          test "what does not fit is refused" {
              for length, stride in [ 104, 0; 108, 22; 105, 20 ] do
                  throws<ArgumentException>
                      (fun () -> RgbImage.FromPixels(ReadOnlySpan(Array.zeroCreate<byte> length), 7, 5, stride) |> ignore)
                      $"{length} bytes, rows of {stride}"
          }

          test "a bitmap of Skia takes one line" {
              let image = randomImage 2 22 38
              use bitmap = SKBitmap.Decode(ImageEncoder.Png image)
              ImageSupport.expectSame (DotnetUser.OfSkia bitmap).Pixels image.Pixels "the same pixels"
          } ]
