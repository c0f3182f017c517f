/// Distances of unit vectors as functions of their cosines, so that they hold for conditional similarities as well. A greater one is farther.
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
    let part name source distance = { Name = name; Source = source; Settings = []; Make = fun _ -> distance }

    [ part "l2" "|a - b| of unit vectors" l2
      part "squared-l2" "|a - b|^2 of unit vectors" squaredL2
      part "cosine" "1 - cosine" cosine ]

/// The distance that a setting names.
let chosen (given: Chosen) key = given.Call key |> Part.make "distance" all given.Classes given.Features
