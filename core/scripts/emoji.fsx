// The bundled emoji at 48 px, in memory, for the scripts beside this one: 208 kinds to train on, and 231 others to test on; 23 are left for validation.
#load "load.fsx"

open CondEmbed.Datasets
open CondEmbed.Models

let private data = EmojiDataset.Open()
let private split = ClassSplit.Make data

let train, test = new ImageTensors(data, split.Train, 48), new ImageTensors(data, split.Test, 48)

/// Four images of each of sixteen kinds, a new draw for each step.
let batch step = train.Draw(step, batch = 64, perClass = 4)
