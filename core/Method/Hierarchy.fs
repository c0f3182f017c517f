/// The hierarchy of conditional embeddings of pairs of a batch.
///     c^0[i|j] = e_i        c^l[i|j] = CA_l(query = c^(l-1)[j|i], keys = values = F_i)        l = 1..L
/// A reconstruction after Kotovenko et al., "Cross-Image-Attention for Conditional Embeddings in Deep Metric Learning", CVPR 2023.
module CondEmbed.Hierarchy

open TorchSharp

/// The query of a level to image i.
[<RequireQualifiedAccess>]
type Query =
    /// c^(l-1)[j|i].
    | Previous
    /// e_j at every level.
    | Unconditional
    /// A control: i itself asks, c^(l-1)[i|j]; attention without another image.
    | Own
    /// A control: e_k of another image of the batch at every level, B / 2 places after j.
    | Shuffled

/// How similar i and j are on a level.
[<RequireQualifiedAccess>]
type Agreement =
    /// cos(c[i|j], c[j|i]).
    | Mutual
    /// (cos(c[i|j], e_j) + cos(c[j|i], e_i)) / 2.
    | OneSided

/// The form of the levels: how many, what each reads, its queries, and how it compares a pair.
type Options =
    {
        /// The sizes of the attention over the encoder's last map.
        Attention: Attention.Options
        /// L; 0 is the baseline without conditional embeddings.
        Levels: int
        /// c^l = c^(l-1) + CA(...) instead of c^l = CA(...).
        Residual: bool
        /// One set of attention weights for all levels instead of one per level.
        Shared: bool
        Form: Level.Form
        Query: Query
        After: Level.After
        Position: Positions.Code
        Agreement: Agreement
        /// Channels of each stage, the last one first, at least L of them: each level reads one stage. Empty if all levels read the last map.
        Stages: int list
    }

/// Levels as the abstract suggests them: each reads the last map with projections of its own, and its queries are the embeddings of the level before it.
let plain attention levels : Options =
    { Attention = attention
      Levels = levels
      Residual = false
      Shared = false
      Form = Level.Form.Projections Attention.Values.Own
      Query = Query.Previous
      After = Level.After.Nothing
      Position = Positions.Code.None
      Agreement = Agreement.Mutual
      Stages = [] }

/// A head that is linear in each token, with the parameters it runs with: (map B C h w, tokens B T C) -> B T D.
type TokenHead = { Project: Layer<Tensor * Tensor, Tensor>; Env: Env }

/// What the levels read: B C h w of each stage, the last one first, B D unconditional embeddings, and the head if levels read tokens through it. A team shares the maps, which stay where
/// they are, and every process has all embeddings.
type Views = { Maps: Tensor list; Embeddings: Tensor; Head: TokenHead option; Averaged: AveragedViews option }

/// The same, computed with running averages of the weights and without a history. From it come the queries of the first level, those of later levels that do not come from the level before, and, if
/// asked for, the keys. So a level learns from answers to a network that changes slowly: He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020, eq. 2.
and AveragedViews = { Of: Views; Keys: bool }

let private readsThroughHead options =
    match options.Form with
    | Level.Form.Projections values -> values = Attention.Values.Given
    | Level.Form.Group None
    | Level.Form.Cosine _ -> true
    | Level.Form.Group(Some _)
    | Level.Form.SecondHead _ -> false

/// What the levels read of a network's features, and the head that they share with it.
let viewsOf (network: Network) (options: Options) : Env -> Encoders.Features -> Tensor -> Views =
    let project =
        match readsThroughHead options, network.Project with
        | false, _ -> None
        | true, Some project -> Some project
        | true, None ->
            invalidArg
                (nameof network)
                "This head is not linear in the tokens, so levels cannot take their values from it: see Network.Project."

    fun env features embeddings ->
        { Maps = features.Map :: features.Earlier
          Embeddings = embeddings
          Head = project |> Option.map (fun project -> { Project = project; Env = env })
          Averaged = None }

