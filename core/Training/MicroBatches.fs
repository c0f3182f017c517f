/// Large batches in the memory of small ones: the features of the whole batch without a graph, the gradient of the objective by them, and then the encoder again, a few
/// images at a time, with this gradient. Gao, Zhang, Han and Callan, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup" (GradCache), RepL4NLP 2021.
module CondEmbed.MicroBatches

open CondEmbed.Encoders
open TorchSharp

/// The features of a batch.
type Encoded =
    {
        Features: Features
        /// Takes a scalar made from the features, once, and returns what to add to it so that its gradients reach the encoder. The added value is zero.
        Pull: Tensor -> Tensor list
    }

let private tensors features = [ features.Map; yield! features.Earlier; yield! Option.toList features.Token ]

/// The features of some images after those of others.
let private joined (pieces: Features list) : Features =
    let join (of': Features -> Tensor list) =
        pieces
        |> List.map of'
        |> List.transpose
        |> List.map (fun same -> (torch.cat (List.toArray same, 0L)).requires_grad_(torch.is_grad_enabled ()))

    { Map = List.exactlyOne (join (fun piece -> [ piece.Map ]))
      Earlier = join _.Earlier
      Token = List.tryExactlyOne (join (_.Token >> Option.toList)) }

let private refuseStatistic name (_: Tensor) =
    invalidArg
        "size"
        $"'{name}' is a statistic of the whole batch, and the encoder sees a few images at a time: freeze its norm (Layers.Norms.Frozen), or take the whole batch at once."

/// The leaves of a layer that are trained now.
let private leavesOf (layer: Layer<Tensor, Features>) (env: Env) =
    [ for name in Params.trainable layer.Specs do
          if torch.is_grad_enabled () && env.Params[name].requires_grad then env.Params[name] ]

/// B ..., in pieces of at most so many images, each with the place of its first.
let private piecesOf size (images: Tensor) =
    [ for start in 0L .. size .. images.shape[0] - 1L -> start, images.narrow (0L, start, min size (images.shape[0] - start)) ]

/// Images a few at a time, each piece with the place of its first image and what its layers draw the same way in every pass.
let private inPieces size (layer: Layer<Tensor, Features>) env (images: Tensor) : Encoded =
    let env = { env with Report = refuseStatistic }
    let leaves = leavesOf layer env

    let first (start, piece: Tensor) =
        let again = Randomness.marked images.device
        use scope = torch.NewDisposeScope()
        // The features are disposed below, and the images may be among them.
        let features = layer.Forward env (piece.alias ())
        tensors features |> List.iter (scope.MoveToOuter >> ignore)
        (start, piece, again), features

    let seen, features = withoutGradient (fun () -> piecesOf size images |> List.map first |> List.unzip)
    let features' = joined features
    features |> List.collect tensors |> List.iter _.Dispose()

    let pull total =
        let factors = tensors features' |> Recomputed.factors total
        let sums = Recomputed.zeros leaves

        let second (start, piece, again) =
            again ()

            scoped (fun () ->
                (tensors (layer.Forward env piece), factors)
                ||> List.map2 (fun (x: Tensor) (factor: Tensor) -> (x * factor.narrow (0L, start, x.shape[0])).sum())
                |> List.reduce (+)
                |> Recomputed.add sums leaves)

        let after = Randomness.state ()
        List.iter second seen
        Randomness.restore after
        List.zip leaves sums

    { Features = features'; Pull = fun total -> [ if not leaves.IsEmpty then Recomputed.carrying (pull total) ] }

/// What levels and head read of a network, and no more: it is kept for the whole batch.
let reading (hierarchy: Hierarchy.Options) (network: Network) : Network =
    let stages = if hierarchy.Stages.IsEmpty then 0 else hierarchy.Levels - 1

    match network.AfterPool with
    | None -> network
    | Some _ when hierarchy.Levels = 0 -> Network.pooling network
    | Some _ ->
        { network with
            Features =
                network.Features
                |> Layer.map (fun features -> { features with Earlier = List.truncate stages features.Earlier }) }

/// Images -> their features, `size` images at a time while training; all at once if that is 0, or if there are no more. The values and gradients are those of the whole
/// batch; images receive no gradient. ArgumentException if the encoder takes statistics over the batch, as a BatchNorm does that is not frozen: those of a few images
/// would differ. What its layers draw at random is the same in both passes.
let layer size (features: Layer<Tensor, Features>) : Layer<Tensor, Encoded> =
    Layer.create features.Specs (fun env (images: Tensor) ->
        // The second pass gives first derivatives only.
        if size > 0 && images.shape[0] > int64 size && Order.Taken < 2 then
            inPieces (int64 size) features env images
        else
            { Features = features.Forward env images; Pull = fun _ -> [] })
