/// Images of kinds that decoders like to disagree about, against the pixels that Pillow makes of them.
module CondEmbed.Tests.ImagePillowTests

open System
open System.IO
open System.Text.Json
open System.Threading.Tasks
open Expecto
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

/// The colour that was put behind the images with Pillow's paste.
let private orange = Rgb(255uy, 200uy, 10uy)

/// Files with `exif_transpose(image).convert("RGB")`, and what `paste` on a colour makes of those with transparency.
let private golden =
    let cases = JsonDocument.Parse(File.ReadAllText(goldenImage "pillow.json")).RootElement

    testList
        "equals Pillow, with its orientation and colours, for"
        [ for case in cases.EnumerateArray() do
              let bytes (name: string) = case.GetProperty(name).GetBytesFromBase64()
              let name = case.GetProperty("name").GetString()
              let size = case.GetProperty("width").GetInt32(), case.GetProperty("height").GetInt32()

              testCase name
              <| fun () ->
                  let image = SkiaDecoder().Decode(bytes "file", name)
                  Expect.equal (image.Width, image.Height) size "size"
                  expectSame image.Pixels (bytes "rgb") "pixels"

              match case.TryGetProperty "behind" with
              | true, _ ->
                  testCase $"{name} with a colour behind it"
                  <| fun () ->
                      let image = SkiaDecoder(Background = Nullable orange).Decode(bytes "file", name)
                      expectSame image.Pixels (bytes "behind") "pixels"
              | _ -> () ]

let private exif =
    testCase "a PNG with its eXIf before or behind its pixels stands upright"
    <| fun () ->
        for name in [ "before"; "after" ] do
            let image, right = decodeFile (goldenImage $"{name}.png"), decodeFile (goldenImage $"{name}-right.png")
            Expect.equal (image.Width, image.Height) (right.Width, right.Height) name
            expectSame image.Pixels right.Pixels name

let private grey16 =
    testCase "a grey PNG of 16 bits keeps its upper eight"
    <| fun () ->
        // 2 x 1 pixels, 0x1234 and 0xFF00.
        let png =
            Convert.FromBase64String "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABEAAAAACB2fwVAAAADUlEQVR4nGMQMvnPAAAC5wFGf/uMQgAAAABJRU5ErkJggg=="

        expectSame (SkiaDecoder().Decode(png, "grey")).Pixels [| 18uy; 18uy; 18uy; 255uy; 255uy; 255uy |] "upper bytes"

let private reason (file: byte[]) =
    try
        SkiaDecoder().Decode(file, "x") |> ignore
        "read"
    with :? BadImageException as problem ->
        problem.Reason

let private box (brand: string) =
    Array.concat [ [| 0uy; 0uy; 0uy; 24uy |]; "ftyp"B; Text.Encoding.ASCII.GetBytes brand; Array.zeroCreate 200 ]

let private formats =
    testCase "names the format that is not read, and the way out, whatever the file is called"
    <| fun () ->
        for file, word in
            [ box "heic\000\000\000\000mif1heic", "HEIC"
              box "mif1\000\000\000\000mif1heic", "HEIC"
              box "mif1\000\000\000\000mif1avif", "AVIF"
              box "avif", "AVIF"
              "II*\000\008\000\000\000\000\000\000\000"B, "TIFF"
              "MM\000*\000\000\000\008\000\000\000\000"B, "TIFF"
              "<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>"B, "SVG"
              "8BPS\000\001\000\000\000\000\000\000"B, "Photoshop" ] do
            let said = reason file
            Expect.stringContains said word "the format"
            Expect.stringContains said "is not supported; convert it" "the way out"

        Expect.stringContains (reason "version https://git-lfs.github.com/spec/v1"B) "git lfs pull" "a pointer"

let private jpegFile name = File.ReadAllBytes(Support.golden (Path.Combine("jpeg", name)))

let private bombs =
    testList
        "memory"
        [ testCase "is not taken for pixels that a file cannot hold"
          <| fun () ->
              let png = File.ReadAllBytes(goldenImage "small.png")
              Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(png.AsSpan 16, 9000)
              Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(png.AsSpan 20, 9000)
              let bmp = File.ReadAllBytes(goldenImage "bitmap.bmp")
              BitConverter.TryWriteBytes(bmp.AsSpan 18, 9000) |> ignore
              BitConverter.TryWriteBytes(bmp.AsSpan 22, 9000) |> ignore

              for name, file in [ "jpeg", jpegFile "bomb-693-bytes.jpg"; "png", png; "bmp", bmp ] do
                  Expect.notEqual (reason file) "read" "refused"
                  let before = GC.GetAllocatedBytesForCurrentThread()
                  reason file |> ignore
                  Expect.isLessThan (GC.GetAllocatedBytesForCurrentThread() - before) 200_000L name

              Expect.stringContains (reason (jpegFile "bomb-693-bytes.jpg")) "cut off" "said so"

          testCase "is shared: together at most the bound, or one alone"
          <| fun () ->
              let bound = DecodeMemory.Capacity
              let taken = ref 0L
              let most = ref 0L
              let lockedBy = obj ()

              let decode (bytes: int64) =
                  use loan = DecodeMemory.Take bytes

                  lock lockedBy (fun () ->
                      taken.Value <- taken.Value + bytes
                      Expect.isTrue (taken.Value <= bound || taken.Value = bytes) $"{taken.Value} bytes at once"
                      most.Value <- max most.Value taken.Value)

                  System.Threading.Thread.Yield() |> ignore
                  lock lockedBy (fun () -> taken.Value <- taken.Value - bytes)
                  loan.Dispose()

              let sizes = [| for i in 0..400 -> if i % 37 = 0 then bound + 1L else bound / int64 (1 + i % 5) |]
              Parallel.ForEach(sizes, ParallelOptions(MaxDegreeOfParallelism = 8), decode) |> ignore
              Expect.isGreaterThan most.Value 0L "taken"
              Expect.equal DecodeMemory.Used 0L "given back"

          testCase "that a thread has in one loan is the larger, not the sum"
          <| fun () ->
              do
                  use _ = DecodeMemory.Begin()
                  (DecodeMemory.Take 1000L).Dispose()
                  Expect.equal DecodeMemory.Used 1000L "kept to the end"
                  (DecodeMemory.Take 500L).Dispose()
                  (DecodeMemory.Take 3000L).Dispose()
                  Expect.equal DecodeMemory.Used 3000L "the larger"

              Expect.equal DecodeMemory.Used 0L "given back" ]

let private largest =
    testCase "the limit of a process holds for decoders made without one"
    <| fun () ->
        let small = File.ReadAllBytes(goldenImage "small.png")
        let before = SkiaDecoder.LargestByDefault

        try
            SkiaDecoder.LargestByDefault <- 10L
            Expect.stringContains (reason small) "MaxMegapixels" "refused, and how to raise it"
        finally
            SkiaDecoder.LargestByDefault <- before

        Expect.equal (reason small) "read" "as before"

let tests = testList "as Pillow" [ golden; exif; grey16; formats; bombs; largest ]
