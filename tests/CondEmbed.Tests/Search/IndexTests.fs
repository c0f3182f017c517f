/// The index against a full sort in double, and against a dictionary.
module CondEmbed.Tests.IndexTests

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Expecto
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Models
open CondEmbed.Tests.EmbedderSupport
open CondEmbed.Tests.ImageSupport
open CondEmbed.Tests.Support
open CondEmbed.Tests.IndexSupport

let private search =
    testList
        "search"
        [ test "equals a full sort, ties in order, in memory and from a file, one query and many, with removed ones and added ones" {
              // Of more rows than a block of memory and than a block of search.
              let rows = signs 1 2500 16
              let queries = signs 2 8 16
              use index = filled rows
              let gone = [ for i in 0..17..2499 -> idOf i ]

              for id in gone do
                  Expect.isTrue (index.Remove id) id

              let kept =
                  [ for i, row in Seq.indexed rows do
                        if i % 17 <> 0 then idOf i, row ]

              let check (index: ImageIndex) kept what =
                  let together = index.Search(flat queries, 25)

                  for q, query in Seq.indexed queries do
                      let expected = sorted kept query |> List.take 25
                      Expect.equal (pairsOf (index.Search(query, 25))) expected $"{what}, query {q} alone"
                      Expect.equal (pairsOf together[q]) expected $"{what}, query {q} among others"

              check index kept "in memory"

              throughFile index (fun loaded ->
                  check loaded kept "from a file"
                  let more = signs 3 1200 16

                  for i, row in Seq.indexed more do
                      loaded.Add(IndexItem $"more {i}", row)

                  for i in 1..3..600 do
                      loaded.Remove(idOf i) |> ignore
                      loaded.Remove $"more {i}" |> ignore

                  let kept =
                      [ for id, row in kept @ [ for i, row in Seq.indexed more -> $"more {i}", row ] do
                            if loaded.Contains id then id, row ]

                  Expect.equal loaded.Count kept.Length "count"
                  check loaded kept "from a file, and in memory"
                  throughFile loaded (fun again -> check again kept "saved again"))
          }

          test "numbers of any size and length are compared by their directions" {
              let rows = rough 4 700 37

              use index =
                  filled (
                      rows
                      |> Array.mapi (fun i row -> row |> Array.map (fun x -> x * MathF.Pow(10.0f, float32 (i % 9 - 4))))
                  )

              let gallery = [ for i, row in Seq.indexed rows -> idOf i, row ]

              for query in rough 5 20 37 do
                  let hits = pairsOf (index.Search(Array.map ((*) 100.0f) query, 700))
                  Expect.hasLength (List.distinct (List.map fst hits)) 700 "all are found"
                  Expect.equal hits (List.sortBy (snd >> (~-)) hits) "in order"
                  let exact = dict (sorted gallery query)

                  for id, similarity in hits do
                      Expect.isLessThan (abs (exact[id] - similarity)) 1e-6 id

                  for (_, similarity), (_, best) in Seq.zip hits (sorted gallery query) do
                      Expect.isLessThan (abs (best - similarity)) 1e-6 "rank by rank"
          }

          test "fewer than asked for, and none" {
              use index = filled (signs 6 3 4)
              Expect.equal (index.Search(ones, 10).Count) 3 "three"
              use empty = new ImageIndex 4
              Expect.equal (empty.Search(ones, 10).Count) 0 "none"
              Expect.equal (empty.Search(flat (signs 1 3 4), 10).Count) 3 "an answer for each"
          }

          test "a search can be ended" {
              use index = filled (signs 6 3 4)

              Expect.throwsT<OperationCanceledException>
                  (fun () -> index.Search(flat (signs 1 3 4), 1, CancellationToken true) |> ignore)
                  "cancelled"
          }

          test "searches go on while images come and go" {
              use index = filled (signs 7 600 16)
              let wanted = signs 8 1 16 |> Array.head
              index.Add(IndexItem "wanted", wanted)

              let writing =
                  Task.Run(fun () ->
                      for i, row in Seq.indexed (signs 9 3000 16) do
                          let moved: float32[] = Array.map (fun x -> x + 0.125f) row
                          index.Set(IndexItem $"new {i % 1000}", moved) |> ignore
                          if i % 3 = 0 then index.Remove(idOf (i % 600)) |> ignore)

              let mutable rounds = 0

              while not writing.IsCompleted || rounds < 3 do
                  rounds <- rounds + 1
                  let hits = index.Search(wanted, 5)
                  Expect.equal hits[0] (IndexHit("wanted", "", 1.0f)) "the exact one"
                  Expect.hasLength (Seq.distinct [ for hit in hits -> hit.Id ]) 5 "no id twice"

              writing.Wait()
              Expect.equal index.Count (601 + 1000 - 200) "count"
          } ]

