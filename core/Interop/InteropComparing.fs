namespace CondEmbed.Interop

open System
open System.Collections.Generic
open CondEmbed
open CondEmbed.Comparison
open TorchSharp

/// What is known of images, by number: their embeddings, and the keys and values of each level, as float32 in main memory whatever
/// the device. Not thread-safe.
[<Sealed>]
type KnownImages internal (known: Known) =
    static let all (known: Known) =
        [ known.Embeddings
          yield! Option.toList known.Asking
          for level in known.KeysAndValues do
              level.Keys
              level.Values ]

    static let map change (known: Known) : Known =
        { known with
            Embeddings = change known.Embeddings
            Asking = Option.map change known.Asking
            KeysAndValues = [ for level in known.KeysAndValues -> { Keys = change level.Keys; Values = change level.Values } ] }

    /// A copy outside every scope.
    static member internal Of(known: Known) =
        let copied (x: Tensor) = own (x.``to``(float32, torch.CPU, copy = true).contiguous())
        new KnownImages(map copied known)

    member internal _.Known = known
    /// How many images there is room for.
    member _.Count = int known.Embeddings.shape[0]
    /// The memory they take, in bytes.
    member _.Bytes = all known |> List.sumBy (fun x -> x.numel () * x.element_size ())

    /// Count D numbers, row by row; each row has length 1.
    member _.Embeddings() : float32 array = scoped (fun () -> (Layers.l2Normalise known.Embeddings).contiguous().data<float32>().ToArray())

    /// Empty room for a number of images of this kind.
    member _.Room(count: int) =
        let room (x: Tensor) = own (torch.empty (Array.append [| int64 count |] x.shape[1..], dtype = x.dtype, device = x.device))
        new KnownImages(map room known)

    /// In place: copies all images of another to the positions from `start` on.
    member _.Put(start: int, images: KnownImages) =
        scoped (fun () ->
            for target, source in List.zip (all known) (all images.Known) do
                target.narrow(0L, int64 start, source.shape[0]).copy_ source |> ignore)

    /// Some of the images on a device.
    member internal _.On(device: torch.Device, places: int array) =
        let places = torch.tensor (Array.map int64 places, dtype = int64', device = torch.CPU)
        map (fun x -> x.index_select(0L, places).``to`` device) known

    interface IDisposable with
        member _.Dispose() = all known |> List.iter _.Dispose()

/// Where a level looks in the two images of a pair, each in the light of the other.
[<Sealed>]
type PairAttention internal (rows: int, columns: int, first: float32 array array, second: float32 array array) =
    let mean (heads: float32 array array) = Array.init (rows * columns) (fun place -> heads |> Array.averageBy (fun head -> head[place]))

    /// Rows of the level's grid.
    member _.Rows = rows
    /// Columns of the level's grid.
    member _.Columns = columns
    /// H maps of Rows x Columns weights in the first image, row by row; each map sums to 1.
    member _.First: IReadOnlyList<float32 array> = first
    /// The same in the second image.
    member _.Second: IReadOnlyList<float32 array> = second
    /// The mean of the heads in the first image.
    member _.FirstMean = mean first
    /// The mean of the heads in the second image.
    member _.SecondMean = mean second

/// Compares pairs of images with a network and its levels. It lives as long as its session. One thread at a time.
[<Sealed>]
type Comparer
    internal
    (comparison: Comparison, levels: int, parameters: unit -> Params, device: torch.Device, onDevice: byte array -> int -> int -> Tensor) =

    /// Bytes of keys and values of the pairs computed at a time.
    let pieceBytes = 64L <<< 20

    let run layer (images: KnownImages) (first: int array) (second: int array) =
        let places = if device.``type`` = DeviceType.CPU then None else Some(Array.distinct (Array.append first second))

        let numbers =
            match places with
            | None -> int64
            | Some places ->
                let number = dict (Seq.mapi (fun i place -> place, int64 i) places)
                fun place -> number[place]

        let known = places |> Option.fold (fun _ places -> images.On(device, places)) images.Known
        let indices (places: int array) = torch.tensor (Array.map numbers places, dtype = int64', device = device)
        Layer.run (parameters ()) layer (known, indices first, indices second)

    let check (first: int array) (second: int array) =
        if first.Length <> second.Length then
            invalidArg (nameof second) $"{first.Length} first images, but {second.Length} second ones."

    /// L, the number of levels.
    member _.Levels = levels

    /// What is known of B images of one side length, to compare them by.
    member _.Read(pixels: byte array, count: int, side: int) =
        scoped (fun () -> KnownImages.Of(Layer.run (parameters ()) comparison.Know (onDevice pixels count side)))

    /// The similarities of E pairs of known images, given by their numbers -> L+1 rows of E: the cosine of the unconditional embeddings, and each level's.
    member _.Similarities(images: KnownImages, first: int array, second: int array) : float32 array array =
        check first second
        let size = int (max 1L (pieceBytes / max 1L (2L * images.Bytes / int64 (max 1 images.Count))))

        let piece (first, second) =
            scoped (fun () ->
                let found = (run comparison.Similarities images first second).cpu().contiguous()
                [| for level in found.unbind 0L -> level.data<float32>().ToArray() |])

        let pieces = Array.map piece (Array.zip (Array.chunkBySize size first) (Array.chunkBySize size second))
        Array.init (levels + 1) (fun level -> pieces |> Array.collect (fun piece -> piece[level]))

    /// Where each level looks in two known images.
    member _.Attention(images: KnownImages, first: int, second: int) : IReadOnlyList<PairAttention> =
        scoped (fun () ->
            let heads (weights: Tensor) = [| for head in weights.cpu().contiguous().unbind 0L -> head.data<float32>().ToArray() |]

            [| for (rows, columns), weights in List.zip images.Known.Grids (run comparison.Attention images [| first |] [| second |]) ->
                   PairAttention(int rows, int columns, heads (weights.select (0L, 0L)), heads (weights.select (0L, 1L))) |])
