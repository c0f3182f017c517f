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

let private moveInto folder elsewhere =
    for file in Directory.GetFiles(elsewhere, "part-*") do
        File.Move(file, Path.Combine(folder, Path.GetFileName file))

let private sha256 (path: string) = Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData(File.ReadAllBytes path))

let private withModel test =
    use model = EmbeddingModel.Load(finishedRun [], "cpu")
    inFolder (test model (FolderDataset.Open imageFolder.Value :> IImageDataset))

let tests =
    testList
        "shards"
        [ testProperty "every image is in exactly one shard, in whole batches"
          <| fun (NonNegativeInt images) (PositiveInt count) (PositiveInt batch) ->
              let shards = [ for index in 1..count -> List.ofSeq (Shard(index, count).Items(images, batch)) ]
              Expect.equal (List.concat shards) [ 0 .. images - 1 ] "all once, in order"
              let batches = [ for shard in shards -> (shard.Length + batch - 1) / batch ]
              Expect.isLessThanOrEqual (List.max batches - List.min batches) 1 "equal but for a batch"

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
                  rejects [ path; "one of 2 shards"; "one of 3"; "new Shard(..., 2)" ] (fun () -> write model data folder 1 3 |> ignore)
                  let fewer = DatasetPart(data, [| 0..94 |])
                  rejects [ path; "other"; "IndexOptions.Again" ] (fun () -> write model fewer folder 1 2 |> ignore)
                  use best = EmbeddingModel.Load(finishedRun [ "steps", "7" ], "cpu")
                  rejects [ path; "another network"; "IndexOptions.Again" ] (fun () -> write best data folder 1 2 |> ignore)
                  Expect.equal (File.ReadAllBytes path) before "untouched"
                  Expect.equal (ShardWriter.Write(best, data, Shard(1, 2), folder, IndexOptions(Again = true))) (Nullable 64) "again"
                  Expect.notEqual (File.ReadAllBytes path) before "another"
                  rejects [ path; "another network"; "IndexOptions.Again" ] (fun () -> write model data folder 2 2 |> ignore)
                  // Somebody puts them together all the same.
                  let elsewhere = Path.Combine(folder, "elsewhere")
                  write model data elsewhere 2 2 |> ignore
                  moveInto folder elsewhere
                  rejects [ "another network" ] (fun () -> EmbeddingShards.Open(EmbeddingShards.FilesIn folder) |> ignore)
                  rejects [ "another network" ] (fun () -> ShardManifest.InFolder folder |> ignore)
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

          test "the manifest is there with the last shard, whichever that is, and says what is in the files" {
              withModel (fun model data folder ->
                  let at name = Path.Combine(folder, name)
                  let options = IndexOptions(Settings = readOnlyDict [ "encoder", "small" ])

                  let make index =
                      ShardWriter.Write(model, data, Shard(index, 3), folder, options) |> ignore
                      File.Exists(at ShardManifest.FileName)

                  Expect.equal [ for index in [ 3; 1; 2 ] -> make index ] [ false; false; true ] "with the last"
                  let manifest = ShardManifest.Read(at ShardManifest.FileName)
                  Expect.equal (StoreNetwork(manifest.Network, manifest.Dimension)) (StoreNetwork.Of model) "network"
                  Expect.equal manifest.Settings["encoder"] "small" "settings"

                  for index, (file, rows) in Seq.indexed (Seq.zip manifest.Files [ 64L; 32L; 0L ]) do
                      let path = at (Shard(index + 1, 3).FileName)
                      let expected = ShardFile(index + 1, Path.GetFileName path, rows, FileInfo(path).Length, sha256 path)
                      Expect.equal file expected "file"

                  let items (shards: EmbeddingShards) = [ for item in shards.Items() -> item.Path, item.Embedding.ToArray() ]
                  let whole = items (EmbeddingShards.Of manifest)
                  Expect.equal whole (items (EmbeddingShards.Of(ShardManifest.InFolder folder))) "file or folder"
                  Expect.equal whole (items (EmbeddingShards.Open(Array.rev (Array.ofSeq (EmbeddingShards.FilesIn folder))))) "or files"
                  Expect.equal (List.map fst whole) [ for item in data.Items -> item.Path ] "in the order of the images"

                  // Written again by itself, even after the manifest was lost.
                  let before = File.ReadAllText(at ShardManifest.FileName)
                  File.Delete(at ShardManifest.FileName)
                  Expect.isTrue (make 1) "again"
                  Expect.equal (File.ReadAllText(at ShardManifest.FileName)) before "the same"
                  File.Delete(at "part-00002-of-00003.json")

                  rejects [ "part-00002-of-00003.parquet"; "no part-00002-of-00003.json" ] (fun () ->
                      ShardManifest.InFolder folder |> ignore)

                  Expect.isTrue (make 2) "killed before it could say its sum"
                  Expect.sequenceEqual (ShardManifest.InFolder(folder).Files) manifest.Files "says it now")
          }

          test "what is not as the manifest says is named: changed, missing, of another kind" {
              withModel (fun model data folder ->
                  for index in 1..2 do
                      write model data folder index 2 |> ignore

                  let at name = Path.Combine(folder, name)
                  let first, manifest = at "part-00001-of-00002.parquet", at ShardManifest.FileName
                  let opened () = EmbeddingShards.Of(ShardManifest.Read manifest) |> ignore
                  let bytes = File.ReadAllBytes first
                  let flipped = Array.copy bytes
                  flipped[100] <- flipped[100] ^^^ 1uy
                  File.WriteAllBytes(first, flipped)
                  rejects [ first; manifest; "changed or damaged"; "new Shard(1, 2)" ] opened
                  rejects [ first; "changed or damaged"; "IndexOptions.Again" ] (fun () -> write model data folder 1 2 |> ignore)
                  File.Delete first
                  rejects [ "1 of 2 shards are missing"; "part-00001-of-00002.parquet"; "new Shard(1, 2)" ] opened
                  Expect.equal (EmbeddingShards.Of(ShardManifest.Read manifest, true).Count) 32L "without it"
                  Expect.equal (fst (write model data folder 1 2)) (Some 64) "made again alone"
                  Expect.equal (File.ReadAllBytes first) bytes "the same bits"
                  opened ()
                  let text = File.ReadAllText manifest

                  for wrong, words in
                      [ "{}", "not a manifest of shards"
                        "not json", "not a manifest of shards"
                        text.Replace("\"files\": [", "\"files\": [ null, "), "not a manifest of shards"
                        text.Replace("\"format\": 1", "\"format\": 9"), "format 9"
                        text.Replace("part-00001-of-00002.parquet", "../secret.parquet"), "not shards of its 2" ] do
                      File.WriteAllText(manifest, wrong)
                      rejects [ manifest; words ] opened)
          }

          test "metrics of a shard are read as of any table" {
              withModel (fun model data folder ->
                  let _, path = write model data folder 1 1
                  let read = LabelledEmbeddings.Read path
                  Expect.equal (read.Count, read.Dimension) (96, 16) "all"
                  Expect.sequenceEqual read.Labels [ for item in data.Items -> item.Label ] "labels")
          } ]
