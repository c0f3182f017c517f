module CondEmbed.Losses.ProxyAnchor

open CondEmbed

/// own B C of bool (an image's own proxy), cosines B C -> scalar:
/// (1/|P+|) sum_{p in P+} log(1 + sum_{x of p} e^(-a(s - d))) + (1/|P|) sum_p log(1 + sum_{x not of p} e^(a(s + d)));
/// P+ are the proxies with an image in the batch. Kim et al., CVPR 2020, eq. 4.
let loss (alpha: float) (margin: float) (own: Tensor) (cosines: Tensor) =
    let ownOfProxy, s = own.t (), cosines.t ()
    let pull = Masked.logOnePlusSumExp ownOfProxy (-alpha * (s - margin))
    let push = Masked.logOnePlusSumExp (ownOfProxy.logical_not ()) (alpha * (s + margin))
    Reducers.meanWhere (Masked.anyInRow ownOfProxy) pull + push.mean ()

let part =
    { Name = "proxy-anchor"
      Source = "Kim et al., CVPR 2020"
      Settings =
        [ Setting.positive "alpha" 32.0 "steepness"
          Setting.number "margin" 0.1 "added to negatives, taken from positives" ]
      Make = fun given -> OnProxies(Proxies.onCosines given.Classes 1 given.Features (loss (given.Number "alpha") (given.Number "margin"))) }
