(**
---
title: 1. Compose and train
category: Tutorials
categoryindex: 1
index: 1
---
A layer is a value; its parameters are a named tree beside it; everything is composed with `-->`.
*)
#load "emoji.fsx"

open CondEmbed
open CondEmbed.Layers
open CondEmbed.Losses
open TorchSharp

let block name inputs outputs =
    Layer.named name (Layer.named "conv" (conv2d inputs outputs 3 2) --> Layer.named "norm" (batchNorm outputs) --> relu)

let colours = normalisePixels [ 1.0; 1.0; 1.0 ] [ 0.35; 0.35; 0.35 ]
let map = colours --> block "block1" 3 32 --> block "block2" 32 64 --> block "block3" 64 128
let network = Network.ofMap map (gridPool --> Layer.named "embedding" (linear (37 * 128) 64))
printfn $"{network}"
(** The levels condition the embedding of each image on the others of its batch; with 0 of them this is the baseline. `Channels` and `Embedding`
are the network's. A loss is any of `All.names`, with settings, or a weighted sum: `"triplet(margin=0.3) + 0.5 * supcon"`. *)
let hierarchy = { Hierarchy.plain { Channels = 128; Embedding = 64; Heads = 4 } 2 with Residual = true }
let loss = All.ofText "multi-similarity" Emoji.train.Classes.Count 64
let training = Objective.conditional network hierarchy 0.5 loss loss |> Train.plain 3e-3 120
let state = Train.start 0L torch.CPU torch.float32 training

for report in Train.steps 120 Emoji.batch training state do
    if report.Step % 20 = 0 then printfn $"{report}"
(** At test time only the network's own embeddings are used, here on kinds of emoji that it has never seen: *)
let embeddings = Layer.run state.Params (Network.embed network) Emoji.test.All.Images
printfn $"{Emoji.test.Measure embeddings}"
