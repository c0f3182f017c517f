/// Terms for a sum of losses that keep the embeddings themselves in order, whatever their labels: `multi-similarity + 0.01 * embedding-norm`.
module CondEmbed.Losses.Regularisation

open CondEmbed

let private alone (regularise: Tensor -> Tensor) =
    OnEmbeddings(
        Layer.lift (fun (embeddings: Tensor, _: Tensor) ->
            Similarity.demandRows embeddings
            regularise embeddings)
    )

let normPart =
    Part.define "embedding-norm" "pytorch-metric-learning (LpRegularizer); the mean length of the embeddings, to be added to a loss" {
        let! p = Setting.whole "p" 2 "of the p-norm"
        return alone (Regularisers.norm p)
    }

let zeroMeanPart =
    Part.define "embedding-zero-mean" "Yuan et al., CVPR 2019; the mean of |sum of an embedding's features|, to be added to a loss" {
        return alone Regularisers.zeroMean
    }
