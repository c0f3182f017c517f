module CondEmbed.Losses.MultiSimilarity

open CondEmbed

/// labels B, similarities B B -> scalar:
/// mean over anchors of (1/a) log(1 + sum_P e^(-a(s - base))) + (1/b) log(1 + sum_N e^(b(s - base))), over the pairs that mining keeps.
/// Wang et al., CVPR 2019, eq. 15.
let loss (alpha: float) (beta: float) (offset: float) (mined: Tensor -> Tensor -> Mining.Pairs) (labels: Tensor) (similarities: Tensor) =
    let pairs = mined labels similarities
    let s = similarities - offset
    let pull = Masked.logOnePlusSumExp pairs.Positive (-alpha * s) / alpha
    let push = Masked.logOnePlusSumExp pairs.Negative (beta * s) / beta
    (pull + push).mean()

let entry =
    { Name = "multi-similarity"
      Source = "Wang et al., CVPR 2019"
      Settings =
        [ { Key = "alpha"; Default = 2.0; Meaning = "steepness for positives" }
          { Key = "beta"; Default = 40.0; Meaning = "steepness for negatives" }
          { Key = "base"; Default = 0.5; Meaning = "similarity where pull and push are centred" }
          { Key = "margin"; Default = 0.1; Meaning = "mining margin; below 0 turns mining off" } ]
      Make =
        fun value ->
            let margin = value "margin"

            let mined = if margin < 0.0 then (fun labels _ -> Mining.all labels) else Mining.multiSimilarity margin

            OnSimilarities(loss (value "alpha") (value "beta") (value "base") mined) }
