module CondEmbed.Losses.Contrastive

open CondEmbed

/// labels B, similarities B B -> scalar: relu(d - m_p) over positive pairs and relu(m_n - d) over negative ones, each averaged over its
/// terms above zero, summed; d the distance of unit vectors. Hadsell, Chopra and LeCun, CVPR 2006, with the averaging of
/// pytorch-metric-learning.
let onDistances (positiveMargin: float) (negativeMargin: float) (labels: Tensor) (similarities: Tensor) =
    let pairs = Mining.all labels
    let d = Similarity.distanceFromCosine similarities

    let part (mask: Tensor) (x: Tensor) = Masked.meanOfPositive (x.relu () * mask.``to`` x.dtype)

    part pairs.Positive (d - positiveMargin) + part pairs.Negative (negativeMargin - d)

/// The same on cosines: relu(m_p - s) over positive pairs and relu(s - m_n) over negative ones.
let onCosines (positiveMargin: float) (negativeMargin: float) (labels: Tensor) (similarities: Tensor) =
    let pairs = Mining.all labels

    let part (mask: Tensor) (x: Tensor) = Masked.meanOfPositive (x.relu () * mask.``to`` x.dtype)

    part pairs.Positive (positiveMargin - similarities)
    + part pairs.Negative (similarities - negativeMargin)

let private settings positive negative =
    [ { Key = "positive_margin"; Default = positive; Meaning = "positives beyond it are pulled" }
      { Key = "negative_margin"; Default = negative; Meaning = "negatives within it are pushed" } ]

let entry =
    { Name = "contrastive"
      Source = "Hadsell, Chopra and LeCun, CVPR 2006; L2 distances"
      Settings = settings 0.0 1.0
      Make = fun value -> OnSimilarities(onDistances (value "positive_margin") (value "negative_margin")) }

let cosineEntry =
    { Name = "contrastive-cosine"
      Source = "Hadsell, Chopra and LeCun, CVPR 2006; cosines"
      Settings = settings 1.0 0.5
      Make = fun value -> OnSimilarities(onCosines (value "positive_margin") (value "negative_margin")) }
