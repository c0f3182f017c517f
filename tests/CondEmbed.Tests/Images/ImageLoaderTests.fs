module CondEmbed.Tests.ImageLoaderTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Tests.ImageSupport

/// Thirty encoded images of different sizes.
let good = lazy [| for i in 0..29 -> $"set/{i}.png", ImageEncoder.Png(randomImage i (20 + i) (50 - i)) |]

let decode (file: byte[]) = decoder.Decode(file, "")

let source () = MemorySource good.Value

/// The thirty good images, of which 7 and 19 are spoilt.
let spoilt () =
    let files = Array.copy good.Value
    files[7] <- fst files[7], (snd files[7])[..99]
    files[19] <- fst files[19], [||]
    MemorySource files

let train = TrainTransform(Size = 16, Brightness = 0.3, Hue = 0.1, ErasingProbability = 0.5)

/// Ten images a step, some of them twice.
let plan step =
    let random = Random(step: int)
    let indices = Array.init 10 (fun _ -> random.Next 30)
    BatchPlan(indices, indices |> Array.map (fun i -> int64 (i / 6)))

let loader source workers prefetch = BatchLoader(ImageReader source, LoaderOptions(workers, prefetch))

let collect (batches: seq<PixelBatch>) =
    [ for batch in batches do
          use batch = batch
          batch.Step, Array.copy batch.Pixels, batch.Indices, batch.Labels ]

let private runs =
    testList
        "training batches"
        [ testCase "are the same for any number of workers and any depth"
          <| fun () ->
              let run workers prefetch = collect ((loader (source ()) workers prefetch).Run(plan, train, 3L, 0, 12))

              let expected = run 1 1
              Expect.equal (run 2 3) expected "two workers"
              Expect.equal (run 7 5) expected "seven workers"

          testCase "come in step order and hold what was planned"
          <| fun () ->
              let all = collect ((loader (source ()) 4 2).Run(plan, train, 3L, 5, 25))
              Expect.equal (all |> List.map (fun (step, _, _, _) -> step)) [ 5..24 ] "order"

              for step, pixels, indices, labels in all do
                  Expect.equal indices (plan step).Indices "indices"
                  Expect.equal labels (plan step).Labels "labels"
                  Expect.hasLength pixels (10 * 16 * 16 * 3) "pixels"

          testCase "of a resumed run are those of one that was never stopped"
          <| fun () ->
              let run first = collect ((loader (source ()) 3 2).Run(plan, train, 3L, first, 10))

              Expect.equal (run 6) (List.skip 6 (run 0)) "steps 6 to 9"

          testCase "are what the transform makes of the decoded image"
          <| fun () ->
              let _, pixels, indices, _ = collect ((loader (source ()) 2 2).Run(plan, train, 3L, 4, 5)) |> List.head

              for slot in 0..9 do
                  let mutable random = SeededRandom.For(3L, 4L, int64 slot)
                  let image = decode (snd good.Value[indices[slot]])
                  expectSame pixels[slot * 768 .. slot * 768 + 767] (train.Apply(image, &random)).Pixels $"slot {slot}"

          testCase "reuse a few buffers once they are given back"
          <| fun () ->
              let buffers = HashSet<byte[]>(HashIdentity.Reference)

              for batch in (loader (source ()) 2 2).Run(plan, train, 3L, 0, 60) do
                  use batch = batch
                  buffers.Add batch.Pixels |> ignore

              Expect.isLessThan buffers.Count 8 "buffers"

          testCase "are gone after they are given back"
          <| fun () ->
              for batch in (loader (source ()) 2 2).Run(plan, train, 3L, 0, 1) do
                  batch.Dispose()
                  batch.Dispose()
                  Expect.throwsT<ObjectDisposedException> (fun () -> batch.Pixels |> ignore) "pixels"

          testCase "are not planned further ahead than the depth"
          <| fun () ->
              let mutable planned = 0

              let counted step =
                  Interlocked.Increment &planned |> ignore
                  plan step

              for batch in (loader (source ()) 2 3).Run(counted, train, 3L, 0, 20) do
                  use batch = batch
                  Thread.Sleep 5
                  Expect.isLessThanOrEqual (Volatile.Read &planned) (batch.Step + 1 + 4) "planned" ]

let private inOrder =
    let view = EvalTransform(20, 16)
    let all = [| 0..29 |]

    testList
        "batches in order"
        [ testCase "cover all images, the last batch being smaller"
          <| fun () ->
              let labels = all |> Array.map (fun i -> int64 (i * 2))
              let batches = collect ((loader (source ()) 3 2).InOrder(all, labels, 8, view))
              Expect.equal (batches |> List.map (fun (_, _, indices, _) -> indices.Length)) [ 8; 8; 8; 6 ] "sizes"
              Expect.equal (batches |> Seq.collect (fun (_, _, indices, _) -> indices) |> List.ofSeq) [ 0..29 ] "indices"
              Expect.equal (batches |> Seq.collect (fun (_, _, _, labels) -> labels) |> Array.ofSeq) labels "labels"

              let expected = good.Value |> Array.collect (fun (_, file) -> (view.Apply(decode file)).Pixels)

              expectSame (batches |> Seq.collect (fun (_, pixels, _, _) -> pixels) |> Array.ofSeq) expected "pixels"

          testCase "of nothing are none"
          <| fun () -> Expect.isEmpty (collect ((loader (source ()) 3 2).InOrder([||], null, 8, view))) "batches"

          testCase "leave out bad images when asked, and tell of each in order"
          <| fun () ->
              let told = List<BadImage>()

              let batches = collect ((loader (spoilt ()) 4 2).InOrder(all, null, 8, view, Action<BadImage> told.Add))

              Expect.equal (batches |> Seq.collect (fun (_, _, i, _) -> i) |> List.ofSeq) (List.except [ 7; 19 ] [ 0..29 ]) "the others"
              Expect.equal (told |> Seq.map (fun bad -> bad.Index, bad.Name) |> List.ofSeq) [ 7, "set/7.png"; 19, "set/19.png" ] "told"

              let others = good.Value |> Array.indexed |> Array.filter (fun (i, _) -> i <> 7 && i <> 19)

              let expected = others |> Array.collect (fun (_, (_, file)) -> (view.Apply(decode file)).Pixels)

              expectSame (batches |> Seq.collect (fun (_, p, _, _) -> p) |> Array.ofSeq) expected "pixels"

              let only = collect ((loader (spoilt ()) 4 2).InOrder([| 7; 19; 3 |], null, 2, view, Action<BadImage> ignore))

              Expect.equal (only |> List.map (fun (step, _, i, _) -> step, i)) [ 1, [| 3 |] ] "no empty batch" ]

