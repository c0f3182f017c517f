/// Similarities and distances between embeddings.
module CondEmbed.Similarity

open TorchSharp

/// LayerException for anything but embeddings B D.
let demandRows (embeddings: Tensor) =
    if embeddings.Dimensions <> 2L then
        Layer.refuse
            $"similarities are of embeddings B D; these are {shapeText embeddings.shape}: pool feature maps and flatten anything with more dimensions."

/// B D -> B D, of length 1. LayerException for anything but B D.
let unit (embeddings: Tensor) =
    demandRows embeddings
    Layers.l2Normalise embeddings

/// Any shape of bool, squares of this shape -> their roots; 0, with a gradient of 0, where marked, since the root of 0 has none.
let internal rootBut (marked: Tensor) (squares: Tensor) =
    // The root sees 1 wherever it would see 0: a mask after the root would still give 0 * infinity = NaN.
    squares.masked_fill(marked, scalar 1.0).sqrt_().masked_fill(marked, scalar 0.0)

/// B D -> B, Euclidean lengths; at 0 the gradient is 0.
let lengths (embeddings: Tensor) =
    let squares = (embeddings * embeddings).sum 1L
    squares |> rootBut (squares.detach().eq(scalar 0.0))

/// B D -> B B, cosines of all pairs. LayerException for anything but B D.
let cosine (embeddings: Tensor) =
    let unit = unit embeddings

    if unit.requires_grad && Order.Taken = 1 then
        // S is symmetric, so one product (G + G^T) U does the work of G U and G^T U: half the cost of the gradient, but of no second one.
        let s = matmul unit (unit.detach().t())
        (s + s.t ()).sub_(s.detach ())
    else
        matmul unit (unit.t ())

/// Any shape -> the same: the Euclidean distance of two unit vectors from their cosine, sqrt(2 - 2 s). At s = 1, where the root has no
/// gradient, the gradient is zero.
let distanceFromCosine (similarity: Tensor) =
    let squared = (-2.0 * similarity).add_(scalar 2.0)
    squared |> rootBut (squared.detach().le(scalar 1e-14))

/// Any shape -> the same: cos(theta + angle) of a cosine cos(theta), theta within 0 and pi. The sine at theta = 0 or pi has a gradient of 0.
let turned (angle: float) (cosine: Tensor) =
    let squaredSine = 1.0 - cosine * cosine
    let sine = squaredSine |> rootBut (squaredSine.detach().le(scalar 1e-14))
    cosine * System.Math.Cos angle - sine * System.Math.Sin angle
