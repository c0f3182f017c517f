/// What people get wrong with losses: the mistake, the words of its message, and how it is made. MistakeTests makes them.
module CondEmbed.Tests.LossMistakes

open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let private zeros (shape: int64 list) = torch.zeros (List.toArray shape, dtype = float64, device = torch.CPU)

let private score text embeddings labels =
    let layer = Loss.onEmbeddings (All.ofText text 3 4)
    Layer.run (started layer.Specs) layer (embeddings, labels) |> ignore

let private remember features embeddings labels =
    let loss =
        All.ofText "multi-similarity" 3 4
        |> CondEmbed.Memory.remembering { Size = 8; Start = 0; Weight = 1.0 } features

    let layer = Loss.onEmbeddings loss
    Layer.run (started layer.Specs) layer (embeddings, labels) |> ignore

let private againstOthers text =
    let layer = Loss.onSimilarities (All.ofText text 3 4)
    let marks = torch.ones (2L, 3L, dtype = torch.bool)
    let pairs: Mining.Pairs = { Labels = None; Positive = marks; Negative = marks.logical_not (); Weights = None }
    Layer.run (started layer.Specs) layer (pairs, zeros [ 2L; 3L ]) |> ignore

let all: (string * string list * (unit -> unit)) list =
    [ "embeddings of another width for a memory",
      [ "memory keeps 6 features"; "[4, 4]"; "D of the network" ],
      fun () -> remember 6 (zeros [ 4L; 4L ]) (labelsOf [ 0; 0; 1; 1 ])

      "one embedding that is no batch for a memory",
      [ "memory keeps 4 features"; "are [4], B D" ],
      fun () -> remember 4 (zeros [ 4L ]) (labelsOf [ 0 ])

      "a batch that is larger than a memory", [ "memory of 8"; "batch of 9" ], (fun () -> remember 4 (zeros [ 9L; 4L ]) (labelsOf [ 1..9 ]))

      "marks of pairs for a memory",
      [ "class numbers"; "[4, 4]"; "leave the memory out" ],
      fun () -> remember 4 (zeros [ 4L; 4L ]) (zeros [ 4L; 4L ])

      for text in [ "proxy-anchor"; "supcon"; "triplet" ] do
          $"no embeddings for {text}",
          [ "no embeddings, [0, 4]"; "those of a batch" ],
          (fun () -> score text (zeros [ 0L; 4L ]) (labelsOf []))

      "a class without proxies",
      [ "classes 0 to 2"; "from 2 to 3"; "all classes to train on" ],
      fun () -> score "proxy-anchor" (zeros [ 2L; 4L ]) (labelsOf [ 2; 3 ])

      "a number of many", [ "[3]"; "x.mean ()" ], (fun () -> toFloat (zeros [ 3L ]) |> ignore)

      "settings of a network that are not allowed",
      [ "embedding: is -1"; "at least" ],
      fun () -> Recipe.network { Config.standard with Embedding = -1 } |> ignore

      "marks of pairs for proxies",
      [ "class numbers B"; "[4, 4]"; "a loss on similarities" ],
      fun () -> score "proxy-anchor" (zeros [ 4L; 4L ]) (zeros [ 4L; 4L ])

      "marks of pairs that are infinite",
      [ "infinite"; "0 for a pair" ],
      fun () -> Mining.marked (torch.full ([| 2L; 2L |], scalar infinity)) |> ignore

      for text in [ "angular"; "lifted-structure-original"; "triplet(swap=1)"; "triplet(miner=angular)" ] do
          $"the loss {text} for a batch against others", [ "a batch with itself"; "[2, 3]"; "memory" ], (fun () -> againstOthers text) ]
