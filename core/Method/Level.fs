/// One level of the hierarchy: what it reads of an image, its query, and what it does with the result.
module CondEmbed.Level

/// What follows the attention of a level (and the sum of a residual one).
[<RequireQualifiedAccess>]
type After =
    | Nothing
    | Norm
    /// x + W2 gelu(W1 norm(x)) of 4 D inner features, as in a pre-norm transformer (Xiong et al., ICML 2020); starts as x.
    | FeedForward

/// The form of a level.
type Options =
    {
        Attention: Attention.Options
        /// Given: queries start at zero, so that attention starts uniform and its result starts as the mean of the values.
        Values: Attention.Values
        After: After
        Position: Positions.Code
        /// The level's output starts near zero: for levels that add to the level before them, so that the hierarchy starts close to the baseline.
        Quiet: bool
    }

/// A level, split into steps so that all pairs share the keys and values of an image.
type Level =
    {
        /// (map B C h w, its tokens B T C, given values B T D or else the tokens) -> the keys and values of each image.
        KeysAndValues: Layer<Tensor * Tensor * Tensor, Attention.KeysAndValues>
        /// CA: (queries N Q D, the keys and values of each image) -> N Q D.
        Cross: Layer<Tensor * Attention.KeysAndValues, Tensor>
        /// The same -> N H Q T, where each query looks.
        Weights: Layer<Tensor * Attention.KeysAndValues, Tensor>
        /// N Q D -> N Q D.
        After: Layer<Tensor, Tensor>
        Specs: ParamSpec list
    }

/// ... D -> ... D.
let private after options : Layer<Tensor, Tensor> =
    let width = options.Attention.Embedding
    let norm = Layer.named "norm" (Layers.layerNorm width)

    match options.After with
    | After.Nothing -> Layer.lift id
    | After.Norm -> norm
    | After.FeedForward ->
        let inner =
            norm
            --> Layer.named "inner" (Layers.linear width (4 * width))
            --> Layers.gelu
            --> Layer.named "outer" (Layers.linear (4 * width) width)

        Layer.both (Layer.lift id) inner |> Layer.map (fun (x, y) -> x + y)

let private start options (spec: ParamSpec) =
    match spec.Name with
    | "query.weight" when options.Values = Attention.Values.Given -> { spec with Init = Constant 0.0 }
    | "output.weight" when options.Quiet -> { spec with Init = Normal 1e-3 }
    | "outer.weight"
    | "outer.bias" -> { spec with Init = Constant 0.0 }
    | _ -> spec

/// A level whose parameters are under a name.
let create name options =
    let keysAndValues = Attention.keysAndValues options.Attention options.Values
    let cross = Attention.cross options.Attention options.Values
    let position = Positions.added options.Position options.Attention.Channels
    let after = after options
    let named (layer: Layer<_, _>) = Layer.create (List.map (start options) layer.Specs) layer.Forward |> Layer.named name
    let ofImages env (map, tokens, valued) = keysAndValues.Forward env (position.Forward env (map, tokens), valued)
    let attention = Attention.specs options.Attention options.Values
    let all = Layer.create (attention @ position.Specs @ after.Specs) (fun _ () -> ())

    { KeysAndValues = named (Layer.create (keysAndValues.Specs @ position.Specs) ofImages)
      Cross = named cross
      Weights = named (Attention.weights options.Attention)
      After = named after
      Specs = (named all).Specs }
