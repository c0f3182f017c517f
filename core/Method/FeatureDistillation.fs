/// What the pooled features of a batch teach its embeddings: Roth, Milbich, Ommer, Cohen and Ghassemi, "Simultaneous Similarity-based Self-Distillation for
/// Deep Metric Learning", ICML 2021, section 3.3.
module CondEmbed.FeatureDistillation

open TorchSharp

/// How much it counts, and when.
type Options =
    {
        /// 0 for none.
        Weight: float
        Temperature: float
        /// Steps before it counts.
        Start: int
    }

/// No teacher.
let none = { Weight = 0.0; Temperature = 1.0; Start = 0 }

/// Any shape -> 0 of it before the start, then the same.
let private begun start = if start = 0 then Counted.unscaled else Counted.scaled (fun before -> before.ge (scalar (float start)))

/// (features of a batch, or of this process's share of it, embeddings B D) -> `feature_distillation`: the mean over images of KL(softmax(s / t) || softmax(s^0 / t)) over all other images, s the cosines of the
/// pooled features, which receive no gradient. None if it has no weight.
let terms (network: Network) options : Layer<Encoders.Features * Tensor, Conditional.Terms> =
    let begun = Layer.named "distillation" (begun options.Start)

    let forward env (features, embeddings: Tensor) : Conditional.Terms =
        let pooled = withoutGradient (fun () -> network.Pool.Forward env features |> Team.gathered env.Team)
        let others = torch.eye(embeddings.shape[0], dtype = torch.bool, device = embeddings.device).logical_not()
        let term = Distillation.loss options.Temperature others (Similarity.cosine pooled) (Similarity.cosine embeddings)

        { Named = [ "feature_distillation", term ]
          Weighted = [ begun.Forward env () (options.Weight * term) |> Team.share env.Team ] }

    if options.Weight = 0.0 then Layer.lift (fun _ -> { Named = []; Weighted = [] }) else Layer.create begun.Specs forward
