/// One level of the hierarchy: what it reads of an image, its query, and what it does with the result.
module CondEmbed.Level

open TorchSharp

/// What follows the attention of a level (and the sum of a residual one).
[<RequireQualifiedAccess>]
type After =
    | Nothing
    | Norm
    /// x + W2 gelu(W1 norm(x)) of 4 D inner features, as in a pre-norm transformer (Xiong et al., ICML 2020); starts as x.
    | FeedForward

/// How c[i|j] is made of the tokens of i and the query of j.
[<RequireQualifiedAccess>]
type Form =
    /// Attention with projections and heads of its own: `Attention.cross`. With given values, the head's of each token, queries start at zero, so that attention
    /// starts uniform and its result starts as the mean of the values.
    | Projections of Attention.Values
    /// head(CA(LN q, LN F)): one head as wide as the tokens, C; no biases, no projection of the result, and the unconditional embedding's own head. Queries are
    /// pooled tokens, N Q C. So cross-attention takes the place of pooling in public code of two of the method's authors (2022, for another method).
    /// With a number of features, the head is one of the level's own, as wide as that: a teacher for distillation.
    | Group of ownHead: int option
    /// No parameters: softmax(cos(q, head(F)) / temperature) head(F).
    | Cosine of temperature: float
    /// A control without attention, whoever asks: a linear layer of its own on the mean of the tokens, with so many features.
    | SecondHead of width: int

/// The options of a level.
type Options =
    {
        Form: Form
        Attention: Attention.Options
        After: After
        Position: Positions.Code
        /// The level's output starts near zero: for levels that add to the level before them, so that the hierarchy starts close to the baseline.
        Quiet: bool
    }

/// What a level sees of B images: the map B C h w, its tokens B T C, and what the head makes of tokens, B T C -> B T D, where it is linear in them.
type Seen = { Map: Tensor; Tokens: Tensor; Head: (Tensor -> Tensor) option }

/// A level, split into steps so that all pairs share the keys and values of an image.
type Level =
    {
        /// The map of each image -> what queries read of it.
        KeysAndValues: Layer<Seen, Attention.KeysAndValues>
        /// ... D -> ... D: what the level makes of an embedding that asks. It does not depend on the image that is asked, so what is known of each image goes through it once and not once per pair.
        Query: Layer<Tensor, Tensor>
        /// CA: (queries N Q D, the keys and values of each image) -> N Q D.
        Cross: Layer<Tensor * Attention.KeysAndValues, Tensor>
        /// The same -> N H Q T, where each query looks.
        Weights: Layer<Tensor * Attention.KeysAndValues, Tensor>
        /// N Q D -> N Q D.
        After: Layer<Tensor, Tensor>
        Specs: ParamSpec list
    }

/// The features of a level's result.
let private widthOf options =
    match options.Form with
    | Form.SecondHead width
    | Form.Group(Some width) -> width
    | _ -> options.Attention.Embedding

/// ... D -> ... D.
let private after options : Layer<Tensor, Tensor> =
    let width = widthOf options
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

        Layer.residual inner

let private start options (spec: ParamSpec) =
    match spec.Name with
    | "query.weight" when options.Form = Form.Projections Attention.Values.Given -> { spec with Init = Constant 0.0 }
    | "output.weight" when options.Quiet -> { spec with Init = Normal 1e-3 }
    | "outer.weight"
    | "outer.bias" -> { spec with Init = Constant 0.0 }
    | _ -> spec

let private throughHead (seen: Seen) (tokens: Tensor) =
    match seen.Head with
    | Some head -> head tokens
    | None -> invalidArg (nameof seen) "This level reads tokens through the head, and this head is not linear in them: see Network.Project."

/// A level that nothing follows, its parameters without a name before them.
let private level specs keysAndValues cross weights : Level =
    { KeysAndValues = keysAndValues
      Query = Layer.lift id
      Cross = cross
      Weights = weights
      After = Layer.lift id
      Specs = specs }

let private projections options values =
    let keysAndValues = Attention.keysAndValues options.Attention values
    let position = Positions.added options.Position options.Attention.Channels

    let ofImages env seen =
        let valued = if values = Attention.Values.Given then throughHead seen seen.Tokens else seen.Tokens
        keysAndValues.Forward env (position.Forward env (seen.Map, seen.Tokens), valued)

    { level
          (Attention.specs options.Attention values @ position.Specs)
          (Layer.create (keysAndValues.Specs @ position.Specs) ofImages)
          (Attention.cross options.Attention values)
          (Attention.weights options.Attention) with
        Query = Attention.query options.Attention }

let private group options ownHead =
    let width = options.Attention.Channels
    let square name = Layer.named name (Layers.projection width width)
    let query = Layer.named "query_norm" (Layers.layerNorm width) --> square "query"
    let norm, key, value = Layer.named "token_norm" (Layers.layerNorm width), square "key", square "value"
    let own = ownHead |> Option.map (fun features -> Layer.named "head" (Layers.linear width features))

    let ofImages env seen : Attention.KeysAndValues =
        let tokens = norm.Forward env seen.Tokens
        let head = own |> Option.fold (fun _ own -> own.Forward env) (throughHead seen)
        Attention.oneHead (key.Forward env tokens) (value.Forward env tokens |> head)

    let ofHead = own |> Option.map _.Specs |> Option.defaultValue []
    let images = Layer.create (norm.Specs @ key.Specs @ value.Specs @ ofHead) ofImages
    { level (query.Specs @ images.Specs) images Attention.read Attention.places with Query = query }

let private cosine (temperature: float) =
    let ofImages _ seen : Attention.KeysAndValues =
        let values = throughHead seen seen.Tokens
        let scale = sqrt (float values.shape[2]) / temperature
        Attention.oneHead (Layers.l2Normalise values * scale) values

    let asked = Layer.lift (fun (queries, images) -> Layers.l2Normalise queries, images)

    level [] (Layer.create [] ofImages) (asked --> Attention.read) (asked --> Attention.places)

let private secondHead options width =
    let head = Layer.named "head" (Layers.linear options.Attention.Channels width)

    // The keys only say how many places there are to look at.
    let ofImages env seen : Attention.KeysAndValues =
        Attention.oneHead (seen.Tokens.narrow(2L, 0L, 1L).detach()) (head.Forward env (seen.Tokens.mean ([| 1L |], true)))

    let answers (queries: Tensor, images: Attention.KeysAndValues) = images.Values.squeeze(1L).expand(-1L, queries.shape[1], -1L)

    let evenly (queries: Tensor, images: Attention.KeysAndValues) =
        torch.zeros_like(images.Keys).squeeze(3L).softmax(-1L).unsqueeze(2L).expand(-1L, -1L, queries.shape[1], -1L)

    level head.Specs (Layer.create head.Specs ofImages) (Layer.lift answers) (Layer.lift evenly)

let private ofForm options =
    match options.Form with
    | Form.Projections values -> projections options values
    | Form.Group ownHead -> group options ownHead
    | Form.Cosine temperature -> cosine temperature
    | Form.SecondHead width -> secondHead options width

/// A level whose parameters are under a name.
let create name options : Level =
    let level, after = ofForm options, after options
    let started specs = List.map (start options) specs
    let named (layer: Layer<_, _>) = Layer.create (started layer.Specs) layer.Forward |> Layer.named name

    { KeysAndValues = named level.KeysAndValues
      Query = named level.Query
      Cross = named level.Cross
      Weights = named level.Weights
      After = named after
      Specs = Layer.below name (started (level.Specs @ after.Specs)) }
