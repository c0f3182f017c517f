/// A store of a network that is none, and what is in its table.
module CondEmbed.Tests.StoreSupport

open System
open System.Threading.Tasks
open Expecto
open CondEmbed.Postgres
open CondEmbed.Search
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StoreServers
open CondEmbed.Tests.Support

let wait (call: Task<'T>) = call.GetAwaiter().GetResult()

let network = StoreNetwork("abc", 24)

let ensured (address: PostgresAddress) network (test: PostgresStore -> 'T) =
    let store = PostgresStore.OpenOrCreateAsync(address, network) |> wait

    try
        test store
    finally
        store.DisposeAsync().AsTask().Wait()

let idOf (number: int) = ImageId.Of(ReadOnlySpan(BitConverter.GetBytes number))

/// Vectors of length 1 that depend on the seed alone.
let vectors dimension seed count =
    let random = Random(seed: int)

    [| for _ in 1..count do
           let row = [| for _ in 1..dimension -> random.NextDouble() - 0.5 |]
           let length = sqrt (Array.sumBy (fun x -> x * x) row)
           [| for x in row -> float32 (x / length) |] |]

let itemsOf dimension count =
    [| for number, row in Seq.indexed (vectors dimension 1 count) ->
           StoreItem(idOf number, $"{number % 5}/{number}.png", $"class {number % 5}", ReadOnlyMemory row) |]

let cosine (a: float32 array) (b: float32 array) =
    let dot x y = Array.fold2 (fun sum a b -> sum + float (a: float32) * float (b: float32)) 0.0 x y
    dot a b / sqrt (dot a a * dot b b)

/// The nearest by a full sort in double precision.
let nearest (items: StoreItem seq) query top =
    items
    |> Seq.map (fun item -> item.Id, cosine (item.Embedding.ToArray()) query)
    |> Seq.sortByDescending snd
    |> Seq.truncate top
    |> List.ofSeq

let expectNearest items query top (hits: StoreHit seq) what =
    let expected = nearest items query top
    Expect.equal [ for hit in hits -> hit.Id ] (List.map fst expected) what

    for hit, (_, cosine) in Seq.zip hits expected do
        Expect.isLessThan (abs (hit.Cosine - cosine)) 1e-6 $"{what}: cosine"

let search (store: PostgresStore) (query: float32 array) asked = store.SearchAsync(ReadOnlyMemory query, asked) |> wait

/// Every column of every row, and where the server keeps it: equal before and after where nothing was written.
let everything table =
    rows (pgliteAddress table) $"SELECT encode(id, 'hex'), path, label, embedding::text, xmin::text, ctid::text FROM {table} ORDER BY id"

let content table = rows (pgliteAddress table) $"SELECT encode(id, 'hex'), path, label, embedding::text FROM {table} ORDER BY id"
