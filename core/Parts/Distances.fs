/// Distances of unit vectors as functions of their cosines, so that they work for conditional similarities as well.
module CondEmbed.Distances

open TorchSharp

/// From a cosine to a distance, any shape -> the same.
type Distance = Tensor -> Tensor

/// 1 - s, from 0 to 2.
let cosine: Distance = fun s -> 1.0 - s

/// |a - b| = sqrt(2 - 2 s), from 0 to 2; its gradient at 0 is 0.
let l2: Distance = Similarity.distanceFromCosine

/// |a - b|^2 = 2 - 2 s, from 0 to 4.
let squaredL2: Distance = fun s -> 2.0 - 2.0 * s

/// Every distance by name.
let all: Part<Distance> list =
    [ Part.define "l2" "|a - b| of unit vectors" { return l2 }
      Part.define "squared-l2" "|a - b|^2 of unit vectors" { return squaredL2 }
      Part.define "cosine" "1 - cosine" { return cosine } ]

/// The setting `distance`, which names one.
let setting meaning = Part.setting "distance" all "distance" "l2" meaning
