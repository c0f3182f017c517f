// Composes an encoder, a head, a hierarchy, a loss and an objective, and trains them: about a minute on two cores.
#load "emoji.fsx"

open CondEmbed
open CondEmbed.Layers
open CondEmbed.Losses
open TorchSharp

// A layer of your own without parameters is Layer.lift f, as in: let swish = Layer.lift (fun (x: Tensor) -> x * x.sigmoid ())
let block name inputs outputs =
    Layer.named name (Layer.named "conv" (conv2d inputs outputs 3 2) --> Layer.named "norm" (batchNorm outputs))
    --> relu

let map =
    normalisePixels [ 1.0; 1.0; 1.0 ] [ 0.35; 0.35; 0.35 ]
    --> block "block1" 3 32
    --> block "block2" 32 64
    --> block "block3" 64 128

// gridPool: 37 features a channel
let network = Network.ofMap map (gridPool --> Layer.named "embedding" (linear (37 * 128) 64))

// Levels = 0 is the baseline. Channels and Embedding are those of the network.
let hierarchy = { Hierarchy.plain { Channels = 128; Embedding = 64; Heads = 4 } 2 with Residual = true }

// Any of All.names, with settings, or a weighted sum: "triplet(margin=0.3) + 0.5 * supcon". With proxies, only for the unconditional embeddings.
let loss = All.ofText "multi-similarity" Emoji.classes 64

let training: Train.Method =
    { Objective = Objective.conditional network hierarchy 0.5 loss loss
      Optimiser = Optimiser.adamW
      Rules = [ { Pattern = "*"; Treatment = Groups.Trained(1.0, 0.01) } ]
      Rate = fun step -> 3e-3 * Schedule.withWarmUp 10 (Schedule.cosine 110) step
      Clip = 0.0 }

let state = Train.start 0L torch.CPU float32 training

for step in 0..119 do
    let report = scoped (fun () -> Train.step training state (Emoji.batch 16 step))

    let terms = report.Terms |> List.map (fun (name, value) -> $"{name} {value:F3}") |> String.concat "  "

    if step % 20 = 19 then printfn $"step {report.Step}  loss {report.Loss:F3}  {terms}"

let embeddings = Layer.run state.Params (Network.embed network) Emoji.test.Images
printfn $"Recall@1 of classes never seen: {Emoji.recallAt1 embeddings:P1}"
