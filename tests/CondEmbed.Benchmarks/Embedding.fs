/// Embedding images with ResNet-50 at 224 px: from JPEG files as `condembed embed` does it, and the forward pass alone.
module CondEmbed.Benchmarks.Embedding

open System
open System.IO
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Options
open CondEmbed.Models
open CondEmbed.Interop
open SkiaSharp
open TorchSharp

let private config = Networks.resNet50 224 0

/// As many as the program takes at once.
let private batch = 16
let private batches (effort: Effort) = if effort.Quick then 3 else 6

/// A photograph of a kind, 500 x 375: shades with some grain.
let private photograph (random: Random) =
    let bitmap = new SKBitmap(500, 375)
    let wave = Array.init 6 (fun _ -> random.NextDouble() * 0.05)
    let shade a b (x: int) (y: int) = 110.0 + 80.0 * sin (a * float x + 7.0 * wave[4]) * cos (b * float y) + random.NextDouble() * 24.0

    for y in 0..374 do
        for x in 0..499 do
            let channel i = byte (shade wave[i] wave[i + 1] x y)
            bitmap.SetPixel(x, y, SKColor(channel 0, channel 1, channel 2))

    bitmap

/// A folder of `count` JPEG files, of which every twentieth is the same.
let private folderOf count =
    let folder = Directory.CreateTempSubdirectory("condembed-images-").FullName
    let random = Random 5

    let images =
        [| for _ in 1..20 do
               use bitmap = photograph random
               use data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90)
               data.ToArray() |]

    for place in 0 .. count - 1 do
        File.WriteAllBytes(Path.Combine(folder, $"{place:D5}.jpg"), images[place % images.Length])

    folder

let private each (effort: Effort) work = Measured.secondsEach (batch * batches effort) work

/// As a run's network is.
let private networkOf (session: Session) =
    { new IEmbeddingNetwork with
        member _.Dimension = session.Dimension
        member _.View = Views.ForTesting(RunSettings(config, HostSettings.StartFor "resnet50"))
        member _.BatchSize = batch
        member _.Fingerprint = ""
        member _.Embed(pixels, count) = session.Embed(pixels, count, config.Size)
        member _.Dispose() = (session :> IDisposable).Dispose() }

/// All that the command does but for starting, loading the network and writing the file.
let private command (effort: Effort) =
    let network = networkOf (Session.ForEmbedding(config, Device.choose "cpu"))
    let folder = folderOf (batch * batches effort)
    AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
    let dataset = ImageDatasets.OpenImages folder
    fun () -> each effort (fun () -> network.Embed(dataset) |> ignore)

let private forward isFolded (effort: Effort) =
    torch.set_num_threads effort.Threads
    let apart: Layer<Tensor, Tensor> = Network.embed (Recipe.network config)
    let layer: Layer<Tensor, Tensor> = if isFolded then Network.embed (Recipe.folded config) else apart
    let parameters: Params = Params.init 1L torch.CPU float32 apart.Specs |> Folding.parameters apart.Specs layer.Specs
    let images = (Networks.batch batch 224).Images

    fun () ->
        each effort (fun () ->
            for _ in 1 .. batches effort do
                scoped (fun () -> Layer.run parameters layer images |> ignore))

let private folded = forward true
let private apart = forward false

let benchmarks =
    [ Benchmark.row
          "embedding.command"
          $"images of 500 x 375 (JPEG) to embeddings as `condembed embed` does it, ResNet-50 at 224 px in batches of {batch}; the others: the forward pass alone, per image"
          [ Benchmark.here "condembed" command
            Benchmark.here "forward" folded
            Benchmark.python "pytorch" "embedding.py" [ string batch ] ]
          [ Benchmark.atMost 1.05 "forward" "condembed"; Benchmark.atMost 1.0 "pytorch" "condembed" ]
      Benchmark.row
          "embedding.folding"
          $"the forward pass of ResNet-50 at 224 px, B = {batch}, with its norms folded into its convolutions and with the norms apart, per image"
          [ Benchmark.here "folded" folded; Benchmark.here "apart" apart ]
          [ Benchmark.atMost 0.9 "apart" "folded" ] ]
