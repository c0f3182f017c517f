module CondEmbed.Tests.ImageCheckTests

open System
open System.Threading
open Expecto
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.ImageLoaderTests

let private caching =
    testList
        "cache"
        [ testCase "decodes a small set once"
          <| fun () ->
              let source = source ()
              let reader = ImageReader(source, cache = DecodedCache())
              let check = ImageCheck.Run reader
              Expect.equal (check.Checked, check.Bad.Count, source.Reads) (30, 0, 30) "checked"
              let batches = BatchLoader(reader).Run(plan, train, 3L, 0, 12) |> collect
              Expect.equal source.Reads 30 "no more reads"
              Expect.equal batches (collect ((loader (MemorySource good.Value) 1 1).Run(plan, train, 3L, 0, 12))) "same pixels"

          testCase "never holds more than its cap"
          <| fun () ->
              let cache = DecodedCache 10_000L
              let image = randomImage 1 20 20
              Expect.isTrue (Seq.forall (fun i -> cache.TryAdd(i, image)) [ 0..7 ]) "eight times 1200 bytes fit"
              Expect.isFalse (cache.TryAdd(8, image)) "a ninth does not"
              Expect.isFalse (cache.TryAdd(0, image)) "nor a second of one index"
              Expect.isTrue (cache.TryAdd(9, RgbImage(10, 10, Rgb()))) "a smaller one does"
              Expect.equal (cache.Count, cache.Bytes) (9, 9900L) "held"
              let found, kept = cache.TryGet 3
              Expect.isTrue (found && Object.ReferenceEquals(kept, image)) "the very image"

          testCase "stays within its cap when many threads fill it"
          <| fun () ->
              let cache = DecodedCache 50_000L
              let image = randomImage 1 20 20
              Tasks.Parallel.For(0, 1000, fun i -> cache.TryAdd(i, image) |> ignore) |> ignore
              Expect.equal (int64 cache.Count * 1200L) cache.Bytes "accounts agree"
              Expect.isLessThanOrEqual cache.Bytes 50_000L "cap" ]

let private checking =
    testList
        "check"
        [ testCase "finds all bad images and names them in one error"
          <| fun () ->
              let check = ImageCheck.Run(ImageReader(spoilt ()))
              Expect.equal (check.Bad |> Seq.map _.Index |> List.ofSeq) [ 7; 19 ] "both"
              Expect.equal (check.Good [ 6; 7; 8; 19 ] |> List.ofSeq) [ 6; 8 ] "the others"
              let lines = check.Error().Message.Split Environment.NewLine
              Expect.stringStarts lines[0] "2 of 30 images cannot be used." "heading"
              Expect.stringContains lines[0] "SkipBad" "the way out"
              Expect.stringStarts lines[1] "  set/7.png: the file is cut off" "first"
              Expect.equal lines[2] "  set/19.png: the file is empty" "second"

          testCase "has no error when all is well, and looks only where it is told"
          <| fun () ->
              let check = ImageCheck.Run(ImageReader(spoilt ()), [| 1; 2; 3 |])
              Expect.isTrue (isNull (box (check.Error()))) "no error"
              Expect.equal check.Checked 3 "checked"

          testCase "reports its progress to the end"
          <| fun () ->
              let reports = Collections.Concurrent.ConcurrentQueue<RunProgress>()

              let progress =
                  { new IProgress<RunProgress> with
                      member _.Report value = reports.Enqueue value }

              ImageCheck.Run(ImageReader(spoilt ()), progress = progress) |> ignore
              Expect.hasLength reports 30 "one per image in so small a set"
              let last = Seq.last reports
              Expect.equal (last.Phase, last.Step, last.Steps, last.Detail) ("checking images", 30, 30, "2 bad") "the last"

          testCase "can be cancelled"
          <| fun () ->
              use stop = new CancellationTokenSource()

              let progress =
                  { new IProgress<RunProgress> with
                      member _.Report _ = stop.Cancel() }

              Expect.throwsT<OperationCanceledException>
                  (fun () -> ImageCheck.Run(ImageReader(source ()), null, 1, progress, stop.Token) |> ignore)
                  "cancelled" ]

let tests = testList "images" [ caching; checking ]
