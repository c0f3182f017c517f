/// The similarities of the pairs of a batch on each level: for all pairs or chosen ones, at once or in blocks.
module CondEmbed.LevelSimilarities

open TorchSharp

/// The pairs of a batch and their similarities.
type Found =
    {
        /// The pairs that a loss sees.
        Pairs: Mining.Pairs
        /// B B of each level; pairs that were not chosen are 0.
        Similarities: Tensor list
        /// Takes a scalar made from the similarities, once, and returns what to add to it so that its gradients reach everything. The added value is zero.
        Pull: Tensor -> Tensor list
    }

/// What to compute: the pieces, which of their values count (all if none is named), and the images of those. None: all pairs at once.
type private Plan = { Pieces: Pairing list; Kept: Tensor option; Images: Tensor * Tensor }

let private planOf (team: Team) nearest block (labels: Tensor) (embeddings: Tensor) =
    let all = Mining.all labels
    let count = int labels.shape[0]
    let ofTeam = Pairing.ofTeam team labels.shape[0]

    if nearest > 0 && nearest < count - 1 then
        let images, marked = Pairing.nearest nearest all.Positive (Similarity.cosine (embeddings.detach ()))
        let pieces = if block > 0 then Pairing.pieces block images else [ Pairing.Chosen images ]

        Some { Pieces = List.map ofTeam pieces; Kept = None; Images = images },
        { all with Positive = all.Positive.logical_and marked; Negative = all.Negative.logical_and marked }
    elif block > 0 then
        let places = indices labels.shape[0] labels
        let side, order = TeamPairs.groups team (max 1 (int (sqrt (float block)))) places
        let pieces, kept, (first, second) = Pairing.squares side places
        let at (places: Tensor) = order.index_select (0L, places)

        Some
            { Pieces = pieces |> List.map (Pairing.ofPlaces at >> ofTeam)
              Kept = Some kept
              Images = (at first, at second) },
        all
    else
        None, all

/// What a block computes with: the keys and values of each level, B D embeddings, and what asks if these do not.
type private Inputs = { Images: Attention.KeysAndValues list; Embeddings: Tensor; Asking: Tensor option }

/// The inputs and parameters as one list, and back.
let private listed inputs parameters =
    [ inputs.Embeddings
      yield! Option.toList inputs.Asking
      for level in inputs.Images do
          level.Keys
          level.Values
      yield! parameters ]

let private unlisted inputs (tensors: Tensor list) =
    let asking, rest = tensors.Tail |> List.splitAt (if inputs.Asking.IsSome then 1 else 0)
    let images, parameters = List.splitAt (2 * inputs.Images.Length) rest

    { Images = [ for pair in List.chunkBySize 2 images -> { Keys = pair[0]; Values = pair[1] } ]
      Embeddings = tensors.Head
      Asking = List.tryHead asking },
    parameters

/// All pairs in blocks: similarities L E without a history, and the gradients from a second pass. That pass gives first derivatives only; where more are taken, the
/// history of all blocks is kept.
let private inBlocks (compute: Env -> Pairing -> Inputs -> Tensor) names env pieces given =
    let inputs = listed given [ for name in names -> env.Params[name] ]

    let block tensors piece =
        let given, parameters = unlisted given tensors
        compute { env with Params = Params.ofSeq (List.zip names parameters) } piece given

    if Order.Taken > 1 then
        torch.cat ([| for piece in pieces -> block inputs piece |], 1L), (fun _ -> [])
    else
        let found = (Recomputed.values block inputs pieces).requires_grad_(torch.is_grad_enabled ())

        let pull total =
            [ if found.requires_grad then
                  let gradients = Recomputed.factors total [ found ] |> List.head |> Recomputed.gradients block inputs pieces
                  Recomputed.carrying (List.zip inputs gradients) ]

        found, pull

/// (views, labels B) -> similarities, of each image with its K nearest others and its positives (all if K is 0), `block` pairs at a time (all at once if 0).
let layer (hierarchy: Hierarchy.Options) nearest block : Layer<Hierarchy.Views * Tensor, Found> =
    let keysAndValues, conditional = Hierarchy.keysAndValues hierarchy, Hierarchy.conditional hierarchy
    let names = [ for spec in conditional.Specs -> spec.Name ]

    let each env pairing inputs =
        conditional.Forward env (pairing, inputs.Images, defaultArg inputs.Asking inputs.Embeddings)
        |> List.map (Hierarchy.similarity hierarchy pairing inputs.Embeddings)

    let stacked env pairing inputs = torch.stack (each env pairing inputs |> List.toArray, 0L)

    let forward env (views: Hierarchy.Views, labels: Tensor) =
        let plan, pairs = planOf env.Team nearest block labels views.Embeddings

        let inputs =
            { Images = keysAndValues.Forward env views
              Embeddings = views.Embeddings
              Asking = Hierarchy.asking env.Team hierarchy views }

        match plan with
        | None ->
            { Pairs = pairs
              Similarities = each env (Pairing.ofTeam env.Team labels.shape[0] Pairing.All) inputs
              Pull = fun _ -> [] }
        | Some plan ->
            let values, pull =
                if block > 0 then inBlocks stacked names env plan.Pieces inputs else stacked env plan.Pieces.Head inputs, (fun _ -> [])

            let kept = plan.Kept |> Option.fold (fun (values: Tensor) kept -> values.index_select (1L, kept)) values

            { Pairs = pairs
              Similarities = [ for level in kept.unbind 0L -> Pairing.matrix labels.shape[0] plan.Images level ]
              Pull = pull }

    Layer.create (Hierarchy.specs hierarchy) forward