/// What is done to an index.
type Change =
    | Add of int
    | Set of int
    | Remove of int
    | SaveAndLoad

let private sequences =
    testPropertyWithConfig (fewCases 40) "any sequence of changes leaves what a dictionary would hold" (fun (changes: Change list) ->
        inFolder (fun folder ->
            let mutable index = new ImageIndex(4, "net")
            let mutable model: (string * float32[]) list = []
            let fresh = Random 1
            let holds id = List.exists (fst >> (=) id) model
            let without id = List.filter (fst >> (<>) id) model

            for step, change in Seq.indexed changes do
                // Few ids, so that they meet.
                let id (n: int) = string (abs (n % 6))
                let row = [| for _ in 1..4 -> if fresh.Next 2 = 0 then -1.0f else 1.0f |]

                match change with
                | Add n when holds (id n) -> Expect.throwsT<ArgumentException> (fun () -> index.Add(IndexItem(id n), row)) "twice"
                | Add n ->
                    index.Add(IndexItem(id n, $"step {step}"), row)
                    model <- model @ [ id n, row ]
                | Set n ->
                    Expect.equal (index.Set(IndexItem(id n), row)) (holds (id n)) "was there"
                    model <- without (id n) @ [ id n, row ]
                | Remove n ->
                    Expect.equal (index.Remove(id n)) (holds (id n)) "was there"
                    model <- without (id n)
                | SaveAndLoad ->
                    // Also over the file that it was loaded from.
                    let path = Path.Combine(folder, (if OperatingSystem.IsWindows() then $"{step}.index" else "a.index"))
                    index.Save path
                    index.Dispose()
                    index <- ImageIndex.Load(path, check = true)

                Expect.equal [ for item in index.Items -> item.Id ] (List.map fst model) "ids in order"
                Expect.equal index.Count model.Length "count"

                for n in 0..5 do
                    Expect.equal (index.Contains(string n)) (holds (string n)) "contains"
                    let row = model |> List.tryFind (fst >> (=) (string n)) |> Option.map (snd >> Array.map (fun x -> x / 2.0f))
                    Expect.equal (Option.ofObj (index.EmbeddingOf(string n))) row "embedding"

                Expect.equal (pairsOf (index.Search(asked, 4))) (sorted model asked |> List.truncate 4) "found"

            index.Dispose()))

