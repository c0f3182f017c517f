module CondEmbed.Losses.ProxyAnchor

open CondEmbed
open TorchSharp

/// own C B of bool (a proxy's own images), cosines C B -> scalar:
/// (1/|P+|) sum_{p in P+} log(1 + sum_{x of p} e^(-a(s - d))) + (1/|P|) sum_p log(1 + sum_{x not of p} e^(a(s + d)));
/// P+ are the proxies with an image in the batch. Kim et al., CVPR 2020, eq. 4.
let loss (alpha: float) (margin: float) (own: Tensor) (cosines: Tensor) =
    let pull = Masked.logOnePlusSumExp own (-alpha * (cosines - margin))
    let push = Masked.logOnePlusSumExp (own.logical_not ()) (alpha * (cosines + margin))
    Reducers.meanWhere (Masked.anyInRow own) pull + push.mean ()

let part =
    { Name = "proxy-anchor"
      Source = "Kim et al., CVPR 2020"
      Settings =
        [ Setting.positive "alpha" 32.0 "steepness"
          Setting.number "margin" 0.1 "added to negatives, taken from positives" ]
      Make =
        fun given ->
            let lossOf = loss (given.Number "alpha") (given.Number "margin")

            OnProxies(
                Proxies.onUnit given.Classes 1 given.Features (fun labels embeddings proxies ->
                    let every = torch.arange (scalar (float given.Classes), dtype = int64', device = labels.device)
                    lossOf (every.unsqueeze(1L).eq(labels.unsqueeze 0L)) (matmul proxies (embeddings.t ())))
            ) }
