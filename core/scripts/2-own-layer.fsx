(**
---
title: 2. A layer of your own
category: Tutorials
categoryindex: 1
index: 2
---
A layer without parameters is `Layer.lift f`. One with parameters is composed of others, or made by `Layer.create` from the parameters it declares and a pure function.
*)
#load "emoji.fsx"

open CondEmbed
open CondEmbed.Layers
open CondEmbed.Losses
open TorchSharp
open CondEmbed.Datasets

/// B C H W -> the same: x times sigmoid(b x) with a learned b per channel (Ramachandran, Zoph and Le 2017, "Swish").
let swish channels : Layer<Tensor, Tensor> =
    let slope = { Name = "slope"; Shape = [ int64 channels; 1L; 1L ]; Role = Trainable; Init = Constant 1.0 }
    Layer.create [ slope ] (fun env x -> x * (env.Params["slope"] * x).sigmoid())

let block name inputs outputs =
    Layer.named
        name
        (Layer.named "conv" (conv2d inputs outputs 3 2)
         --> Layer.named "norm" (batchNorm outputs)
         --> swish outputs)
(** Is the gradient right? It must equal finite differences, in float64: *)
let parameters = Params.init 0L torch.CPU torch.float64 (swish 2).Specs
let value (x: Tensor) = (Layer.apply Training parameters (swish 2) x).pow(scalar 2.0).sum()
let x = torch.linspace(-2.0, 2.0, 18L, dtype = torch.float64).reshape(1L, 2L, 3L, 3L)
printfn $"gradients differ by {Grad.deviation value x:E0}"
(** It composes like any other layer: *)
let colours = normalisePixels [ 1.0; 1.0; 1.0 ] [ 0.35; 0.35; 0.35 ]
let map = colours --> block "a" 3 32 --> block "b" 32 64
let network = Network.ofMap map (gridPool --> Layer.named "embedding" (linear (37 * 64) 64))
let loss = All.ofText "multi-similarity" Emoji.train.Classes.Count 64
let training = Objective.baseline network loss |> Train.plain 3e-3 20
let state = Train.start 0L torch.CPU torch.float32 training
printfn $"{Train.steps 20 Emoji.batch training state |> Seq.last}"
(** If shapes do not fit, the error names the layer, both shapes and the fix: *)
let wrong = block "a" 3 32 --> block "b" 64 64

try
    Layer.run (Params.init 0L torch.CPU torch.float32 wrong.Specs) wrong (torch.zeros [| 1L; 3L; 48L; 48L |])
    |> ignore
with :? LayerException as error ->
    printfn $"{error.Message}"
