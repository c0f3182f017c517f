/// What tells a living level from a dead one: how similar it finds the images of a pair, and where it looks. A dead level looks everywhere alike, whoever asks.
module CondEmbed.LevelMeasures

open CondEmbed.Comparison
open TorchSharp

/// The most images to measure on, so that it costs a small part of a step.
[<Literal>]
let private Most = 16

/// The labels of a batch -> the places of the images to measure on: up to two of each class, so that there are pairs of both kinds, and at most 16.
let sample (labels: int64 array) : int64 array =
    Array.indexed labels
    |> Array.groupBy snd
    |> Array.collect (snd >> Array.truncate 2)
    |> Array.truncate Most
    |> Array.map (fst >> int64)

/// N T, N maps that each sum to 1 -> their mean entropy as a share of log T: 1 for maps that look everywhere alike, 0 for maps that look at one place.
let entropy (maps: Tensor) : float =
    match maps.shape[1] with
    | 1L -> 1.0
    | places ->
        let terms = maps * maps.clamp_min(scalar 1e-30).log()
        -(toFloat (terms.sum(-1L).mean())) / log (float places)

/// N Q T, the maps of Q askers each -> the mean total variation between the maps of two different askers, from 0 (the same) to 1 (no place in common).
let variation (maps: Tensor) : float =
    let askers = float maps.shape[1]
    toFloat (torch.cdist(maps, maps, 1.0).sum([| 1L; 2L |]).mean()) / (2.0 * askers * (askers - 1.0))

/// Maps 2 E H T of all pairs of B images, each pair both ways, and 2 E the image that each one reads -> B H B-1 T.
let private byImage (count: int64) (read: Tensor) (maps: Tensor) =
    maps.index_select(0L, read.argsort 0L).unflatten(0L, [| count; count - 1L |]).transpose(1L, 2L)

/// (B images, labels B) -> what is measured, by name: of the unconditional embeddings (`unconditional_`) and of each level (`level1_` ...) the mean similarity of
/// all `positive` and of all `negative` pairs, and of each level the `entropy` and `variation` of its attention. What the images do not show is left out:
/// without a positive pair there is no similarity of positives, and without two askers of an image no variation.
let ofComparison (comparison: Comparison) : Layer<Tensor * Tensor, (string * float) list> =
    let forward env (images: Tensor, labels: Tensor) =
        let count = images.shape[0]
        let pairs = torch.ones([| count; count |], dtype = torch.bool, device = labels.device).triu(1L).nonzero()
        let first, second = pairs.select (1L, 0L), pairs.select (1L, 1L)
        let positive = labels.index_select(0L, first).eq(labels.index_select (0L, second))
        let chosen = comparison.Know.Forward env images, first, second

        let similarities name (s: Tensor) =
            [ for kind, marks in [ "positive", positive; "negative", positive.logical_not () ] do
                  if marks.any().item<bool>() then $"{name}_{kind}", toFloat (s.masked_select(marks).mean()) ]

        let attention name (maps: Tensor) =
            [ if count > 1L then $"{name}_entropy", entropy (maps.flatten (0L, 1L))
              if count > 2L then
                  let maps = byImage count (torch.cat ([| first; second |], 0L)) maps
                  $"{name}_variation", variation (maps.flatten (0L, 1L)) ]

        let all = List.ofArray ((comparison.Similarities.Forward env chosen).unbind 0L)
        let levels = List.zip all.Tail (comparison.Attention.Forward env chosen)

        similarities "unconditional" all.Head
        @ List.concat
            [ for place, (s, maps) in List.indexed levels -> similarities $"level{place + 1}" s @ attention $"level{place + 1}" maps ]

    Layer.create comparison.Specs forward
