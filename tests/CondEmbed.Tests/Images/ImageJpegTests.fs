/// Rows of JPEG images against the whole ones that libjpeg decodes.
module CondEmbed.Tests.ImageJpegTests

open System
open System.Buffers.Binary
open System.IO
open System.Runtime.InteropServices
open Expecto
open CondEmbed.Tests.Support
open SkiaSharp
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

/// H W 3 -> a JPEG file of that quality and sampling.
let encode (image: RgbImage) quality sampling =
    use bitmap = ImageEncoder.Bitmap image
    use map = bitmap.PeekPixels()
    use data = map.Encode(SKJpegEncoderOptions(quality, sampling, SKJpegEncoderAlphaOption.Ignore))
    data.ToArray()

/// H W -> a JPEG file of grey.
let private encodeGrey seed width height =
    use bitmap = new SKBitmap(width, height, SKColorType.Gray8, SKAlphaType.Opaque)
    let bytes = (randomImage seed width height).Pixels[.. bitmap.RowBytes * height - 1]
    Marshal.Copy(bytes, 0, bitmap.GetPixels(), bytes.Length)
    use data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 80)
    data.ToArray()

/// What libjpeg makes of a file.
let private tryLibjpeg (file: byte[]) =
    use data = SKData.CreateCopy file
    use codec = SKCodec.Create data

    if isNull codec then
        None
    else

        let info = SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul)
        let rgba = Array.zeroCreate<byte> info.BytesSize
        let pin = GCHandle.Alloc(rgba, GCHandleType.Pinned)
        let result = codec.GetPixels(info, pin.AddrOfPinnedObject())
        pin.Free()

        if result = SKCodecResult.Success then
            Some(Upright.FromRgba(ReadOnlySpan rgba, info.Width, info.Height, SKEncodedOrigin.TopLeft))
        else
            None

let private libjpeg (file: byte[]) =
    let image = tryLibjpeg file
    Expect.isSome image "libjpeg reads it"
    image.Value

/// The rows of a box of a file, in an image that is grey elsewhere; null where the file is left to the whole decoding, or refused.
let private rows (file: byte[]) (choose: int -> int -> PixelBox) =
    try
        decoder.ReadRows(file, "", (fun width height -> choose width height), (fun length -> Array.create length 77uy))
    with :? BadImageException ->
        null

let private whole = fun width height -> PixelBox(0, 0, width, height)

/// Files of all kinds, with widths and heights that leave every remainder by 16.
let private files =
    lazy
        [ for at in 0..31 do
              let image = randomImage at (16 + at + at % 7 * 31) (1 + at * 5)

              for sampling in Enum.GetValues<SKJpegEncoderDownsample>() do
                  for quality in [ 20; 90; 100 ] do
                      $"{image.Width} x {image.Height}, {sampling}, quality {quality}", encode image quality sampling

              $"{image.Width} x {image.Height}, grey", encodeGrey at image.Width image.Height ]

let private onWhole =
    testCase "whole images of every size, sampling and quality"
    <| fun () ->
        for name, file in files.Value do
            let image = rows file whole
            Expect.isNotNull image $"{name}: read"
            let expected = libjpeg file
            Expect.equal (image.Width, image.Height) (expected.Width, expected.Height) name
            expectSame image.Pixels expected.Pixels name

let private onParts =
    testCase "parts of images, and nothing is written above or below them"
    <| fun () ->
        let random = Random 5

        for name, file in files.Value do
            let expected = libjpeg file

            for _ in 1..4 do
                let width, height = random.Next(1, expected.Width + 1), random.Next(1, expected.Height + 1)
                let box = PixelBox(random.Next(expected.Width - width + 1), random.Next(expected.Height - height + 1), width, height)
                let image = rows file (fun _ _ -> box)
                expectSame (image.Part box).Pixels (expected.Part box).Pixels $"{box} of {name}"
                let above = box.Top * expected.Width * 3
                expectSame image.Pixels[.. above - 1] (Array.create above 77uy) "rows above"
                let below = image.Pixels[(box.Top + box.Height) * expected.Width * 3 ..]
                expectSame below (Array.create below.Length 77uy) "rows below"

