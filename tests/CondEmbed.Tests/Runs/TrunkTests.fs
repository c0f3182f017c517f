/// What frozen stages make of images, computed once and kept.
module CondEmbed.Tests.TrunkTests

open System.IO
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Encoders
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open TorchSharp

let private config freeze = { Config.standard with Size = 32; Embedding = 16; Pooling = "mean"; Freeze = freeze }

/// Pixels B H W 3.
let private pixels count =
    torch.randint (0L, 256L, [| int64 count; 32L; 32L; 3L |], dtype = torch.uint8, generator = new torch.Generator(7UL))

let private depths =
    test "the trunk is as deep as the stages in which nothing is trained" {
        let depth freeze =
            let encoder = Recipe.encoder (config freeze)
            Trunk.depth (Groups.freezes (Groups.frozen encoder freeze)) encoder

        Expect.equal
            [ for freeze in
                  [ ""
                    "layer1*"
                    "conv1*"
                    "conv1*,bn1*"
                    "conv1*, bn1*, layer1*"
                    "conv1*,bn1*,layer1*,layer3*"
                    "trunk"
                    "encoder"
                    "*" ] -> depth freeze ]
            [ 0; 0; 0; 1; 2; 2; 3; 4; 4 ]
            "stages"

        let transformer = Recipe.encoder { Config.startFor "vit-s16" with Size = 32 }
        Expect.equal (Trunk.depth (fun _ -> true) transformer) 0 "a transformer"
    }

let private names =
    test "trunk freezes all stages but the last, and encoder all but the head and the levels" {
        for name in Encoders.All.names do
            let settings freeze = { Config.startFor name with Size = 32; Freeze = freeze }
            let encoder = Recipe.encoder (settings "")
            let recipe freeze = Recipe.build (settings freeze) 4 10
            let leaves = Params.trainable (recipe "").Method.Objective.Specs

            let trained freeze =
                let isFrozen = Groups.freezes (recipe freeze).Method.Rules
                set (List.filter (isFrozen >> not) leaves)

            let ofEncoder = Params.trainable encoder.Features.Specs
            Expect.equal (trained "encoder") (Set.difference (set leaves) (set ofEncoder)) $"{name}: the head and the levels"
            Expect.isTrue ((trained "encoder").Contains "embedding.weight") $"{name}: the head"

            if encoder.Stages.IsEmpty then
                let problems = Recipe.patternProblems (settings "trunk")
                Expect.equal [ for problem in problems -> problem.Key ] [ "freeze" ] $"{name} has no stages"
            else
                let last = Params.trainable (List.last encoder.Stages).Specs
                Expect.equal (trained "trunk") (Set.union (trained "encoder") (set last)) $"{name}: the last stage too"
    }

let private forwards =
    testList
        "the network makes the same"
        [ for freeze in [ "conv1*,bn1*"; "conv1*,bn1*,layer1*,layer2*"; "conv1*,bn1*,layer*" ] do
              for mode, precision in
                  [ Training, Choices.Precision.Float32
                    Training, Choices.Precision.Bfloat16
                    Testing, Choices.Precision.Float32 ] do
                  tensorTest $"of images and of the trunk's maps: {freeze}, {mode}, {precision}" (fun () ->
                      let config = { config freeze with Precision = precision }
                      let embed, trunk = Network.embed (Recipe.network config), (Recipe.trunk config).Value
                      let parameters = drawn 3L float32 embed.Specs
                      let expected, reported = forward mode parameters embed (pixels 6)
                      let actual, reportedOnMaps = forward mode parameters embed (Layer.run parameters trunk (pixels 6))
                      expectClose 1e-6 expected actual "embeddings"
                      Expect.equal (List.map fst reportedOnMaps) (List.map fst reported) "statistics that change"

                      let ofTrunk = set [ for spec in trunk.Specs -> spec.Name ]

                      Expect.isEmpty
                          [ for name, _ in reported do
                                if ofTrunk.Contains name then name ]
                          "the trunk's statistics stay")

          tensorTest "the stages' maps too, as far as the trunk does not hide them" (fun () ->
              let config = config "conv1*,bn1*,layer1*"
              let network, trunk = Recipe.network config, (Recipe.trunk config).Value
              let parameters = drawn 3L float32 network.Features.Specs
              let features = Layer.run parameters network.Features (pixels 3)
              let onMaps = Layer.run parameters network.Features (Layer.run parameters trunk (pixels 3))
              Expect.equal features.Earlier.Length onMaps.Earlier.Length "stages"

              for expected, actual in List.zip (features.Map :: features.Earlier) (onMaps.Map :: onMaps.Earlier) do
                  expectClose 1e-6 expected actual "maps") ]

