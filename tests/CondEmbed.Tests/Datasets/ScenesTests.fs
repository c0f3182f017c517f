/// The sets that are made from the embedded emoji: scenes of several, and each alone.
module CondEmbed.Tests.ScenesTests

open System
open System.IO
open System.Linq
open System.Security.Cryptography
open Expecto
open CondEmbed.Images
open CondEmbed.Datasets
open CondEmbed.Tests.Support
open CondEmbed.Tests.CliSupport

let private scenes = lazy EmojiScenesDataset.Open()

let private singles = lazy EmojiScenesDataset.OpenSingles()

let private all (set: EmojiScenesDataset) = [ 0 .. set.Count - 1 ]

let private labelsOf (set: IImageDataset) (items: seq<int>) = Set.ofSeq (Seq.map (fun item -> set.Items[item].Label) items)

let private pixelsOf (set: IImageDataset) item = (SkiaDecoder().Decode(set.Read item, set.NameOf item)).Pixels

let private hashOf set items = Convert.ToHexStringLower(SHA256.HashData(items |> Seq.map (pixelsOf set) |> Array.concat))

let private contents =
    testList
        "contents"
        [ test "each class has its number of scenes, under their paths" {
              let set = scenes.Value

              let perClass =
                  [ for item in set.Items -> item.Role, item.Label ]
                  |> List.countBy id
                  |> List.map (fun ((role, _), scenes) -> role, scenes)
                  |> List.countBy id
                  |> List.sort

              Expect.equal perClass [ (Role.Train, 24), 154; (Role.Validation, 12), 39; (Role.Test, 12), 231 ] "classes of each role"
              Expect.equal set.Items[3].Path $"{set.Items[0].Label}/scene-03.png" "path"
              Expect.equal (set.Items.Select(_.Path).Distinct().Count()) set.Count "each path once"
          }

          test "a scene shows its class once, beside one or two that stand by" {
              let set = scenes.Value
              let roleOf = EmojiSplit.ReadForScenes()

              for item in all set do
                  let labels = [ for shown in set.ShownIn item -> shown.Label ]
                  Expect.isTrue (labels.Length >= 2 && labels.Length <= 3) "emoji"
                  Expect.equal (List.distinct labels) labels "each class once"
                  let others = labels |> List.filter (fun label -> label <> set.Items[item].Label)
                  Expect.equal others.Length (labels.Length - 1) "the labelled one is there"

                  for label in others do
                      Expect.equal roleOf[label] Role.Unassigned $"{label} in {set.NameOf item}"
          }

          test "those that stand by are training classes, are never meant, and stand by in every part" {
              let set = scenes.Value

              let standing =
                  Set.ofSeq
                      [ for KeyValue(label, role) in EmojiSplit.ReadForScenes() do
                            if role = Role.Unassigned then label ]

              let known = EmojiSplit.Read()
              Expect.isTrue (standing |> Seq.forall (fun label -> known[label] = Role.Train)) "training classes"
              Expect.isEmpty (Set.intersect standing (labelsOf set (all set))) "never meant"

              for role in [ Role.Train; Role.Validation; Role.Test ] do
                  let shown =
                      Set.ofList
                          [ for item in all set do
                                if set.Items[item].Role = role then
                                    for shown in set.ShownIn item do
                                        if shown.Label <> set.Items[item].Label then shown.Label ]

                  Expect.equal shown standing $"{role}"
          }

          test "the labelled one is as often first, last, small and large as the others" {
              let set = scenes.Value

              // Of every scene alike: a crowded one has more others, and smaller ones.
              let alike measure tolerance what =
                  let differences =
                      [ for item in all set do
                            let emoji = List.ofSeq (set.ShownIn item)
                            let measured = [ for place, one in List.indexed emoji -> float (measure (place, emoji.Length) one.Box) ]
                            let mine = emoji |> List.findIndex (fun one -> one.Label = set.Items[item].Label)
                            measured[mine] - List.average (List.removeAt mine measured) ]

                  Expect.isLessThan (abs (List.average differences)) tolerance what

              alike (fun (place, _) _ -> if place = 0 then 1 else 0) 0.02 "first"
              alike (fun (place, count) _ -> if place = count - 1 then 1 else 0) 0.02 "last"
              alike (fun _ (box: PixelBox) -> box.Width) 0.2 "size"
              alike (fun _ box -> box.Left + box.Width / 2) 0.8 "across"
              alike (fun _ box -> box.Top + box.Height / 2) 0.8 "down"
          }

          test "emoji of 36 to 48 px lie within the scene and hardly cover each other" {
              let set = scenes.Value

              for item in all set do
                  let boxes = [ for shown in set.ShownIn item -> shown.Box ]

                  for box in boxes do
                      Expect.isTrue (box.Width >= 36 && box.Width <= 48 && box.Height = box.Width) "size"
                      Expect.isTrue (min box.Left box.Top >= 0 && max box.Left box.Top + box.Width <= 96) "place"

                  let pairs = List.allPairs boxes boxes |> List.filter (fun (one, other) -> one <> other)
                  let covered = [ for one, other in pairs -> SceneLayout.Covered(one, other) ]

                  Expect.isLessThanOrEqual (List.max covered) SceneLayout.MostCovered $"per cent in {set.NameOf item}"
          } ]

