(**
---
title: 5. A study of two variants
category: Tutorials
categoryindex: 1
index: 5
---
Does a change help? Train both variants with the same seeds, so that they start equal and see the same batches, and compare them seed by seed.
*)
#load "emoji.fsx"

open CondEmbed
open CondEmbed.Losses
open CondEmbed.Studies
open TorchSharp

let network, channels = Recipe.network Config.standard, (Recipe.encoder Config.standard).Channels
let loss = All.ofText "multi-similarity" Emoji.train.Classes.Count 128
let levels count = { Hierarchy.plain { Channels = channels; Embedding = 128; Heads = 4 } count with Residual = true }
(** A variant is an objective, and its result a number: here MAP@R of the held-out kinds. A parameter's initial value depends only on the seed and its name, so the part that
two variants share starts equal. *)
let result objective seed =
    let training = Train.plain 3e-3 12 objective
    use state = Train.start seed torch.CPU torch.float32 training

    Train.steps 12 (fun step -> Emoji.train.Draw(step, 64, 4, int seed)) training state
    |> Seq.iter ignore

    scoped (fun () -> Emoji.test.Measure(Layer.run state.Params (Network.embed network) Emoji.test.All.Images).MapAtR)

let baseline, conditional = Objective.baseline network loss, Objective.conditional network (levels 1) 1.0 loss loss

let pairs =
    [ for seed in 0L .. 2L do
          let a, b = result baseline seed, result conditional seed
          printfn $"seed {seed}: {a:P2} without and {b:P2} with a level"
          b - a ]

printfn $"gain in MAP@R, mean and 95 %% interval: {Estimate.Of pairs}"
(** Three seeds of 12 steps only show how it is done: an interval that includes zero decides nothing. For real studies there are `Study` (C#, F#) and
`condembed study`: crossed settings, many seeds, parallel runs that resume where they stopped, and a report. *)
