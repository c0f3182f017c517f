namespace CondEmbed

open System
open System.Collections.Generic
open TorchSharp

/// The gradients of one step, added up over a team while the backward pass goes on.
///
/// They lie in a row, which is cut into buckets of equal size. The last leaf comes first, since a backward pass begins with the last layers. The sum of a bucket begins as soon as it and
/// all before it are complete: so all processes begin the same sums in the same order, whenever their gradients come.
///
/// A gradient is known to be complete when it passes the place where its leaf was asked for. Autograd runs what was made last first, so a leaf is marked when it is asked for, and not before
/// the forward pass: then all marks would come last, after everything else.
[<Sealed>]
type internal GradientSums(team: Team, bucketBytes: int64, leaves: (string * Tensor) list) =
    let leaves = if Team.isShared team then List.rev leaves else []

    let places =
        let starts = leaves |> List.scan (fun start (_, leaf) -> start + leaf.numel ()) 0L
        dict [ for (name, leaf), start in Seq.zip leaves starts -> name, (start, leaf.shape) ]

    let total = leaves |> List.sumBy (fun (_, leaf) -> leaf.numel ())

    let row =
        match leaves with
        | [] -> None
        | (_, leaf) :: _ -> Some(torch.empty (total, dtype = leaf.dtype, device = leaf.device))

    /// Of a bucket, in numbers: each process adds up a part of it, and these are alike.
    let size =
        let count = int64 team.Size
        let wanted = leaves |> List.tryHead |> Option.map (fun (_, leaf) -> bucketBytes / leaf.ElementSize)
        max 1L (defaultArg wanted 1L / count) * count

    /// How many numbers of each bucket are still to come.
    let missing = [| for start in 0L .. size .. total - 1L -> min size (total - start) |]

    let marked = Dictionary<string, Tensor>()
    let arrived = HashSet<string>()
    let mutable begun = 0
    let mutable isUnderWay = false

    let part start count = row.Value.narrow (0L, start, count)

    let begin' () =
        while begun < missing.Length && missing[begun] = 0L do
            let start = int64 begun * size
            team.BeginSum(part start (min size (total - start)))
            begun <- begun + 1

    let arrive name (gradient: Tensor) =
        if arrived.Add name then
            scoped (fun () ->
                let start, shape = places[name]
                let stop = start + gradient.numel ()
                withoutGradient (fun () -> (part start (stop - start)).view(shape).copy_ gradient |> ignore)

                for bucket in start / size .. (stop - 1L) / size do
                    let within = min stop ((bucket + 1L) * size) - max start (bucket * size)
                    missing[int bucket] <- missing[int bucket] - within

                begin' ())

    /// Outside `Of`, someone takes gradients of another function of the leaf, which are not to be added up.
    let pass name (gradient: Tensor) =
        if isUnderWay then
            arrive name gradient
            team.AdvanceSums()

        gradient

    let mark name (leaf: Tensor) =
        match marked.TryGetValue name with
        | true, known -> known
        | _ ->
            // What asks for it may be in a scope of its own.
            let made = own (OwnGradient.Of (fun tensors -> tensors[0].detach()) (fun _ slope -> [| pass name slope |]) [||] [| leaf |])
            marked[name] <- made
            made

    /// Of a bucket: some hundredths of a second in a network of 10 Gbit/s. So much of a step's sums at most is left when the backward pass is over, if the network keeps up.
    static member Bucket = 25L <<< 20

    /// The parameters as the objective is given them.
    member _.Handed(parameters: Params) =
        let hand name leaf = if places.ContainsKey name && torch.is_grad_enabled () then mark name leaf else leaf
        if leaves.IsEmpty then parameters else Params.whenAsked hand parameters

    /// The gradients that a backward pass finds -> their sums over the team.
    member _.Of(backward: unit -> (string * Tensor) list) : (string * Tensor) list =
        isUnderWay <- true

        let gradients =
            try
                backward ()
            finally
                isUnderWay <- false

        if leaves.IsEmpty then
            gradients
        else
            for name, gradient in gradients do
                arrive name gradient

            team.EndSums()

            [ for name, _ in gradients ->
                  let start, shape = places[name]
                  name, (part start (numbersOf shape)).view shape ]

    interface IDisposable with
        member _.Dispose() =
            for tensor in marked.Values do
                tensor.Dispose()
