/// Miners: from all pairs of a comparison and their similarities to the pairs or triplets that a loss sees. Values, golden tuples and names
/// are those of pytorch-metric-learning; nothing here has a gradient.
module CondEmbed.Miners

open TorchSharp
open CondEmbed.Mining

/// Pairs, similarities Q R -> what is kept.
type Miner = Pairs -> Tensor -> Mined

/// Everything.
let every: Miner = fun pairs _ -> OfPairs pairs

/// Q R pairs, similarities Q R -> the pairs that are kept: the positives with s - epsilon < the anchor's greatest negative, and the negatives with
/// s + epsilon > its smallest positive. Anchors without a positive or without a negative keep nothing. Wang et al., multi-similarity, CVPR 2019, eqs. 11 and 12.
let multiSimilarity (epsilon: float) (pairs: Pairs) (similarities: Tensor) : Pairs =
    withoutGradient (fun () ->
        let s = similarities.detach ()

        { pairs with
            Positive = pairs.Positive.logical_and (s.lt (rowMax pairs.Negative s + epsilon))
            Negative = pairs.Negative.logical_and (s.gt (rowMin pairs.Positive s - epsilon)) })

/// Q R pairs, similarities Q R -> the pairs that are kept: the positives farther than one distance, up to another, and the negatives nearer than
/// one, down to another: those beyond may be mislabelled.
let pairMargin
    (distance: Distances.Distance)
    (positive: float, most: float)
    (negative: float, least: float)
    (pairs: Pairs)
    (similarities: Tensor)
    : Pairs =
    withoutGradient (fun () ->
        let d = distance (similarities.detach ())

        { pairs with
            Positive = pairs.Positive.logical_and(d.gt (scalar positive)).logical_and(d.le (scalar most))
            Negative = pairs.Negative.logical_and(d.lt (scalar negative)).logical_and(d.ge (scalar least)) })

/// Q R pairs -> so many triplets of each anchor that has both kinds, its positives and negatives drawn at random, with replacement: where an anchor has fewer
/// than are asked for, they are repeated. Draws with torch's global generator.
let random (perAnchor: int) (pairs: Pairs) (_: Tensor) : Triplets =
    withoutGradient (fun () ->
        let both = (pairs.Positive.any 1L).logical_and(pairs.Negative.any 1L)
        let anchors = both.nonzero().reshape -1L

        if anchors.shape[0] = 0L then
            { Anchor = anchors; Positive = anchors; Negative = anchors }
        else
            let drawn (mask: Tensor) =
                torch.multinomial((mask.index_select (0L, anchors)).``to`` float32, int64 perAnchor, replacement = true).reshape -1L

            { Anchor = anchors.unsqueeze(1L).expand(-1L, int64 perAnchor).reshape -1L
              Positive = drawn pairs.Positive
              Negative = drawn pairs.Negative })

/// Which triplets are kept by the gap d_an - d_ap.
type Gap =
    /// At most the margin: those that have a loss.
    | WithinMargin
    /// At most the margin and at most 0: the negative is no farther than the positive, and, with a margin below 0, nearer by at least that much.
    | Hard
    /// Above 0 and at most the margin: Schroff et al., FaceNet, CVPR 2015.
    | SemiHard
    /// Above the margin: those without a loss.
    | Easy

/// Q R pairs, similarities Q R -> triplets: those whose gap, d(a, n) - d(a, p), is of the given kind for this margin. No gradient.
let tripletMargin (distance: Distances.Distance) kind (margin: float) (pairs: Pairs) (similarities: Tensor) : Compared =
    withoutGradient (fun () ->
        let d = distance (similarities.detach ())
        let c = compared pairs
        let gap = d.index_select(0L, c.Query).sub_((at c.Query c.Like d).unsqueeze 1L)
        let within (bound: float) = gap.le(scalar bound).logical_and_ c.Against

        let against: Tensor =
            match kind with
            | WithinMargin -> within margin
            | Hard -> within (min margin 0.0)
            | SemiHard -> (within margin).logical_and_(greaterThan 0.0 gap)
            | Easy -> (greaterThan margin gap).logical_and_ c.Against

        { c with Against = against })

/// Which positives (negatives) of an anchor are chosen.
type Choice =
    /// The nearest positive, the farthest negative.
    | Easiest
    /// The farthest positive, the nearest negative.
    | Hardest
    /// The farthest positive that is still nearer than the chosen negative; the nearest negative that is still farther than the chosen positive.
    | SemiHardest
    /// All.
    | Every

