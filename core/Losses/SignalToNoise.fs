module CondEmbed.Losses.SignalToNoise

open CondEmbed
open CondEmbed.Reducers

/// B D -> B B: the variance of a - b over that of a, of the features of the row's embedding a and the column's b: the noise in terms of the signal. It is not symmetric.
let distances (embeddings: Tensor) =
    Similarity.demandRows embeddings
    let centred = embeddings - embeddings.mean ([| 1L |], keepdim = true)
    let power = (centred * centred).sum 1L
    let apart = power.unsqueeze 1L + power.unsqueeze 0L - 2.0 * matmul centred (centred.t ())
    apart.clamp_min (scalar 0.0) / power.unsqueeze(1L).clamp_min(scalar 1e-12)

/// embeddings B D of any length, labels B -> scalar: the contrastive loss on these distances, plus a regularisation times the mean of |sum of an embedding's features|. Yuan et al., "Signal-to-Noise
/// Ratio: A Robust Distance Metric for Deep Metric Learning", CVPR 2019, eqs. 5 and 12.
let loss (positive: float) (negative: float) (regularisation: float) (reduce: Reducer) (embeddings: Tensor) (labels: Tensor) =
    let contrastive = Contrastive.onDistances id positive negative reduce (Mining.all labels) (distances embeddings)

    if regularisation = 0.0 then contrastive else contrastive + regularisation * Regularisers.zeroMean embeddings

let part =
    Part.define "signal-to-noise" "Yuan et al., CVPR 2019" {
        let! positive = Setting.number "positive_margin" 0.0 "positives beyond it are pulled"
        and! negative = Setting.number "negative_margin" 1.0 "negatives within it are pushed"
        and! regularisation = Setting.number "regularisation" 0.0 "weight of the mean of |sum of an embedding's features|"
        and! reduce = Reducers.setting "non-zero"
        return OnEmbeddings(Layer.lift (fun (embeddings, labels) -> loss positive negative regularisation reduce embeddings labels))
    }
