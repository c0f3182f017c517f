/// Optimisers: a step of each as a pure function of tensors, and in place on the leaves and their moments.
module CondEmbed.Optimiser

open TorchSharp

/// What a step does, but for rate and decay, which the groups give.
type Rule =
    /// Loshchilov and Hutter, ICLR 2019, algorithm 2: decay apart from the gradient.
    | AdamW of beta1: float * beta2: float * epsilon: float
    /// Momentum without dampening, Nesterov's look-ahead if asked for, decay added to the gradient; as torch.optim.SGD.
    | Sgd of momentum: float * nesterov: bool

/// AdamW with its usual constants.
let adamW = AdamW(0.9, 0.999, 1e-8)

/// The names of the moments that a rule keeps for each leaf.
let moments rule =
    match rule with
    | AdamW _ -> [ "mean"; "square" ]
    | Sgd(momentum, _) -> if momentum = 0.0 then [] else [ "momentum" ]

/// leaf, mean, square, gradient, all of one shape -> the first three anew: a step of AdamW as the paper writes it; t counts from 1. Slow;
/// for tests and reading.
let pureAdamW
    (b1: float, b2: float, epsilon: float)
    (rate: float)
    (decay: float)
    t
    (leaf: Tensor, mean: Tensor, square: Tensor)
    (g: Tensor)
    =
    let mean = b1 * mean + (1.0 - b1) * g
    let square = b2 * square + (1.0 - b2) * g * g

    let direction = mean / (1.0 - b1 ** float t) / ((square / (1.0 - b2 ** float t)).sqrt() + epsilon)

    leaf - rate * (direction + decay * leaf), mean, square

/// leaf, momentum (zero before the first step), gradient, all of one shape -> the first two anew: a step of SGD as torch.optim writes it.
/// Slow; for tests and reading.
let pureSgd (momentum: float, nesterov) (rate: float) (decay: float) (leaf: Tensor, velocity: Tensor) (g: Tensor) =
    let g = g + decay * leaf
    let velocity = momentum * velocity + g
    leaf - rate * (if nesterov then g + momentum * velocity else velocity), velocity

let private stepAdamW (b1, b2, epsilon) rate decay t (leaf: Tensor) (kept: Tensor list) (g: Tensor) =
    let mean, square = kept[0], kept[1]
    mean.mul_(scalar b1).add_(g, scalar (1.0 - b1)) |> ignore
    square.mul_(scalar b2).addcmul_(g, g, scalar (1.0 - b2)) |> ignore
    let correction1, correction2 = 1.0 - b1 ** float t, 1.0 - b2 ** float t
    let denominator = square.sqrt().div_(scalar (sqrt correction2)).add_(scalar epsilon)
    leaf.mul_ (scalar (1.0 - rate * decay)) |> ignore
    leaf.addcdiv_ (mean, denominator, scalar (-rate / correction1)) |> ignore

let private stepSgd (momentum: float, nesterov) rate (decay: float) (leaf: Tensor) (kept: Tensor list) (g: Tensor) =
    let g = if decay = 0.0 then g else g.add (leaf, scalar decay)

    let direction =
        match kept with
        | [] -> g
        | velocity :: _ ->
            velocity.mul_(scalar momentum).add_ g |> ignore

            if nesterov then g.add (velocity, scalar momentum) else velocity

    leaf.add_ (direction, scalar -rate) |> ignore

/// leaf, moments, gradient, all of one shape; in place: moves the leaf and its moments by one step; t counts from 1.
let step rule rate decay t (leaf: Tensor) kept (g: Tensor) =
    withoutGradient (fun () ->
        scoped (fun () ->
            match rule with
            | AdamW(b1, b2, epsilon) -> stepAdamW (b1, b2, epsilon) rate decay t leaf kept g
            | Sgd(momentum, nesterov) -> stepSgd (momentum, nesterov) rate decay leaf kept g))
