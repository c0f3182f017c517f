/// Files of decoded images.
module CondEmbed.Tests.ImageCacheTests

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Expecto
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

/// Six images, of which two are not larger than the cache's.
let private images =
    [| for at, (width, height) in Array.indexed [| 90, 70; 64, 100; 120, 64; 50, 40; 40, 90; 200, 65 |] -> randomImage at width height |]

let private filesOf (images: RgbImage[]) = images |> Array.mapi (fun at image -> $"set/{at}.png", ImageEncoder.Png image)
let private files = lazy filesOf images

/// Skia that counts.
type private Counted() =
    let mutable count = 0
    member _.Count = count

    interface IImageDecoder with
        member _.Decode(file, name) =
            Interlocked.Increment &count |> ignore
            decoder.Decode(file, name)

let private all = [| 0..5 |]
let private optionsOf folder = ImageCacheOptions(folder, 64)

let private openFor folder files =
    let counted = Counted()
    let cache = ImageCache.Open(ImageReader(MemorySource files, counted), ImageCacheOptions(folder, 64), workers = 2)
    cache, cache.Check, counted.Count

let private training = TrainTransform(Size = 32, Brightness = 0.2) :> IImageTransform

/// What its reader makes of an image.
let private view (cache: ImageCache) (transform: IImageTransform) index =
    let mutable random = SeededRandom.For(1L, 2L, int64 index)
    let pixels = Array.zeroCreate<byte>(transform.OutputSize * transform.OutputSize * 3)
    cache.Reader.View(index, transform, &random, pixels.AsSpan())
    pixels

let private expected (image: RgbImage) (transform: IImageTransform) index =
    let mutable random = SeededRandom.For(1L, 2L, int64 index)
    let pixels = Array.zeroCreate<byte>(transform.OutputSize * transform.OutputSize * 3)
    transform.Apply(image, &random, pixels.AsSpan())
    pixels

/// The image with a short side of 64, or as it is, by loops.
let private shrunk (image: RgbImage) =
    match min image.Width image.Height with
    | short when short <= 64 -> image
    | short -> Slow.resize image (image.Width * 64 / short) (image.Height * 64 / short) ResampleFilter.Bilinear

let private expectTrains cache message =
    for index in all do
        expectSame (view cache training index) (expected (shrunk images[index]) training index) $"{message}: image {index}"

let private only folder = Directory.GetFiles folder |> Array.exactlyOne

/// Changes a file at a place, from its end if that is negative.
let private spoil (path: string) (place: int) =
    let bytes = File.ReadAllBytes path
    let at = if place < 0 then bytes.Length + place else place
    bytes[at] <- bytes[at] ^^^ 1uy
    File.WriteAllBytes(path, bytes)

let private uses =
    testList
        "views"
        [ testCase "for training are of the shrunk images, which are decoded once"
          <| fun () ->
              Support.inFolder (fun folder ->
                  for decoded in [ 6; 0; 0 ] do
                      let cache, check, count = openFor folder files.Value
                      use cache = cache
                      Expect.equal (check.Checked, check.Bad.Count, count) (6, 0, decoded) "decoded"
                      expectTrains cache "cached"

                  only folder |> ignore)

          testCase "for measuring are of the images themselves, of whatever size they are"
          <| fun () ->
              Support.inFolder (fun folder ->
                  let cache, _, _ = openFor folder files.Value
                  use cache = cache

                  let views: IImageTransform list =
                      [ EvalTransform(64, 48)
                        EvalTransform(48, 40)
                        EvalTransform(80, 64)
                        EvalTransform(64, 64, ResampleFilter.Bicubic)
                        TrainTransform.None(EvalTransform(64, 56))
                        TrainTransform.None(EvalTransform(50, 50)) ]

                  for view' in views do
                      for index in all do
                          expectSame (view cache view' index) (expected images[index] view' index) $"{view'}, image {index}")

          testCase "are the same in the loader, whose batches are in order"
          <| fun () ->
              Support.inFolder (fun folder ->
                  let cache, _, _ = openFor folder files.Value
                  use cache = cache
                  let plan = Func<int, BatchPlan>(fun _ -> BatchPlan(all, Array.map int64 all))

                  for batch in BatchLoader(cache.Reader, LoaderOptions 3).Run(plan, training, 9L, 0, 4) do
                      use batch = batch

                      for slot in all do
                          let mutable random = SeededRandom.For(9L, int64 batch.Step, int64 slot)
                          let view = Array.zeroCreate<byte>(32 * 32 * 3)
                          training.Apply(shrunk images[slot], &random, view.AsSpan())
                          expectSame batch.Pixels[slot * view.Length .. (slot + 1) * view.Length - 1] view $"slot {slot}") ]

