module CondEmbed.Losses.Triplet

open CondEmbed
open TorchSharp

/// labels B, similarities B B -> scalar: relu(d_ap - d_an + margin) over the chosen triplets, the mean of those above zero; d the
/// distance of unit vectors. Schroff et al., FaceNet, CVPR 2015, eq. 3. Holds B B B numbers unless the triplets are batch-hard.
let over kind (margin: float) (labels: Tensor) (similarities: Tensor) =
    let d = Similarity.distanceFromCosine similarities
    let chosen = Mining.triplets kind margin labels d
    let violation = (d.unsqueeze 2L - d.unsqueeze 1L + margin).relu()
    Masked.meanOfPositive (torch.where (chosen, violation, zeroLike violation))

/// The same over every anchor's farthest positive and nearest negative, B B numbers only: Hermans et al. 2017, eq. 5. Anchors without
/// a positive or without a negative do not count.
let batchHard (margin: float) (labels: Tensor) (similarities: Tensor) =
    let pairs = Mining.all labels
    let d = Similarity.distanceFromCosine similarities

    let whole = Masked.anyInRow(pairs.Positive).logical_and(Masked.anyInRow pairs.Negative)

    let farthest = d.masked_fill(pairs.Positive.logical_not (), scalar -1.0).amax [| 1L |]

    let nearest = d.masked_fill(pairs.Negative.logical_not (), scalar 3.0).amin [| 1L |]
    let violation = (farthest - nearest + margin).relu()
    Masked.meanOfPositive (torch.where (whole, violation, zeroLike violation))

let private entryOf name source make =
    { Name = name
      Source = source
      Settings = [ { Key = "margin"; Default = 0.2; Meaning = "how much farther than the positive the negative shall be" } ]
      Make = fun value -> OnSimilarities(make (value "margin")) }

let entry = entryOf "triplet" "Schroff et al., CVPR 2015; all triplets" (over Mining.All)

let semiHardEntry = entryOf "triplet-semi-hard" "Schroff et al., CVPR 2015" (over Mining.SemiHard)

let batchHardEntry = entryOf "triplet-batch-hard" "Hermans, Beyer and Leibe 2017" batchHard
