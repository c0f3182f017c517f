/// What the conditional embeddings of a batch add to the objective.
module CondEmbed.Conditional

open CondEmbed.Losses
open TorchSharp

/// Which terms count, how much, and on which pairs.
type Options =
    {
        /// Weight of each level's loss.
        Weight: float
        /// Only the last level has a loss.
        LastOnly: bool
        /// The levels' losses train only the levels: the encoder and head learn from them by distillation, if at all.
        LevelsAlone: bool
        /// Steps over which the weights of all conditional terms rise evenly to their full height.
        WarmUp: int
        /// Weight of the distillation of the last level's similarities into the unconditional ones; 0 for none.
        Distillation: float
        /// Temperature of the distillation.
        Temperature: float
        /// K: compare each image only with the K most similar others and with its positives; 0 for all pairs.
        Nearest: int
        /// How many pairs are computed at a time, and recomputed for their gradients; 0 for all at once.
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

/// Named terms before weighting, and the weighted terms to add up, some of which only contribute gradients.
type Terms = { Named: (string * Tensor) list; Weighted: Tensor list }

/// Any shape -> the same, scaled by the progress of the warm-up. The step is a statistic, so that a resumed run continues where it stopped.
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

/// Stops gradients from reaching what the levels read.
let private detached (views: Hierarchy.Views) : Hierarchy.Views =
    { Maps = views.Maps |> List.map _.detach()
      Embeddings = views.Embeddings.detach ()
      Values = views.Values |> Option.map _.detach() }

/// The losses of the levels that have one, by the number of the level. A loss with parameters of its own has separate ones for each level.
let private lossesOf (hierarchy: Hierarchy.Options) options levelLoss =
    let onLevel = Loss.onSimilarities levelLoss

    [ for level in (if options.LastOnly then hierarchy.Levels else 1) .. hierarchy.Levels ->
          level, (if onLevel.Specs.IsEmpty then onLevel else Layer.named $"loss.level{level}" onLevel) ]

let private ofLevels (hierarchy: Hierarchy.Options) options levelLoss : Layer<Hierarchy.Views * Tensor, Terms> =
    let inHierarchy layer = Layer.named "hierarchy" layer
    let similarities = inHierarchy (LevelSimilarities.layer hierarchy options.Nearest options.Block)
    let warming = inHierarchy (warming options.WarmUp)
    let losses = lossesOf hierarchy options levelLoss

    let forward env (views: Hierarchy.Views, labels: Tensor) =
        let found = similarities.Forward env ((if options.LevelsAlone then detached views else views), labels)
        let warmed = warming.Forward env ()

        let levels = [ for level, loss in losses -> $"level{level}", loss.Forward env (found.Pairs, found.Similarities[level - 1]) ]

        let taught =
            [ if options.Distillation > 0.0 then
                  let mask = found.Pairs.Positive.logical_or found.Pairs.Negative
                  let student = Similarity.cosine views.Embeddings
                  "distillation", Distillation.loss options.Temperature mask (List.last found.Similarities) student ]

        let weighted =
            [ for _, term in levels -> warmed (options.Weight * term)
              for _, term in taught -> warmed (options.Distillation * term) ]

        { Named = levels @ taught; Weighted = weighted @ found.Pull(List.reduce (fun a b -> a + b) weighted) }

    let specs =
        [ yield! similarities.Specs
          yield! warming.Specs
          for _, loss in losses do
              yield! loss.Specs ]

    Layer.create specs forward

/// Views and labels B -> the conditional terms: `level1` ... and `distillation`; none without levels. Parameters are under `hierarchy` and
/// `loss.level1` ... . ArgumentException for a loss that cannot score similarities.
let terms (hierarchy: Hierarchy.Options) options levelLoss : Layer<Hierarchy.Views * Tensor, Terms> =
    if hierarchy.Levels = 0 then
        Layer.lift (fun _ -> { Named = []; Weighted = [] })
    else
        ofLevels hierarchy options levelLoss
