namespace CondEmbed.Losses

open CondEmbed
open TorchSharp

/// What a loss works on.
type Loss =
    /// labels B, similarities B B (cosines, conditional or not) -> scalar.
    | OnSimilarities of (Tensor -> Tensor -> Tensor)
    /// From the number of classes and D: a layer (embeddings B D, labels B in 0..classes-1) -> scalar that declares its proxies.
    | OnProxies of (int -> int -> Layer<Tensor * Tensor, Tensor>)

/// A number that a loss can be set to: its name, default and meaning.
type Setting = { Key: string; Default: float; Meaning: string }

/// A loss by name, with what it can be set to and how it is made.
type Entry =
    {
        Name: string
        Source: string
        Settings: Setting list
        /// From a value for each setting.
        Make: (string -> float) -> Loss
    }

/// Sums and means over marked entries, finite and with finite gradients also where nothing is marked.
module Masked =
    /// X, X of bool -> scalar: the mean of the entries that are marked, or 0 (with a gradient of 0).
    let mean (mask: Tensor) (x: Tensor) =
        let count = mask.sum(``type`` = x.dtype).clamp_min(scalar 1.0)
        torch.where(mask, x, zeroLike x).sum() / count

    /// X -> scalar: the mean of the entries above zero, or 0.
    let meanOfPositive (x: Tensor) = mean (x.detach () |> greaterThan 0.0) x

    /// B N, B N of bool -> B: log(1 + sum over the marked of exp x); 0 where a row has none.
    let logOnePlusSumExp (mask: Tensor) (x: Tensor) =
        let marked = x.masked_fill (mask.logical_not (), scalar -infinity)
        let one = x.new_zeros [| x.shape[0]; 1L |]
        torch.cat([| one; marked |], 1L).logsumexp 1L

    /// B N of bool -> B of bool: rows with at least one mark.
    let anyInRow (mask: Tensor) = mask.any 1L