let private waiting =
    testList
        "waiting"
        [ testCase "needs no thread of the pool"
          <| fun () ->
              use release = new ManualResetEventSlim()
              let workers = ThreadPool.ThreadCount + Environment.ProcessorCount
              let busy = [ for _ in 0 .. 40 * workers -> Tasks.Task.Run(fun () -> release.Wait()) ]

              try
                  let clock = Diagnostics.Stopwatch.StartNew()
                  Expect.hasLength (collect ((loader (source ()) 3 2).Run(plan, train, 3L, 0, 40))) 40 "batches"
                  Expect.isLessThan clock.Elapsed (TimeSpan.FromSeconds 8.0) "while the pool is full"
              finally
                  release.Set()
                  busy |> List.iter _.Wait()

          testCase "is told of each batch"
          <| fun () ->
              let slow =
                  { new IImageSource with
                      member _.Count = 30
                      member _.NameOf index = fst good.Value[index]

                      member _.Read index =
                          Thread.Sleep 2
                          snd good.Value[index] }

              let waited (pause: int) =
                  List.sum
                      [ for batch in (loader slow 2 2).Run(plan, train, 3L, 0, 8) do
                            use batch = batch
                            Thread.Sleep pause
                            batch.Waited.TotalMilliseconds ]

              Expect.isGreaterThan (waited 0) 50.0 "ten images of 2 ms by two workers, eight times"
              Expect.isLessThan (waited 60) 60.0 "only for the first" ]

let private trouble =
    let throwsOf (batches: seq<PixelBatch>) =
        let seen = List<int>()

        try
            for batch in batches do
                use batch = batch
                seen.Add batch.Step

            None, seen.Count
        with problem ->
            Some problem, seen.Count

    testList
        "trouble"
        [ testCase "with an image surfaces at its step, named, whichever worker met it"
          <| fun () ->
              for workers in 1..4 do
                  let single step = BatchPlan([| step; 29 - step |], [| 0L; 0L |])

                  let problem, before = throwsOf ((loader (spoilt ()) workers 3).Run(single, train, 0L, 0, 20))

                  Expect.equal before 7 "batches before it"
                  Expect.stringContains problem.Value.Message "set/7.png: " "named"
                  Expect.isTrue (problem.Value :? InputException) "the user can fix it"

          testCase "with a vanished file names it"
          <| fun () ->
              let gone =
                  { new IImageSource with
                      member _.Count = 1
                      member _.NameOf _ = "set/gone.png"

                      member _.Read _ = raise (FileNotFoundException "Could not find it.") }

              let problem, _ = throwsOf ((loader gone 2 2).InOrder([| 0 |], null, 1, EvalTransform(8, 8)))

              Expect.equal problem.Value.Message "set/gone.png: the file cannot be read: Could not find it." "message"

          testCase "with a plan surfaces as it is"
          <| fun () ->
              let failing step = if step = 3 then raise (InvalidOperationException "no such class") else plan step

              let problem, before = throwsOf ((loader (source ()) 2 2).Run(failing, train, 0L, 0, 20))

              Expect.equal (problem.Value.Message, before) ("no such class", 3) "after three batches"

          testCase "with an index names step and index"
          <| fun () ->
              let outside _ = BatchPlan([| 99 |], [| 0L |])
              let problem, _ = throwsOf ((loader (source ()) 2 2).Run(outside, train, 0L, 5, 6))
              Expect.stringContains problem.Value.Message "image 99 (outside the 30 images of the source) for step 5" "message"

          testCase "ends on cancellation, promptly and with every thread gone"
          <| fun () ->
              use stop = new CancellationTokenSource()
              let busy = ref 0

              let slow =
                  { new IImageSource with
                      member _.Count = 30
                      member _.NameOf index = fst good.Value[index]

                      member _.Read index =
                          Interlocked.Increment busy |> ignore
                          Thread.Sleep 20
                          Interlocked.Decrement busy |> ignore
                          snd good.Value[index] }

              stop.CancelAfter 100
              let clock = Diagnostics.Stopwatch.StartNew()

              let problem, _ = throwsOf ((loader slow 3 2).Run(plan, train, 0L, 0, 100000, stop.Token))

              Expect.isTrue (problem.Value :? OperationCanceledException) "cancelled"
              Expect.isLessThan clock.ElapsedMilliseconds 3000L "promptly"
              Expect.equal busy.Value 0 "nobody reads any more"

          testCase "does not follow from leaving the loop early"
          <| fun () ->
              for _ in 1..20 do
                  let batches = (loader (source ()) 3 2).Run(plan, train, 0L, 0, 100000)
                  use first = Seq.head batches
                  Expect.equal first.Step 0 "the first" ]

let tests = testList "loader" [ runs; inOrder; waiting; trouble ]
