/// The hierarchy of conditional embeddings of all ordered pairs of a batch.
///     c^0[i|j] = e_i        c^l[i|j] = CA_l(query = c^(l-1)[j|i], keys = values = F_i)        l = 1..L
/// A reconstruction after Kotovenko et al., "Cross-Image-Attention for Conditional Embeddings in Deep Metric Learning", CVPR 2023.
module CondEmbed.Hierarchy

open TorchSharp

type Options =
    {
        Attention: Attention.Options
        /// L; 0 is the baseline without conditional embeddings.
        Levels: int
        /// c^l = c^(l-1) + CA(...) instead of c^l = CA(...).
        Residual: bool
        /// One set of attention weights for all levels instead of one a level.
        Shared: bool
    }

/// What a level reads: B T C tokens of each image, and B D unconditional embeddings.
type Views = { Tokens: Tensor; Embeddings: Tensor }

/// B D -> B B D: e_i as the embedding of i in the light of any j.
let private unconditional (embeddings: Tensor) =
    let count, features = embeddings.shape[0], embeddings.shape[1]
    embeddings.unsqueeze(1L).expand(count, count, features)

/// The layer of a level under its name: `level1` ..., or `levels` where all share one.
let private levelName options level = if options.Shared then "levels" else $"level{level}"

/// Where a level adds to the level before it, it starts by adding little, so that the hierarchy starts close to the baseline.
let private quiet (attention: Layer<_, _>) =
    let start spec = if spec.Name = "output.weight" then { spec with Init = Normal 1e-3 } else spec
    Layer.create (List.map start attention.Specs) attention.Forward

let private levelsWith (attention: Layer<Tensor * Tensor, Tensor>) options =
    [ for level in 1 .. options.Levels -> Layer.named (levelName options level) attention ]

let private specsOf options (levels: Layer<_, _> list) = (if options.Shared then List.truncate 1 levels else levels) |> List.collect _.Specs

/// B B D -> B B D: the queries put to image i (row i) are the embeddings of the others in the light of i.
let private asked (conditional: Tensor) = conditional.transpose (0L, 1L)

/// Views of a batch -> L tensors B B D, c^1 ... c^L; row i column j of c^l is the embedding of image i in the light of image j.
let conditional options : Layer<Views, Tensor list> =
    let levels = levelsWith (Attention.cross options.Attention |> if options.Residual then quiet else id) options

    let step env tokens previous (level: Layer<_, _>) =
        let read = level.Forward env (asked previous, tokens)
        if options.Residual then previous + read else read

    let forward env views = (unconditional views.Embeddings, levels) ||> List.scan (step env views.Tokens) |> List.tail

    Layer.create (specsOf options levels) forward

/// Views of a batch -> L tensors B H B T: where in image i (first index) the query of image j (third index) looks, a level each.
let attention options : Layer<Views, Tensor list> =
    let conditional = conditional options
    let looks = levelsWith (Attention.weights options.Attention) options

    let forward env views =
        let previous = unconditional views.Embeddings :: conditional.Forward env views

        (looks, List.truncate options.Levels previous)
        ||> List.map2 (fun look c -> look.Forward env (asked c, views.Tokens))

    Layer.create conditional.Specs forward
