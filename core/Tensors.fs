namespace CondEmbed

open TorchSharp

/// A tensor of libtorch. Letters in shapes: B images of a batch, C channels, H W rows and columns (small where a feature map's), T tokens
/// (locations of a feature map), D embedding features, Q queries, G gallery, L levels; in attention H heads and N queries or tokens.
type Tensor = torch.Tensor

/// Tensors do not fit each other. A layer that lets this through adds its path.
[<Sealed>]
type internal MisfitException(message: string) =
    inherit System.ArgumentException(message)

/// Who frees what: a function of this library never disposes its arguments, and whatever it makes dies with the dispose scope it is
/// called in. Without a scope, a tensor waits for the garbage collector, which sees a few bytes of it and not its megabytes: even a small
/// training run then grows by 130 MB per step. Long-lived tensors (parameters, optimiser moments) belong to no scope; their owner disposes them.
[<AutoOpen>]
module Tensors =
    // Not for others: there, these names would hide F#'s own conversions.
    /// The type that the core computes in.
    let internal float32 = torch.float32
    /// For tests, where gradients are compared with finite differences.
    let internal float64 = torch.float64
    /// The type of labels and indices.
    let internal int64' = torch.int64

    let private inScope (body: unit -> 'T) =
        use _ = torch.NewDisposeScope()
        body ()

    /// Runs the body in a dispose scope of its own: every tensor made in it dies at its end. InvalidOperationException if its result is one of them.
    let scoped (body: unit -> 'T) : 'T =
        let result = inScope body

        if typeof<'T> = typeof<Tensor> && (unbox<Tensor>(box result)).IsInvalid then
            raise (
                System.InvalidOperationException
                    "scoped frees every tensor that is made in it, and its result is one: use keeping, which lets the result live on."
            )

        result

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

    /// How many scalars are kept for good, and how many of the newest beyond these.
    [<Literal>]
    let private MostScalars = 1024

    /// Scalars by the bits of their number. TorchSharp hands libtorch a scalar's address without keeping the scalar itself alive, so a garbage collection
    /// at a bad moment would free it while an operation reads it. These stay alive. They also stay where the first step put them: small allocations in the
    /// middle of each step, freed much later, would keep the large blocks of memory around them from being joined.
    let private known = System.Collections.Concurrent.ConcurrentDictionary<int64, Scalar>()

    /// Scalars that came after `known` was full. Each is kept until that many more have come, long after its operation has read it.
    let private recent: Scalar array = Array.zeroCreate MostScalars

    let mutable private made = 0L

    /// How many scalars are kept alive.
    let internal scalarsKept () = known.Count + (recent |> Seq.filter (isNull >> not) |> Seq.length)

    /// A number as libtorch's scalar. It need not be disposed; memory stays bounded however many different numbers are used.
    let scalar (x: float) =
        match known.TryGetValue(System.BitConverter.DoubleToInt64Bits x) with
        | true, scalar -> scalar
        | _ when known.Count < MostScalars -> known.GetOrAdd(System.BitConverter.DoubleToInt64Bits x, fun _ -> x.ToScalar())
        | _ ->
            let scalar = x.ToScalar()
            recent[int (System.Threading.Interlocked.Increment &made % int64 MostScalars)] <- scalar
            scalar

    /// One element of any shape -> its value.
    let toFloat (tensor: Tensor) =
        if tensor.numel () <> 1L then
            let shape = tensor.shape |> Seq.map string |> String.concat ", "

            invalidArg
                (nameof tensor)
                $"A single number is wanted, and this tensor is [{shape}]: take one of its numbers, or reduce it, by x.sum () or x.mean ()."

        use host = tensor.detach().``to``(torch.float64, torch.CPU, copy = true)
        host.item<float>()

    /// B C H W -> the same numbers, channels-last in memory, as images arrive and as convolutions are fastest. Not copied if already so.
    let channelsLast (x: Tensor) = x.permute(0L, 2L, 3L, 1L).contiguous().permute(0L, 3L, 1L, 2L)

    /// A shape for messages: `[2, 3]`.
    let shapeText (shape: int64 seq) = $"""[{shape |> Seq.map string |> String.concat ", "}]"""

    /// How many numbers a shape has.
    let internal numbersOf (shape: int64 seq) = Seq.fold (*) 1L shape

    /// The broadcast shape of two batches, if there is one.
    let private broadcast (a: int64 list) (b: int64 list) =
        let sides = max a.Length b.Length
        let filled (shape: int64 list) = List.replicate (sides - shape.Length) 1L @ shape
        let both = List.zip (filled a) (filled b)

        if both |> List.forall (fun (a, b) -> a = b || a = 1L || b = 1L) then
            Some [ for a, b in both -> if a = 1L then b else a ]
        else
            None

    let private misfit (a: Tensor) (b: Tensor) reason =
        raise (MisfitException $"matmul of {shapeText a.shape} and {shapeText b.shape}: {reason}")

    let rec private product (refuse: string -> Tensor) (a: Tensor) (b: Tensor) : Tensor =
        match List.ofArray a.shape, List.ofArray b.shape with
        | [], _
        | _, [] -> refuse "a single number is no matrix. Multiply with * instead."
        | _, [ _ ] -> (product refuse a (b.unsqueeze 1L)).squeeze(-1L)
        | [ _ ], _ -> (product refuse (a.unsqueeze 0L) b).squeeze(-2L)
        | shapeA, shapeB ->
            let batchA, batchB = List.truncate (shapeA.Length - 2) shapeA, List.truncate (shapeB.Length - 2) shapeB
            let rows, width = shapeA[shapeA.Length - 2], List.last shapeA
            let height, columns = shapeB[shapeB.Length - 2], List.last shapeB

            let hint =
                if columns = width then " Transpose the second: b.transpose (-2L, -1L)."
                elif rows = height then " Transpose the first: a.transpose (-2L, -1L)."
                else ""

            match batchB, broadcast batchA batchB with
            | _ when width <> height -> refuse $"rows of {width} numbers do not fit columns of {height}; these have to be equal.{hint}"
            | _, None -> refuse $"the batches {shapeText batchA} and {shapeText batchB} do not fit: their sides have to be equal, or 1."
            | [], _ -> a.reshape(numbersOf batchA * rows, width).mm(b).reshape [| yield! batchA; rows; columns |]
            | _, Some batch ->
                let flat (x: Tensor) (n: int64) (m: int64) = x.expand([| yield! batch; n; m |]).reshape(numbersOf batch, n, m)
                (flat a rows width).bmm(flat b width columns).reshape [| yield! batch; rows; columns |]

    /// ... N K, ... K M -> ... N M, or a vector K on either side: the matrix product as torch.matmul computes it, with batches broadcast.
    /// ArgumentException with both shapes if they do not fit, and ExternalException if memory runs out: TorchSharp's own `a.matmul b` ends
    /// the process in both cases, and no `try` helps.
    let matmul (a: Tensor) (b: Tensor) : Tensor =
        let refuse = misfit a b

        if a.dtype <> b.dtype then
            refuse $"they are {a.dtype} and {b.dtype}. Convert one: b.``to`` a.dtype."
        elif a.device_type <> b.device_type || a.device_index <> b.device_index then
            refuse $"they are on {a.device} and {b.device}. Move one: b.``to`` a.device."
        elif a.dim () = 2L && b.dim () = 2L && a.shape[1] = b.shape[0] then
            a.mm b
        else
            product refuse a b

    /// Any shape -> the same, of bool: true where x is greater than a number; no gradient.
    let greaterThan (bound: float) (x: Tensor) = x.gt (scalar bound)

    /// -> n of int64: 0 .. n-1, on the device of x.
    let internal indices (n: int64) (x: Tensor) = torch.arange (scalar (float n), dtype = int64', device = x.device)

    /// Any shape -> scalar: zero, on the device and of the type of x.
    let zeroLike (x: Tensor) = x.new_zeros [||]
