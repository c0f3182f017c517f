// The embedded emoji pictures as tensors, for the scripts beside this one.
#load "load.fsx"

open CondEmbed
open CondEmbed.Datasets
open CondEmbed.Images
open TorchSharp

let private dataset = EmojiDataset.Open()
let private split = ClassSplit.Make dataset
let private reader = PictureReader dataset

/// The pictures of a part as N 64 64 3 bytes, with N class numbers.
let private part (items: seq<int>) : Batch =
    let items = Seq.toArray items
    let names = ClassIndex [ for item in items -> dataset.Items[item].Label ]
    let pixels = items |> Array.collect (fun item -> (reader.Read item).Pixels)

    { Images = torch.tensor(pixels, dtype = torch.uint8).reshape(int64 items.Length, 64L, 64L, 3L)
      Labels = torch.tensor (names.NumbersOf [ for item in items -> dataset.Items[item].Label ]) }

/// The pictures of the training classes, and of the held-out classes.
let train, test = part split.Train, part split.Test

/// How many classes there are to train on.
let classes = train.Labels.max().item<int64>() |> int |> (+) 1

let private rows =
    [| for label in train.Labels.data<int64>() -> int label |]
    |> Array.indexed
    |> Array.groupBy snd
    |> Array.map (snd >> Array.map fst)

/// A batch of so many different classes with four different pictures each, drawn anew for each step.
let batch count step : Batch =
    let random = System.Random(step: int)

    let draw n (items: 'T array) =
        let shuffled = Array.copy items
        random.Shuffle shuffled
        Array.truncate n shuffled

    let places = torch.tensor [| for place in rows |> draw count |> Array.collect (draw 4) -> int64 place |]

    { Images = train.Images.index_select (0L, places); Labels = train.Labels.index_select (0L, places) }

/// Recall@1 of N D embeddings of the held-out classes.
let recallAt1 (embeddings: Tensor) =
    let _, nearest = Similarity.topK 256 2 embeddings embeddings
    let found = test.Labels.index_select (0L, nearest.narrow(1L, 1L, 1L).flatten())
    found.eq(test.Labels).to_type(float64).mean() |> toFloat
