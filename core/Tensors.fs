namespace CondEmbed

open TorchSharp

/// A tensor of libtorch. Letters in shapes: B images of a batch, C channels, H W rows and columns (small where a feature map's), T tokens
/// (places of a feature map), D embedding features, Q queries, G gallery, L levels; in attention H heads and N queries or tokens.
type Tensor = torch.Tensor

/// Who frees what: a function of this library never disposes what it is given, and whatever it makes dies with the dispose scope it is
/// called in. Without a scope a tensor waits for the garbage collector, which sees a few bytes of it and not its megabytes: a small
/// training then grows by 130 MB a step. Long-lived tensors (parameters, optimiser moments) belong to no scope; their owner disposes them.
[<AutoOpen>]
module Tensors =
    /// The type that the core computes in.
    let float32 = torch.float32
    /// For tests, where gradients are compared with finite differences.
    let float64 = torch.float64
    /// The type of labels and indices.
    let int64' = torch.int64

    /// Runs the body in a dispose scope of its own: every tensor made in it dies at its end.
    let scoped (body: unit -> 'T) : 'T =
        use _ = torch.NewDisposeScope()
        body ()

    /// Runs the body in a dispose scope of its own; only its result outlives it, in the caller's scope.
    let keeping (body: unit -> Tensor) : Tensor =
        use scope = torch.NewDisposeScope()
        body () |> scope.MoveToOuter

    /// Runs the body without recording anything for gradients.
    let withoutGradient (body: unit -> 'T) : 'T =
        use _ = torch.no_grad ()
        body ()

    /// Takes the tensor out of every dispose scope: from now on its owner frees it.
    let own (tensor: Tensor) = tensor.DetachFromDisposeScope()

    /// Scalars by their number. TorchSharp hands libtorch a scalar's address without keeping the scalar itself alive, so that a garbage collection at a bad
    /// moment would free it under the operation that reads it; these live on. And they lie where the first step put them: a few bytes made anew in the
    /// middle of each step, and freed far later, would be as many obstacles to joining the large blocks of memory around them.
    let private known = System.Collections.Concurrent.ConcurrentDictionary<float, Scalar>()

    /// A number as libtorch's scalar.
    let scalar (x: float) = known.GetOrAdd(x, fun x -> x.ToScalar())

    /// One element of any shape -> its value.
    let toFloat (tensor: Tensor) =
        use host = tensor.detach().``to``(torch.float64, torch.CPU, copy = true)
        host.item<float>()

    /// B C H W -> the same numbers, channels-last in memory: as pictures come and convolutions are fastest. What is so already is not copied.
    let channelsLast (x: Tensor) = x.permute(0L, 2L, 3L, 1L).contiguous().permute(0L, 3L, 1L, 2L)

    /// A shape for messages: `[2, 3]`.
    let shapeText (shape: int64 seq) = $"""[{shape |> Seq.map string |> String.concat ", "}]"""

    /// Any shape -> the same, of bool: true where x is greater than a number; no gradient.
    let greaterThan (bound: float) (x: Tensor) = x.gt (scalar bound)

    /// Any shape -> scalar: zero, on the device and of the type of x.
    let zeroLike (x: Tensor) = x.new_zeros [||]
