module CondEmbed.Losses.ProxyNCA

open CondEmbed
open CondEmbed.Reducers

/// labels B, cosines B C -> scalar: an image's term is -log softmax(-scale |x - p|^2) of its own proxy, the own proxy in the denominator,
/// both of length 1. Movshovitz-Attias et al., ICCV 2017; with the denominator and the scale (1 / temperature) of Teh et al.,
/// ProxyNCA++, ECCV 2020, eq. 6.
let loss (scale: float) (smoothing: float) (reduce: Reducer) (labels: Tensor) (cosines: Tensor) =
    // -|x - p|^2 is 2 cos - 2, and the 2 cancels in the softmax.
    reduce (Terms.ofEveryAnchor (Proxies.smoothed smoothing labels (2.0 * scale * cosines)))

let private partOf name source scale =
    Part.define name source {
        let! scale = Setting.positive "scale" scale "multiplies the squared distances (1 / temperature)"
        and! smoothing = Proxies.smoothing
        and! reduce = Reducers.setting "mean"
        and! shape = Proxies.shape
        return Proxies.one shape (loss scale smoothing reduce)
    }

let part = partOf "proxy-nca" "Movshovitz-Attias et al., ICCV 2017" 1.0

let plusPart = partOf "proxy-nca++" "Teh et al., ECCV 2020" 9.0