/// A grey file with restart markers, of blocks of one colour each.
let private withRestarts interval width height =
    let random = Random 9
    let out = new MemoryStream()
    let put (bytes: int list) = bytes |> List.iter (fun value -> out.WriteByte(byte value))
    put [ 0xFF; 0xD8; 0xFF; 0xDB; 0; 67; 0 ]
    put (List.replicate 64 3)
    put [ 0xFF; 0xC0; 0; 11; 8; height >>> 8; height &&& 255; width >>> 8; width &&& 255; 1; 1; 0x11; 0 ]
    // Two codes of two bits for numbers of five and six bits, and one of one bit for the end of a block.
    put ([ 0xFF; 0xC4; 0; 21; 0; 0; 2 ] @ List.replicate 14 0 @ [ 5; 6 ])
    put ([ 0xFF; 0xC4; 0; 20; 0x10; 1 ] @ List.replicate 15 0 @ [ 0 ])
    put [ 0xFF; 0xDD; 0; 4; 0; interval; 0xFF; 0xDA; 0; 8; 1; 1; 0; 0; 63; 0 ]
    let blocks = (width + 7) / 8 * ((height + 7) / 8)
    let mutable bits = ""

    let flush () =
        let padded = bits.PadRight((bits.Length + 7) / 8 * 8, '1')

        for at in 0..8 .. padded.Length - 8 do
            let value = Convert.ToInt32(padded.Substring(at, 8), 2)
            put (if value = 255 then [ 255; 0 ] else [ value ])

        bits <- ""

    for block in 0 .. blocks - 1 do
        if block > 0 && block % interval = 0 then
            flush ()
            put [ 0xFF; 0xD0 + (block / interval - 1) % 8 ]

        let size = random.Next(5, 7)

        bits <-
            bits
            + (if size = 5 then "00" else "01")
            + Convert.ToString(random.Next(1 <<< size), 2).PadLeft(size, '0')
            + "0"

    flush ()
    put [ 0xFF; 0xD9 ]
    out.ToArray()

let private onRestarts =
    testCase "restart markers"
    <| fun () ->
        for interval in [ 1; 3; 16; 200 ] do
            let file = withRestarts interval 117 93
            expectSame (rows file whole).Pixels (libjpeg file).Pixels $"every {interval}"
            let box = PixelBox(20, 40, 50, 30)
            expectSame ((rows file (fun _ _ -> box)).Part box).Pixels ((libjpeg file).Part box).Pixels $"a part, every {interval}"

let private usual = lazy encode (randomImage 3 90 70) 85 SKJpegEncoderDownsample.Downsample420

/// Puts a segment behind the start of a file.
let private withSegment (marker: int) (content: byte[]) (file: byte[]) =
    let length = Array.zeroCreate<byte> 2
    BinaryPrimitives.WriteUInt16BigEndian(length, uint16 (content.Length + 2))
    Array.concat [ file[..1]; [| 0xFFuy; byte marker |]; length; content; file[2..] ]

let private exif orientation =
    Array.concat
        [ "Exif\000\000II*\000\008\000\000\000\001\000\018\001\003\000\001\000\000\000"B
          [| byte orientation; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy |] ]

let private leaves =
    testList
        "leaves to the whole decoding"
        [ testCase "an image that is to be turned, and no other with Exif data"
          <| fun () ->
              for orientation in 1..8 do
                  let file = withSegment 0xE1 (exif orientation) usual.Value
                  Expect.equal (isNull (rows file whole)) (orientation > 1) $"orientation {orientation}"
                  let turned = decoder.Decode(file, "")
                  Expect.equal (turned.Width, turned.Height) (if orientation < 5 then 90, 70 else 70, 90) "as it is to be seen"

          testCase "Exif data that ends with its name"
          <| fun () ->
              let file = withSegment 0xE1 "Exif\000"B usual.Value
              expectSame (rows file whole).Pixels (libjpeg usual.Value).Pixels "read"
              Expect.equal (decoder.Decode(file, "").Width) (decoder.Decode(usual.Value, "").Width) "read all the same"

          testCase "RGB that is stored as such"
          <| fun () ->
              let rgb = withSegment 0xEE "Adobe\000d\000\000\000\000\000"B usual.Value
              expectSame (rows rgb whole).Pixels (libjpeg rgb).Pixels "read"

          testCase "what is cut off, and what is damaged, whatever part is asked for"
          <| fun () ->
              let file = usual.Value

              for length in 0 .. file.Length - 3 do
                  Expect.isNull (rows file[.. length - 1] (fun _ _ -> PixelBox(0, 0, 5, 5))) $"{length} of {file.Length} bytes"

          testCase "bytes that mean nothing, without a crash"
          <| fun () ->
              let random = Random 4

              let outcomes =
                  [ for _ in 1..3000 do
                        let file = Array.copy usual.Value

                        for _ in 0 .. random.Next 4 do
                            file[random.Next(2, file.Length)] <- byte (random.Next 256)

                        match rows file whole with
                        | null -> "refused"
                        | image ->
                            expectSame image.Pixels (libjpeg file).Pixels "as libjpeg"
                            "decoded" ]
                  |> List.countBy id
                  |> Map

              for outcome in [ "refused"; "decoded" ] do
                  Expect.isGreaterThan (Map.tryFind outcome outcomes |> Option.defaultValue 0) 100 $"{outcome}: {outcomes}" ]

