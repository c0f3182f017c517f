/// Weights, models, and what is kept beside them: indexes, caches, checkpoints.
module CondEmbed.Fuzz.NetworkTargets

open System
open System.IO
open CondEmbed.Common
open CondEmbed.Export
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Models
open CondEmbed.Onnx
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Search
open CondEmbed.Storage
open CondEmbed.Torch
open CondEmbed.WeightFiles
open CondEmbed.Fuzz.Formats
open CondEmbed.Fuzz.Target

let private settings =
    lazy (RunSettings.Resolve [ for key, value in [ "device", "cpu"; "levels", "0"; "embedding", "8" ] -> Given("fuzz", key, value) ])

let private device = lazy (Device.choose "cpu")

let private readWeights (path: string) =
    let file = WeightFile.Read path

    for array in file.Arrays do
        array.IsFinite() |> ignore

    WeightFits.Of file |> ignore

let private arrays =
    let floats, wholes = [| for at in 0..11 -> float32 at |], [| 5L |]

    [| NamedArray.Of("layer1.weight", [| 3L; 4L |], ReadOnlySpan floats)
       NamedArray.Of("layer1.steps", [||], ReadOnlySpan wholes) |]

let private ofHeader file =
    let header, data = parts file
    dressed (safetensors data) header

let private weights =
    [ ofFile
          "safetensors"
          "weights.safetensors"
          (fun folder ->
              let file =
                  written folder (fun path ->
                      Safetensors.Write(path, arrays, [ Collections.Generic.KeyValuePair<string, string>("format", "pt") ]))

              [ plain file; ofHeader file ])
          readWeights
      ofFile
          "pth"
          "weights.pth"
          (fun _ ->
              let file = shipped "torch.pth"
              let name, pickle = entry file "data.pkl"
              [ plain file; dressed (rezipped file name) pickle ])
          readWeights
      ofFile
          "model"
          "model.safetensors"
          (fun folder ->
              use session = Session.ForEmbedding(settings.Value.Core, device.Value)
              [ ofHeader (written folder (fun path -> ModelFile.Write(path, session, settings.Value, 3))) ])
          (fun path ->
              use model = EmbeddingModel.Load(path, "cpu")
              (model.View, model.BatchSize) |> ignore)
      ofFile
          "onnx"
          "model.onnx"
          (fun _ ->
              use model = new EmbeddingModel(Session.ForEmbedding(settings.Value.Core, device.Value), settings.Value, 0)
              [ for int8 in [ false; true ] -> plain (Google.Protobuf.MessageExtensions.ToByteArray(OnnxExport.Message(model, int8))) ])
          (fun (path: string) ->
              use model = OnnxModel.Load path
              model.Embed(Array.zeroCreate (model.View.Crop * model.View.Crop * 3), 1) |> ignore)
      ofFile
          "preprocessing"
          "preprocessing.json"
          (fun _ ->
              use model = new EmbeddingModel(Session.ForEmbedding(settings.Value.Core, device.Value), settings.Value, 0)
              [ ofText (Preprocessing(model.View, [| 0.5; 0.5; 0.5 |], [| 0.2; 0.2; 0.2 |]).ToJson()) ])
          (fun path ->
              try
                  Preprocessing.Parse(TextFile.Read path).InWords() |> ignore
              with :? FormatException as problem ->
                  raise (InputException problem.Message)) ]

let private useIndex (path: string) =
    use index = ImageIndex.Load path
    let ones = Array.create index.Dimension 1.0f
    index.Search(ReadOnlySpan ones, 3) |> ignore
    index.Search(Embeddings<float32>(Array.concat [ ones; ones ], 2, index.Dimension), 3) |> ignore

    for item in Seq.truncate 3 (List.ofSeq index.Items) do
        index.EmbeddingOf item.Id |> ignore

    (ImageIndex.Load(path, check = true)).Dispose()
    let store: IVectorStore = IndexFileStore.Open path

    try
        store.LabelsAsync(10).GetAwaiter().GetResult() |> ignore
    finally
        store.DisposeAsync().AsTask().Wait()

