/// Gradients of scalar functions of parameters.
module CondEmbed.Grad

open System
open System.Runtime.InteropServices
open TorchSharp

/// What to keep of a value's graph after taking gradients.
type private Graph =
    | Freed
    /// More gradients can be taken of the value.
    | Kept
    /// That, and the gradients can be differentiated again.
    | Recorded

/// torch.autograd.grad by way of TorchScript, which turns its errors into exceptions. In TorchSharp's own function they escape (a freed graph, too little
/// memory) and end the process.
let private native =
    lazy
        (torch.jit.compile
            """
def gradient(value: List[Tensor], leaves: List[Tensor], keep: bool, record: bool):
    return torch.autograd.grad(value, leaves, None, keep, record, True)
""")

/// What libtorch said, without the place in the TorchScript above.
let private reason (error: ExternalException) =
    let lines = error.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries)

    lines
    |> Array.tryFindBack _.StartsWith("RuntimeError: ", StringComparison.Ordinal)
    |> Option.map _.Substring(14)
    |> Option.defaultValue lines[0]

let private demandSound (value: Tensor) (leaves: (string * Tensor) list) =
    if value.numel () <> 1L then
        invalidArg
            (nameof value)
            $"Gradients are taken of a single number, and this value is {shapeText value.shape}: reduce it first, by value.sum () or value.mean ()."

    for name, leaf in leaves do
        if not leaf.requires_grad then
            invalidArg
                (nameof leaves)
                $"'{name}' does not require gradients: call leaf.requires_grad_ true on it before the value is computed."

let private tryGradients graph (value: Tensor) (leaves: (string * Tensor) list) : Tensor option list =
    demandSound value leaves
    let tensors = leaves |> List.map snd |> List.toArray

    try
        match native.Value.invoke ("gradient", [| box [| value |]; box tensors; box (graph <> Freed); box (graph = Recorded) |]) with
        | :? (Tensor array) as found -> [ for gradient in found -> Some gradient ]
        | found -> [ for gradient in (found :?> obj array) -> gradient |> Option.ofObj |> Option.map unbox<Tensor> ]
    with
    | :? ExternalException as error when error.Message.Contains "second time" ->
        raise (
            ArgumentException(
                "The graph of this value was freed when its gradients were taken before: take all gradients at once, compute the value again, or take the first ones by Grad.keepingGraph.",
                nameof value,
                error
            )
        )
    | :? ExternalException as error -> raise (ExternalException($"The gradient failed: {reason error}", error))

let private orZero graph (value: Tensor) (leaves: (string * Tensor) list) : (string * Tensor) list =
    let zero (leaf: Tensor) = torch.zeros_like (leaf, requires_grad = false)

    if not value.requires_grad then
        [ for name, leaf in leaves -> name, zero leaf ]
    elif leaves.IsEmpty then
        []
    else
        [ for (name, leaf), gradient in List.zip leaves (tryGradients graph value leaves) ->
              name, gradient |> Option.defaultWith (fun () -> zero leaf) ]

let private orError graph (value: Tensor) (leaves: (string * Tensor) list) : (string * Tensor) list =
    if not value.requires_grad then
        invalidArg
            (nameof value)
            "This value has no graph: nothing that it was computed from requires gradients, or it was computed under no_grad or after detach. Call leaf.requires_grad_ true before it is computed."

    let found = if leaves.IsEmpty then [] else tryGradients graph value leaves

    [ for (name, _), gradient in List.zip leaves found do
          match gradient with
          | Some gradient -> name, gradient
          | None -> invalidArg (nameof leaves) $"The objective does not depend on '{name}': use that layer, leave it out, or freeze it." ]

/// scalar, leaves -> of each leaf's shape: the gradient of the value with respect to each named leaf, which must require gradients, in the order of
/// the leaves; the value's graph is freed. ArgumentException: a leaf that the value does not depend on, a value that is not one number, has no graph, or
/// whose graph was freed. ExternalException if memory runs out. TorchSharp's own `torch.autograd.grad` ends the process in these cases.
let gradients value leaves = orError Freed value leaves

