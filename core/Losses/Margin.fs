module CondEmbed.Losses.Margin

open CondEmbed
open CondEmbed.Mining
open TorchSharp

/// beta 1 or T, triplets T, similarities Q R -> scalar: the sum over triplets of relu(d_ap - beta + margin) + relu(beta - d_an + margin), over the number
/// of terms above zero. Wu et al., "Sampling Matters in Deep Embedding Learning", ICCV 2017, eq. 4.
let loss (distance: Distances.Distance) (margin: float) (beta: Tensor) (t: Triplets) (similarities: Tensor) =
    let d = distance similarities
    let pull = (at t.Anchor t.Positive d - beta + margin).relu()
    let push = (beta - at t.Anchor t.Negative d + margin).relu()
    let above (x: Tensor) = (x.detach () |> greaterThan 0.0).sum(``type`` = d.dtype)
    (pull.sum () + push.sum ()) / (above pull + above push).clamp_min(scalar 1.0)

/// The same with a learnable beta, one for all classes or one per class: declares `beta`. nu weights the mean of the anchors' beta as a regularisation.
let learned classes (start: float) (nu: float) (lossOf: Tensor -> Pairs -> Tensor -> Tensor) : Layer<Pairs * Tensor, Tensor> =
    let beta = { Name = "beta"; Shape = [ int64 classes ]; Role = Trainable; Init = Constant start }

    Layer.create [ beta ] (fun env (pairs, s) ->
        let beta = env.Params["beta"]
        let ofAnchors = if classes = 1 then beta else beta.index_select (0L, Loss.classesOf pairs)
        lossOf ofAnchors pairs s + nu * ofAnchors.mean ())

let private distance = Distances.setting "l2, squared-l2, cosine"

let part =
    Part.define "margin" "Wu et al., ICCV 2017" {
        let! margin = Setting.number "margin" 0.2 "half the gap between positives and negatives"
        and! start = Setting.positive "beta" 1.2 "distance that divides positives from negatives, at the start"
        and! isLearned = Setting.onOff "learn_beta" true "1: beta is learned"
        and! perClass = Setting.onOff "per_class" false "1: each class learns its own beta"
        and! nu = Setting.number "nu" 0.0 "weight of beta itself, as a regularisation"
        and! distanceOf = distance
        and! miner = Miners.setting distance.Settings "distance-weighted" "chooses triplets; all takes every one"
        and! classes = Setting.classes

        let onBeta (beta: Tensor) pairs s =
            let t = asTriplets (miner.Mine pairs s)
            let beta = if beta.shape[0] = 1L then beta else beta.index_select (0L, t.Anchor)
            loss distanceOf margin beta t s

        return
            if isLearned then
                OnSimilaritiesLearned(learned (if perClass then classes else 1) start nu onBeta)
            else
                OnSimilarities(fun pairs s -> onBeta (s.new_full ([| 1L |], scalar start)) pairs s)
    }
