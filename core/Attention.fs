/// Cross-attention: queries of one side read the tokens of the other.
/// CA(q, F) = W_o concat_h softmax((W_q^h q)(W_k^h F)^T / sqrt(D / H)) W_v^h F: Vaswani et al. 2017, eq. 1 and section 3.2.2.
module CondEmbed.Attention

open TorchSharp

type private F = torch.nn.functional

type Options =
    {
        /// C, features of a token.
        Channels: int
        /// D, features of a query and of the result.
        Embedding: int
        /// H; divides D.
        Heads: int
    }

let private check options =
    if options.Heads < 1 || options.Embedding % options.Heads <> 0 then
        invalidArg
            (nameof options)
            $"{options.Heads} heads do not divide an embedding of {options.Embedding}: choose a number of heads that does."

/// B N D -> B H N D/H, one part of the features a head.
let private splitHeads heads (x: Tensor) = x.unflatten(2L, [| int64 heads; -1L |]).transpose(1L, 2L)

/// B H N D/H -> B N D.
let private joinHeads (x: Tensor) = x.transpose(1L, 2L).flatten(2L, 3L)

/// ... D -> ... D.
let private queryLayer options = Layer.named "query" (Layers.projection options.Embedding options.Embedding)

/// ... C -> ... D.
let private keyLayer options = Layer.named "key" (Layers.projection options.Channels options.Embedding)

/// (queries B Q D, tokens B T C) -> B Q D, all queries of an image in one fused call. Declares `query`, `key`, `value`, `output`.
let cross options : Layer<Tensor * Tensor, Tensor> =
    check options
    let query, key = queryLayer options, keyLayer options

    let value = Layer.named "value" (Layers.projection options.Channels options.Embedding)

    let output = Layer.named "output" (Layers.projection options.Embedding options.Embedding)

    let split = splitHeads options.Heads

    let forward env (queries: Tensor, tokens: Tensor) =
        let q = query.Forward env queries |> split
        let k = key.Forward env tokens |> split
        let v = value.Forward env tokens |> split
        F.scaled_dot_product_attention (q, k, v) |> joinHeads |> output.Forward env

    Layer.create (query.Specs @ key.Specs @ value.Specs @ output.Specs) forward

/// (queries B Q D, tokens B T C) -> B H Q T, where each query looks: non-negative, sums to 1 over T. The same parameters as `cross`; for
/// pictures, not for training.
let weights options : Layer<Tensor * Tensor, Tensor> =
    check options
    let query, key = queryLayer options, keyLayer options

    let forward env (queries: Tensor, tokens: Tensor) =
        let q = query.Forward env queries |> splitHeads options.Heads
        let k = key.Forward env tokens |> splitHeads options.Heads
        let perHead = float (options.Embedding / options.Heads)
        (q.matmul (k.transpose (-2L, -1L)) / sqrt perHead).softmax(-1L)

    Layer.create (query.Specs @ key.Specs) forward
