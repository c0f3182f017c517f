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

let private settings positive negative =
    [ Setting.number "positive_margin" positive "positives beyond it are pulled"
      Setting.number "negative_margin" negative "negatives within it are pushed"
      Setting.part "miner" "all" "chooses pairs"
      Reducers.setting "non-zero" ]

let private make (loss: float -> float -> Reducer -> Mining.Pairs -> Tensor -> Tensor) (given: Chosen) =
    let mine, reduce = Miners.chosen given "miner" [], Reducers.chosen given "reducer"
    let positive, negative = given.Number "positive_margin", given.Number "negative_margin"
    Loss.mined given (fun pairs s -> loss positive negative reduce (Mining.asPairs pairs (mine pairs s)) s)

let part =
    { Name = "contrastive"
      Source = "Hadsell, Chopra and LeCun, CVPR 2006; distances"
      Settings = settings 0.0 1.0 @ [ Setting.part "distance" "l2" "l2, squared-l2, cosine" ]
      Make = fun given -> make (onDistances (Distances.chosen given "distance")) given }

let cosinePart =
    { Name = "contrastive-cosine"
      Source = "Hadsell, Chopra and LeCun, CVPR 2006; cosines"
      Settings = settings 1.0 0.5
      Make = make onCosines }