/// The views without a history: gradients end at what the levels read, and at the head that they share.
let detached (views: Views) : Views =
    let alone (head: TokenHead) =
        let parameters = Params.ofSeq [ for spec in head.Project.Specs -> spec.Name, head.Env.Params[spec.Name].detach() ]
        { head with Env = { head.Env with Params = parameters } }

    { Maps = views.Maps |> List.map _.detach()
      Embeddings = views.Embeddings.detach ()
      Head = views.Head |> Option.map alone
      Averaged = views.Averaged }

/// What asks at the first level, if it is not the unconditional embedding: B C, the mean of the tokens, for `Group`; or what averages of the weights make.
let asking team options (views: Views) =
    let source = views.Averaged |> Option.map _.Of

    match options.Form with
    | Level.Form.Group _ -> Some((defaultArg source views).Maps.Head.mean [| 2L; 3L |] |> Team.gathered team)
    | _ -> source |> Option.map _.Embeddings

let private level (options: Options) index =
    let channels = if options.Stages.IsEmpty then options.Attention.Channels else options.Stages[index]

    Level.create
        (if options.Shared then "levels" else $"level{index + 1}")
        { Form = options.Form
          Attention = { options.Attention with Channels = channels }
          After = options.After
          Position = options.Position
          Quiet = options.Residual }

let private levels (options: Options) =
    if options.Levels < 0 then
        invalidArg (nameof options) $"There cannot be {options.Levels} levels: 0 is the baseline without levels, 1 or more are conditional."

    if not options.Stages.IsEmpty && options.Stages.Length < options.Levels then
        invalidArg
            (nameof options)
            $"{options.Levels} levels cannot read one stage each of {options.Stages.Length}: give as many stages as levels, or none."

    List.init options.Levels (level options)

let private specsOf (options: Options) (ofLevel: Level.Level -> ParamSpec list) =
    levels options
    |> if options.Shared then List.truncate 1 else id
    |> List.collect ofLevel

/// The parameters of all levels, level after level.
let specs options = specsOf options _.Specs

/// Refuses views that are not those of the network that the levels are made for.
let private demandViews (options: Options) (maps: Tensor list) =
    let made = if options.Stages.IsEmpty then [ options.Attention.Channels ] else options.Stages |> List.truncate options.Levels

    if maps.Length < made.Length then
        Layer.refuse $"the levels read {made.Length} stages (Stages), and the network makes {maps.Length} maps: give as many stages."

    for channels, map in Seq.zip made maps do
        let shape = map.shape

        if shape.Length <> 4 || shape[1] <> int64 channels then
            Layer.refuse
                $"the levels are made for maps of {channels} channels (Channels), and the network's map is {shapeText shape}, B C h w: make the hierarchy with the C of the network."

/// Views of a batch -> the keys and values of each image, for each level.
let keysAndValues (options: Options) : Layer<Views, Attention.KeysAndValues list> =
    let levels = levels options

    let ofViews env (views: Views) : Attention.KeysAndValues list =
        let width = options.Attention.Embedding
        demandViews options views.Maps
        ShapeChecks.embeddings width $"the levels are made for {width} features (Embedding)" "the hierarchy" views.Embeddings

        let seen map : Level.Seen =
            { Map = map
              Tokens = Layers.tokens map
              Head = views.Head |> Option.map (fun head tokens -> head.Project.Forward head.Env (map, tokens)) }

        let ofLevels =
            if options.Stages.IsEmpty then
                List.replicate options.Levels (seen views.Maps.Head)
            else
                views.Maps |> List.truncate options.Levels |> List.map seen

        (levels, ofLevels) ||> List.map2 (fun level seen -> level.KeysAndValues.Forward env seen)

    let forward env (views: Views) =
        match views.Averaged with
        | Some { Of = averaged; Keys = true } ->
            (ofViews env averaged, ofViews env views)
            ||> List.map2 (fun averaged own -> { averaged with Values = own.Values })
        | _ -> ofViews env views

    Layer.create (specsOf options _.KeysAndValues.Specs) forward

