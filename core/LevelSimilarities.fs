/// The similarities of the pairs of a batch on each level: on all pairs or chosen ones, at once or in blocks.
module CondEmbed.LevelSimilarities

open TorchSharp

type Found =
    {
        /// What a loss is to see.
        Pairs: Mining.Pairs
        /// B B of each level; pairs that were not chosen are 0.
        Similarities: Tensor list
        /// From a scalar that was made of the similarities, once: what must be added to it so that its gradients reach everything. Nothing changes its value.
        Pull: Tensor -> Tensor list
    }

/// The pairs that are compared, and those of them that a loss is to see.
let private compared nearest block (labels: Tensor) (embeddings: Tensor) =
    let all = Mining.all labels

    if nearest = 0 && block = 0 then
        Pairing.All, all
    else
        let k = if nearest = 0 then int labels.shape[0] else nearest
        let pairing, marked = Pairing.nearest k all.Positive (Similarity.cosine (embeddings.detach ()))

        pairing, { all with Positive = all.Positive.logical_and marked; Negative = all.Negative.logical_and marked }

/// Embeddings, keys, values and parameters as one list, and back.
let private listed (reads: Attention.Read list) (embeddings: Tensor) parameters =
    [ embeddings
      for read in reads do
          read.Keys
          read.Values
      yield! parameters ]

let private unlisted levels (inputs: Tensor list) =
    let reads, parameters = List.splitAt (2 * levels) inputs.Tail
    let reads = [ for pair in List.chunkBySize 2 reads -> ({ Keys = pair[0]; Values = pair[1] }: Attention.Read) ]
    reads, inputs.Head, parameters

/// All pairs in blocks: similarities L E without a history, and the gradients that a second pass brings.
let private inBlocks size (compute: Env -> Pairing -> Attention.Read list -> Tensor -> Tensor) names env pairing reads embeddings =
    let inputs = listed reads embeddings [ for name in names -> env.Params[name] ]

    let block inputs piece =
        let reads, embeddings, parameters = unlisted reads.Length inputs
        compute { env with Params = Params.ofSeq (List.zip names parameters) } piece reads embeddings

    let pieces = Pairing.pieces size pairing
    let found = (Recomputed.values block inputs pieces).requires_grad_(torch.is_grad_enabled ())

    let pull total =
        [ if found.requires_grad then
              let gradients = Recomputed.factors total found |> Recomputed.gradients block inputs pieces
              Recomputed.carrying (List.zip inputs gradients) ]

    List.ofArray (found.unbind 0L), pull

/// (views, labels B) -> similarities, of each image with the K nearest others and its positives (all if K is 0), so many pairs at a time (all at once if 0).
let layer (hierarchy: Hierarchy.Options) nearest block : Layer<Hierarchy.Views * Tensor, Found> =
    let reads, climb = Hierarchy.reads hierarchy, Hierarchy.climb hierarchy
    let names = [ for spec in climb.Specs -> spec.Name ]

    let each env pairing reads embeddings =
        climb.Forward env (pairing, reads, embeddings)
        |> List.map (Hierarchy.similarity hierarchy pairing embeddings)

    let stacked env pairing reads embeddings = torch.stack (each env pairing reads embeddings |> List.toArray, 0L)

    let forward env (views: Hierarchy.Views, labels: Tensor) =
        let pairing, pairs = compared nearest block labels views.Embeddings
        let reads = reads.Forward env views

        let similarities, pull =
            if block > 0 then
                inBlocks block stacked names env pairing reads views.Embeddings
            else
                each env pairing reads views.Embeddings, (fun _ -> [])

        { Pairs = pairs
          Similarities = similarities |> List.map (Pairing.matrix pairing labels.shape[0])
          Pull = pull }

    Layer.create (Hierarchy.conditional hierarchy).Specs forward
