/// What the conditional embeddings of a batch add to the objective.
module CondEmbed.Conditional

open CondEmbed.Losses
open TorchSharp

/// The pairs whose similarity on a level is made of conditional embeddings; the others keep the unconditional one, s^0.
[<RequireQualifiedAccess>]
type On =
    | All
    | Negatives
    | Positives

/// What of the levels is made by the running averages of the weights.
[<RequireQualifiedAccess>]
type Average =
    | None
    /// The embeddings that ask.
    | Queries
    /// And the tokens that they look for.
    | QueriesAndKeys

/// Which terms count, how much, and on which pairs.
type Options =
    {
        /// Weight of each level's loss.
        Weight: float
        /// Only the last level has a loss.
        LastOnly: bool
        On: On
        Average: Average
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
        /// For a loss with proxies: how many images of other classes ask each image, besides one of its own class.
        Askers: int
    }

/// Every level's loss on all pairs, with one weight from the first step on.
let plain weight =
    { Weight = weight
      LastOnly = false
      On = On.All
      Average = Average.None
      LevelsAlone = false
      WarmUp = 0
      Distillation = 0.0
      Temperature = 0.1
      Nearest = 0
      Block = 0
      Askers = 1 }

/// Named terms before weighting, and the weighted terms to add up, some of which only contribute gradients.
type Terms = { Named: (string * Tensor) list; Weighted: Tensor list }

/// Any shape -> the same, scaled by the progress of the warm-up.
let private warming steps =
    if steps = 0 then
        Counted.unscaled
    else
        Counted.scaled (fun before -> ((before + 1.0) / float steps).clamp_max(scalar 1.0))

/// The numbers of the levels that have a loss.
let private levelsOf (hierarchy: Hierarchy.Options) options = [ (if options.LastOnly then hierarchy.Levels else 1) .. hierarchy.Levels ]

/// The losses of the levels that have one, by the number of the level. A loss with parameters of its own has separate ones for each level.
let private lossesOf hierarchy options levelLoss =
    let onLevel = Loss.onSimilarities levelLoss

    [ for level in levelsOf hierarchy options ->
          level, (if onLevel.Specs.IsEmpty then onLevel else Layer.named $"loss.level{level}" onLevel) ]

/// B B of a level -> B B: s^0 of the embeddings B D where the level's own does not count.
let private onPairs on (pairs: Mining.Pairs) (embeddings: Tensor) (similarities: Tensor) =
    match on with
    | On.All -> similarities
    | On.Negatives -> torch.where (pairs.Negative, similarities, Similarity.cosine embeddings)
    | On.Positives -> torch.where (pairs.Positive, similarities, Similarity.cosine embeddings)

let private ofLevels (hierarchy: Hierarchy.Options) options levelLoss : Layer<Hierarchy.Views * Tensor, Terms> =
    let inHierarchy layer = Layer.named "hierarchy" layer
    let similarities = inHierarchy (LevelSimilarities.layer hierarchy options.Nearest options.Block)
    let warming = inHierarchy (warming options.WarmUp)
    let losses = lossesOf hierarchy options levelLoss

    let forward env (views: Hierarchy.Views, labels: Tensor) =
        let found = similarities.Forward env ((if options.LevelsAlone then Hierarchy.detached views else views), labels)
        let warmed = warming.Forward env ()

        let similarities = found.Similarities |> List.map (onPairs options.On found.Pairs views.Embeddings)
        let levels = [ for level, loss in losses -> $"level{level}", loss.Forward env (found.Pairs, similarities[level - 1]) ]

        let taught =
            [ if options.Distillation > 0.0 then
                  let mask = found.Pairs.Positive.logical_or found.Pairs.Negative
                  let student = Similarity.cosine views.Embeddings
                  "distillation", Distillation.loss options.Temperature mask (List.last found.Similarities) student ]

        let weighted =
            [ for _, term in levels -> warmed (options.Weight * term)
              for _, term in taught -> warmed (options.Distillation * term) ]
            |> List.map (Team.share env.Team)

        { Named = levels @ taught; Weighted = weighted @ found.Pull(List.reduce (fun a b -> a + b) weighted) }

    let specs =
        [ yield! similarities.Specs
          yield! warming.Specs
          for _, loss in losses do
              yield! loss.Specs ]

    Layer.create specs forward

/// The loss's own proxies score the embeddings of drawn pairs, each with the label of the image that is read.
let private byProxies (hierarchy: Hierarchy.Options) options levelLoss : Layer<Hierarchy.Views * Tensor, Terms> =
    let askers: DrawnPairs.Askers =
        { Positive = (if options.On = On.Negatives then 0 else 1)
          Negative = (if options.On = On.Positives then 0 else options.Askers) }

    let drawn = Layer.named "hierarchy" (DrawnPairs.layer hierarchy askers)
    let warming = Layer.named "hierarchy" (warming options.WarmUp)
    let loss = Layer.named "loss" (Loss.onEmbeddings levelLoss)

    let forward env (views: Hierarchy.Views, labels: Tensor) =
        let views, scoring =
            if options.LevelsAlone then
                Hierarchy.detached views, { env with Params = Params.map (fun _ parameter -> parameter.detach ()) env.Params }
            else
                views, env

        let embeddings, labels = drawn.Forward env (views, labels)
        let warmed = warming.Forward env ()

        let levels =
            [ for level in levelsOf hierarchy options -> $"level{level}", loss.Forward scoring (embeddings[level - 1], labels) ]

        { Named = levels
          Weighted = [ for _, term in levels -> warmed (options.Weight * term) |> Team.share env.Team ] }

    Layer.create (drawn.Specs @ warming.Specs @ loss.Specs) forward

/// Views and labels B -> the conditional terms: `level1` ... and `distillation`; none without levels. Parameters are under `hierarchy` and
/// `loss.level1` ... ; a loss with proxies scores by those under `loss`, which are the unconditional embeddings' own. ArgumentException for any other loss that
/// cannot score similarities.
let terms (hierarchy: Hierarchy.Options) options levelLoss : Layer<Hierarchy.Views * Tensor, Terms> =
    if hierarchy.Levels = 0 then Layer.lift (fun _ -> { Named = []; Weighted = [] })
    elif Loss.isOnProxies levelLoss then byProxies hierarchy options levelLoss
    else ofLevels hierarchy options levelLoss
