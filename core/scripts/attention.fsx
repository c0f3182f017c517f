// Where does an image look when it is compared with another? The weights of every pair of a batch, level by level. The network here is
// fresh, so it looks everywhere alike.
#load "emoji.fsx"

open CondEmbed
open CondEmbed.Layers
open TorchSharp

let network = Recipe.network Config.standard
let channels = (Recipe.encoder Config.standard).Channels

let hierarchy = Hierarchy.plain { Channels = channels; Embedding = 128; Heads = 4 } 2

let attention = Layer.named "hierarchy" (Hierarchy.attention hierarchy)

let parameters = Params.init 0L torch.CPU float32 (network.Features.Specs @ network.Head.Specs @ attention.Specs)

let features = Layer.run parameters network.Features (Emoji.test.Images.narrow (0L, 0L, 6L))

let embeddings = Layer.run parameters network.Head features

let levels = Layer.run parameters attention { Maps = [ features.Map ]; Embeddings = embeddings; Values = None }

levels
|> List.iteri (fun level weights -> printfn $"level {level + 1}: B H B T = {shapeText weights.shape}")

// Image 0 in the light of image 3, first head of the last level, as the grid of the feature map.
let side = features.Map.shape[2]

let grid = (List.last levels).select(0L, 0L).select(0L, 0L).select(0L, 3L).reshape(side, side)

printfn $"{grid.ToString(TensorStringStyle.Julia)}"
