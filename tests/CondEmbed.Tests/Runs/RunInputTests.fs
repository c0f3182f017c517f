/// What a run is given: images that cannot be read, data with roles, weights to start from.
module CondEmbed.Tests.RunInputTests

open System.IO
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.WeightFiles
open CondEmbed.Storage
open CondEmbed.Models
open CondEmbed.Runs
open CondEmbed.Interop
open CondEmbed.Tests.Support
open CondEmbed.Tests.RunSupport
open TorchSharp

/// A data set of its own to be spoilt, and a place for a run.
let private inData (test: string -> string -> unit) =
    inFolder (fun folder ->
        let data = Path.Combine(folder, "data")
        unpack data 16
        test data (Path.Combine(folder, "run")))

let private imagesOf (data: string) = Directory.GetFiles(data, "*.png", SearchOption.AllDirectories) |> Array.sort

let private badImages =
    testList
        "bad images"
        [ test "all are listed before anything is trained or written" {
              inData (fun data run ->
                  let files = imagesOf data
                  File.WriteAllText(files[0], "no image")
                  File.WriteAllBytes(files[7], File.ReadAllBytes(files[7])[..99])
                  File.WriteAllBytes(files[20], [||])

                  let names = [ for at in [ 0; 7; 20 ] -> Path.GetRelativePath(data, files[at]).Replace('\\', '/') ]

                  rejects ("SkipBad" :: "3 of 96" :: names) (fun () -> train (settings data []) run |> ignore)
                  Expect.isFalse (Directory.Exists run) "no folder is left")
          }

          test "with skip_bad they are left out and named, and the run goes on and is evaluated without them" {
              inData (fun data run ->
                  let file = (imagesOf data)[3]
                  File.WriteAllText(file, "no image")
                  let config = settings data [ "skip_bad", "true" ]
                  let said = notices (Trainer(config, run))
                  Expect.stringContains said $"left out: {Path.GetRelativePath(data, file)}" "said"
                  File.Delete(RunFolder(run).LastWeights)
                  Expect.equal (Trainer.Resume(run).Train().Steps) 6 "goes on without it, too")
          }

          test "a run that cannot begin lets go of the cache that it has opened" {
              inData (fun data run ->
                  let cache = Path.Combine(data, "..", "cache") |> Path.GetFullPath
                  let config = settings data [ "cache", cache; "batch", "64" ]
                  rejects [ "a batch of 64"; "to train on" ] (fun () -> train config run |> ignore)
                  Expect.isNonEmpty (Directory.GetFiles cache) "the cache is there"

                  if System.OperatingSystem.IsLinux() then
                      Expect.isFalse (File.ReadAllText("/proc/self/maps").Contains cache) "and not mapped any more")
          }

          test "a link that leads nowhere is a bad image like any other" {
              inData (fun data run ->
                  let link = Path.Combine(string (Path.GetDirectoryName((imagesOf data)[0])), "link.png")

                  File.CreateSymbolicLink(link, Path.Combine(data, "gone.png")) |> ignore
                  rejects [ "link.png"; "1 of 97" ] (fun () -> train (settings data []) run |> ignore))
          }

          test "classes of one image each, which nothing can find, are refused before training" {
              inData (fun data run ->
                  for folder in Directory.GetDirectories data do
                      for file in Array.tail (Array.sort (Directory.GetFiles folder)) do
                          File.Delete file

                  rejects [ "at least 2 images" ] (fun () -> train (settings data []) run |> ignore)
                  Expect.isFalse (Directory.Exists run) "no folder is left")
          }

          tensorTest "what cannot begin leaves nothing behind, on disk or in memory" (fun () ->
              let before = torch.Tensor.TotalCount

              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")

                  for others, words in
                      [ [ "device", "cuda:7" ], [ "cuda:7" ]
                        [ "batch", "64" ], [ "classes" ]
                        [ "weights", Path.Combine(folder, "none.safetensors") ], [ "none.safetensors"; "cannot be read" ]
                        [ "data", Path.Combine(folder, "nowhere") ], [ "nowhere"; "does not exist" ] ] do
                      rejects words (fun () -> train (settings imageFolder.Value others) run |> ignore)
                      Expect.isFalse (Directory.Exists run) $"{others}: no folder is left")

              Expect.equal torch.Tensor.TotalCount before "tensors") ]

