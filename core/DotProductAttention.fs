/// The one place where attention is computed.
module CondEmbed.DotProductAttention

open TorchSharp

/// Queries ... N K, keys ... T K -> ... N T: softmax(q k / sqrt K), how much each query looks at each token.
let weights (queries: Tensor) (keys: Tensor) =
    (matmul queries (keys.transpose (-2L, -1L)) / sqrt (float keys.shape[keys.shape.Length - 1])).softmax(-1L)

/// Queries ... N K, keys ... T K, values ... T D -> ... N D: the means of the values by `weights`. Fused, unless second derivatives are taken: libtorch has none of
/// the fused form.
let read (queries: Tensor) (keys: Tensor) (values: Tensor) =
    if Order.Taken > 1 then
        matmul (weights queries keys) values
    else
        torch.nn.functional.scaled_dot_product_attention (queries, keys, values)
