/// How alike two embeddings are by more than their angle: for embeddings whose length counts.
module CondEmbed.Scores

open TorchSharp

/// Embeddings B D -> B B: greater for more alike.
type Score = Tensor -> Tensor

/// B D -> B B, dot products.
let dot: Score =
    fun embeddings ->
        Similarity.demandRows embeddings
        matmul embeddings (embeddings.t ())

/// Which squared distance, relative to the squares of two embeddings, may be nothing but rounding.
let private rounding (x: Tensor) =
    match x.dtype with
    | torch.ScalarType.Float64 -> 1e-14
    | torch.ScalarType.Float32 -> 1e-6
    | _ -> 1e-2

/// B D -> B B, |a - b|; at 0 its gradient is 0.
let distances (embeddings: Tensor) =
    Similarity.demandRows embeddings
    let squares = (embeddings * embeddings).sum 1L
    let both = squares.unsqueeze 1L + squares.unsqueeze 0L
    let squared = both - 2.0 * matmul embeddings (embeddings.t ())
    squared |> Similarity.rootBut (squared.detach().le(rounding embeddings * both.detach ()))

/// Every score by name.
let all: Part<Score> list =
    [ Part.define "cosine" "the cosine of the angle between them" { return Similarity.cosine }
      Part.define "dot" "dot product of the embeddings at their own length" { return dot }
      Part.define "l2" "minus |a - b| of the embeddings at their own length" { return fun embeddings -> -(distances embeddings) } ]

/// A score that a setting names.
type Chosen =
    { Name: string
      Of: Score }

    member this.IsCosine = this.Name = "cosine"
    member this.IsDistance = this.Name = "l2"

/// The setting `score`, which names one.
let setting: Declared<Chosen> =
    let call = Setting.part "score" "cosine" "how alike two embeddings are: cosine, dot, l2"

    { Settings = call.Settings
      Read = fun given -> let call = call.Read given in { Name = call.Name; Of = Part.make "score" all given.Classes given.Features call } }