let private index codes folder =
    use index = new ImageIndex(6, "net")

    for at in 0..9 do
        let row: float32 array = [| for number in 0..5 -> float32 ((at + 2) * (number + 1) % 5) - 1.5f |]
        index.Add(IndexItem($"image {at}", $"label {at % 3}"), ReadOnlySpan row)

    index.HasCodes <- codes
    written folder index.Save

let private cached =
    let pixels = [| for number in 0..2 -> RgbImage(40, 36, [| for at in 0 .. 40 * 36 * 3 - 1 -> byte (at * (number + 3)) |]) |]
    let files = pixels |> Array.map ImageEncoder.Png

    { new IImageSource with
        member _.Count = files.Length
        member _.NameOf at = $"{at}.png"
        member _.Read at = files[at] }

let private useCache (folder: string) =
    use cache = ImageCache.Open(ImageReader(cached), ImageCacheOptions(folder, 32), workers = 1)

    for at in 0 .. cached.Count - 1 do
        let mutable random = SeededRandom.For(1L, 2L, int64 at)
        let view = Array.zeroCreate<byte>(16 * 16 * 3)
        cache.Reader.View(at, TrainTransform(Size = 16), &random, view.AsSpan())

let private openTrunk path = TrunkFile.TryOpen(path, Array.create 32 7uy, 4, 24)

let private caches =
    [ ofFile
          "index"
          "a.index"
          (fun folder ->
              [ for codes in [ false; true ] do
                    for dress in [ id; signedIndex ] -> dressed dress (index codes folder) ])
          useIndex
      { Name = "cache"
        Prepare =
          fun folder ->
              useCache folder
              let path = Directory.GetFiles folder |> Array.exactlyOne
              path, [ plain (File.ReadAllBytes path) ]
        Read = fun path -> useCache (string (Path.GetDirectoryName path)) }
      { Name = "trunk"
        Prepare =
          fun folder ->
              let path = Path.Combine(folder, "kept.maps")

              do
                  use file = openTrunk path

                  for row in 0..3 do
                      file.Write(row, ReadOnlySpan(Array.create 24 (byte row)))

                  file.Finish()

              path, [ plain (File.ReadAllBytes path) ]
        Read =
          fun path ->
              use file = openTrunk path

              for row in 0..3 do
                  file.Read(row, Span(Array.zeroCreate<byte> 24)) } ]

let private training = lazy (Session.ForTraining(settings.Value.Core, device.Value, 4, 10))

/// A file of a checkpoint. Except for their own target there are no sums, as in older versions, so that damage is not found by them.
let private checkpoint name (file: string) seeds =
    { Name = name
      Prepare =
        fun folder ->
            use store = new CheckpointStore(folder)
            let saved = RunCheckpoints.Save(store, training.Value, CondEmbed.Runs.Progress(3, 2, 0.5, 10.0, "a", "b"), null)
            if file <> FileSums.Name then File.Delete(Path.Combine(saved.Folder, FileSums.Name))
            let path = Path.Combine(saved.Folder, file)
            path, seeds (File.ReadAllBytes path)
      Read =
        fun path ->
            let struct (saved, _) = RunCheckpoints.Newest(string (Path.GetDirectoryName(string (Path.GetDirectoryName path))))
            saved.Into training.Value }

let private checkpoints =
    [ checkpoint "checkpoint.state" "state.json" (fun bytes -> [ plain bytes ])
      checkpoint "checkpoint.random" "random.bin" (fun bytes -> [ plain bytes ])
      checkpoint "checkpoint.sums" FileSums.Name (fun bytes -> [ plain bytes ])
      checkpoint "checkpoint.weights" "weights.safetensors" (fun bytes -> [ ofHeader bytes ])
      checkpoint "checkpoint.moments" "moments.safetensors" (fun bytes -> [ ofHeader bytes ]) ]

let targets = weights @ caches @ checkpoints
