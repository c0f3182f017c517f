/// Index files, caches of images and shards that are damaged at random, also with sums that are right again: nothing but an InputException comes out.
module CondEmbed.Tests.DamageTests

open System
open System.Buffers.Binary
open System.Collections.Generic
open System.IO
open System.Security.Cryptography
open Expecto
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Interchange
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.IndexSupport
open CondEmbed.Tests.Support

let private numbers =
    [| 0L
       1L
       -1L
       7L
       255L
       4096L
       int64 Int32.MaxValue
       int64 Int32.MinValue
       Int64.MaxValue
       Int64.MinValue
       1L <<< 40
       1L <<< 61 |]

/// One change: a bit, a number, an end that is cut off or put on.
let private harmed (random: Random) (bytes: byte[]) =
    let copy = Array.copy bytes
    // The headers and the places of things are where a change does most.
    let at = if random.Next 2 = 0 then random.Next(min 200 copy.Length) else random.Next copy.Length
    let number = numbers[random.Next numbers.Length]

    match random.Next 5 with
    | 0 ->
        copy[at] <- copy[at] ^^^ (1uy <<< random.Next 8)
        copy
    | 1 when at + 4 <= copy.Length ->
        BinaryPrimitives.WriteInt32LittleEndian(copy.AsSpan at, int32 number)
        copy
    | 2 when at + 8 <= copy.Length ->
        BinaryPrimitives.WriteInt64LittleEndian(copy.AsSpan at, number)
        copy
    | 3 -> Array.truncate at copy
    | _ -> Array.append copy (Array.zeroCreate (1 + random.Next 5000))

/// With sums that fit again, so that the numbers themselves have to be looked at.
let private signed textsAt (bytes: byte[]) =
    if bytes.Length > textsAt then SHA256.HashData(bytes.AsSpan textsAt, bytes.AsSpan 64) |> ignore

    if bytes.Length >= 4096 then SHA256.HashData(bytes.AsSpan(0, 4064), bytes.AsSpan 4064) |> ignore

    bytes

let private useIndex (path: string) =
    use index = ImageIndex.Load path
    let ids = [| for item in index.Items -> item.Id |]
    index.Search(Array.create index.Dimension 1.0f, 3) |> ignore
    index.Search(flat (Array.create 7 (Array.create index.Dimension 1.0f)), 3) |> ignore

    for id in Seq.truncate 3 ids do
        index.EmbeddingOf id |> ignore

    index.Save(path + ".copy")
    (ImageIndex.Load(path, check = true)).Dispose()
    let store: IVectorStore = IndexFileStore.OpenOrCreate(path, StoreNetwork(index.Fingerprint, index.Dimension))

    try
        store.SearchAsync(ReadOnlyMemory(Array.create index.Dimension 1.0f)).Wait()
    finally
        store.DisposeAsync().AsTask().Wait()

/// How many of the changes were refused; any other exception is a failure.
let private refusals seed count (change: Random -> string) work =
    let random = Random(seed: int)
    let mutable refused = 0

    for number in 1..count do
        let what = change random

        try
            work ()
        with
        | :? CondEmbed.Common.InputException as problem ->
            refused <- refused + 1
            Expect.isFalse (problem.Message.Contains "Exception") problem.Message
        | problem -> failtest $"change {number}, {what}: {problem}"

    refused

let private ofIndex codes =
    test $"""an index {if codes then "with codes" else "without codes"}""" {
        inFolder (fun folder ->
            let path = Path.Combine(folder, "a.index")
            use index = filled (rough 5 40 20)
            index.HasCodes <- codes
            index.Save path
            let whole = File.ReadAllBytes path
            let textsAt = whole.Length - int (BitConverter.ToInt64(whole, 24))
            let other = Path.Combine(folder, "b.index")

            let change (random: Random) =
                // Places and texts, too, are behind a sum.
                let bytes =
                    match random.Next 3 with
                    | 0 -> harmed random whole
                    | 1 -> harmed random whole |> signed textsAt
                    | _ -> Array.append whole[.. textsAt - 1] (harmed random whole[textsAt..]) |> signed textsAt

                File.WriteAllBytes(other, bytes)
                $"{bytes.Length} of {whole.Length} bytes"

            let refused = refusals 11 400 change (fun () -> useIndex other)
            Expect.isGreaterThan refused 300 "refused")
    }

