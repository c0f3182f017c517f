/// An index with codes, and search of many queries at once, against the plain search that computes every product.
module CondEmbed.Tests.CodeTests

#nowarn "9"

open System
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Search
open CondEmbed.Tests.Support

/// Rows of all kinds: about few directions, the same twice, nearly the same, with one number that dwarfs the others, or tiny ones.
let private rows (seed: int) count dimension =
    let random = Random seed
    let row () = Array.init dimension (fun _ -> random.NextSingle() - 0.5f)
    let few = Array.init 7 (fun _ -> row ())

    [| for _ in 1..count ->
           match random.Next 9 with
           | 0 -> few[random.Next 7]
           | 1 -> few[random.Next 7] |> Array.map (fun x -> x * 1.0000002f)
           | 2
           | 3 -> Array.map2 (fun x y -> x + 0.02f * y) few[random.Next 7] (row ())
           | 4 -> row () |> Array.mapi (fun i x -> if i = dimension - 1 then 20.0f else x)
           | 5 -> row () |> Array.mapi (fun i x -> if i = 0 then 1.0f else x * 1e-42f)
           | _ -> row () |]

let private unit (row: float32[]) = Embeddings<float32>(row, 1, row.Length).AtUnitLength().Values

/// The nearest by all products with rows of length 1, of equal ones that which was added first.
let private plainly (gallery: (string * float32[]) list) top query =
    let query = unit query

    [ for id, row in gallery -> id, DotProduct.Of<float32>(ReadOnlySpan query, ReadOnlySpan row) ]
    |> List.sortBy (fun (_, similarity) -> -similarity)
    |> List.truncate top
    |> List.map (fun (id, similarity) -> id, Math.Clamp(similarity, -1.0f, 1.0f))

let private idOf (i: int) = $"image {i}"

let private filled (rows: float32[][]) =
    let index = new ImageIndex(rows[0].Length, "net")

    for i, row in Seq.indexed rows do
        index.Add(IndexItem(idOf i, $"label {i % 7}"), row)

    index

let private flat (rows: float32[][]) = Embeddings<float32>(Array.concat rows, rows.Length, rows[0].Length)

let private pairs (hits: seq<IndexHit>) = [ for hit in hits -> hit.Id, hit.Similarity ]

let private loadedWithCodes (index: ImageIndex) (test: string -> ImageIndex -> unit) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.index")
        index.HasCodes <- true
        index.Save path
        use loaded = ImageIndex.Load(path, "net", check = true)
        Expect.isTrue loaded.HasCodes "has codes"
        test path loaded)