/// Settings under which every view of an image is the same, with the frozen stages' maps kept in a folder.
let frozen =
    [ "freeze", "conv1*,bn1*,layer1*"
      "augment", "none"
      "flip", "0"
      "pooling", "mean"
      "erase", "0"
      "grey", "0" ]

let private colourless = [ for key in [ "brightness"; "contrast"; "saturation"; "hue" ] -> key, "0" ]

let kept folder = [ "trunk_cache", Path.Combine(folder, "trunk"); "trunk_type", "float32"; "trunk_views", "2" ]

let private fileOf folder = Directory.GetFiles(Path.Combine(folder, "trunk"), "*.trunk") |> Array.exactlyOne

let lossesOf (run: string) = [ for step in (LogReader.Read(RunFolder(run).Log)).Steps -> step.Loss ]

let private runs =
    testList
        "a run"
        [ test "trains and measures as from the images, and the next run finds the file" {
              inFolder (fun folder ->
                  let weights = [ "weights", RunFolder(finishedRun (frozen @ colourless)).LastWeights; "strict_weights", "false" ]

                  let run name others =
                      let root = Path.Combine(folder, name)
                      // Images of this size are embedded in batches of 31, so that each part takes several.
                      let said =
                          notices (Trainer(settings imageFolder.Value (frozen @ colourless @ weights @ [ "size", "160" ] @ others), root))

                      root, said

                  let plain, _ = run "plain" []
                  let first, said = run "first" (kept folder)
                  let second, again = run "second" (kept folder @ [ "seed", "1" ])
                  Expect.stringContains said "to be computed" "the first"
                  Expect.stringContains again ": found" "the second, of another seed"

                  for expected, actual in List.zip (lossesOf plain) (lossesOf first) do
                      Expect.floatClose { absolute = 1e-5; relative = 1e-5 } actual expected "loss"

                  Expect.notEqual (lossesOf second) (lossesOf first) "another seed"

                  let measured (run: string) =
                      let metrics, log = MetricsFile.Read(RunFolder(run).Metrics), LogReader.Read(RunFolder(run).Log)

                      [ metrics.Before["map_at_r"]
                        metrics.After["map_at_r"]
                        if not (isNull metrics.Best) then metrics.Best["map_at_r"]
                        for validation in log.Validations do
                            validation.Metrics["map_at_r"] ]

                  for actual, expected in List.zip (measured first) (measured plain) do
                      Expect.floatClose
                          { absolute = 0.02; relative = 0.02 }
                          actual
                          expected
                          "MAP@R before, after, of the best network, and of validation")
          }

          test "goes on with a file that was only begun, and makes the same of it" {
              inFolder (fun folder ->
                  let train name = train (settings imageFolder.Value (frozen @ kept folder)) (Path.Combine(folder, name)) |> ignore
                  train "whole"
                  let whole = File.ReadAllBytes(fileOf folder)
                  let path = fileOf folder
                  // The last third of its rows was never written, and neither were their sums.
                  let rows = int (System.BitConverter.ToInt64(whole, 48))
                  let length = int (System.BitConverter.ToInt64(whole, 56))
                  let begun = Array.copy whole
                  let from = 2 * rows / 3
                  System.Array.Clear(begun, 64 + 8 * from, 8 * (rows - from))
                  System.Array.Clear(begun, 64 + 8 * rows + length * from, length * (rows - from))
                  File.Delete path
                  File.WriteAllBytes(path + ".part", begun)
                  train "again"
                  Expect.isTrue (File.ReadAllBytes(fileOf folder) = whole) "the file, bit for bit"
                  Expect.equal (lossesOf (Path.Combine(folder, "again"))) (lossesOf (Path.Combine(folder, "whole"))) "losses")
          }

          test "refuses a damaged file, and says what to do" {
              inFolder (fun folder ->
                  let train name = train (settings imageFolder.Value (frozen @ kept folder)) (Path.Combine(folder, name)) |> ignore
                  train "first"
                  // Its last row is of a test image, which every run measures.
                  let bytes = File.ReadAllBytes(fileOf folder)
                  bytes[bytes.Length - 1] <- bytes[bytes.Length - 1] ^^^ 1uy
                  File.WriteAllBytes(fileOf folder, bytes)

                  let refused run =
                      Expect.throwsC (fun () -> train run) (fun problem ->
                          Expect.isTrue (problem :? InputException) "an InputException"
                          Expect.stringContains problem.Message "is damaged" "what"
                          Expect.stringContains problem.Message "Delete it" "what to do")

                  refused "second"
                  // The sum of its first row is gone.
                  System.Array.Clear(bytes, 64, 8)
                  File.WriteAllBytes(fileOf folder, bytes)
                  refused "third"
                  File.WriteAllBytes(fileOf folder, bytes[..99])
                  refused "fourth")
          }

          test "is another file for other views, and waits for a run that fills it" {
              inFolder (fun folder ->
                  let run name others =
                      notices (Trainer(settings imageFolder.Value (frozen @ kept folder @ others), Path.Combine(folder, name)))

                  run "first" [] |> ignore
                  let path = fileOf folder
                  Expect.stringContains (run "views" [ "trunk_views", "1" ]) "to be computed" "another number of views"
                  Expect.stringContains (run "resized" [ "resize", "40" ]) "to be computed" "another view of tests"
                  Expect.stringContains (run "again" []) ": found" "the first one is still there"
                  File.Delete path
                  let other = File.Open(path + ".part", FileMode.Create, FileAccess.ReadWrite, FileShare.None)
                  let waiting = System.Threading.Tasks.Task.Run(fun () -> run "waiting" [])
                  Expect.isFalse (waiting.Wait(System.TimeSpan.FromSeconds 2.0)) "it waits"
                  other.Dispose()
                  Expect.stringContains waiting.Result "another run computes" "why"
                  Expect.isTrue (File.Exists path) "and then makes the file itself")
          }

          test "stops and goes on to the same bits" {
              inFolder (fun folder ->
                  let config = settings imageFolder.Value (frozen @ kept folder)
                  let whole, parts = Path.Combine(folder, "whole"), Path.Combine(folder, "parts")
                  Trainer(config, whole).Train() |> ignore
                  Trainer(config, parts) |> stopAt 4 |> ignore
                  Trainer.Resume(parts).Train() |> ignore
                  expectSameRun whole parts)
          }

          test "needs a frozen first stage, and a chain of stages" {
              let refused others words =
                  Expect.throwsC (fun () -> settings imageFolder.Value (("trunk_cache", "trunk") :: others) |> ignore) (fun problem ->
                      Expect.isTrue (problem :? InputException) "an InputException"

                      for word in "trunk_cache" :: words do
                          Expect.stringContains problem.Message word "the message")

              refused [] [ "conv1.weight"; "freeze" ]
              refused [ "freeze", "layer1*" ] [ "the first stage is trained" ]
              refused [ "encoder", "vit-s16"; "size", "32"; "freeze", "*" ] [ "no such stages" ]
          } ]

let tests = testList "Trunk" [ depths; names; forwards; runs ]
