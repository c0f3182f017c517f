module CondEmbed.Losses.Contrastive

open CondEmbed
open CondEmbed.Reducers

/// Pairs, similarities Q R -> scalar: relu(d - m_p) over positive pairs and relu(m_n - d) over negative ones, each reduced by itself, summed.
/// Hadsell, Chopra and LeCun, CVPR 2006, without the squares and with the averaging of pytorch-metric-learning.
let onDistances distance (positive: float) (negative: float) (reduce: Reducer) (pairs: Mining.Pairs) (similarities: Tensor) =
    let d: Tensor = distance similarities

    reduce (Terms.ofPairs pairs.Positive ((d - positive).relu()))
    + reduce (Terms.ofPairs pairs.Negative ((negative - d).relu()))

/// The same on cosines: relu(m_p - s) over positive pairs and relu(s - m_n) over negative ones.
let onCosines (positive: float) (negative: float) (reduce: Reducer) (pairs: Mining.Pairs) (s: Tensor) =
    reduce (Terms.ofPairs pairs.Positive ((positive - s).relu()))
    + reduce (Terms.ofPairs pairs.Negative ((s - negative).relu()))

let private margins positive negative =
    [ Setting.number "positive_margin" positive "positives beyond it are pulled"
      Setting.number "negative_margin" negative "negatives within it are pushed" ]

let private partOf name source settings (lossOf: Chosen -> float -> float -> Reducer -> Mining.Pairs -> Tensor -> Tensor) =
    { Name = name
      Source = $"Hadsell, Chopra and LeCun, CVPR 2006; {source}"
      Settings = settings @ Loss.stages "non-zero"
      Make = fun given -> Loss.staged given (lossOf given (given.Number "positive_margin") (given.Number "negative_margin")) }

let part =
    partOf "contrastive" "distances" (margins 0.0 1.0 @ [ Setting.part "distance" "l2" "l2, squared-l2, cosine" ]) (fun given ->
        onDistances (Distances.chosen given "distance"))

let cosinePart = partOf "contrastive-cosine" "cosines" (margins 1.0 0.5) (fun _ -> onCosines)