/// A file with a few bytes changed, cut out, put in, moved or cut off.
let private damaged (random: Random) (file: byte[]) =
    let at = random.Next((if random.Next 3 = 0 then 2 else min 600 (file.Length / 2)), file.Length)

    match random.Next 5 with
    | 0 -> file |> Array.mapi (fun i value -> if i = at then value ^^^ (1uy <<< random.Next 8) else value)
    | 1 ->
        file
        |> Array.mapi (fun i value -> if abs (i - at) < 3 && random.Next 2 = 0 then byte (random.Next 256) else value)
    | 2 -> Array.append file[.. at - 1] (if random.Next 2 = 0 then [| 0xFFuy; 0xD9uy |] else [||])
    | 3 -> Array.append file[.. at - 1] file[min (at + random.Next(1, 40)) file.Length ..]
    | _ -> Array.concat [ file[.. at - 1]; [| 0xFFuy; byte (random.Next 256) |][random.Next 2 ..]; file[at..] ]

let private onDamage =
    testCase "files that are damaged"
    <| fun () ->
        let random = Random 17
        let sound = files.Value |> List.map snd |> List.filter (fun file -> file.Length < 6000) |> List.toArray
        let mutable read = 0

        for turn in 1..4000 do
            let file = damaged random sound[random.Next sound.Length]

            match rows file whole with
            | null -> ()
            | image ->
                read <- read + 1

                match tryLibjpeg file with
                | None -> failtest $"turn {turn}: read, where libjpeg refuses"
                | Some expected -> expectSame image.Pixels expected.Pixels $"turn {turn}"

        Expect.isGreaterThan read 300 "some can be read all the same"

let private onCases =
    testCase "files that were read otherwise once"
    <| fun () ->
        for name in [ "kinder-1-m35"; "kinder-2-m37"; "mismatch-1-m7"; "mismatch-2-m41" ] do
            let file = File.ReadAllBytes(Support.golden (Path.Combine("jpeg", name)))

            match rows file whole, tryLibjpeg file with
            | null, None -> Expect.throwsT<BadImageException> (fun () -> decoder.Decode(file, name) |> ignore) name
            | null, Some expected -> expectSame (decoder.Decode(file, name)).Pixels expected.Pixels name
            | image, expected -> expectSame image.Pixels expected.Value.Pixels name

let private asMuch =
    testCase "makes the views that whole images make, in the loader too"
    <| fun () ->
        let images = [| for seed in 0..5 -> randomImage seed (150 + 20 * seed) (200 - 10 * seed) |]
        let files = images |> Array.map (fun image -> "", encode image 88 SKJpegEncoderDownsample.Downsample420)

        let views: IImageTransform list =
            [ TrainTransform(Size = 40)
              TrainTransform(Size = 40, CropScale = Interval(0.02, 0.1), Filter = ResampleFilter.Bicubic)
              TrainTransform(Size = 40, Geometry = Geometry.CentreCrop, Resize = 60)
              TrainTransform(Size = 40, Geometry = Geometry.ShiftScale, Rotation = 20.0)
              EvalTransform(60, 40)
              EvalTransform(40, 70, ResampleFilter.Bicubic)
              EvalTransform(300, 224) ]

        for view in views do
            let side = view.OutputSize * view.OutputSize * 3
            let plan = Func<int, BatchPlan>(fun step -> BatchPlan([| step; step; 5 - step |], [| 0L; 0L; 0L |]))

            for batch in BatchLoader(ImageReader(MemorySource files), LoaderOptions 2).Run(plan, view, 8L, 0, 6) do
                use batch = batch

                for slot in 0..2 do
                    let mutable random = SeededRandom.For(8L, int64 batch.Step, int64 slot)
                    let expected = Array.zeroCreate<byte> side
                    view.Apply(libjpeg (snd files[batch.Indices[slot]]), &random, expected.AsSpan())
                    expectSame batch.Pixels[slot * side .. (slot + 1) * side - 1] expected $"{view}, step {batch.Step}, slot {slot}"

let tests =
    testList "JPEG" [ testList "equals libjpeg on" [ onWhole; onParts; onRestarts; onDamage; onCases ]; leaves; asMuch ]
