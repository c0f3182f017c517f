/// A network that notes how it is used, and an embedder of it.
module CondEmbed.Tests.EmbedderSupport

open System
open System.Collections.Concurrent
open System.IO
open System.Threading
open System.Threading.Tasks
open Expecto
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Models
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// A network whose embedding of an image is its mean colour at length 1, which notes how it is used and can be held up.
type FakeNetwork() =
    let mutable inside = 0
    let view = EvalTransform(8, 8)

    member val Batches = ConcurrentQueue<int>()
    member val Threads = ConcurrentBag<int>()
    member val Gate = new ManualResetEventSlim true
    member val Entered = new SemaphoreSlim 0
    member val Failing = false with get, set
    member val Disposals = 0 with get, set

    interface IEmbeddingNetwork with
        member _.Dimension = 3
        member _.View = view
        member _.BatchSize = 4
        member _.Fingerprint = "means"

        member this.Embed(pixels, count) =
            if Interlocked.Increment &inside <> 1 then invalidOp "two threads at once"

            this.Batches.Enqueue count
            this.Threads.Add Environment.CurrentManagedThreadId
            this.Entered.Release() |> ignore
            this.Gate.Wait()
            Interlocked.Decrement &inside |> ignore
            if this.Failing then invalidOp "the network is broken"

            [| for image in pixels |> Array.chunkBySize (pixels.Length / count) do
                   let mean =
                       [| for c in 0..2 -> image |> Seq.indexed |> Seq.filter (fun (i, _) -> i % 3 = c) |> Seq.averageBy (snd >> float32) |]

                   let length = sqrt (Seq.sumBy (fun x -> x * x) mean)
                   for x in mean -> x / length |]

    interface IDisposable with
        member this.Dispose() = this.Disposals <- this.Disposals + 1

/// An index file of one embedding of this network.
let indexOfOne folder =
    let file = Path.Combine(folder, "a.index")
    use index = new ImageIndex(3, "means")
    let row: float32[] = Array.create 3 1.0f
    index.Add(IndexItem "a", row)
    index.Save file
    file

let slow (image: RgbImage) =
    use network = new FakeNetwork()
    (network :> IEmbeddingNetwork).Embed(EvalTransform(8, 8).Apply(image).Pixels, 1)

let images = lazy [| for i in 0..19 -> randomImage i (20 + i) (40 - i) |]

let withFake options (test: FakeNetwork -> Embedder -> unit) =
    let network = new FakeNetwork()
    use embedder = new Embedder(network, options)
    test network embedder

let fake test = withFake null test

let got (task: Task<'T>) = task.GetAwaiter().GetResult()

/// One call that the network is held up in, others with so many images that wait behind it, and then all go on.
let heldUp (network: FakeNetwork) (embedder: Embedder) count (others: unit -> 'T) =
    network.Gate.Reset()
    let first = embedder.EmbedAsync images.Value[0]
    network.Entered.Wait()
    let waiting = others ()

    // They are prepared on threads of the pool.
    while embedder.Waiting < count do
        Thread.Sleep 1

    network.Gate.Set()
    got first |> ignore
    waiting

let writeImages folder =
    [| for i, image in Seq.indexed images.Value do
           let path = Path.Combine(folder, $"{i}.png")
           File.WriteAllBytes(path, ImageEncoder.Png image)
           path |]