let private safety =
    testList
        "is replaced"
        [ testCase "beside the old one for other images, another size or another filter"
          <| fun () ->
              Support.inFolder (fun folder ->
                  let first, _, _ = openFor folder files.Value
                  use _ = first
                  let others = Array.append [| "set/0.png", ImageEncoder.Png(randomImage 77 90 70) |] files.Value[1..]
                  let second, _, count = openFor folder others
                  use _ = second
                  Expect.equal count 6 "decoded"

                  for options in [ ImageCacheOptions(folder, 65); ImageCacheOptions(folder, 64, ResampleFilter.Bicubic) ] do
                      use third = ImageCache.Open(ImageReader(MemorySource files.Value), options)
                      Expect.isEmpty third.Check.Bad "bad"

                  Expect.hasLength (Directory.GetFiles folder) 4 "files"
                  expectTrains first "the first")

          testCase "at opening where its header, its places or its length are not right"
          <| fun () ->
              Support.inFolder (fun folder ->
                  let made, _, _ = openFor folder files.Value
                  made.Dispose()
                  let path = only folder

                  for harm in
                      [ fun () -> spoil path 3
                        fun () -> spoil path 20
                        fun () -> spoil path 50
                        fun () -> spoil path (ImageCacheFile.HeaderLength + 9)
                        fun () -> File.WriteAllBytes(path, (File.ReadAllBytes path)[..9999])
                        fun () -> File.WriteAllBytes(path, [||]) ] do
                      harm ()
                      let cache, _, count = openFor folder files.Value
                      use cache = cache
                      Expect.equal count 6 "decoded"
                      expectTrains cache "repaired")

          testCase "at the next opening where pixels are not right, which nobody gets to see"
          <| fun () ->
              Support.inFolder (fun folder ->
                  let made, _, _ = openFor folder files.Value
                  made.Dispose()

                  for place in [ -1; int (ImageCacheFile.PixelsFrom 6) ] do
                      spoil (only folder) place
                      let damaged, _, count = openFor folder files.Value
                      Expect.equal count 0 "not seen at once"
                      expectTrains damaged "damaged"
                      damaged.Dispose()
                      Expect.isEmpty (Directory.GetFiles folder) "gone"
                      let cache, _, count = openFor folder files.Value
                      use cache = cache
                      Expect.equal count 6 "decoded"
                      expectTrains cache "repaired")

          testCase "by several at once, each of which has a whole one"
          <| fun () ->
              Support.inFolder (fun folder ->
                  Parallel.For(
                      0,
                      6,
                      fun (_: int) ->
                          let cache, _, _ = openFor folder files.Value
                          use cache = cache
                          expectTrains cache "one of several"
                  )
                  |> ignore

                  only folder |> ignore)

          testCase "not at all where it cannot be written, which is said with what to do"
          <| fun () ->
              Support.inFolder (fun folder ->
                  let file = Path.Combine(folder, "file")
                  File.WriteAllText(file, "")
                  let problem = Expect.throwsC (fun () -> openFor file files.Value |> ignore) id
                  Expect.isTrue (problem :? CondEmbed.Common.InputException) "the user can fix it"
                  Expect.stringContains problem.Message "Give another folder" "the fix"
                  Expect.stringContains problem.Message file "the place")

          testCase "without images that cannot be used, of which every opening tells"
          <| fun () ->
              Support.inFolder (fun folder ->
                  let spoilt = Array.copy files.Value
                  spoilt[2] <- fst spoilt[2], (snd spoilt[2])[..99]

                  for _ in 1..2 do
                      let cache, check, _ = openFor folder spoilt
                      use cache = cache
                      let bad = Seq.exactlyOne check.Bad
                      Expect.equal (bad.Index, bad.Name) (2, "set/2.png") "which"
                      Expect.stringContains bad.Reason "cut off" "why"
                      expectSame (view cache training 1) (expected (shrunk images[1]) training 1) "another") ]

let tests = testList "cache of decoded images" [ uses; safety ]