let private ofCache =
    test "a cache of images, which is made again or passed by" {
        inFolder (fun folder ->
            let files = [| for number in 0..3 -> $"{number}.png", ImageEncoder.Png(randomImage number 60 50) |]
            let options = ImageCacheOptions(folder, 32)
            let transform: IImageTransform = TrainTransform(Size = 16)

            let viewsOf (cache: ImageCache) =
                [ for index in 0..3 do
                      let mutable random = SeededRandom.For(1L, 2L, int64 index)
                      let view = Array.zeroCreate<byte>(16 * 16 * 3)
                      cache.Reader.View(index, transform, &random, view.AsSpan())
                      view ]

            let views () =
                use cache = ImageCache.Open(ImageReader(MemorySource files), options)
                viewsOf cache

            let expected = views ()
            let path = Directory.GetFiles folder |> Seq.exactlyOne
            let whole = File.ReadAllBytes path

            let isSigned = ref false

            let change (random: Random) =
                let bytes = harmed random whole
                isSigned.Value <- random.Next 2 = 0 && bytes.Length > 64 + 4 * 24

                if isSigned.Value then
                    let sum = ImageCacheFile.Sum(ReadOnlySpan(bytes, 64, 4 * 24))
                    BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan 56, sum)

                File.WriteAllBytes(path, bytes)
                $"{bytes.Length} of {whole.Length} bytes"

            // A table with a right sum may say of an image that it was left out; then its views are those without a cache.
            let check () =
                let found = views ()
                if not isSigned.Value then Expect.equal found expected "views"

            Expect.equal (refusals 12 300 change check) 0 "refused"

            // Cut off while it is in use: the views are made from the images themselves.
            File.WriteAllBytes(path, whole)
            use cache = ImageCache.Open(ImageReader(MemorySource files), options)

            for length in [ whole.Length - 1; whole.Length / 2; 0 ] do
                use file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite ||| FileShare.Delete)
                file.SetLength(int64 length)
                Expect.equal (viewsOf cache) expected $"{length} bytes")
    }

let private ofShard =
    test "a shard" {
        inFolder (fun folder ->
            let path = Path.Combine(folder, "part-00001-of-00001.parquet")

            let header = ShardHeader(StoreNetwork("abc", 3), Shard(1, 1), String('0', 64))

            do
                use stream = File.Create path
                use writer = new EmbeddingParquetWriter(stream, 3, true, true, true, header.Metadata)
                let column format = List<string>(Seq.init 5 format)

                writer.Write(
                    EmbeddingGroup(
                        column (fun row -> ImageId.Of(ReadOnlySpan [| byte row |])),
                        column (fun row -> $"{row}.png"),
                        column (fun _ -> "class"),
                        ReadOnlyMemory [| for number in 1..15 -> float32 number |]
                    )
                )

            let whole = File.ReadAllBytes path

            let change (random: Random) =
                let bytes = harmed random whole
                File.WriteAllBytes(path, bytes)
                $"{bytes.Length} of {whole.Length} bytes"

            let load () =
                let store: IVectorStore = IndexFileStore.OpenOrCreate(Path.Combine(folder, "a.index"), StoreNetwork("abc", 3))

                try
                    StoreIndexer.LoadAsync(EmbeddingShards.Open [| path |], store, IndexOptions(Again = true)).Wait()
                finally
                    store.DisposeAsync().AsTask().Wait()

            let awaited () =
                try
                    load ()
                with :? AggregateException as problem ->
                    raise problem.InnerException

            Expect.isGreaterThan (refusals 13 200 change awaited) 100 "refused")
    }

let tests = testList "Damage" [ ofIndex false; ofIndex true; ofCache; ofShard ]
