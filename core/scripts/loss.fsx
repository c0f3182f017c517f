// A loss of your own: written on pairs and similarities, checked against loops and against finite differences, and trained with.
#load "emoji.fsx"

open CondEmbed
open CondEmbed.Losses
open TorchSharp

/// Q R pairs, similarities Q R -> scalar: an anchor's term is log(1 + e^((mean_N s - mean_P s) / t)).
let gap (temperature: float) (pairs: Mining.Pairs) (s: Tensor) =
    let mean (mask: Tensor) = Masked.rowSum mask s / mask.sum(1L, ``type`` = s.dtype).clamp_min(scalar 1.0)
    let whole = (Masked.anyInRow pairs.Positive).logical_and(Masked.anyInRow pairs.Negative)
    let terms = torch.nn.functional.softplus ((mean pairs.Negative - mean pairs.Positive) / temperature)
    Reducers.mean (Reducers.Terms.ofAnchors whole terms)

/// The same by loops.
let slowGap temperature (labels: int list) (s: int -> int -> float) =
    let items = List.indexed labels

    List.average
        [ for a, label in items do
              let positives =
                  [ for i, other in items do
                        if i <> a && other = label then s a i ]

              let negatives =
                  [ for i, other in items do
                        if other <> label then s a i ]

              if not positives.IsEmpty && not negatives.IsEmpty then
                  log (1.0 + exp ((List.average negatives - List.average positives) / temperature)) ]

let labels = [ 0; 1; 0; 2; 1; 0 ]
let pairs = Mining.all (torch.tensor [| for label in labels -> int64 label |])
let x = torch.randn(6L, 4L, dtype = float64).requires_grad_ true
let value (x: Tensor) = gap 0.1 pairs (Similarity.cosine x)

let cosines = (Similarity.cosine x).detach()
let slow = slowGap 0.1 labels (fun i j -> toFloat cosines[int64 i, int64 j])
printfn $"fast {toFloat (value x):F9}  slow {slow:F9}"

(value x).backward()
let apart = (x.grad - Grad.finiteDifferences 1e-6 value x).abs().max()
printfn $"gradient and finite differences: at most {toFloat apart:E1} apart"

// It serves the unconditional embeddings and the conditional levels alike. With a line in core/Losses/All.fs it has a name for the program too.
let network = Recipe.network Config.standard
let channels = (Recipe.encoder Config.standard).Channels

let hierarchy = { Hierarchy.plain { Channels = channels; Embedding = 128; Heads = 4 } 1 with Residual = true }

let loss = OnSimilarities(gap 0.1)
let objective = Objective.conditional network hierarchy 1.0 loss loss
let start = Params.init 0L torch.CPU float32 objective.Specs
let scored = Layer.run start objective (Emoji.batch 16 0)

for name, term in scored.Terms do
    printfn $"{name} {toFloat term:F3}"
