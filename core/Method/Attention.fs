/// Cross-attention: queries of one side read the tokens of the other.
/// CA(q, F) = W_o concat_h softmax((W_q^h q)(W_k^h F)^T / sqrt(D / H)) W_v^h F: Vaswani et al. 2017, eq. 1 and section 3.2.2.
module CondEmbed.Attention

open TorchSharp

type private F = torch.nn.functional

/// The sizes of a cross-attention.
type Options =
    {
        /// C, features of a token.
        Channels: int
        /// D, features of a query and of the result.
        Embedding: int
        /// H; divides D.
        Heads: int
    }

/// Where values come from.
[<RequireQualifiedAccess>]
type Values =
    /// A projection of the tokens (`value`), and one of the result (`output`).
    | Own
    /// They are given, B T D, and what is read is the result.
    | Given

/// What queries can read of each of N images: N H T D/H.
type Read = { Keys: Tensor; Values: Tensor }

/// Attention in its steps, so that many queries can share what they read.
type Parts =
    {
        /// (tokens that keys are made of N T C, what values are made of: N T C, or N T D where they are given) -> what can be read.
        Look: Layer<Tensor * Tensor, Read>
        /// (queries N Q D, what they read) -> N Q D, all queries of an image in one fused call.
        Ask: Layer<Tensor * Read, Tensor>
        /// The same -> N H Q T, where each query looks: non-negative, sums to 1 over T. For pictures, not for training.
        Weights: Layer<Tensor * Read, Tensor>
        /// `query`, `key` and, where values are its own, `value`, `output`.
        Specs: ParamSpec list
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

/// The steps of attention.
let parts options values : Parts =
    check options
    let width = options.Embedding
    let project name inputs = Layer.named name (Layers.projection inputs width)
    let query, key = project "query" width, project "key" options.Channels

    let value, output =
        match values with
        | Values.Own -> project "value" options.Channels, project "output" width
        | Values.Given -> Layer.lift id, Layer.lift id

    let split = splitHeads options.Heads

    let look env (looked, valued) = { Keys = key.Forward env looked |> split; Values = value.Forward env valued |> split }

    let ask env (queries, read) =
        F.scaled_dot_product_attention (query.Forward env queries |> split, read.Keys, read.Values)
        |> joinHeads
        |> output.Forward env

    let weights env (queries, read) =
        let q = query.Forward env queries |> split
        (matmul q (read.Keys.transpose (-2L, -1L)) / sqrt (float (width / options.Heads))).softmax(-1L)

    { Look = Layer.create (key.Specs @ value.Specs) look
      Ask = Layer.create (query.Specs @ output.Specs) ask
      Weights = Layer.create query.Specs weights
      Specs = query.Specs @ key.Specs @ value.Specs @ output.Specs }

/// (queries B Q D, tokens B T C) -> B Q D. Declares `query`, `key`, `value`, `output`.
let cross options : Layer<Tensor * Tensor, Tensor> =
    let parts = parts options Values.Own
    Layer.create parts.Specs (fun env (queries, tokens) -> parts.Ask.Forward env (queries, parts.Look.Forward env (tokens, tokens)))

/// (queries B Q D, tokens B T C) -> B H Q T, where each query looks. The parameters of `cross`.
let weights options : Layer<Tensor * Tensor, Tensor> =
    let parts = parts options Values.Own
    Layer.create parts.Specs (fun env (queries, tokens) -> parts.Weights.Forward env (queries, parts.Look.Forward env (tokens, tokens)))
