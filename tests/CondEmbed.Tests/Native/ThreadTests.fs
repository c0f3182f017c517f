/// One number of threads for all that computes in a process: who works, counted.
module CondEmbed.Tests.ThreadTests

open System
open System.Collections.Concurrent
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Runs
open CondEmbed.Torch
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.Models
open CondEmbed.Interop
open CondEmbed.Tests.Support
open TorchSharp

/// Leaves the process as it was before.
let restoring body =
    let threads = torch.get_num_threads ()

    try
        body ()
    finally
        ComputeThreads.Demand 0
        ComputeThreads.Choose 0
        torch.set_num_threads threads

/// How many threads call the function that the work is given, at most, whatever order they come in.
let private threadsOf (work: (unit -> unit) -> unit) =
    let seen = ConcurrentDictionary<int, bool>()

    work (fun () ->
        seen[Environment.CurrentManagedThreadId] <- true
        // Long enough for others to come, if any may.
        Thread.Sleep 2)

    seen.Count

let private readers workers =
    threadsOf (fun at ->
        let source = ImageLoaderTests.source ()

        let watched =
            { new IImageSource with
                member _.Count = (source :> IImageSource).Count
                member _.NameOf index = (source :> IImageSource).NameOf index

                member _.Read index =
                    at ()
                    (source :> IImageSource).Read index }

        (ImageLoaderTests.loader watched workers 2).InOrder([| 0..29 |], null, 5, EvalTransform(16, 16))
        |> ImageLoaderTests.collect
        |> ignore)

let private measurers () =
    threadsOf (fun at ->
        use rows = new SimilarityRows<float32>(Embeddings(Array.zeroCreate 40, 40, 1), Embeddings(Array.zeroCreate 3, 3, 1))
        rows.ForEach((fun _ _ -> at ()), Nullable 40, CancellationToken.None))

let private config = { Config.standard with Embedding = 8; Size = 32 }

let private numbered threads =
    tensorTest $"{threads} of the settings: torch, the loader and measuring" (fun () ->
        restoring (fun () ->
            use _ = new ProcessThreads(threads)
            use _ = Session.ForTraining(config, Device.choose "cpu", 2, 1)
            Expect.equal (torch.get_num_threads ()) threads "torch"
            Expect.equal ComputeThreads.Count threads "all else"
            Expect.isLessThanOrEqual (readers 0) threads "readers"
            Expect.isLessThanOrEqual (measurers ()) threads "measuring"
            Expect.isLessThanOrEqual (threadsOf (fun at -> ParallelWork.Each(40, fun _ -> at ()))) threads "loops"
            if threads = 2 then Expect.equal (readers 0) 2 "both read"))

let tests =
    testList
        "Threads"
        [ numbered 1
          numbered 2

          tensorTest "what is demanded of the process wins over settings" (fun () ->
              restoring (fun () ->
                  ComputeThreads.Demand 1
                  use _ = new ProcessThreads(2)
                  use _ = Session.ForTraining(config, Device.choose "cpu", 2, 1)
                  Expect.equal (torch.get_num_threads (), ComputeThreads.Count) (1, 1) "torch, and all else"))

          tensorTest "a session that only embeds leaves them as they are" (fun () ->
              restoring (fun () ->
                  torch.set_num_threads 3
                  ComputeThreads.Choose 5
                  let now () = torch.get_num_threads (), ComputeThreads.Count
                  use _ = Session.ForEmbedding(config, Device.choose "cpu")
                  Expect.equal (now ()) (3, 5) "a session"))

          tensorTest "workers of their own number read, whatever computes" (fun () ->
              restoring (fun () ->
                  ComputeThreads.Choose 1
                  Expect.equal (readers 2) 2 "asked for"
                  Expect.equal (readers 0) 1 "not asked for"))

          test "without a number there is one thread a core" {
              Expect.equal ComputeThreads.Count Environment.ProcessorCount "count"
              Expect.throwsT<ArgumentOutOfRangeException> (fun () -> ComputeThreads.Demand -1) "less than none"
          } ]