let private drawing =
    testList
        "drawing"
        [ test "the same pixels everywhere, on any thread" {
              let some = [ 0; 1; 2500; 5000; 6503 ]
              Expect.equal (hashOf scenes.Value some) "a7f141b880f9bfb6a8e9049e4725cb05b2ac4552ab7fae1ce00ed97728bc70ba" "scenes"

              Expect.equal
                  (hashOf singles.Value [ 0; 5; 2423 ])
                  "506ad756bcbcc145a8a68e423451d3c7d40a10c15c93a962b73f91fb28aa77ab"
                  "singles"

              let fresh = EmojiScenesDataset.Open()
              let together = ParallelEnumerable.Range(0, 64).AsOrdered().Select(fun item -> fresh.Read item).ToArray()
              Expect.equal together [| for item in 0..63 -> scenes.Value.Read item |] "bytes"
          }

          test "an emoji is drawn without the white around it, and with the white that it encloses" {
              let ring = RgbImage(9, 9, Rgb(255uy, 255uy, 255uy))

              for x, y in List.allPairs [ 2..6 ] [ 2..6 ] do
                  if x = 2 || x = 6 || y = 2 || y = 6 then ring.Pixels.AsSpan((y * 9 + x) * 3, 3).Clear()

              let canvas = RgbImage(9, 9, Rgb(100uy, 150uy, 200uy))
              (EmojiCutOut.Of ring).Draw(canvas, PixelBox(0, 0, 9, 9))
              let at x y = List.ofArray canvas.Pixels[(y * 9 + x) * 3 .. (y * 9 + x) * 3 + 2]
              Expect.equal (at 0 0) [ 100uy; 150uy; 200uy ] "around it"
              Expect.equal (at 2 2) [ 0uy; 0uy; 0uy ] "the ring"
              Expect.equal (at 4 4) [ 255uy; 255uy; 255uy ] "within it"
          }

          test "a pixel that is half emoji covers by half" {
              let square = RgbImage(5, 5, Rgb(255uy, 255uy, 255uy))
              square.Pixels.AsSpan((2 * 5 + 2) * 3, 6).Clear()
              (Rgb(127uy, 127uy, 127uy)).Fill(square.Pixels.AsSpan((2 * 5 + 1) * 3, 3))
              let canvas = RgbImage(5, 5, Rgb(0uy, 100uy, 255uy))
              (EmojiCutOut.Of square).Draw(canvas, PixelBox(0, 0, 5, 5))
              let at = (2 * 5 + 1) * 3
              Expect.equal (List.ofArray canvas.Pixels[at .. at + 2]) [ 0uy; 50uy; 127uy ] "half of what lies below"
          }

          test "opening draws nothing" {
              let watch = Diagnostics.Stopwatch.StartNew()
              let set = EmojiScenesDataset.Open()
              Expect.equal (Seq.sumBy set.LengthOf (all set)) (27648L * int64 set.Count) "lengths are those of the pixels"
              Expect.isLessThan watch.Elapsed (TimeSpan.FromSeconds 2.0) "time, with much to spare"
          } ]

