/// Values computed piece by piece, and recomputed for their gradient, so that only one piece's intermediate results are in memory at a time:
/// Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, and Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory
/// Limited Setup" (GradCache), 2021.
module CondEmbed.Recomputed

open TorchSharp

/// A function of some inputs in pieces: (inputs, piece) -> L E', concatenated along the second dimension -> L E. No gradient.
let values (f: Tensor list -> 'Piece -> Tensor) inputs (pieces: 'Piece list) =
    withoutGradient (fun () -> torch.cat ([| for piece in pieces -> keeping (fun () -> f inputs piece) |], 1L))

/// A scalar, and values that it was made from, which require gradients -> its gradient in their shapes, zero where it does not depend on them. The
/// scalar can be differentiated again.
let factors (total: Tensor) (values: Tensor list) = Grad.keepingGraph total [ for values in values -> "values", values ] |> List.map snd

/// L E of factors -> in each input's shape, the gradient of the sum over all values, each times its factor.
let gradients (f: Tensor list -> 'Piece -> Tensor) (inputs: Tensor list) (pieces: 'Piece list) (factors: Tensor) =
    let leaves = [ for input in inputs -> input.detach().requires_grad_ true ]
    let sums = [ for input in inputs -> torch.zeros_like (input, requires_grad = false) ]

    let add start piece =
        scoped (fun () ->
            let values = f leaves piece
            let weighted = (values * factors.narrow (1L, start, values.shape[1])).sum()
            let found = Grad.gradientsOrZero weighted [ for leaf in leaves -> "", leaf ]

            for sum, (_, gradient) in List.zip sums found do
                sum.add_ gradient |> ignore

            start + values.shape[1])

    (0L, pieces) ||> List.fold add |> ignore
    sums

/// Tensors and a gradient for each -> scalar: zero, with these gradients.
let carrying (gradients: (Tensor * Tensor) list) =
    [ for x, gradient in gradients -> ((x - x.detach ()) * gradient).sum() ]
    |> List.reduce (fun a b -> a + b)
