(**
---
title: 4. Data of your own, from a sequence
category: Tutorials
categoryindex: 1
index: 4
---
A data set is a sequence of labels with images: files (`LabelledImage("cat", "a.jpg")`), decoded images, or H W 3 tensors of bytes.
*)
#load "load.fsx"

open CondEmbed
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Models
open CondEmbed.Losses
open TorchSharp
(** Here 40 kinds of rosettes, ten of each. Kinds differ in the number and depth of petals; angle, size and colour are random: *)
let random = System.Random 1

let rosette petals depth =
    let turn, size = 6.28 * random.NextDouble(), 14.0 + 8.0 * random.NextDouble()
    let colour = [| for _ in 1..3 -> byte (random.Next 160) |]
    let isIn x y = sqrt (x * x + y * y) < size * (1.0 - depth * (0.5 + 0.5 * cos (petals * atan2 y x + turn)))
    let at place = isIn (float (place % 48) - 23.5) (float (place / 48) - 23.5)
    RgbImage(48, 48, Array.init (48 * 48 * 3) (fun i -> if at (i / 3) then colour[i % 3] else 255uy))

let images =
    [ for petals, depth in List.allPairs [ 2.0 .. 11.0 ] [ 0.2; 0.4; 0.6; 0.8 ] do
          for _ in 1..10 -> LabelledImage($"{petals} petals, {depth} deep", rosette petals depth) ]

let data = MemoryDataset("rosettes", images)
let split = ClassSplit.Make data
printfn $"{split.Describe()}"
(** Half of the kinds are held out. A batch of 64 has 16 kinds with four images each, every image in a random view: *)
let train, test = new ImageTensors(data, split.Train, 48), new ImageTensors(data, split.Test, 48)
let view = TrainTransform(Size = 48, CropScale = Interval(0.7, 1.0))
let network = Recipe.network Config.standard
let loss = All.ofText "multi-similarity" train.Classes.Count 128
let training = Objective.baseline network loss |> Train.plain 3e-3 60
let state = Train.start 0L torch.CPU torch.float32 training
let measure () = test.Measure(Layer.run state.Params (Network.embed network) test.All.Images).Recall 1
let before = measure ()
printfn $"{Train.steps 60 (fun step -> train.Draw(step, 64, 4, 0, view)) training state |> Seq.last}"
printfn $"Recall@1 of kinds never seen: {before:P1} before, {measure ():P1} after"
