/// Shards of embeddings: together they are what is embedded at one go, and each can be made again.
module CondEmbed.Tests.ShardTests

open System
open System.IO
open Expecto
open FsCheck
open CondEmbed.Search
open CondEmbed.Datasets
open CondEmbed.Interchange
open CondEmbed.Models
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private file folder (shard: Shard) = Path.Combine(folder, shard.FileName)

let private write model (data: IImageDataset) (folder: string) index count =
    let shard = Shard(index, count)
    let rows = ShardWriter.Write(model, data, shard, folder) |> Option.ofNullable
    rows, file folder shard

let private withModel test =
    use model = EmbeddingModel.Load(finishedRun [], "cpu")
    inFolder (test model (FolderDataset.Open imageFolder.Value :> IImageDataset))

let tests =
    testList
        "shards"
        [ testProperty "every image is in exactly one shard, in whole batches"
          <| fun (NonNegativeInt images) (PositiveInt count) (PositiveInt batch) ->
              let shards = [ for index in 1..count -> List.ofSeq (Shard(index, count).Items(images, batch)) ]
              Expect.equal (List.sort (List.concat shards)) [ 0 .. images - 1 ] "all once"

              for shard in shards do
                  for part in List.chunkBySize batch shard do
                      Expect.equal (part.Head % batch) 0 "begins with a batch"
                      Expect.equal part [ part.Head .. part.Head + part.Length - 1 ] "and is one"

          test "i/N is read" {
              Expect.equal (Shard.Parse "3/8") (Shard(3, 8)) "third"
              Expect.equal (Shard.Parse("3/8").FileName) "part-00003-of-00008.parquet" "name"

              for wrong in [ "0/8"; "9/8"; "3"; "3/8/1"; "-1/8"; "a/b"; ""; "1/1000000" ] do
                  rejects [ wrong; "1/8" ] (fun () -> Shard.Parse wrong |> ignore)
          }

          test "their union is what is embedded at one go, bit for bit" {
              withModel (fun model data folder ->
                  let whole = model.Embed data
                  let rows = [ for index in 1..3 -> write model data folder index 3 ]
                  Expect.equal (List.map fst rows) [ Some 64; Some 32; Some 0 ] "batches of 64; the third has none"
                  let shards = EmbeddingShards.Open(EmbeddingShards.FilesIn folder)
                  Expect.equal (shards.Count, shards.Network) (96L, StoreNetwork.Of model) "rows"
                  let items = Seq.toArray (shards.Items())

                  for at, item in Seq.indexed items do
                      let expected = data.Items[at]

                      Expect.equal
                          (item.Path, item.Label, item.Id)
                          (expected.Path, expected.Label, ImageId.Of(ReadOnlySpan(data.Read at)))
                          "name"

                      Expect.equal (item.Embedding.ToArray()) (whole.Row(at).ToArray()) item.Path

                  Expect.hasLength items 96 "all")
          }

          test "what is there stays as it is, down to the time stamp; another network's or other images' is refused, --again overwrites" {
              withModel (fun model data folder ->
                  let _, path = write model data folder 1 2
                  let before, time = File.ReadAllBytes path, DateTime(2020, 1, 1)
                  File.SetLastWriteTimeUtc(path, time)
                  Expect.isNone (fst (write model data folder 1 2)) "is there"
                  Expect.equal (File.GetLastWriteTimeUtc path, File.ReadAllBytes path) (time, before) "untouched"
                  let fewer = DatasetPart(data, [| 0..94 |])
                  rejects [ path; "other"; "IndexOptions.Again" ] (fun () -> write model fewer folder 1 2 |> ignore)
                  use best = EmbeddingModel.Load(finishedRun [ "steps", "7" ], "cpu")
                  rejects [ path; "another network"; "IndexOptions.Again" ] (fun () -> write best data folder 1 2 |> ignore)
                  Expect.equal (File.ReadAllBytes path) before "untouched"
                  Expect.equal (ShardWriter.Write(best, data, Shard(1, 2), folder, IndexOptions(Again = true))) (Nullable 64) "again"
                  Expect.notEqual (File.ReadAllBytes path) before "another"
                  write model data folder 2 2 |> ignore
                  rejects [ "another network" ] (fun () -> EmbeddingShards.Open(EmbeddingShards.FilesIn folder) |> ignore)
                  Expect.isEmpty (Directory.GetFiles(folder, "*.tmp")) "nothing half")
          }

          test "missing, doubled, mixed, damaged and foreign files are named" {
              withModel (fun model data folder ->
                  for index in [ 1; 3 ] do
                      write model data folder index 4 |> ignore

                  let opened paths () = EmbeddingShards.Open(paths) |> ignore
                  let files = List.ofSeq (EmbeddingShards.FilesIn folder)

                  rejects
                      [ "2 of 4"
                        "part-00002-of-00004.parquet, part-00004-of-00004.parquet"
                        "new Shard(2, 4)"
                        "allowMissing: true" ]
                      (opened (ResizeArray files))

                  Expect.equal (EmbeddingShards.Open(ResizeArray files, true).Count) 64L "what is there"
                  rejects [ "the same shard" ] (opened [| files[0]; files[0] |])
                  let other = Path.Combine(folder, "other")
                  let _, single = write model data other 1 1
                  rejects [ "one of 4"; "one of 1" ] (opened [| files[0]; single |])
                  let plain = Path.Combine(folder, "plain.parquet")
                  EmbeddingFiles.Write(plain, EmbeddingTable([| 1f |], 1, 1, [| "a" |], [| "b" |]))
                  rejects [ plain; "is not a shard"; "ShardWriter" ] (opened [| plain |])
                  let bytes = File.ReadAllBytes single
                  File.WriteAllBytes(single, bytes[.. bytes.Length / 2])
                  rejects [ single; "cannot be read" ] (opened [| single |])
                  rejects [ "no shards" ] (opened [||]))
          }

          test "metrics of a shard are read as of any table" {
              withModel (fun model data folder ->
                  let _, path = write model data folder 1 1
                  let read = LabelledEmbeddings.Read path
                  Expect.equal (read.Count, read.Dimension) (96, 16) "all"
                  Expect.sequenceEqual read.Labels [ for item in data.Items -> item.Label ] "labels")
          } ]
