/// A linear head that keeps what the features before it say: training then begins with their numbers, and not below them with those of a random projection.
module CondEmbed.PrincipalHead

open TorchSharp

/// K W of length 1 and orthogonal to each other, and D W -> D W: these rows, and as many more orthogonal ones as D asks for, made of the others.
let private completed (directions: Tensor) (others: Tensor) =
    let wanted = others.shape[0]

    if directions.shape[0] >= wanted then
        directions.narrow (0L, 0L, wanted)
    else
        let struct (orthogonal, _) = torch.linalg.qr (torch.cat([| directions; others |], 0L).transpose(0L, 1L))
        orthogonal.narrow(1L, 0L, wanted).transpose(0L, 1L)

/// K W -> K W: each row or its opposite, so that its largest number is positive: what computes a direction leaves its sign to chance.
let private oriented (rows: Tensor) = rows * rows.gather(1L, rows.abs().argmax(1L, true)).sign()

/// (features N W, the weight of a random head D W, D <= W) -> D W in float64: the main directions of the features at length 1, and directions of the random head if these are fewer than D. The
/// mean is not subtracted, since that would change the cosines. The rows are orthogonal and of one length, so that the cosines of outputs come as near to those of the features as D directions
/// can, and outputs are as long as the random head's, so that learning rates act alike.
let weight (features: Tensor) (random: Tensor) : Tensor =
    let features, random = features.``to`` float64, random.``to`` float64
    let struct (_, _, directions) = torch.linalg.svd (Layers.l2Normalise features, false)
    let rows = completed directions random |> oriented
    let lengthOf (head: Tensor) = (matmul features (head.transpose (0L, 1L))).norm()
    rows * (lengthOf random / lengthOf rows)
