/// Optimisers: a step of each, in place on the leaves and their moments.
module CondEmbed.Optimiser

open TorchSharp

/// What a step does, apart from the rate and decay, which the groups give.
type Rule =
    /// Loshchilov and Hutter, ICLR 2019, algorithm 2: decay decoupled from the gradient.
    | AdamW of beta1: float * beta2: float * epsilon: float
    /// Momentum without dampening, optional Nesterov momentum, decay added to the gradient; the same as torch.optim.SGD.
    | Sgd of momentum: float * nesterov: bool

/// AdamW with its usual constants.
let adamW = AdamW(0.9, 0.999, 1e-8)

/// The names of the moments that a rule keeps for each leaf.
let moments rule =
    match rule with
    | AdamW _ -> [ "mean"; "square" ]
    | Sgd(momentum, _) -> if momentum = 0.0 then [] else [ "momentum" ]

/// libtorch's fused kernels, which pass over a list of leaves once. TorchSharp reaches them only through TorchScript.
let private fused =
    lazy
        (torch.jit.compile
            """
def adamw(leaves: List[Tensor], gradients: List[Tensor], means: List[Tensor], squares: List[Tensor], steps: List[Tensor],
          rate: float, beta1: float, beta2: float, decay: float, epsilon: float) -> int:
    none: List[Tensor] = []
    torch._fused_adamw_(leaves, gradients, means, squares, none, steps, lr=rate, beta1=beta1, beta2=beta2, weight_decay=decay,
                        eps=epsilon, amsgrad=False, maximize=False)
    return 0

def sgd(leaves: List[Tensor], gradients: List[Tensor], velocities: List[Tensor],
        rate: float, momentum: float, decay: float, nesterov: bool) -> int:
    torch._fused_sgd_(leaves, gradients, velocities, weight_decay=decay, momentum=momentum, lr=rate, dampening=0.0,
                      nesterov=nesterov, maximize=False, is_first_step=False)
    return 0
""")

/// A leaf with its moments, in the order of `moments`, and its gradient, all of one shape.
type Slot = { Leaf: Tensor; Kept: Tensor list; Gradient: Tensor }

/// The gradient with its numbers in the memory order of the leaf, in which the kernels read them. The shape stays.
let private laidOutAs (leaf: Tensor) (gradient: Tensor) =
    if leaf.is_contiguous () then gradient.contiguous ()
    elif gradient.stride () = leaf.stride () then gradient
    else (torch.empty_like leaf).copy_ gradient

let private call (name: string) (slots: Slot array) (more: obj list) =
    let leaves = [| for slot in slots -> slot.Leaf |]
    let gradients = [| for slot in slots -> laidOutAs slot.Leaf slot.Gradient |]
    let kept place = [| for slot in slots -> slot.Kept[place] |]
    let moments = [ for place in 0 .. slots[0].Kept.Length - 1 -> box (kept place) ]
    let moments = if moments.IsEmpty then [ box Array.empty<Tensor> ] else moments
    fused.Value.invoke (name, [| box leaves; box gradients; yield! moments; yield! more |]) |> ignore

/// In place: moves leaves and their moments by one step, all of one device, type, rate and decay; t counts from 1. A leaf and its moments have one layout
/// in memory without gaps, such as row by row or channels-last.
let step rule (rate: float) (decay: float) (t: int) (slots: Slot array) =
    withoutGradient (fun () ->
        scoped (fun () ->
            match rule with
            | _ when slots.Length = 0 -> ()
            | AdamW(b1, b2, epsilon) ->
                let step = torch.tensor (float t, dtype = float32, device = slots[0].Leaf.device)
                call "adamw" slots [ Array.create slots.Length step; rate; b1; b2; decay; epsilon ]
            | Sgd(momentum, nesterov) -> call "sgd" slots [ rate; momentum; decay; nesterov ]))
