module CondEmbed.Losses.Angular

open System
open CondEmbed
open CondEmbed.Mining
open CondEmbed.Reducers

/// Pairs, similarities B B -> scalar: a positive pair's term is log(1 + sum_N e^(4 t (s_an + s_pn) - 2 (1 + t) s_ap)), t the squared tangent of the angle
/// (radians). Wang et al., "Deep Metric Learning with Angular Loss", ICCV 2017, eq. 8. The references must be the batch itself.
let loss (angle: float) (reduce: Reducer) (pairs: Pairs) (s: Tensor) =
    demandBatch "The angular loss" s
    let anchor, positive = places pairs.Positive
    let t = Math.Tan angle ** 2.0
    let toBoth = s.index_select (0L, anchor) + s.index_select (0L, positive)
    let apart = 4.0 * t * toBoth - (2.0 * (1.0 + t) * at anchor positive s).unsqueeze 1L
    reduce (Terms.ofTriplets anchor s.shape[0] (Masked.logOnePlusSumExp (pairs.Negative.index_select (0L, anchor)) apart))

let part =
    Part.define "angular" "Wang et al., ICCV 2017" {
        let! angle = Setting.positive "angle" 40.0 "upper bound of the angle at the negative, in degrees"
        and! staged = Loss.stages "mean"
        return staged (loss (angle * Math.PI / 180.0)) |> Loss.ofBatch
    }
