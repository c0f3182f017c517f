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

/// Tensors -> zeros in their shapes, for `add`.
let internal zeros (leaves: Tensor list) = [ for leaf in leaves -> torch.zeros_like (leaf, requires_grad = false) ]

/// In place: adds the gradient of a scalar by each leaf to the sum of that leaf.
let internal add (sums: Tensor list) (leaves: Tensor list) (total: Tensor) =
    for sum, (_, gradient) in List.zip sums (Grad.gradientsOrZero total [ for leaf in leaves -> "", leaf ]) do
        sum.add_ gradient |> ignore

/// L E of factors -> in each input's shape, the gradient of the sum over all values, each times its factor.
let gradients (f: Tensor list -> 'Piece -> Tensor) (inputs: Tensor list) (pieces: 'Piece list) (factors: Tensor) =
    let leaves = [ for input in inputs -> input.detach().requires_grad_ true ]
    let sums = zeros inputs

    let ofPiece start piece =
        scoped (fun () ->
            let values = f leaves piece
            (values * factors.narrow (1L, start, values.shape[1])).sum() |> add sums leaves
            start + values.shape[1])

    (0L, pieces) ||> List.fold ofPiece |> ignore
    sums

/// Tensors and a gradient for each -> scalar: zero, with these gradients.
let carrying (gradients: (Tensor * Tensor) list) =
    [ for x, gradient in gradients -> ((x - x.detach ()) * gradient).sum() ]
    |> List.reduce (fun a b -> a + b)
