/// Rows to fill an index with, and what a full sort finds among them.
module CondEmbed.Tests.IndexSupport

open System
open System.Collections.Generic
open System.IO
open Expecto
open CondEmbed.Search
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.Support

/// Rows of 1 and -1: of length sqrt D, and with D a power of four every cosine is exact in float32, and many are equal.
let signs seed count dimension =
    let random = Random(seed: int)
    [| for _ in 1..count -> [| for _ in 1..dimension -> if random.Next 2 = 0 then -1.0f else 1.0f |] |]

/// Rows of any length, whose cosines are rounded.
let rough seed count dimension =
    let random = Random(seed: int)
    [| for _ in 1..count -> [| for _ in 1..dimension -> float32 (random.NextDouble() * 6.0 - 3.0) |] |]

let asked: float32[] = [| 1.0f; 1.0f; -1.0f; 1.0f |]

let ones: float32[] = Array.create 4 1.0f

let idOf (i: int) = $"image {i}"

let add (index: ImageIndex) item (row: float32[]) = index.Add(item, row)

let filled (rows: float32[][]) =
    let index = new ImageIndex(rows[0].Length, "net")

    for i, row in Seq.indexed rows do
        index.Add(IndexItem(idOf i, $"label {i % 7}"), row)

    index

let cosine (a: float32[]) (b: float32[]) =
    let dot (x: float32[]) (y: float32[]) = Array.fold2 (fun sum a b -> sum + float a * float b) 0.0 x y
    dot a b / sqrt (dot a a * dot b b)

/// All of a gallery in order, by cosines in double; equal ones in the order of the gallery.
let sorted (gallery: (string * float32[]) list) query =
    gallery
    |> List.map (fun (id, row) -> id, Math.Round(cosine query row, 12))
    |> List.sortBy (fun (_, similarity) -> -similarity)

let flat (rows: float32[][]) = Embeddings<float32>(Array.concat rows, rows.Length, rows[0].Length)

let pairsOf (hits: IReadOnlyList<IndexHit>) = [ for hit in hits -> hit.Id, float hit.Similarity ]

/// Saves and loads.
let throughFile (index: ImageIndex) (test: ImageIndex -> unit) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.index")
        index.Save path
        use loaded = ImageIndex.Load(path, "net", check = true)
        test loaded)
