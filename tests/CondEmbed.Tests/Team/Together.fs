/// A team of threads. One runs at a time, each with its own state of torch's global generator, as if they were processes.
module CondEmbed.Tests.Together

open System
open System.Threading
open CondEmbed
open TorchSharp

/// Whose turn it is, and what each had for the newest two calls.
type private Shared(count: int) =
    let given: Tensor array array = Array.init 2 (fun _ -> Array.zeroCreate count)
    let states = Array.create count (Randomness.state ())
    let ended = Array.create count false
    let calls = Array.create count 0
    let mutable turn = 0
    let mutable failure: exn option = None

    member _.Failure = failure

    /// Waits for the turn, with the generator as this thread left it.
    member this.Resume rank =
        lock this (fun () ->
            while turn <> rank do
                Monitor.Wait this |> ignore)

        Randomness.restore states[rank]

    member private this.Pass rank =
        states[rank] <- Randomness.state ()

        lock this (fun () ->
            let next = [ for step in 1..count -> (rank + step) % count ] |> List.tryFind (fun other -> not ended[other])
            turn <- defaultArg next rank
            Monitor.PulseAll this)

    /// What all gave to their call of that number. Once one has failed, the others go on with what is there.
    member this.Call (number: int) rank (x: Tensor) : Tensor array =
        let place = given[number % 2]
        if not (isNull place[rank]) then place[rank].Dispose()
        place[rank] <- own (x.detach().clone())
        calls[rank] <- number
        this.Pass rank
        this.Resume rank

        let isMissing = Array.exists2 (fun isEnded calls -> isEnded && calls < number) ended calls

        if isMissing && failure.IsNone then failure <- Some(InvalidOperationException "one of the team ended before the others")

        [| for other in place -> if isNull other || other.shape <> x.shape then x else other |]

    member this.End rank (problem: exn option) =
        if failure.IsNone then failure <- problem
        ended[rank] <- true
        this.Pass rank

let private memberOf (shared: Shared) rank count : Team =
    let mutable calls = 0
    let sent = ref 0L
    let others = int64 (count - 1)
    let bytes (x: Tensor) = x.numel () * x.ElementSize

    let call x =
        calls <- calls + 1
        shared.Call calls rank x

    let sumOf (x: Tensor) =
        // Each adds up a part, of one length for all, and then all gather the sums.
        sent.Value <- sent.Value + 2L * others * x.ElementSize * ((x.numel () + others) / int64 count)
        withoutGradient (fun () -> Array.reduce (fun (a: Tensor) b -> a + b) (call x))

    // What is to be added up, and what it was when it was given.
    let begun = Collections.Generic.Queue<struct (Tensor * Tensor)>()

    { new Team with
        member _.Rank = rank
        member _.Size = count

        // In the latest way that is allowed: nobody can have read the sum before, or the tensor after.
        member _.BeginSum x =
            let given = own (x.detach().clone())
            withoutGradient (fun () -> x.fill_ (scalar nan) |> ignore)
            begun.Enqueue(struct (own (x.detach ()), given))

        member _.AdvanceSums() = ()

        member _.EndSums() =
            while begun.Count > 0 do
                let struct (x, given) = begun.Dequeue()

                if not (x.isnan().all().item<bool>()) then
                    raise (InvalidOperationException "a tensor was written to while it was being added up")

                withoutGradient (fun () -> x.copy_ (sumOf given) |> ignore)
                x.Dispose()
                given.Dispose()

        member _.Gather x =
            sent.Value <- sent.Value + others * bytes x
            torch.cat (call x, 0L)

        member _.Exchange x =
            sent.Value <- sent.Value + others * bytes x / int64 count
            let size = x.shape[0] / int64 count
            torch.cat ([| for other in call x -> other.narrow (0L, int64 rank * size, size) |], 0L)

        member _.Spread x =
            if rank = 0 then sent.Value <- sent.Value + others * bytes x
            withoutGradient (fun () -> x.copy_ ((call x)[0]) |> ignore)

        member _.Traffic = { Bytes = sent.Value; Time = TimeSpan.Zero } }

/// What each of a team of so many makes, in their order. The first problem of one is thrown.
let together (count: int) (work: Team -> 'T) : 'T list =
    if count = 1 then
        [ work Team.alone ]
    else
        let shared = Shared count
        let results: 'T option array = Array.create count None

        let run rank () =
            shared.Resume rank

            try
                results[rank] <- Some(work (memberOf shared rank count))
                shared.End rank None
            with problem ->
                shared.End rank (Some problem)

        let threads = [ for rank in 0 .. count - 1 -> Thread(run rank, 16 <<< 20, IsBackground = true) ]
        threads |> List.iter _.Start()
        threads |> List.iter _.Join()
        shared.Failure |> Option.iter raise
        [ for result in results -> result.Value ]

/// Any shape -> the sum over a team, in the order of the processes.
let summed (team: Team) (x: Tensor) : Tensor =
    (team.Gather(x.detach().contiguous().unsqueeze 0L)).unbind 0L |> Array.reduce (fun a b -> a + b)
