/// The networks and batches that steps are measured with.
module CondEmbed.Benchmarks.Networks

open TorchSharp
open CondEmbed
open CondEmbed.Encoders
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.Options
open CondEmbed.Models
open CondEmbed.Pairs

/// ResNet-50 (v1.5) with mean pooling and a linear head of D = 512, multi-similarity loss with its miner, AdamW, so many levels of 8 heads on all pairs.
let resNet50 size levels : Config =
    { Config.standard with
        Encoder = "resnet50"
        Size = size
        Pooling = "mean"
        HeadNorm = false
        LevelValues = Choices.LevelValues.Own
        Embedding = 512
        Heads = 8
        Levels = levels
        Loss = "multi-similarity(miner=multi-similarity)"
        LevelLoss = ""
        Optimiser = Choices.Optimiser.Adamw
        Clip = 0.0 }

/// The method of a run of so many steps.
let methodOf config = (Recipe.build config 100 1000).Method

/// B images of random bytes and their classes, four of each, that live as long as the process.
let batch count size : Batch =
    use generator = new torch.Generator(7UL)
    let shape = [| int64 count; int64 size; int64 size; 3L |]

    { Images = own (torch.randint (0L, 256L, shape, dtype = torch.uint8, device = torch.CPU, generator = generator))
      Labels = own (torch.tensor ([| for i in 0 .. count - 1 -> int64 (i / 4) |], dtype = torch.int64, device = torch.CPU)) }

/// The shape of every trained leaf of ResNet-50 without its last layer: 159.
let trainedShapes () =
    let specs = (Residual.resNet50 Residual.OnSecond { Size = 224; Norms = Layers.Norms.Batch }).Features.Specs

    [ for spec in specs do
          if spec.Role = Trainable then List.toArray spec.Shape ]
