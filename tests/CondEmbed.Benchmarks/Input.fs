/// From image files to what a network reads: decoding, random views, batches; from a cache; and whether training waits for it.
module CondEmbed.Benchmarks.Input

open System
open System.Diagnostics
open System.IO
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Interop
open TorchSharp

let private width, height = 500, 375

/// A photograph of nothing: soft shapes, edges, and grain as a camera has it.
let private photograph (seed: int) =
    let random = Random seed
    let blobs = [| for _ in 1..24 -> [| for _ in 1..6 -> random.NextDouble() |] |]
    let light = Array.zeroCreate<float>(width * height * 3)

    for blob in blobs do
        let x0, y0, size = blob[0] * float width, blob[1] * float height, 20.0 + 120.0 * blob[2]
        let hard = blob[3] > 0.5

        for y in max 0 (int (y0 - 2.2 * size)) .. min (height - 1) (int (y0 + 2.2 * size)) do
            for x in max 0 (int (x0 - 2.2 * size)) .. min (width - 1) (int (x0 + 2.2 * size)) do
                let far = sqrt ((float x - x0) ** 2.0 + (float y - y0) ** 2.0) / size
                let here = if hard then (if far < 0.6 then 1.0 else 0.0) else exp (-far * far)

                if here > 0.01 then
                    for c in 0..2 do
                        light[(y * width + x) * 3 + c] <- light[(y * width + x) * 3 + c] + here * (blob[3 + c] - 0.4) * 130.0

    let grain () = (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 14.0

    let pixels =
        [| for at in 0 .. width * height - 1 do
               let grain = grain ()

               for c in 0..2 -> byte (Math.Clamp(110.0 + light[3 * at + c] + grain, 0.0, 255.0)) |]

    RgbImage(width, height, pixels)

let private folder = Scratch.path "photographs-1"
let private different = 32

type private Files(paths: string array) =
    interface IImageSource with
        member _.Count = paths.Length
        member _.NameOf index = paths[index]
        member _.Read index = File.ReadAllBytes paths[index]

/// The files of a folder of JPEGs, quality 90 and 4:2:0.
let private source () =
    Scratch.once folder (fun making ->
        for at in 0 .. different - 1 do
            File.WriteAllBytes(Path.Combine(making, $"{at:D3}.jpg"), ImageEncoder.Jpeg(photograph at, 90)))

    Files(Array.sort (Directory.GetFiles folder))

/// Restricted to a number of cores, so that the work of helper threads is counted as well.
let private onCores (count: int) =
    if OperatingSystem.IsLinux() || OperatingSystem.IsWindows() then
        use self = Process.GetCurrentProcess()
        self.ProcessorAffinity <- nativeint ((1L <<< count) - 1L)

let private perBatch = 32
let private view = TrainTransform(Size = 224, CropScale = Interval(0.08, 1.0))
let private images (effort: Effort) = if effort.Quick then 256 else 1024

/// Takes all batches of random views of a round.
let private batches (reader: ImageReader) cores (effort: Effort) round (take: PixelBatch -> unit) =
    let plan step = BatchPlan(Array.init perBatch (fun slot -> (step * perBatch + slot) % different), Array.zeroCreate perBatch)
    let steps = images effort / perBatch

    for batch in BatchLoader(reader, LoaderOptions cores).Run(plan, view, 1L, round * steps, (round + 1) * steps) do
        use batch = batch
        take batch

let private normalised = Layers.normalisePixels [ 0.485; 0.456; 0.406 ] [ 0.229; 0.224; 0.225 ]

/// Bytes of a batch -> B 3 224 224, floats.
let private toTensor (batch: PixelBatch) =
    scoped (fun () ->
        let bytes = torch.frombuffer (batch.Pixels, torch.ScalarType.Byte)
        Layer.run (Params.ofSeq []) normalised (bytes.reshape (int64 batch.Count, 224L, 224L, 3L)) |> ignore)

/// Rounds that count images, each of new random views.
let private rounds effort play =
    let round = ref 0

    fun () ->
        round.Value <- round.Value + 1
        Measured.secondsEach (images effort) (fun () -> play round.Value)

let private jpeg cores (effort: Effort) =
    onCores cores
    torch.set_num_threads cores
    let reader = ImageReader(source ())
    rounds effort (fun round -> batches reader cores effort round toTensor)

let private againstPil name cores =
    Benchmark.row
        name
        $"a JPEG of 500 x 375 (quality 90, 4:2:0) -> RandomResizedCrop 224, flip -> normalised floats, per image, on {cores} core(s); Pillow with numpy, in a process a core"
        [ Benchmark.here "condembed" (jpeg cores)
          Benchmark.python "pil" "input.py" [ folder; string cores ]
          Benchmark.python "pil-draft" "input.py" [ folder; string cores; "draft" ] ]
        [ Benchmark.atMost 0.5 "pil" "condembed" ]

let private fromCache (effort: Effort) =
    onCores 1
    let cache = ImageCache.Open(ImageReader(source ()), ImageCacheOptions(Scratch.path "cache"))
    rounds effort (fun round -> batches cache.Reader 1 effort round ignore)

let private fromJpeg (effort: Effort) =
    onCores 1
    let reader = ImageReader(source ())
    rounds effort (fun round -> batches reader 1 effort round ignore)

let private cached =
    Benchmark.row
        "cache.epoch"
        "the same views from a file of decoded images with a short side of 256, per image, on one core, against decoding JPEG"
        [ Benchmark.here "cache" fromCache
          Benchmark.here "jpeg" fromJpeg
          Benchmark.python "pil" "input.py" [ folder; "1" ] ]
        [ Benchmark.atMost 0.2 "jpeg" "cache" ]

/// Seconds that each second of training with the small network waits for images.
let private waiting (effort: Effort) =
    let config = { Config.standard with Size = 64; Batch = perBatch; PerClass = 4 }

    Native.useThreads effort.Threads
    let session = Session.ForTraining(config, Device.choose "cpu", 8, 1000)
    let reader = ImageReader(source ())
    let plan _ = BatchPlan(Array.init perBatch (fun slot -> slot % different), Array.init perBatch (fun slot -> int64 (slot / 4)))
    let view = TrainTransform(Size = 64)

    fun () ->
        let steps = if effort.Quick then 15 else 60
        let mutable waited = TimeSpan.Zero
        let watch = Stopwatch.StartNew()

        for batch in BatchLoader(reader, LoaderOptions effort.Threads).Run(plan, view, 1L, 0, steps) do
            use batch = batch
            waited <- waited + batch.Waited
            session.Step(batch.Pixels, batch.Size, batch.Labels) |> ignore
            Leftovers.collect ()

        [ "seconds", waited / watch.Elapsed ]

let private notWaiting =
    Benchmark.row
        "input.waiting"
        "training of the small network on views of 64 px out of JPEGs of 500 x 375, 32 a batch: time without a batch ready in each second"
        [ Benchmark.here "condembed" waiting ]
        [ Benchmark.within 0.05 "condembed" ]

let benchmarks =
    [ againstPil "input.jpeg" 1
      if Environment.ProcessorCount > 1 then againstPil "input.jpeg.2" 2
      cached
      notWaiting ]
