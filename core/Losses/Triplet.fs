module CondEmbed.Losses.Triplet

open CondEmbed
open CondEmbed.Mining
open CondEmbed.Reducers
open TorchSharp

/// How a triplet becomes a term: relu(d_ap - d_an + margin); soft: log(1 + e^(d_ap - d_an + margin)). With swap the negative's distance is that to
/// the nearer of anchor and positive (Balntas et al., BMVC 2016), for which the references must be the batch itself.
type Options = { Margin: float; Soft: bool; Swap: bool }

/// Triplets, similarities Q R -> scalar. Schroff et al., FaceNet, CVPR 2015, eq. 3; soft: Hermans et al. 2017, section 2.
let loss (distance: Distances.Distance) (options: Options) (reduce: Reducer) mined (similarities: Tensor) =
    let d = distance similarities
    if options.Swap then demandBatch "A swap" similarities

    let terms (positive: Tensor) (toAnchor: Tensor) (toPositive: unit -> Tensor) =
        let negative = if options.Swap then torch.minimum (toAnchor, toPositive ()) else toAnchor
        let violation = positive + options.Margin - negative
        if options.Soft then torch.nn.functional.softplus violation else violation.relu_ ()

    match asFewSteps mined with
    | OfCompared c ->
        let rows (of': Tensor) = d.index_select (0L, of')
        let terms = terms ((at c.Query c.Like d).unsqueeze 1L) (rows c.Query) (fun () -> rows c.Like)
        reduce { Values = terms; Counted = c.Against; Anchors = c.Query.unsqueeze(1L).expand_as terms; Queries = d.shape[0] }
    | other ->
        let t = asTriplets other
        let terms = terms (at t.Anchor t.Positive d) (at t.Anchor t.Negative d) (fun () -> at t.Positive t.Negative d)
        reduce (Terms.ofTriplets t.Anchor d.shape[0] terms)

let private margin = Setting.number "margin" 0.2 "how much farther than the positive the negative should be"
let private distance = Distances.setting "l2, squared-l2, cosine"

let private partOf name source miner =
    Part.define name source {
        let! slack = margin
        and! soft = Setting.onOff "soft" false "1: log(1 + e^x) in place of max(x, 0)"
        and! swap = Setting.onOff "swap" false "1: the negative's distance is that to the nearer of anchor and positive"
        and! distanceOf = distance

        and! miner =
            Miners.setting
                (margin.Settings @ distance.Settings)
                miner
                "chooses triplets; it uses the margin and distance of the loss unless it is given its own"

        and! reduce = Reducers.setting "non-zero"
        let options = { Margin = slack; Soft = soft; Swap = swap }
        let onPairs pairs s = loss distanceOf options reduce (miner.Mine pairs s) s
        return if swap || miner.NeedsBatch then OnBatch onPairs else OnSimilarities onPairs
    }

let part = partOf "triplet" "Schroff et al., CVPR 2015; all triplets" "all"

let semiHardPart = partOf "triplet-semi-hard" "Schroff et al., CVPR 2015" "semi-hard"

let batchHardPart = partOf "triplet-batch-hard" "Hermans, Beyer and Leibe 2017" "batch-hard"