/// Like `gradients`, but with zeros for a leaf that the value does not depend on, or if the value has no graph.
let gradientsOrZero value leaves = orZero Freed value leaves

/// Like `gradientsOrZero`, but the value's graph is kept, so that more gradients can be taken of it.
let keepingGraph value leaves = orZero Kept value leaves

/// Like `gradients`, but each gradient is itself a function of the leaves: take its gradient for second derivatives. The value's graph is kept.
let differentiable value leaves = orError Recorded value leaves

/// Any shapes -> scalar: the Euclidean length of all gradients together, on their device.
let norm (gradients: (string * Tensor) list) = torch.stack([| for _, g in gradients -> g.norm () |]).norm()

/// scalar, any shapes -> the same, in place: scales the gradients so that their total length is at most the bound.
let clip (bound: float) (length: Tensor) (gradients: (string * Tensor) list) =
    withoutGradient (fun () ->
        let factor = (bound / (length + 1e-6)).clamp_max(scalar 1.0)

        for _, g in gradients do
            g.mul_ factor |> ignore)

/// Central differences of f around x, of x's shape, in x's type: (f(x + h) - f(x - h)) / 2h for each number of x. Slow; for tests. ArgumentException unless x is Float64:
/// to differences, the rounding of smaller types is larger than most mistakes.
let finiteDifferences (step: float) (f: Tensor -> Tensor) (x: Tensor) =
    if x.dtype <> torch.float64 then
        invalidArg (nameof x) $"Differences need Float64, and x is {x.dtype}: x.``to`` torch.float64, and parameters likewise."

    withoutGradient (fun () ->
        let flat = x.detach().clone().reshape [| -1L |]

        let slope (place: int64) =
            let at (offset: float) =
                let moved = flat.clone ()
                moved.narrow(0L, place, 1L).add_(scalar offset) |> ignore
                f (moved.reshape x.shape) |> toFloat

            (at step - at -step) / (2.0 * step)

        let slopes = [| for place in 0L .. flat.numel () - 1L -> slope place |]
        torch.tensor(slopes, dtype = x.dtype, device = x.device).reshape x.shape)

let private demandNumbers (x: Tensor) =
    if not (x.is_floating_point ()) then
        invalidArg (nameof x) $"Derivatives are taken by floating-point numbers, and x is {x.dtype}: x.``to`` torch.float64."

    if x.numel () = 0L then invalidArg (nameof x) $"There is nothing to take derivatives by: x is {shapeText x.shape}."

/// x, as the input of a function that is differentiated: a tensor of its own, so that whatever else the function reads counts as constant.
let private input (x: Tensor) = if x.requires_grad then x.view x.shape else x.detach().requires_grad_ true

