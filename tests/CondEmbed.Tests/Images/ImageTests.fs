module CondEmbed.Tests.ImageTests

open System
open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Tests.Support
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

let private goldenCases () =
    use cases = JsonDocument.Parse(File.ReadAllText(goldenImage "cases.json"))

    [ for case in cases.RootElement.GetProperty("cases").EnumerateArray() ->
          let text (name: string) = case.GetProperty(name).GetString()
          let number (name: string) = case.GetProperty(name).GetInt32()
          let filter = Enum.Parse<ResampleFilter>(text "filter", true)
          text "source", EvalTransform(number "resize", number "crop", filter), text "expected" ]

let private reason (decode: unit -> RgbImage) =
    try
        decode () |> ignore
        ""
    with :? BadImageException as problem ->
        Expect.stringStarts problem.Message "shelf/cat.jpg: " "the image is named"
        problem.Reason

let private decode (bytes: byte[]) = reason (fun () -> decoder.Decode(bytes, "shelf/cat.jpg"))

/// A PNG header that claims a size, with a right checksum, and nothing after it.
let private hugePng width height =
    let png = File.ReadAllBytes(goldenImage "small.png")[..32]
    Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(png.AsSpan 16, width)
    Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(png.AsSpan 20, height)
    let mutable crc = 0xFFFFFFFFu

    for b in png[12..28] do
        crc <- crc ^^^ uint32 b

        for _ in 1..8 do
            crc <- if crc &&& 1u = 1u then (crc >>> 1) ^^^ 0xEDB88320u else crc >>> 1

    Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan 29, ~~~crc)
    Array.append png (File.ReadAllBytes(goldenImage "small.png")[33..])

let private golden =
    testList
        "equals Pillow"
        [ for source, transform, expected in goldenCases () ->
              testCase expected
              <| fun () ->
                  let actual = transform.Apply(decodeFile (goldenImage source))
                  expectSame actual.Pixels (decodeFile (goldenImage expected)).Pixels expected ]

let private goldenCount = testCase "all golden cases are there" <| fun () -> Expect.hasLength (goldenCases ()) 36 "cases"

let private cutOff =
    testList
        "refuses"
        [ for name in [ "wide.jpg"; "small.png"; "lossless.webp"; "bitmap.bmp" ] ->
              testCase $"a cut-off {Path.GetExtension name}"
              <| fun () ->
                  let whole = File.ReadAllBytes(goldenImage name)
                  Expect.stringContains (decode whole[.. whole.Length * 2 / 3]) "cut off" "said so" ]

let private refusals =
    testList
        "refuses"
        [ testCase "a file of a few bytes"
          <| fun () -> Expect.isNotEmpty (decode (File.ReadAllBytes(goldenImage "wide.jpg")[..20])) "refused"
          testCase "an empty file" <| fun () -> Expect.equal (decode [||]) "the file is empty" "said so"
          testCase "what is no image"
          <| fun () -> Expect.stringContains (decode "label,path"B) "not a JPEG, PNG" "said so"

          testCase "a form of the web around an image, and says what to send"
          <| fun () ->
              use form = new System.Net.Http.MultipartFormDataContent()
              form.Add(new System.Net.Http.ByteArrayContent(File.ReadAllBytes(goldenImage "small.png")), "file", "small.png")
              let refused = decode (form.ReadAsByteArrayAsync().Result)
              Expect.stringContains refused "multipart/form-data" "what it is"
              Expect.stringContains refused "Request.Form.Files" "what to do"
              let curl = "--------------------------d74496d6\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n"B
              Expect.stringContains (decode curl) "multipart/form-data" "as curl writes it"
              Expect.stringContains (decode "-- content-disposition: form-data"B) "not a JPEG" "no form"

          testCase "a bomb, before taking memory for it"
          <| fun () ->
              let bomb = hugePng 30000 30000
              let before = GC.GetAllocatedBytesForCurrentThread()
              Expect.stringContains (decode bomb) "30000 x 30000" "size named"
              Expect.isLessThan (GC.GetAllocatedBytesForCurrentThread() - before) 100_000L "nothing allocated"

          testCase "more than the cap it is given"
          <| fun () ->
              let bytes = File.ReadAllBytes(goldenImage "small.png")
              let image = decoder.Decode(bytes, "small")
              let pixels = int64 (image.Width * image.Height)

              let capped (cap: int64) = reason (fun () -> SkiaDecoder(cap).Decode(bytes, "shelf/cat.jpg"))

              Expect.equal (capped pixels) "" "at the cap"
              Expect.stringContains (capped (pixels - 1L)) $"exceed the limit of {pixels - 1L} pixels" "above the cap"
              let wide = reason (fun () -> SkiaDecoder(2_500_000L).Decode(hugePng 2000 2000, "shelf/cat.jpg"))
              Expect.stringContains wide "exceed the limit of 2.5 megapixels" "above a cap of millions" ]

