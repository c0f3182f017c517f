module CondEmbed.Losses.SupCon

open CondEmbed
open TorchSharp

/// labels B, similarities B B -> scalar: for each anchor, minus the mean over its positives of s/t - log sum over all others of e^(s/t);
/// the mean of the rows above zero. Khosla et al., NeurIPS 2020, eq. 2.
let loss (temperature: float) (labels: Tensor) (similarities: Tensor) =
    let pairs = Mining.all labels
    let others = pairs.Positive.logical_or pairs.Negative
    let logits = similarities / temperature
    // A finite floor: a row without any other image would be -infinity throughout, and its gradient NaN.
    let floor = scalar -1e30

    let logProbability = logits - logits.masked_fill(others.logical_not (), floor).logsumexp(1L, keepdim = true)

    let positives = pairs.Positive.sum (1L, ``type`` = logits.dtype)
    let total = torch.where(pairs.Positive, logProbability, zeroLike logits).sum 1L
    Masked.meanOfPositive (-total / positives.clamp_min (scalar 1.0))

let entry =
    { Name = "supcon"
      Source = "Khosla et al., NeurIPS 2020"
      Settings = [ { Key = "temperature"; Default = 0.1; Meaning = "divides the similarities" } ]
      Make = fun value -> OnSimilarities(loss (value "temperature")) }
