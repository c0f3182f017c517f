namespace CondEmbed

open CondEmbed.Losses
open TorchSharp

/// Images and which of them are alike: B H W 3 bytes (or whatever the network reads), and B class numbers or B B marks of pairs (`Mining.marked`). Of a team's process, its share of the
/// images, with their class numbers or rows of marks.
type Batch =
    { Images: Tensor
      Labels: Tensor }

    override this.ToString() = $"images {Show.tensor this.Images}\nlabels {Show.tensor this.Labels}"

/// What is minimised, and its named parts before weighting.
type Scored = { Total: Tensor; Terms: (string * Tensor) list }

/// What training minimises: a layer from a batch to its score.
type Objective = Layer<Batch, Scored>

module Objective =
    /// Refuses an empty batch, or one whose labels are not one class number per image.
    let private demandBatch (team: Team) (batch: Batch) =
        let images, labels = batch.Images.shape, batch.Labels.shape

        let refuse why =
            invalidArg
                (nameof batch)
                $"{why}; the images are {batch.Images.dtype} {shapeText images}, the labels {batch.Labels.dtype} {shapeText labels}."

        if images.Length = 0 || images[0] = 0L then
            refuse "An empty batch teaches nothing: give at least two images"
        elif labels.Length = 2 && labels[0] = images[0] && labels[1] = images[0] * int64 team.Size then
            ()
        elif labels.Length <> 1 || labels[0] <> images[0] then
            refuse
                $"{images[0]} images need {images[0]} labels, one per image, in one dimension, or {images[0]} x {images[0]} marks of pairs"
        elif batch.Labels.dtype <> int64' then
            refuse "Labels are class numbers of type Int64: labels.``to`` torch.int64"

    let private demandProxies (hierarchy: Hierarchy.Options) levelLoss loss =
        if hierarchy.Levels > 0 && Loss.isOnProxies levelLoss && not (Loss.sharesProxies levelLoss loss) then
            invalidArg
                (nameof levelLoss)
                "The loss of the levels compares images with proxies, and the loss of the unconditional embeddings has none that it could share: give both the same loss, or the levels a loss on similarities."

    /// A level that adds to the one before it begins with the embeddings themselves, which then do not ask.
    let private demandAlone (hierarchy: Hierarchy.Options) (conditional: Conditional.Options) =
        if not conditional.Average.IsNone && hierarchy.Residual then
            invalidArg (nameof conditional) "Levels that add to the level before them cannot be asked by averages: set Residual to false."

    /// Images -> what averages of the weights make of them, as at test time.
    let private byAverages (network: Network) views (env: Env) images : Hierarchy.Views =
        withoutGradient (fun () ->
            let team = env.Team
            let env = { env with Params = Averaged.inPlace env.Params; Mode = Testing; Report = fun _ _ -> () }
            let features = network.Features.Forward env images
            views env features (network.Head.Forward env features |> Team.gathered team))

    /// Images and labels of a batch -> scalar: weight * loss(s^0) + the conditional terms + what the features teach. Terms: `loss`, `level1`, ... . With no
    /// levels, a weight of 1 and no teacher this is the baseline. So many images go through the encoder at a time (`MicroBatches`); all if it is 0. ArgumentException: a
    /// loss for the levels that can score neither similarities nor, by the proxies of the other loss, embeddings.
    let inMicroBatches size network (hierarchy: Hierarchy.Options) weight conditional features loss levelLoss : Objective =
        demandProxies hierarchy levelLoss loss
        demandAlone hierarchy conditional
        let network = if size > 0 then MicroBatches.reading hierarchy network else network
        let encode = MicroBatches.layer size network.Features
        let unconditional = Layer.named "loss" (Loss.onEmbeddings loss)
        let teaching = FeatureDistillation.terms network features
        let terms = Conditional.terms hierarchy conditional levelLoss
        let average: Conditional.Average = if hierarchy.Levels > 0 then conditional.Average else Conditional.Average.None

        // Without levels nothing reads the views, so any head will do.
        let form = if hierarchy.Levels > 0 then hierarchy.Form else Level.Form.Projections Attention.Values.Own
        let views = Hierarchy.viewsOf network { hierarchy with Form = form }

        let seen env images features embeddings : Hierarchy.Views =
            let own = views env features embeddings

            if average.IsNone then
                own
            else
                { own with Averaged = Some { Of = byAverages network views env images; Keys = average.IsQueriesAndKeys } }

        let forward env batch =
            demandBatch env.Team batch
            let encoded = encode.Forward env batch.Images
            let features = encoded.Features
            let embeddings = network.Head.Forward env features |> Team.gathered env.Team
            let labels = Team.gathered env.Team batch.Labels
            let first = unconditional.Forward env (embeddings, labels)
            let terms = terms.Forward env (seen env batch.Images features embeddings, labels)
            let taught = teaching.Forward env (features, embeddings)

            let sum = List.fold (fun (total: Tensor) term -> total + term)
            let total = sum (Team.share env.Team (weight * first)) (terms.Weighted @ taught.Weighted)

            { Total = sum total (encoded.Pull total); Terms = ("loss", first) :: terms.Named @ taught.Named }

        // Levels may share the proxies of the loss.
        let ofLevels = terms.Specs |> List.filter (fun spec -> not (List.contains spec unconditional.Specs))

        Layer.create (network.Features.Specs @ network.Head.Specs @ ofLevels @ teaching.Specs @ unconditional.Specs) forward

    /// The same with the whole batch at once.
    let taught network hierarchy weight conditional features loss levelLoss : Objective =
        inMicroBatches 0 network hierarchy weight conditional features loss levelLoss

    /// The same without a teacher.
    let weighted network hierarchy weight conditional loss levelLoss : Objective =
        taught network hierarchy weight conditional FeatureDistillation.none loss levelLoss

    /// The same with the loss of each level on all pairs: loss(s^0) + weight * sum over levels of levelLoss(s^l).
    let conditional network hierarchy weight loss levelLoss : Objective =
        weighted network hierarchy 1.0 (Conditional.plain weight) loss levelLoss

    /// Images and labels of a batch -> scalar: the loss of the unconditional embeddings alone, under the same names as the conditional objective.
    let baseline network loss : Objective =
        let none = Hierarchy.plain { Channels = 1; Embedding = 1; Heads = 1 } 0
        conditional network none 0.0 loss loss