let private decoding =
    testList
        "decodes"
        [ testCase "grey to three equal channels"
          <| fun () ->
              let grey = (decodeFile (goldenImage "gray.jpg")).Pixels |> Array.chunkBySize 3
              Expect.all grey (fun p -> p[0] = p[1] && p[1] = p[2]) "equal"

          testCase "the first frame of a GIF"
          <| fun () ->
              let gif = Convert.FromBase64String "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="

              Expect.equal (decoder.Decode(gif, "gif")).Pixels [| 255uy; 255uy; 255uy |] "one white pixel"

          testCase "alpha by dropping it, not by blending"
          <| fun () ->
              let image = RgbImage(2, 1, [| 200uy; 100uy; 50uy; 1uy; 2uy; 3uy |])

              use bitmap =
                  new SkiaSharp.SKBitmap(SkiaSharp.SKImageInfo(2, 1, SkiaSharp.SKColorType.Rgba8888, SkiaSharp.SKAlphaType.Unpremul))

              Runtime.InteropServices.Marshal.Copy([| 200uy; 100uy; 50uy; 20uy; 1uy; 2uy; 3uy; 0uy |], 0, bitmap.GetPixels(), 8)
              use data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100)
              expectSame (decoder.Decode(data.ToArray(), "alpha")).Pixels image.Pixels "colours under the alpha"

          testCase "every EXIF orientation as the two mirrors and the transposition that it names"
          <| fun () ->
              let width, height = 5, 3

              let rgba =
                  [| for i in 0 .. width * height - 1 do
                         yield! [ byte i; byte (i + 50); byte (i + 100); 255uy ] |]

              for orientation in 1..8 do
                  // Orientations 5 to 8 swap the axes. In the upright image, (x, y) comes from here:
                  let from x y =
                      match orientation with
                      | 1 -> x, y
                      | 2 -> width - 1 - x, y
                      | 3 -> width - 1 - x, height - 1 - y
                      | 4 -> x, height - 1 - y
                      | 5 -> y, x
                      | 6 -> y, height - 1 - x
                      | 7 -> width - 1 - y, height - 1 - x
                      | _ -> width - 1 - y, x

                  let upright = Upright.FromRgba(ReadOnlySpan rgba, width, height, enum orientation)
                  Expect.equal (upright.Width, upright.Height) (if orientation < 5 then width, height else height, width) "size"

                  for y in 0 .. upright.Height - 1 do
                      for x in 0 .. upright.Width - 1 do
                          let sx, sy = from x y

                          Expect.equal
                              upright.Pixels[(y * upright.Width + x) * 3]
                              (byte (sy * width + sx))
                              $"orientation {orientation} at {x}, {y}"

          testCase "pixels of any count, packed four at a time or one by one"
          <| fun () ->
              for width in 1..40 do
                  let rgba = Array.init (width * 4) byte

                  let expected =
                      [| for x in 0 .. width - 1 do
                             for c in 0..2 -> byte (x * 4 + c) |]

                  expectSame (Upright.FromRgba(ReadOnlySpan rgba, width, 1, SkiaSharp.SKEncodedOrigin.TopLeft)).Pixels expected $"{width}" ]

let tests =
    testList
        "Image"
        [ golden
          goldenCount
          cutOff
          refusals
          decoding
          ImageResampleTests.tests
          ImageRandomTests.tests
          ImageTransformTests.tests
          ImageColourTests.tests
          ImageJpegTests.tests
          ImagePillowTests.tests
          ImageCacheTests.tests
          ImageLoaderTests.tests
          ImageCheckTests.tests
          ImageSheetTests.tests ]