let private searches =
    testList
        "search"
        [ test "many queries at once, and codes, find what all products tell, to the last bit" {
              for count, dimension in [ 1300, 31; 700, 64; 33, 5; 16, 1 ] do
                  let all = rows dimension count dimension
                  let queries = rows (dimension + 1) 21 dimension
                  use index = filled all

                  for i in 0..13 .. count - 1 do
                      index.Remove(idOf i) |> ignore

                  let gallery =
                      [ for i, row in Seq.indexed all do
                            if i % 13 <> 0 then idOf i, unit row ]

                  let check (index: ImageIndex) gallery what =
                      for top in [ 1; 4; count / 20 + 1 ] do
                          let together = index.Search(flat queries, top)

                          for q, query in Seq.indexed queries do
                              let expected = plainly gallery top query
                              Expect.equal (pairs together[q]) expected $"{what}: {count} x {dimension}, query {q} among others"
                              Expect.equal (pairs (index.Search(query, top))) expected $"{what}: {count} x {dimension}, query {q} alone"

                  check index gallery "in memory"

                  loadedWithCodes index (fun _ loaded ->
                      check loaded gallery "codes"
                      let more = rows 99 50 dimension

                      for i, row in Seq.indexed more do
                          loaded.Add(IndexItem $"more {i}", row)

                      loaded.Remove(idOf 1) |> ignore
                      let more = [ for i, row in Seq.indexed more -> $"more {i}", unit row ]
                      check loaded (List.filter (fst >> (<>) (idOf 1)) gallery @ more) "codes, and added ones")
          }

          test "codes leave most rows unread" {
              // Were all embeddings compared, the damaged one would be found.
              let all = rows 4 4000 32
              use index = filled all

              loadedWithCodes index (fun path _ ->
                  let bytes = File.ReadAllBytes path

                  let far =
                      plainly [ for i, row in Seq.indexed all -> string i, unit row ] 4000 all[0]
                      |> List.last
                      |> fst
                      |> int

                  Buffer.BlockCopy(unit all[0], 0, bytes, 4096 + far * 32 * 4, 32 * 4)
                  let damaged = path + ".damaged"
                  File.WriteAllBytes(damaged, bytes)
                  use loaded = ImageIndex.Load damaged
                  Expect.isFalse (pairs (loaded.Search(all[0], 5)) |> List.exists (fst >> (=) (idOf far))) "not read"
                  rejects [ "its embeddings" ] (fun () -> (ImageIndex.Load(damaged, check = true)).Dispose())
                  bytes[4096 + 4000 * 32 * 4 + 5] <- bytes[4096 + 4000 * 32 * 4 + 5] ^^^ 1uy
                  Buffer.BlockCopy(unit all[far], 0, bytes, 4096 + far * 32 * 4, 32 * 4)
                  File.WriteAllBytes(damaged, bytes)
                  rejects [ "the codes" ] (fun () -> (ImageIndex.Load(damaged, check = true)).Dispose()))
          }

          test "a file without codes is of the first format, as ever, and one with codes keeps them" {
              use index = filled (rows 5 20 6)

              inFolder (fun folder ->
                  let plain, coded, again = Path.Combine(folder, "a"), Path.Combine(folder, "b"), Path.Combine(folder, "c")
                  index.Save plain
                  Expect.equal (File.ReadAllBytes(plain)[8]) 1uy "format"
                  use loaded = ImageIndex.Load plain
                  Expect.isFalse loaded.HasCodes "no codes"
                  loaded.HasCodes <- true
                  loaded.Save coded
                  Expect.equal (File.ReadAllBytes(coded)[8]) 2uy "format"
                  use loaded = ImageIndex.Load coded
                  loaded.Save again
                  Expect.sequenceEqual (File.ReadAllBytes again) (File.ReadAllBytes coded) "the same file"
                  use empty = new ImageIndex(3, HasCodes = true)
                  empty.Save again
                  Expect.equal (ImageIndex.Load(again, check = true)).Count 0 "an empty one"
                  Expect.equal (List.ofSeq loaded.Items) (List.ofSeq index.Items) "items")
          } ]

/// 16 for each query of a group.
let private products (codes: RowCodes) (asked: CodeQueries) (block: byte[]) (group: int[]) =
    let products = Array.zeroCreate<int>(16 * asked.Together)
    use block = fixed block
    use group = fixed group
    use into = fixed products

    if asked.Together = 1 then
        CodeProduct.Of(block, codes.Pairs, group, into)
    else
        CodeProduct.OfEight(block, codes.Pairs, group, into)

    products

let private bounds =
    test "products of codes equal plain sums, and allow for every product of rows" {
        for dimension in [ 1; 7; 40; 301 ] do
            let all = rows dimension 16 dimension |> Array.map unit
            let queries = rows (dimension + 5) 9 dimension |> Array.map unit
            let codes = RowCodes(dimension, 16)
            let block, scales = Array.zeroCreate<byte> codes.BlockLength, Array.zeroCreate<float32> 32
            codes.Encode(all, Span block, Span scales)

            for asked in [ CodeQueries(queries, codes); CodeQueries([| queries[0] |], codes) ] do
                for query in 0 .. asked.Count - 1 do
                    let group = asked.Group(query / asked.Together).ToArray()
                    let products = products codes asked block group

                    for row in 0..15 do
                        let code at = int (sbyte block[at / 2 * 32 + 2 * row + at % 2])
                        let pair at = group[at / 2 * asked.Together + query % asked.Together]
                        let expected = Seq.sum [ for at in 0 .. dimension - 1 -> code at * int (int16 (pair at >>> (16 * (at % 2)))) ]
                        let product = products[query % asked.Together * 16 + row]
                        Expect.equal product expected "the product of the codes"
                        let said = float product * float scales[row] * float asked.Scales[query]
                        let exact = Array.fold2 (fun sum x y -> sum + float x * float y) 0.0 all[row] queries[query]
                        let room = float scales[16 + row] + float asked.Slacks[query]
                        Expect.isLessThanOrEqual (abs (exact - said)) room "within what is allowed"
                        Expect.isLessThan room 0.1 "which is little"
    }

let tests = testList "Codes" [ searches; bounds ]
