/// Gradients of scalar functions of parameters.
module CondEmbed.Grad

open System.Collections.Generic
open TorchSharp

let private tryGradients (value: Tensor) (leaves: (string * Tensor) list) =
    let tensors = leaves |> List.map snd |> List.toArray

    [ for leaf, gradient in Seq.zip leaves (torch.autograd.grad ([| value |], tensors, allow_unused = true)) ->
          leaf, (if isNull (box gradient) || gradient.IsInvalid then None else Some gradient) ]

/// scalar, leaves -> of each leaf's shape: the gradient of the value by each named leaf, which must require gradients, in the order of
/// the leaves. Error: a leaf that the value does not depend on.
let gradients (value: Tensor) (leaves: (string * Tensor) list) : (string * Tensor) list =
    [ for (name, _), gradient in tryGradients value leaves do
          match gradient with
          | Some gradient -> name, gradient
          | None -> invalidArg (nameof leaves) $"The objective does not depend on '{name}': use that layer, leave it out, or freeze it." ]

/// The same, with zeros for a leaf that the value does not depend on.
let gradientsOrZero (value: Tensor) (leaves: (string * Tensor) list) : (string * Tensor) list =
    if not value.requires_grad then
        [ for name, leaf in leaves -> name, torch.zeros_like (leaf, requires_grad = false) ]
    else
        [ for (name, leaf), gradient in tryGradients value leaves ->
              name, gradient |> Option.defaultWith (fun () -> torch.zeros_like (leaf, requires_grad = false)) ]

/// Any shapes -> scalar: the Euclidean length of all gradients together, on their device.
let norm (gradients: (string * Tensor) list) = torch.stack([| for _, g in gradients -> g.norm () |]).norm()

/// scalar, any shapes -> the same, in place: scales the gradients so that their common length is at most the bound.
let clip (bound: float) (length: Tensor) (gradients: (string * Tensor) list) =
    withoutGradient (fun () ->
        let factor = (bound / (length + 1e-6)).clamp_max(scalar 1.0)

        for _, g in gradients do
            g.mul_ factor |> ignore)

/// Central differences of f around x, of x's shape, in x's type: (f(x + h) - f(x - h)) / 2h for each number of x. Slow; for tests.
let finiteDifferences (step: float) (f: Tensor -> Tensor) (x: Tensor) =
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

/// How far autograd's gradient of a scalar function lies from central differences at x, at most: about 1e-9 in float64 where it is right. Slow; for checks of
/// layers and losses of one's own.
let deviation (f: Tensor -> Tensor) (x: Tensor) =
    scoped (fun () ->
        let leaf = x.detach().clone().requires_grad_ true
        let gradient = gradientsOrZero (f leaf) [ "x", leaf ] |> List.head |> snd
        (gradient - finiteDifferences 1e-6 f x).abs().max() |> toFloat)
