(**
---
title: 6. Look inside
category: Tutorials
categoryindex: 1
index: 6
---
What did the network learn? Its curve, a map of its embeddings, what it finds similar and where it looks: pictures in the folder `look` beside the script.
*)
#load "emoji.fsx"

open CondEmbed
open CondEmbed.Images
open CondEmbed.Reports
open CondEmbed.Export
open CondEmbed.Losses
open TorchSharp

let file name = System.IO.Path.Combine(__SOURCE_DIRECTORY__, "look", name)
let network, channels = Recipe.network Config.standard, (Recipe.encoder Config.standard).Channels
let loss = All.ofText "multi-similarity" Emoji.train.Classes.Count 128
let hierarchy = Hierarchy.plain { Channels = channels; Embedding = 128; Heads = 4 } 1
let training = Objective.conditional network hierarchy 1.0 loss loss |> Train.plain 3e-3 30
let state = Train.start 0L torch.CPU torch.float32 training
let reports = Train.steps 30 Emoji.batch training state |> Seq.toList
Plots.Curves(file "curve.svg", "Training on emoji", [ PlotCurve("loss", [ for report in reports -> report.Loss ]) ])
(** Kinds it has never seen, on the plane in which their embeddings vary most; and the nearest neighbours of some, framed in green if they are of the same kind. *)
let embeddings = Layer.run state.Params (Network.embed network) Emoji.test.All.Images
Plots.Map(file "map.svg", "Kinds never seen", embeddings, Emoji.test.Names)
ImageEncoder.SavePng(Emoji.test.Neighbours(embeddings, [ 0..200..1200 ]), file "neighbours.png")
(** Where image 0 is looked at in the light of others: one heat map over its locations for each. *)
let others = [ 1; 6; 12; 18; 24 ]
let compared = Comparison.ofNetwork network hierarchy
let known = Layer.run state.Params compared.Know (Emoji.test.All.Images.narrow (0L, 0L, 25L))
let second = torch.tensor [| for other in others -> int64 other |]
let attention = Layer.run state.Params compared.Attention (known, torch.zeros_like second, second)
let maps = (Comparison.onGrids known attention).Head

let tiles =
    [ for place, other in List.indexed others -> [ Tile(Emoji.test.Image other); Tile(Emoji.test.Heat(0, maps.select (0L, place))) ] ]

ImageEncoder.SavePng(ContactSheet.Compose(ResizeArray(List.concat tiles), 10, 2), file "looks.png")
printfn $"""look at {file "*"}"""