let private roles =
    test "queries are searched in a gallery where a table says so" {
        inFolder (fun folder ->
            unpack folder 10

            let labels = Directory.GetDirectories folder |> Array.map Path.GetFileName |> Array.sort

            let role (label: string) place =
                if System.Array.IndexOf(labels, label) < 6 then "train"
                elif place < 2 then "query"
                else "gallery"

            let lines =
                [ for label in labels do
                      for place, file in Seq.indexed (imagesOf (Path.Combine(folder, label))) do
                          $"{label}/{Path.GetFileName file},{label},{role label place}" ]

            let table = Path.Combine(folder, "data.csv")
            File.WriteAllLines(table, "path,label,role" :: lines)

            let said = notices (Trainer(settings table [ "validation_share", "0" ], Path.Combine(folder, "run")))

            Expect.stringContains said "query: 4 classes, 8 images" "queries"
            Expect.stringContains said "gallery: 4 classes, 16 images" "gallery"
            use model = EmbeddingModel.Load(Path.Combine(folder, "run"))
            let own = RunData.Open model.Settings
            Expect.equal (model.Evaluate(own.Dataset, own.Split).Queries) 8 "evaluated again")
    }

let private arraysOf file = List.ofSeq (Safetensors.Read(file).Arrays)

let private like name (shape: int64 list) =
    let count = shape |> List.fold (*) 1L |> int
    NamedArray.Of(name, List.toArray shape, System.ReadOnlySpan(Array.create count 0.01f))

