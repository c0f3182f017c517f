namespace CondEmbed

open System
open System.Collections.Generic
open TorchSharp

/// What a process has exchanged with the others of its team since it joined them.
[<Struct>]
type Traffic =
    {
        /// What it has sent to others, in bytes.
        Bytes: int64
        /// On sending, receiving and waiting for others.
        Time: TimeSpan
    }

/// Processes that train together, numbered from 0: each has an equal share of a batch, in their order, and all hold the same parameters. All must make the same calls in the same order, with
/// tensors of the same shape and type, which stay as they are unless said otherwise. These calls have no gradients; those of the module do.
type Team =
    /// The number of this process.
    abstract Rank: int
    /// N, how many there are.
    abstract Size: int
    /// Begins to put the sum over all processes, the same bits for all, in the place of a tensor, of any shape of floats. It waits for nobody; the tensor is the team's until `EndSums`, and
    /// anything else may be called before that.
    abstract BeginSum: x: Tensor -> unit
    /// Works at the sums that have begun, as far as that goes without waiting; of all calls, each process makes this one when it likes.
    abstract AdvanceSums: unit -> unit
    /// Waits for all sums that have begun.
    abstract EndSums: unit -> unit
    /// n ... -> N n ...: of all processes, in their order.
    abstract Gather: x: Tensor -> Tensor
    /// N n ... -> N n ...: part k goes to process k, and part k of the result is what it had for this one.
    abstract Exchange: x: Tensor -> Tensor
    /// In place, any shape: as process 0 has it.
    abstract Spread: x: Tensor -> unit
    /// What this process has exchanged so far.
    abstract Traffic: Traffic

/// A function of tensors with a gradient of its own: (tensors ..., what the gradient needs, forward, backward).
[<Sealed>]
type internal OwnGradient() =
    inherit torch.autograd.SingleTensorFunction<OwnGradient>()

    override _.Name = "OwnGradient"

    override _.forward(context, vars) =
        let tensors = vars.Length - 3
        context.save_for_backward (List(vars[tensors] :?> Tensor array))
        context.save_data ("backward", vars[tensors + 2])
        (vars[tensors + 1] :?> Func<Tensor array, Tensor>).Invoke(vars |> Array.take tensors |> Array.map unbox<Tensor>)

    override _.backward(context, gradient) =
        let backward = context.get_data "backward" :?> Func<Tensor array, Tensor, Tensor array>
        let found = backward.Invoke(context.get_saved_variables().ToArray(), gradient)
        List [ yield! found; null; null; null ]

    /// A function of tensors (forward), and one (backward) of those that it needs (kept) and the slope of the result, which gives the slopes of the tensors, in their order.
    static member Of
        (forward: Tensor array -> Tensor)
        (backward: Tensor array -> Tensor -> Tensor array)
        (kept: Tensor array)
        (tensors: Tensor array)
        : Tensor =
        OwnGradient.apply
            [| yield! Seq.cast<obj> tensors
               box kept
               box (Func<Tensor array, Tensor> forward)
               box (Func<Tensor array, Tensor, Tensor array> backward) |]

/// What a team does with tensors in a graph. The rule: the scalar that each process differentiates is its share of the objective, so that the gradient by a parameter is the sum over the team.
module Team =
    /// One process by itself.
    let alone =
        { new Team with
            member _.Rank = 0
            member _.Size = 1
            member _.BeginSum _ = ()
            member _.AdvanceSums() = ()
            member _.EndSums() = ()
            member _.Gather x = x
            member _.Exchange x = x
            member _.Spread _ = ()
            member _.Traffic = { Bytes = 0L; Time = TimeSpan.Zero } }

    /// Whether there are others.
    let isShared (team: Team) = team.Size > 1

    /// `OwnGradient.Of`, where a gradient is asked for.
    let internal differentiated forward backward kept (tensors: Tensor array) : Tensor =
        if torch.is_grad_enabled () && tensors |> Array.exists _.requires_grad then
            if Order.Taken > 1 then
                raise (NotSupportedException "Second derivatives do not pass between processes: take them in one process.")

            OwnGradient.Of forward backward kept tensors
        else
            forward tensors

    let private through forward backward (x: Tensor) =
        [| x |] |> differentiated (Array.exactlyOne >> forward) (fun _ slope -> [| backward slope |]) [||]

    /// N n ... -> n ...: the sum of what all have for this process.
    let private sumOfOwn (team: Team) (x: Tensor) = (team.Exchange(x.contiguous ())).unflatten(0L, [| int64 team.Size; -1L |]).sum 0L

    /// n ... -> N n ...: of all processes, in their order; the gradient of this one's rows is the sum of what all find for them.
    let gathered (team: Team) (x: Tensor) : Tensor =
        if isShared team then x |> through (fun x -> team.Gather(x.detach().contiguous())) (sumOfOwn team) else x

    /// N n ... -> N n ...: part k goes to process k, and its gradient comes back from there.
    let exchanged (team: Team) (x: Tensor) : Tensor =
        let send (x: Tensor) = team.Exchange(x.detach().contiguous())
        if isShared team then through send send x else x

    /// N n ... -> n ...: this process's rows of what all know.
    let ownOf (team: Team) (x: Tensor) : Tensor =
        let count = x.shape[0] / int64 team.Size
        x.narrow (0L, int64 team.Rank * count, count)

    /// Any shape -> the same numbers, of whose gradient this process has 1/N: for what each process computes of the whole batch.
    let share (team: Team) (x: Tensor) : Tensor = if isShared team then x.detach () + (x - x.detach ()) / float team.Size else x