/// Q R pairs, similarities Q R -> at most one positive and one negative per anchor, or all of a kind; an anchor that lacks a chosen one of either kind has neither, unless all of a kind are
/// taken. Xuan et al., "Improved Embeddings with Easy Positive Triplet Mining", WACV 2020; batch-hard (both hardest): Hermans et al.
/// 2017. ArgumentException for semi-hard on both sides, or with all of the other kind, because semi-hard needs a chosen pair to compare with.
let batchEasyHard (distance: Distances.Distance) positive negative (pairs: Pairs) (similarities: Tensor) : Pairs =
    match positive, negative with
    | SemiHardest, (SemiHardest | Every)
    | Every, SemiHardest ->
        invalidArg (nameof negative) "Semi-hard is measured against one chosen pair of the other kind: choose easy or hard there."
    | _ -> ()

    withoutGradient (fun () ->
        let d = distance (similarities.detach ())
        let farthest mask = only mask (d.masked_fill((mask: Tensor).logical_not(), scalar -infinity).argmax(1L, keepdim = true))
        let nearest mask = only mask (d.masked_fill((mask: Tensor).logical_not(), scalar infinity).argmin(1L, keepdim = true))

        let positivesOf =
            match positive with
            | Every -> id
            | Easiest -> nearest
            | Hardest
            | SemiHardest -> farthest

        let negativesOf =
            match negative with
            | Every -> id
            | Easiest -> farthest
            | Hardest
            | SemiHardest -> nearest

        let positives, negatives =
            if positive = SemiHardest then
                let n = negativesOf pairs.Negative
                positivesOf (pairs.Positive.logical_and (d.lt (rowMin n d))), n
            elif negative = SemiHardest then
                let p = positivesOf pairs.Positive
                p, negativesOf (pairs.Negative.logical_and (d.gt (rowMax p d)))
            else
                positivesOf pairs.Positive, negativesOf pairs.Negative

        if positive = Every || negative = Every then
            { pairs with Positive = positives; Negative = negatives }
        else
            let whole = (positives.any (1L, keepdim = true)).logical_and(negatives.any (1L, keepdim = true))
            { pairs with Positive = positives.logical_and whole; Negative = negatives.logical_and whole })

/// Pairs of a batch, similarities B B -> the triplets whose angle at the negative, atan(|a - p| / (2 |n - (a + p) / 2|)), is above a number of degrees: Wang et al., "Deep Metric Learning with Angular
/// Loss", ICCV 2017. The similarities are cosines for unit vectors; pytorch-metric-learning takes the vectors as they are, for which the
/// dot products must be given. The references must be the batch itself.
let angular (degrees: float) (pairs: Pairs) (similarities: Tensor) : Triplets =
    demandBatch "The angular miner" similarities

    withoutGradient (fun () ->
        let s = similarities.detach ()
        let t = triplets pairs
        let squared (item: Tensor) = s.diagonal().index_select(0L, item)
        let aa, pp, nn = squared t.Anchor, squared t.Positive, squared t.Negative
        let ap, an, pn = at t.Anchor t.Positive s, at t.Anchor t.Negative s, at t.Positive t.Negative s
        let root (x: Tensor) = x.clamp_min(scalar 0.0).sqrt()
        let across = root (aa + pp - 2.0 * ap)
        let height = root (nn + (aa + pp + 2.0 * ap) / 4.0 - an - pn)
        keep (torch.atan2 (across, 2.0 * height) |> greaterThan (degrees * System.Math.PI / 180.0)) t)

