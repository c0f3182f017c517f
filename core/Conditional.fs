/// What the conditional embeddings of a batch add to the objective.
module CondEmbed.Conditional

open CondEmbed.Losses
open TorchSharp

/// Which terms count, how much, and on which pairs.
type Options =
    {
        /// Of each level's loss.
        Weight: float
        /// Only the last level has a loss.
        LastOnly: bool
        /// The levels' losses train the levels alone: encoder and head learn from them by distillation, if at all.
        LevelsAlone: bool
        /// Steps over which the weights of all conditional terms rise evenly to their full height.
        WarmUp: int
        /// Weight of what the last level's similarities teach the unconditional ones; 0 for nothing.
        Distillation: float
        /// Temperature of that.
        Temperature: float
        /// K: the pairs of each image with the K most similar others and with its positives; 0 for all.
        Nearest: int
        /// Pairs that are computed at a time, and once more for their gradients; 0 for all at once.
        Block: int
    }

/// Every level's loss on all pairs, with one weight from the first step on.
let plain weight =
    { Weight = weight
      LastOnly = false
      LevelsAlone = false
      WarmUp = 0
      Distillation = 0.0
      Temperature = 0.1
      Nearest = 0
      Block = 0 }

/// Named terms before weighting, and the weighted ones that are added up, some of which only bring gradients.
type Terms = { Named: (string * Tensor) list; Weighted: Tensor list }

/// Any shape -> the same, times how far the warm-up is. The step is a statistic, so that a run that is resumed goes on where it stopped.
let private warming steps : Layer<unit, Tensor -> Tensor> =
    if steps = 0 then
        Layer.lift (fun () -> id)
    else
        let spec = { Name = "step"; Shape = [ 1L ]; Role = Statistic; Init = Constant 0.0 }

        Layer.create [ spec ] (fun env () ->
            let next = env.Params["step"] + 1.0
            env.Report "step" next
            let rise = (next / float steps).clamp_max(scalar 1.0).squeeze()
            fun x -> rise.``to`` x.dtype * x)

/// The pairs that are compared, and those of them that a loss is to see.
let private compared options (labels: Tensor) (embeddings: Tensor) =
    let all = Mining.all labels

    if options.Nearest = 0 && options.Block = 0 then
        Pairing.All, all
    else
        let k = if options.Nearest = 0 then int labels.shape[0] else options.Nearest
        let pairing, marked = Pairing.nearest k all.Positive (Similarity.cosine (embeddings.detach ()))

        pairing, { all with Positive = all.Positive.logical_and marked; Negative = all.Negative.logical_and marked }

/// No gradient goes on to what the levels read.
let private detached (views: Hierarchy.Views) : Hierarchy.Views =
    { Maps = views.Maps |> List.map _.detach()
      Embeddings = views.Embeddings.detach ()
      Values = views.Values |> Option.map _.detach() }

/// The losses of the levels that count, by the number of the level. A loss with parameters of its own has them once for each level.
let private lossesOf (hierarchy: Hierarchy.Options) options levelLoss =
    let onLevel = Loss.onSimilarities levelLoss

    [ for level in (if options.LastOnly then hierarchy.Levels else 1) .. hierarchy.Levels ->
          level, (if onLevel.Specs.IsEmpty then onLevel else Layer.named $"loss.level{level}" onLevel) ]

/// The similarities of each level, B B of all pairs or E of chosen ones; and, from a scalar that was made of them, what brings the gradients that torch
/// does not know of.
type private Compared = { Similarities: Tensor list; Pull: Tensor -> Tensor list }

let private atOnce similarities (climb: Layer<_, Tensor list>) env pairing reads embeddings =
    { Similarities = climb.Forward env (pairing, reads, embeddings) |> List.map (similarities pairing embeddings)
      Pull = fun _ -> [] }

/// What blocks are computed from: embeddings, keys and values of each level, and parameters, as one list.
let private inBlocks size similarities (climb: Layer<_, Tensor list>) env pairing (reads: Attention.Read list) (embeddings: Tensor) =
    let names = [ for spec in climb.Specs -> spec.Name ]

    let inputs =
        [ embeddings
          yield! reads |> List.map _.Keys
          yield! reads |> List.map _.Values
          for name in names do
              env.Params[name] ]

    let block (inputs: Tensor list) piece =
        let keys, rest = List.splitAt reads.Length inputs.Tail
        let values, parameters = List.splitAt reads.Length rest
        let env = { env with Params = Params.ofSeq (List.zip names parameters) }
        let reads = [ for k, v in List.zip keys values -> ({ Keys = k; Values = v }: Attention.Read) ]
        let levels = climb.Forward env (piece, reads, inputs.Head)
        torch.stack ([| for c in levels -> similarities piece inputs.Head c |], 0L)

    let pieces = Pairing.pieces size pairing
    let found = (Recomputed.values block inputs pieces).requires_grad_(torch.is_grad_enabled ())

    { Similarities = List.ofArray (found.unbind 0L)
      Pull =
        fun total ->
            if not found.requires_grad then
                []
            else
                let factors = Recomputed.factors total found
                [ Recomputed.carrying (List.zip inputs (Recomputed.gradients block inputs pieces factors)) ] }

let private ofLevels (hierarchy: Hierarchy.Options) options levelLoss : Layer<Hierarchy.Views * Tensor, Terms> =
    let inHierarchy layer = Layer.named "hierarchy" layer
    let reads, climb = inHierarchy (Hierarchy.reads hierarchy), inHierarchy (Hierarchy.climb hierarchy)
    let warming = inHierarchy (warming options.WarmUp)
    let losses = lossesOf hierarchy options levelLoss
    let similarities = Hierarchy.similarity hierarchy
    let compute = if options.Block > 0 then inBlocks options.Block similarities else atOnce similarities

    let forward env (views: Hierarchy.Views, labels: Tensor) =
        let pairing, pairs = compared options labels views.Embeddings
        let read = if options.LevelsAlone then detached views else views
        let compared = compute climb env pairing (reads.Forward env read) read.Embeddings
        let similarities = compared.Similarities |> List.map (Pairing.matrix pairing labels.shape[0])
        let warmed = warming.Forward env ()

        let levels = [ for level, loss in losses -> $"level{level}", loss.Forward env (pairs, similarities[level - 1]) ]

        let taught =
            [ if options.Distillation > 0.0 then
                  let mask = pairs.Positive.logical_or pairs.Negative
                  let student = Similarity.cosine views.Embeddings
                  "distillation", Distillation.loss options.Temperature mask (List.last similarities) student ]

        let weighted =
            [ for _, term in levels -> warmed (options.Weight * term)
              for _, term in taught -> warmed (options.Distillation * term) ]

        { Named = levels @ taught; Weighted = weighted @ compared.Pull(List.reduce (fun a b -> a + b) weighted) }

    let specs =
        [ yield! (inHierarchy (Hierarchy.conditional hierarchy)).Specs
          yield! warming.Specs
          for _, loss in losses do
              yield! loss.Specs ]

    Layer.create specs forward

/// Views and labels B -> the conditional terms: `level1` ... and `distillation`; none without levels. Parameters stand under `hierarchy` and
/// `loss.level1` ... . ArgumentException: a loss that cannot score similarities.
let terms (hierarchy: Hierarchy.Options) options levelLoss : Layer<Hierarchy.Views * Tensor, Terms> =
    if hierarchy.Levels = 0 then
        Layer.lift (fun _ -> { Named = []; Weighted = [] })
    else
        ofLevels hierarchy options levelLoss
