(**
---
title: 3. A loss of your own
category: Tutorials
categoryindex: 1
index: 3
---
A loss on similarities takes Q x R marks of pairs and Q x R cosines. In this one, an anchor's term is log(1 + exp((mean of its negatives - mean of its positives) / t)).
*)
#load "emoji.fsx"

open CondEmbed
open CondEmbed.Losses
open TorchSharp

let gap (t: float) (pairs: Mining.Pairs) (s: Tensor) =
    let mean (mask: Tensor) = Masked.rowSum mask s / mask.sum(1L, ``type`` = s.dtype).clamp_min(scalar 1.0)
    let whole = (Masked.anyInRow pairs.Positive).logical_and(Masked.anyInRow pairs.Negative)
    Reducers.mean (Reducers.Terms.ofAnchors whole (torch.nn.functional.softplus ((mean pairs.Negative - mean pairs.Positive) / t)))
(** The same as loops, slow and plain, to check it: *)
let labels = [ 0; 1; 0; 1; 1; 2; 0; 2 ]
let pairs = Mining.all (torch.tensor [| for label in labels -> int64 label |])
let value x = gap 0.1 pairs (Similarity.cosine x)
let x = torch.sin (torch.arange(32.0, dtype = torch.float64).reshape(8L, 4L))
let cosines = Similarity.cosine x

let mean a like =
    List.average
        [ for i in 0..7 do
              if i <> a && (labels[i] = labels[a]) = like then toFloat cosines[int64 a, int64 i] ]

let slow = List.average [ for a in 0..7 -> log (1.0 + exp ((mean a false - mean a true) / 0.1)) ]
printfn $"fast {toFloat (value x):F9}  slow {slow:F9}  gradients differ by {Grad.deviation value x:E0}"
(** It serves the unconditional embeddings and the levels alike. With a line in `core/Losses/All.fs` it has a name for the program, too. *)
let network, channels = Recipe.network Config.standard, (Recipe.encoder Config.standard).Channels
let hierarchy = { Hierarchy.plain { Channels = channels; Embedding = 128; Heads = 4 } 1 with Residual = true }
let loss = OnSimilarities(gap 0.1)
let training = Objective.conditional network hierarchy 1.0 loss loss |> Train.plain 3e-3 20
let state = Train.start 0L torch.CPU torch.float32 training

Train.steps 20 Emoji.batch training state
|> Seq.iter (fun report -> if report.Step % 5 = 0 then printfn $"{report}")