/// Q R pairs, similarities Q R -> triplets: for each anchor and each of its positives, one negative, drawn with probability 1 / q(d), where q(d) = d^(D-2) (1 - d^2/4)^((D-3)/2) is the density of distances on
/// the unit sphere in D dimensions; distances below the cutoff count as the cutoff, those above the upper bound are not drawn. A negative
/// may be drawn for several positives of its anchor. Draws with torch's global generator. Wu et al., "Sampling Matters in Deep Embedding Learning", ICCV 2017, section 4.1.
let distanceWeighted features (cutoff: float) (upper: float) (pairs: Pairs) (similarities: Tensor) : Triplets =
    withoutGradient (fun () ->
        let d = (Distances.l2 (similarities.detach().``to`` float64)).clamp_min(scalar cutoff)
        let n = float features
        let logDensity = (n - 2.0) * d.log () + (n - 3.0) / 2.0 * (1.0 - d * d / 4.0).clamp_min(scalar 1e-12).log()
        let drawable = pairs.Negative.logical_and (d.lt (scalar upper))
        let weights = (-logDensity).masked_fill(drawable.logical_not (), scalar -infinity)
        let weights = (weights - rowMax drawable weights).exp().masked_fill(drawable.logical_not (), scalar 0.0)
        let positives = (pairs.Positive.logical_and (drawable.any (1L, keepdim = true))).nonzero()
        let anchor, positive = positives.select (1L, 0L), positives.select (1L, 1L)

        if anchor.shape[0] = 0L then
            { Anchor = anchor; Positive = positive; Negative = anchor }
        else
            // Every row gets as many draws as the row with the most positives needs; the n-th positive takes the n-th draw.
            let nth = pairs.Positive.cumsum (1L, ``type`` = int64')
            let most = nth.max().item<int64>()
            let undrawable = (drawable.any (1L, keepdim = true)).logical_not()
            let draws = torch.multinomial (weights.masked_fill (undrawable, scalar 1.0), most, replacement = true)
            { Anchor = anchor; Positive = positive; Negative = at anchor (at anchor positive nth - 1L.ToScalar()) draws })

let private distance = Distances.setting "distance that is compared: l2, squared-l2, cosine"

let private gap name source meaning kind : Part<Miner> =
    Part.define name source {
        let! margin = Setting.number "margin" 0.2 meaning
        and! distance = distance
        return fun pairs s -> OfCompared(tripletMargin distance kind margin pairs s)
    }

/// No `distance` setting: all distances order pairs in the same way, and only the order counts.
let private chosenPairs name source positive negative : Part<Miner> =
    Part.define name source { return fun pairs s -> OfPairs(batchEasyHard Distances.l2 positive negative pairs s) }

/// `easy-positive-semi-hard-negative` and so on.
let private combinations =
    let choices = [ "easy", Easiest; "semi-hard", SemiHardest; "hard", Hardest; "all", Every ]

    [ for p, positive in choices do
          for n, negative in choices do
              match positive, negative with
              | SemiHardest, (SemiHardest | Every)
              | Every, (SemiHardest | Every)
              | Hardest, Hardest -> ()
              | _ -> chosenPairs $"{p}-positive-{n}-negative" "Xuan et al., WACV 2020" positive negative ]

let private margin = "the margin of the gap"

/// Every miner by name. To add one, add a function above and a line here.
let all: Part<Miner> list =
    [ Part.define "all" "every pair" { return every }
      Part.define "multi-similarity" "Wang et al., CVPR 2019" {
          let! epsilon = Setting.number "epsilon" 0.1 "how much easier than the hardest pair still counts"
          return fun pairs s -> OfPairs(multiSimilarity epsilon pairs s)
      }
      Part.define "pair-margin" "pytorch-metric-learning" {
          let! positive = Setting.number "positive" 0.2 "positives farther than this are kept"
          and! negative = Setting.number "negative" 0.8 "negatives nearer than this are kept"
          and! most = Setting.number "positive_most" 1e30 "but positives farther than this are not"
          and! least = Setting.number "negative_least" 0.0 "but negatives nearer than this are not"
          and! distance = distance
          return fun pairs s -> OfPairs(pairMargin distance (positive, most) (negative, least) pairs s)
      }
      gap "triplet-margin" "triplets within the margin" margin WithinMargin
      gap
          "hard"
          "triplets whose negative is no farther than the positive"
          "below 0: the negative must be nearer than the positive by at least this much; 0 and above: it must be no farther"
          Hard
      gap "semi-hard" "Schroff et al., CVPR 2015" margin SemiHard
      gap "easy" "triplets beyond the margin" margin Easy
      Part.define "random" "triplets at random" {
          let! perAnchor = Setting.whole "triplets_per_anchor" 100 "how many of each anchor are drawn"
          return fun pairs s -> OfTriplets(random perAnchor pairs s)
      }
      chosenPairs "batch-hard" "Hermans et al. 2017" Hardest Hardest
      yield! combinations
      Part.define "angular" "Wang et al., ICCV 2017" {
          let! angle = Setting.number "angle" 20.0 "triplets with a greater angle at the negative are kept, in degrees"
          return fun pairs s -> OfTriplets(angular angle pairs s)
      }
      Part.define "distance-weighted" "Wu et al., ICCV 2017" {
          let! cutoff = Setting.positive "cutoff" 0.5 "smaller distances count as this"
          and! upper = Setting.positive "upper" 1.4 "negatives at this distance or farther are not drawn"
          and! features = Setting.features
          return fun pairs s -> OfTriplets(distanceWeighted features cutoff upper pairs s)
      } ]

/// A miner and its name.
type Chosen =
    {
        Name: string
        Mine: Miner
        /// It needs similarities among the references, so these must be the queries themselves.
        NeedsBatch: bool
    }

/// A miner of your own: `Loss.mined (Miners.own "nearest" mine) (Contrastive.loss ...)` is a loss on what it keeps.
let own name (mine: Miner) = { Name = name; Mine = mine; NeedsBatch = false }

/// The setting `miner`, which names one. Where the miner has a setting of the same name as the loss and none was given, it takes the number of the loss.
let setting (ofLoss: Setting list) name meaning : Declared<Chosen> =
    let call = Setting.part "miner" name meaning

    let read given =
        let call = call.Read given
        let own = Part.tryFind all call.Name |> Option.map _.Settings |> Option.defaultValue []

        let inherited =
            Map
                [ for shared in ofLoss do
                      if own |> List.exists (fun setting -> setting.Key = shared.Key) then shared.Key, given.Values[shared.Key] ]

        let settings = (inherited, call.Given) ||> Map.fold (fun all key value -> Map.add key value all)

        { Name = call.Name
          Mine = Part.make "miner" all given.Classes given.Features { call with Given = settings }
          NeedsBatch = call.Name = "angular" }

    { Settings = call.Settings; Read = read }