let private alone =
    test "emoji-singles: each image of the classes that are meant alone, of the same parts" {
        let set = singles.Value
        let roleOf = EmojiSplit.ReadForScenes()

        let meant =
            [ for item in EmojiDataset.Open().Items do
                  if roleOf[item.Label] <> Role.Unassigned then item.Path ]

        Expect.equal [ for item in set.Items -> item.Path ] meant "paths"

        for item in all set do
            let shown = set.ShownIn item
            Expect.equal [ for one in shown -> one.Path ] [ set.Items[item].Path ] "what is shown"
            Expect.equal set.Items[item].Role roleOf[set.Items[item].Label] "part"

        Expect.equal (labelsOf set (ClassSplit.Make set).Test) (labelsOf scenes.Value (ClassSplit.Make scenes.Value).Test) "test classes"
    }

let private splitting =
    test "the parts are those of the set, whatever share is asked for validation; the test classes are those of emoji" {
        let set = scenes.Value

        for share in [ 0.0; 0.1; 0.5 ] do
            let split = ClassSplit.Make(set, SplitOptions(ValidationShare = share))
            let counts = split.Train.Count, split.Validation.Count, split.Test.Count
            Expect.equal counts (154 * 24, 39 * 12, 231 * 12) "scenes"

        let emoji = EmojiDataset.Open()
        Expect.equal (labelsOf set (ClassSplit.Make set).Test) (labelsOf emoji (ClassSplit.Make emoji).Test) "test classes"
    }

let private names =
    testList
        "names"
        [ test "all names open, as data and as images" {
              for name in ImageDatasets.EmbeddedNames do
                  Expect.equal (ImageDatasets.Open name).Name name "as data"
                  Expect.equal (ImageDatasets.OpenImages name).Count (ImageDatasets.Open name).Count "as images"
          }

          test "a near miss is told" { rejects [ "did you mean 'emoji-scenes'?" ] (fun () -> ImageDatasets.Open "emoji-scene" |> ignore) } ]

let private short = [ "--steps"; "2"; "--batch"; "8"; "--per-class"; "2"; "--size"; "32"; "--device"; "cpu" ]

let private commands =
    testList
        "program"
        [ test "trains on scenes, goes by the name alone, and evaluates on singles" {
              inFolder (fun folder ->
                  Directory.CreateDirectory(Path.Combine(folder, "emoji-scenes")) |> ignore
                  let trained = condembedIn folder ([ "train"; "--dataset"; "emoji-scenes"; "--out"; "run" ] @ short)
                  Expect.equal trained.Code 0 trained.Everything
                  Expect.stringContains trained.Error "validation: 39 classes, 468 images" "split"
                  let settings = File.ReadAllText(Path.Combine(folder, "run", "config.toml"))
                  Expect.stringContains settings "data = \"emoji-scenes\"" "no path"
                  let evaluated = succeeds [ "evaluate"; Path.Combine(folder, "run"); "emoji-singles"; "--json" ]
                  Expect.stringContains evaluated "1386" "the test images")
          }

          test "--dataset and DATA must agree" {
              let refused = condembed [ "train"; "emoji"; "--dataset"; "emoji-scenes" ]
              Expect.equal refused.Code 2 refused.Everything
              Expect.stringContains refused.Error "--dataset emoji-scenes: 'emoji' is given as DATA too" "which"
              let nowhere = condembed [ "train"; "nowhere"; "--dataset"; "nowhere" ]
              Expect.stringContains nowhere.Error "nowhere: does not exist" "the same twice is one"
          } ]

let tests = testList "Scenes" [ contents; drawing; alone; splitting; names; commands ]
