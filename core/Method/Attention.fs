/// Cross-attention: queries of one side read the tokens of the other.
/// CA(q, F) = W_o concat_h softmax((W_q^h q)(W_k^h F)^T / sqrt(D / H)) W_v^h F: Vaswani et al. 2017, eq. 1 and section 3.2.2.
module CondEmbed.Attention

open TorchSharp

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
    /// They are given, B T D, and the weighted mean of them is the result.
    | Given

/// What queries read of each of N images: N H T D/H.
type KeysAndValues = { Keys: Tensor; Values: Tensor }

let private check options =
    if options.Heads < 1 || options.Embedding % options.Heads <> 0 then
        invalidArg
            (nameof options)
            $"{options.Heads} heads do not divide an embedding of {options.Embedding}: choose a number of heads that does."

/// B N D -> B H N D/H, an equal share of the features for each head.
let private split options (x: Tensor) = x.unflatten(2L, [| int64 options.Heads; -1L |]).transpose(1L, 2L)

/// B H N D/H -> B N D.
let private joinHeads (x: Tensor) = x.transpose(1L, 2L).flatten(2L, 3L)

let private projection name options inputs =
    check options
    Layer.named name (Layers.projection inputs options.Embedding)

let private ownOr given values (own: Layer<Tensor, Tensor>) =
    match values with
    | Values.Own -> own
    | Values.Given -> given

/// (tokens for the keys N T C; tokens for the values N T C, or the given values N T D) -> keys and values, computed once per image for any number of
/// queries. Declares `key` and, unless values are given, `value`.
let keysAndValues options values : Layer<Tensor * Tensor, KeysAndValues> =
    let key = projection "key" options options.Channels
    let value = projection "value" options options.Channels |> ownOr (Layer.lift id) values

    Layer.create (key.Specs @ value.Specs) (fun env (tokens, valued) ->
        { Keys = key.Forward env tokens |> split options; Values = value.Forward env valued |> split options })

/// Keys N T K and values N T D as those of a single head.
let oneHead (keys: Tensor) (values: Tensor) = { Keys = keys.unsqueeze 1L; Values = values.unsqueeze 1L }

/// (queries N Q K, the keys and values of each image, one head) -> N Q D: the mean of the values, weighted by softmax(q k / sqrt K). No parameters.
let read: Layer<Tensor * KeysAndValues, Tensor> =
    Layer.lift (fun (queries, images) -> DotProductAttention.read (queries.unsqueeze 1L) images.Keys images.Values |> joinHeads)

/// (queries N Q K, the keys and values of each image, one head) -> N 1 Q T: the weights of `read`.
let places: Layer<Tensor * KeysAndValues, Tensor> =
    Layer.lift (fun (queries, images) -> DotProductAttention.weights (queries.unsqueeze 1L) images.Keys)

/// ... D -> ... D: the queries of what asks. Declares `query`.
let query options = projection "query" options options.Embedding

/// CA: (queries N Q D, made by `query`; the keys and values of each image) -> N Q D, all queries of an image in one fused call. Declares `output`, unless values are
/// given.
let cross options values : Layer<Tensor * KeysAndValues, Tensor> =
    let output = projection "output" options options.Embedding |> ownOr (Layer.lift id) values

    Layer.create output.Specs (fun env (queries, images) ->
        DotProductAttention.read (split options queries) images.Keys images.Values
        |> joinHeads
        |> output.Forward env)

/// (queries N Q D, made by `query`; the keys and values of each image) -> N H Q T, where each query looks: non-negative, sums to 1 over T. No parameters. For
/// images, not for training.
let weights options : Layer<Tensor * KeysAndValues, Tensor> =
    check options
    Layer.lift (fun (queries, images) -> DotProductAttention.weights (split options queries) images.Keys)

/// The parameters of a cross-attention and its keys and values, in this order: `query`, `key`, `value`, `output`.
let specs options values : ParamSpec list = (query options).Specs @ (keysAndValues options values).Specs @ (cross options values).Specs