let private lasting =
    test "replacing and removing go on and on in the same memory, in an index that was made here and in one from a file" {
        let changed (index: ImageIndex) =
            let random = Random 5
            let model = Collections.Generic.List<string * float32[]>()

            for item in index.Items do
                model.Add(item.Id, Array.map ((*) 16.0f) (index.EmbeddingOf item.Id))

            let before = GC.GetTotalMemory true

            // Of 256 numbers each: 40 MiB in all.
            for row in signs 10 40_000 256 do
                let id = idOf (random.Next 120)
                let was = model.RemoveAll(fun (other, _) -> other = id) > 0

                if random.Next 4 = 0 then
                    Expect.equal (index.Remove id) was "was there"
                else
                    Expect.equal (index.Set(IndexItem(id, "new"), row)) was "was there"
                    model.Add(id, row)

            Expect.isLessThan (float (GC.GetTotalMemory true - before)) (8.0 * 1048576.0) "bytes more"
            Expect.equal [ for item in index.Items -> item.Id ] [ for id, _ in model -> id ] "ids in order"
            let query = (signs 11 1 256)[0]
            Expect.equal (pairsOf (index.Search(query, 30))) (sorted (List.ofSeq model) query |> List.truncate 30) "found"

            for id, row in model do
                Expect.equal (index.EmbeddingOf id) (Array.map (fun x -> x / 16.0f) row) "embedding"

        use index = filled (signs 12 100 256)
        throughFile index changed
        changed index
    }

let private refusals =
    test "what makes no sense is refused" {
        use index = filled (signs 1 10 4)

        let refused message (action: unit -> unit) =
            Expect.throwsC action (fun problem -> Expect.stringContains problem.Message message "message")

        refused "has 3 numbers; those in the index have 4" (fun () -> add index (IndexItem "x") [| 1.0f; 2.0f; 3.0f |])
        refused "all 0" (fun () -> add index (IndexItem "x") (Array.zeroCreate 4))
        refused "all finite" (fun () -> add index (IndexItem "x") [| nanf; 1.0f; 1.0f; 1.0f |])
        refused "all finite" (fun () -> index.Search(Array.map ((*) infinityf) ones, 1) |> ignore)
        refused "already contains an image with the id 'image 3'; use Set to replace it" (fun () -> add index (IndexItem(idOf 3)) ones)
        refused "top" (fun () -> index.Search(ones, 0) |> ignore)
        refused "Id" (fun () -> add index (IndexItem "") ones)
        Expect.equal index.Count 10 "nothing was added"
    }

let private building =
    testList
        "building"
        [ test "of a folder: ids are paths, labels are folders" {
              inFolder (fun folder ->
                  for i, path in Seq.indexed [ "a.png"; "cats/b.png"; "cats/old/c.png" ] do
                      let path = Path.Combine(folder, path)
                      Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
                      File.WriteAllBytes(path, ImageEncoder.Png(randomImage i 20 30))

                  use embedder = new Embedder(new FakeNetwork())
                  use index = ImageIndex.BuildAsync(embedder, folder).Result

                  Expect.equal
                      (List.ofSeq index.Items)
                      [ IndexItem("a.png", ""); IndexItem("cats/b.png", "cats"); IndexItem("cats/old/c.png", "old") ]
                      "items"

                  Expect.equal index.Fingerprint "means" "fingerprint"
                  let hit = index.Search(embedder.Embed(Path.Combine(folder, "cats/b.png")), 1)[0]
                  Expect.equal hit.Id "cats/b.png" "found"
                  File.WriteAllText(Path.Combine(folder, "cats/bad.png"), "no image")
                  let again (skip: Action<BadImage>) = ImageIndex.BuildAsync(embedder, folder, skip).GetAwaiter().GetResult()
                  rejects [ "bad.png"; "not a JPEG" ] (fun () -> (again null).Dispose())
                  let bad = ResizeArray<BadImage>()
                  use rest = again (Action<BadImage> bad.Add)
                  Expect.equal (rest.Count, bad.Count) (3, 1) "the others"

                  rejects [ "no such folder" ] (fun () -> ImageIndex.BuildAsync(embedder, Path.Combine(folder, "none")).Result.Dispose())

                  rejects [ "another network (net)" ] (fun () ->
                      use other = new ImageIndex(3, "net")
                      other.AddAsync(embedder, [| IndexImage("a", Path.Combine(folder, "a.png")) |]).GetAwaiter().GetResult()))
          } ]

let tests = testList "Index" [ search; sequences; lasting; IndexFileTests.tests; refusals; building ]