let private weights =
    testList
        "weights"
        [ test "weights that do not fit are refused with everything that is wrong" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "spoilt.safetensors")

                  let encoder =
                      arraysOf (RunFolder(finishedRun []).LastWeights)
                      |> List.filter (fun array -> not (array.Name.StartsWith "embedding."))

                  let missing, reshaped = encoder[0], encoder[1]

                  let spoilt =
                      like reshaped.Name [ 3L; 1L ]
                      :: like "stranger.weight" [ 2L ]
                      :: like "fc.weight" [ 5L; 4L ]
                      :: List.skip 2 encoder

                  Safetensors.Write(file, List.toArray spoilt)
                  let run = Path.Combine(folder, "run")

                  rejects
                      [ file
                        "strict_weights = false"
                        "missing: 1"
                        missing.Name
                        "unexpected: 1"
                        "stranger.weight"
                        "wrongly shaped: 1"
                        $"{reshaped.Name} is" ]
                      (fun () -> train (settings imageFolder.Value [ "weights", file ]) run |> ignore)

                  Expect.isFalse (Directory.Exists run) "no folder is left"

                  let said = notices (Trainer(settings imageFolder.Value [ "weights", file; "strict_weights", "false" ], run))

                  Expect.stringContains said $"loaded: {encoder.Length - 2}" "what fits is loaded"
                  Expect.stringContains said "left out (the classifier of the weights): 1" "the classifier is not a misfit")
          }

          test "weights of which next to nothing fits are refused whatever the settings say, with the names of both" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "strange.safetensors")
                  let run = Path.Combine(folder, "run")
                  let start = arraysOf (RunFolder(finishedRun []).LastWeights)
                  let renamed (array: NamedArray) = NamedArray("any." + array.Name + "_", array.Type, Seq.toArray array.Shape, array.Data)
                  let train strict = Trainer(settings imageFolder.Value [ "weights", file; "strict_weights", strict ], run) |> ignore
                  let encoder = start |> List.filter (fun array -> not (array.Name.StartsWith "embedding."))

                  for kept in [ 0; 2 ] do
                      let some = List.take kept encoder @ List.map renamed (List.skip kept encoder)
                      Safetensors.Write(file, List.toArray some)
                      let words = if kept = 0 then "nothing in it fits" else "almost nothing in it fits"
                      let has, wants = (List.skip kept encoder).Head.Name, if kept = 0 then encoder.Head.Name else encoder[kept].Name

                      for strict in [ "false"; "true" ] do
                          rejects [ file; words; "'small'"; $"any.{has}_"; $"'{wants}'" ] (fun () -> train strict)

                      Expect.isFalse (Directory.Exists run) "no folder is made"

                  Safetensors.Write(
                      file,
                      [| for array in start ->
                             NamedArray("module._orig_mod." + array.Name, array.Type, Seq.toArray array.Shape, array.Data) |]
                  )

                  use session = Session.ForEmbedding((settings imageFolder.Value []).Core, Device.choose "cpu")
                  let said = EncoderWeights.Load(session, settings imageFolder.Value [ "weights", file ])
                  Expect.stringContains said "prefix removed: 'module._orig_mod.'" "the prefix is said"
                  Expect.isFalse (said.Contains "missing") said)
          }

          test "weights that cannot be used are refused before the run's folder is made" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")
                  let file (name: string) = Path.Combine(folder, name)
                  File.WriteAllText(file "broken.pth", "PK\003\004")
                  let good = arraysOf (RunFolder(finishedRun []).LastWeights)
                  Safetensors.Write(file "other.safetensors", [| like "conv1.weight" [ 2L ] |])

                  for name, bad in [ "nan.safetensors", nanf; "infinite.safetensors", infinityf ] do
                      let first = good |> List.find (fun array -> array.Name.EndsWith "conv1.weight")
                      let values = Array.create first.Count 0.01f
                      values[first.Count - 1] <- bad
                      let spoilt = NamedArray.Of(first.Name, Seq.toArray first.Shape, System.ReadOnlySpan values)

                      Safetensors.Write(file name, [| for array in good -> if array.Name = first.Name then spoilt else array |])

                  for name, words in
                      [ "gone.pth", [ "no such file" ]
                        "broken.pth", [ "PyTorch" ]
                        "other.safetensors", [ "nothing in it fits" ]
                        "nan.safetensors", [ "conv1.weight"; "NaN" ]
                        "infinite.safetensors", [ "conv1.weight"; "infinity" ] ] do
                      rejects (file name :: words) (fun () -> Trainer(settings imageFolder.Value [ "weights", file name ], run) |> ignore)

                      Expect.isFalse (Directory.Exists run) "no folder is made")
          }

          test "the weights of a run start another, which then differs from one that starts from nothing" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")
                  let start = RunFolder(finishedRun []).LastWeights

                  let said = notices (Trainer(settings imageFolder.Value [ "weights", start; "lr", "1e-12"; "warm_up", "0" ], run))

                  Expect.stringContains said start "said"

                  let find name file = arraysOf file |> List.find (fun array -> array.Name = name)

                  let name = arraysOf start |> List.map _.Name |> List.find (fun name -> name.EndsWith "conv1.weight")

                  let values (array: NamedArray) =
                      System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float32>(array.Data.Span).ToArray()

                  let started, ended = values (find name start), values (find name (RunFolder(run).LastWeights))

                  Expect.isLessThan (Seq.map2 (fun a b -> abs (a - b)) started ended |> Seq.max) 1e-6f "hardly moved from there"
                  Expect.notEqual (lastWeights run) (lastWeights (finishedRun [])) "trained on")
          }

          test "the ImageNet ResNet-50 fits its own stride, and the other is refused by name" {
              let file = sharedData "resnet50_imagenet.safetensors"

              let config encoder =
                  settings imageFolder.Value [ "encoder", encoder; "weights", file; "steps", "1"; "levels", "0"; "evaluate_every", "0" ]

              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")

                  rejects [ file; "'resnet50-v1'"; "not 'resnet50'"; "Encoder = \"resnet50-v1\"" ] (fun () ->
                      train (config "resnet50") run |> ignore)

                  use session = Session.ForTraining((config "resnet50-v1").Core, Device.choose "cpu", 6, 1)
                  let said = EncoderWeights.Load(session, config "resnet50-v1")
                  Expect.stringContains said "left out (the classifier of the weights): 2" "the classifier"
                  Expect.stringContains said "loaded: 265" "tensors"

                  for wrong in [ "missing"; "unexpected"; "wrongly shaped" ] do
                      Expect.isFalse (said.Contains wrong) said)
          } ]

let tests = testList "input" [ badImages; roles; weights ]