/// Computes f(x), of which so many derivatives will be taken, and calls the body with what to keep of the graph, x, f(x), and a function that hands results out. Results are plain numbers,
/// unless a caller can ask for their gradients, by x or by the others.
let private derived
    times
    (f: Tensor -> Tensor)
    (x: Tensor)
    (others: Tensor list)
    (body: Graph -> Tensor -> Tensor -> (Tensor -> Tensor) -> 'T)
    =
    demandNumbers x
    let isTracked = x :: others |> List.exists _.requires_grad
    let isInside = Order.Taken > 0 || isTracked
    // Who tracks x outside every derivative will take one more by hand.
    let times = if Order.Taken = 0 && isTracked then times + 1 else times
    use _ = torch.enable_grad ()
    use scope = torch.NewDisposeScope()
    let out (result: Tensor) = scope.MoveToOuter(if isInside then result.alias () else result.detach ())
    let at = input x
    let value = Order.Within times (fun () -> f at)
    body (if isInside then Recorded else Kept) at value out

let private slope graph value at = orZero graph value [ "x", at ] |> List.head |> snd

let private demandShape name (shape: int64 array) of' (v: Tensor) =
    if v.shape <> shape then
        invalidArg name $"{name} is {shapeText v.shape}, and {of'} is {shapeText shape}: these have to be equal."

/// f (any shape -> scalar), x -> f(x), and its gradient in x's shape.
///
/// This and the functions below nest to any order: each may be called inside a function that another one differentiates, or inside an objective that is
/// trained. Graphs are kept and freed inside. The result is plain numbers, unless an outer derivative asks for more or x itself requires gradients. Only x
/// counts as variable: what f reads besides is constant to it.
let valueAndGrad (f: Tensor -> Tensor) (x: Tensor) : Tensor * Tensor =
    derived 1 f x [] (fun graph at value out ->
        let gradient = slope graph value at
        out value, out gradient)

/// f (any shape -> scalar), x -> the gradient of f at x, in x's shape.
let grad (f: Tensor -> Tensor) (x: Tensor) : Tensor = derived 1 f x [] (fun graph at value out -> slope graph value at |> out)

/// The largest difference between autograd's gradient of a scalar function and central differences at x: about 1e-9 in float64 if the gradient is right. Slow; for checking
/// your own layers and losses.
let deviation (f: Tensor -> Tensor) (x: Tensor) =
    scoped (fun () -> (grad f (x.detach ()) - finiteDifferences 1e-6 f x).abs().max() |> toFloat)

/// f, x, v (f(x)'s shape) -> J^T v, in x's shape: the gradient of the sum of v f.
let vjp (f: Tensor -> Tensor) (x: Tensor) (v: Tensor) : Tensor =
    derived 1 f x [ v ] (fun graph at value out ->
        demandShape (nameof v) value.shape "the function's value" v
        slope graph ((value * v).sum()) at |> out)

/// f, x, v (x's shape) -> J v, in f(x)'s shape: how f changes along v. Two derivatives backwards: J^T u is linear in u, so its derivative by u is J.
let jvp (f: Tensor -> Tensor) (x: Tensor) (v: Tensor) : Tensor =
    demandShape (nameof v) x.shape "x" v

    derived 2 f x [ v ] (fun graph at value out ->
        let u = torch.zeros_like(value.detach ()).requires_grad_ true
        let pulled = slope Recorded ((value * u).sum()) at
        slope graph ((pulled * v).sum()) u |> out)

/// The gradient of each number of a value by x: one derivative backwards for each.
let private rows graph (value: Tensor) at =
    let flat = value.reshape [| -1L |]
    seq { for place in 0L .. flat.numel () - 1L -> slope graph (flat.select (0L, place)) at }

/// f, x -> of f(x)'s shape followed by x's: each number of f(x) by each number of x. Costs one derivative backwards for each number of f(x).
let jacobian (f: Tensor -> Tensor) (x: Tensor) : Tensor =
    derived 1 f x [] (fun graph at value out ->
        torch.stack(Seq.toArray (rows graph value at)).reshape(Array.append value.shape x.shape) |> out)

/// f (any shape -> scalar), x, v (x's shape) -> H v, in x's shape, without the Hessian H: the gradient of v grad f.
let hvp (f: Tensor -> Tensor) (x: Tensor) (v: Tensor) : Tensor =
    demandShape (nameof v) x.shape "x" v
    vjp (grad f) x v

/// f (any shape -> scalar), x -> of x's shape twice: all second derivatives of f at x. Costs two derivatives backwards for each number of x.
let hessian (f: Tensor -> Tensor) (x: Tensor) : Tensor = jacobian (grad f) x

/// f (any shape -> scalar), x -> scalar: the sum of the second derivatives of f by each number of x, the Hessian's trace. Costs as much time as `hessian`,
/// but only one row of its memory.
let laplacian (f: Tensor -> Tensor) (x: Tensor) : Tensor =
    derived 1 (grad f) x [] (fun graph at gradient out ->
        let own place (row: Tensor) = row.reshape([| -1L |]).select(0L, int64 place)
        rows graph gradient at |> Seq.mapi own |> Seq.reduce (+) |> out)

/// One of the derivatives above, of a function of parameters: `Grad.ofParams Grad.grad loss parameters`. In its result all parameters are one vector, in
/// ordinal order of their names; `Params.shaped parameters` makes parameters of such a vector again. Statistics have their places in it, and derivatives of zero.
let ofParams (derivative: (Tensor -> Tensor) -> Tensor -> 'T) (f: Params -> Tensor) (parameters: Params) : 'T =
    derivative (Params.shaped parameters >> f) (Params.flat parameters)