/// What is known of (i|j).
type private Known =
    /// B D: the same in the light of any j.
    | OfImages of Tensor
    /// N Q D.
    | OfPairs of Tensor

/// -> N Q D.
let private paired pairing known =
    match known with
    | OfImages x -> Pairing.unconditional pairing x
    | OfPairs x -> x

/// -> N Q D: of (i|j) what is known of (j|i).
let private reversed pairing known =
    match known with
    | OfImages x -> Pairing.ofOthers pairing x
    | OfPairs x -> Pairing.reversed pairing x

/// The query of (i|j) to image i: what is known of (j|i), of (i|j) for `Own`, and of another image for `Shuffled`, and what the level makes of it. `asking`: B D, or B C for
/// `Group`.
let private queries (options: Options) pairing (query: Tensor -> Tensor) (asking: Tensor) previous =
    let made known =
        match known with
        | OfImages x -> OfImages(query x)
        | OfPairs x -> OfPairs(query x)

    match options.Query with
    | Query.Previous -> made previous |> reversed pairing
    | Query.Unconditional -> made (OfImages asking) |> reversed pairing
    | Query.Own -> made previous |> paired pairing
    | Query.Shuffled -> made (OfImages(asking.roll (asking.shape[0] / 2L, 0L))) |> reversed pairing

let private ofImages pairing (images: Attention.KeysAndValues) : Attention.KeysAndValues =
    { Keys = Pairing.ofImages pairing images.Keys; Values = Pairing.ofImages pairing images.Values }

/// (pairs, the keys and values of each image, what asks: embeddings B D or `asking`) -> L tensors N Q D, the conditional embeddings c^1 ... c^L of the pairs. For all pairs these are B B D:
/// row i, column j is the embedding of image i in the light of image j.
let conditional (options: Options) : Layer<Pairing * Attention.KeysAndValues list * Tensor, Tensor list> =
    let levels = levels options

    let forward env (pairing, images: Attention.KeysAndValues list, asking) =
        let next (previous, _) (level: Level.Level, images) =
            let queries = queries options pairing (level.Query.Forward env) asking previous
            let found = level.Cross.Forward env (queries, ofImages pairing images)
            let c = level.After.Forward env (if options.Residual then paired pairing previous + found else found)
            OfPairs c, c

        ((OfImages asking, asking), List.zip levels images) ||> List.scan next |> List.tail |> List.map snd

    Layer.create (specsOf options (fun level -> level.Query.Specs @ level.Cross.Specs @ level.After.Specs)) forward

/// (pairs, embeddings B D, c N Q D) -> the similarity of each pair on one level: B B for all pairs, or E for chosen ones.
let similarity (options: Options) pairing embeddings (c: Tensor) =
    let unit = Layers.l2Normalise c

    match options.Agreement with
    | Agreement.Mutual -> (unit * Pairing.reversed pairing unit).sum -1L
    | Agreement.OneSided ->
        let one = (unit * Pairing.ofOthers pairing (Layers.l2Normalise embeddings)).sum -1L
        (one + Pairing.reversed pairing one) / 2.0
    |> Pairing.once pairing

/// (pairs, the keys and values of each image, what asks) -> L tensors N H Q T, one per level: where the query of each pair looks in the image
/// it reads. Has the parameters of `conditional`.
let attention (options: Options) : Layer<Pairing * Attention.KeysAndValues list * Tensor, Tensor list> =
    let levels, conditional = levels options, conditional options

    let forward env (pairing, images, asking) =
        let made = conditional.Forward env (pairing, images, asking) |> List.map OfPairs
        let previous = OfImages asking :: made |> List.truncate options.Levels

        (levels, images, previous)
        |||> List.map3 (fun level images known ->
            level.Weights.Forward env (queries options pairing (level.Query.Forward env) asking known, ofImages pairing images))

    Layer.create conditional.Specs forward
