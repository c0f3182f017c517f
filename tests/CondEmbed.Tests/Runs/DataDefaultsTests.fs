/// Settings that follow from the data: photographs start from ImageNet's weights, and a batch has no more classes than there are.
module CondEmbed.Tests.DataDefaultsTests

open System
open System.IO
open Expecto
open CondEmbed.Images
open CondEmbed.Interop
open CondEmbed.Options
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

/// Class folders of images with a shorter side, as JPEG or PNG: four images of each class.
let private draw folder classes (side: int) (encode: RgbImage -> byte array) =
    for at in 1 .. 4 * classes do
        let file = Path.Combine(folder, "data", $"class{at % classes}", string at)
        Directory.CreateDirectory(string (Path.GetDirectoryName file)) |> ignore
        let image = RgbImage(side + 20, side, Rgb(byte (40 * (at % classes)), byte at, 90uy))
        File.WriteAllBytes(file + (if (encode image)[0] = 0xFFuy then ".jpg" else ".png"), encode image)

    Path.Combine(folder, "data")

let private jpeg (image: RgbImage) = ImageEncoder.Jpeg image
let private png (image: RgbImage) = ImageEncoder.Png image

let private given settings = [ for key, value in settings -> Given("test", key, value) ]

/// What settings become, and what is said of it.
let private resolved settings =
    let said = ResizeArray<string>()
    let settings = DataDefaults.Resolve(given settings, Action<string> said.Add)
    settings, List.ofSeq said

let private encoders =
    testList
        "encoder"
        [ test "photographs start from ImageNet's weights, and one notice says so" {
              inFolder (fun folder ->
                  for name, encode in [ "jpeg", jpeg; "png", png ] do
                      let data = draw (Path.Combine(folder, name)) 8 128 encode
                      let settings, said = resolved [ "data", data; "batch", "8" ]

                      let expected =
                          RunSettings.Resolve(given [ "data", data; "batch", "8"; "encoder", "resnet18-cntk"; "weights", "imagenet" ])

                      Expect.equal settings expected "as if it were asked for"
                      Expect.equal (TrainingOptions(Data = data).Resolve().Core.Encoder) "small" "options alone do not look at the data"

                      match said with
                      | [ line ] ->
                          for words in [ "128 px"; "resnet18-cntk"; "60 MB"; "Encoder = \"small\"" ] do
                              Expect.stringContains line words "the notice"
                      | lines -> failtest $"one notice, not {lines}")
          }

          test "smaller images, what is bundled, missing data, and an encoder or weights that are given, leave the settings as they are" {
              inFolder (fun folder ->
                  let small = draw (Path.Combine(folder, "small")) 8 105 jpeg
                  let large = draw (Path.Combine(folder, "large")) 8 200 jpeg
                  let table = Path.Combine(folder, "table.csv")
                  let files = Directory.GetFiles(small, "*", SearchOption.AllDirectories)
                  let rows = [ for file in files -> $"{file},{DirectoryInfo(file).Parent.Name}" ]
                  File.WriteAllLines(table, "path,label" :: rows)

                  for settings in
                      [ [ "data", small; "batch", "8" ]
                        [ "data", table; "batch", "8" ]
                        [ "data", large; "batch", "8"; "encoder", "small" ]
                        [ "data", large; "batch", "8"; "encoder", "resnet50" ]
                        [ "data", large; "batch", "8"; "weights", "own.safetensors" ]
                        [ "data", Path.Combine(folder, "gone") ]
                        [ "data", "emoji-scenes" ]
                        [] ] do
                      Expect.equal (resolved settings) (RunSettings.Resolve(given settings), []) $"{settings}")
          } ]

let private batches =
    test "a batch has no more classes than there are, unless its size is given" {
        inFolder (fun folder ->
            let data = draw folder 12 40 png
            let settings, said = resolved [ "data", data; "validation_share", "0" ]
            let classes = RunData.Open(settings).TrainClasses.Names.Count
            Expect.equal settings.Core.Batch (4 * classes) "four images of each class"
            Expect.hasLength said 1 "one notice"
            Expect.stringContains said[0] $"{classes} classes to train on" "says why"

            for own in [ "batch", "64"; "per_class", "2"; "sampler", "plain" ] do
                let settings = [ "data", data; own ]
                Expect.equal (resolved settings) (RunSettings.Resolve(given settings), []) $"{own}"

            let run = condembedIn folder [ "train"; "data"; "--batch"; "64" ]
            Expect.equal run.Code 2 run.Everything
            Expect.stringContains run.Error "would work: --batch " "the option to give")
    }

let private trainer =
    test "a trainer made of options takes the same, and says so; and that frozen stages are random where no weights are given" {
        inFolder (fun folder ->
            let data, said = draw folder 8 48 png, ResizeArray<string>()

            let options =
                TrainingOptions(
                    Data = data,
                    Out = Path.Combine(folder, "run"),
                    Steps = 1,
                    Freeze = "conv1*",
                    ValidationShare = 0.0,
                    Report = false
                )

            let trainer = Trainer(options, Notice = Action<string> said.Add)
            let classes = RunData.Open(trainer.Settings).TrainClasses.Names.Count
            let images = classes * trainer.Settings.Core.PerClass
            Expect.equal trainer.Settings.Core.Batch images "the batch"
            trainer.Train() |> ignore
            let all = String.Join('\n', said)

            for words in
                [ $"{classes} classes to train on: a batch has {images} images"
                  "no weights are given"
                  "imagenet"
                  "are trained" ] do
                Expect.stringContains all words "said"

            Expect.isFalse (all.Contains "several times") "four images of each class, as a batch takes"

            let start settings = RunNotices.OfStart(RunSettings.Resolve(given settings)) |> Option.ofObj
            Expect.equal (start []) None "the small one is meant to"
            Expect.equal (start [ "encoder", "resnet18-cntk" ]) None "it has weights"

            for encoder, weights in [ "resnet50", "imagenet"; "resnet34", "FILE" ] do
                let notice = (start [ "encoder", encoder ]).Value
                Expect.stringContains notice $"the encoder {encoder} starts from random weights" "said"
                Expect.stringContains notice weights "and how to start from others"

            let repeated = RunSettings.Resolve(given [ "data", data; "per_class", "6"; "batch", "12"; "validation_share", "0" ])
            let notice = RunNotices.OfBatches(repeated, RunData.Open repeated)
            Expect.stringContains notice $"{classes} of the {classes} classes to train on have fewer than 6 images" "said")
    }

let private program =
    testList
        "condembed train"
        [ test "a folder of photographs starts from the weights in the package, and the run keeps its settings" {
              PublishedWeightsTests.demandPackage ()

              inFolder (fun folder ->
                  draw folder 8 150 jpeg |> ignore
                  let condembed = run "CondEmbed.Cli.dll" folder [ "XDG_CACHE_HOME", folder ]

                  let outcome =
                      condembed [ "train"; "data"; "--size"; "32"; "--steps"; "1"; "--out"; "run"; "--set"; "validation_share=0" ]

                  Expect.equal outcome.Code 0 outcome.Everything

                  for words in [ "photographs (short side 150 px)"; "--encoder small"; "fetching"; "loaded: 110" ] do
                      Expect.stringContains outcome.Error words "said"

                  let kept = RunFolder.Open(Path.Combine(folder, "run")).Settings
                  Expect.equal (kept.Core.Encoder, kept.Host.Weights) ("resnet18-cntk", "imagenet") "in config.toml"
                  Expect.equal kept.Core.Batch (2 * RunData.Open(kept).TrainClasses.Names.Count) "and the batch"
                  let further = condembed [ "train"; "--resume"; "run"; "--steps"; "1" ]
                  Expect.equal further.Code 0 further.Everything
                  let resumed = RunFolder.Open(Path.Combine(folder, "run")).Settings
                  Expect.equal resumed kept "a run that goes on")
          }

          test "without the package it says both ways out, and trains nothing" {
              inFolder (fun folder ->
                  draw folder 8 150 jpeg |> ignore

                  let variables =
                      [ "XDG_CACHE_HOME", folder
                        "HOME", folder
                        "USERPROFILE", folder
                        "NUGET_PACKAGES", folder
                        "DOTNET_HOST_PATH", "/nonexistent" ]

                  let outcome = run "CondEmbed.Cli.dll" folder variables [ "train"; "data"; "--out"; "run" ]
                  Expect.equal outcome.Code 2 outcome.Everything

                  for words in [ "needs the .NET SDK"; "--weights FILE"; "--encoder small" ] do
                      Expect.stringContains outcome.Error words "ways out"

                  Expect.isFalse (Directory.Exists(Path.Combine(folder, "run"))) "no run")
          }

          test "config --show and preview take the same" {
              inFolder (fun folder ->
                  draw folder 8 150 jpeg |> ignore
                  let shown = condembedIn folder [ "config"; "--show"; "--set"; "data=data" ]
                  Expect.equal shown.Code 0 shown.Everything
                  Expect.stringContains shown.Out "encoder = \"resnet18-cntk\"" "config"
                  let preview = condembedIn folder [ "preview"; "data"; "--out"; "sheet.png" ]
                  Expect.equal preview.Code 0 preview.Everything
                  Expect.stringContains preview.Error "resnet18-cntk" "preview")
          } ]

let private slow =
    test "what takes hours on a CPU is told, with settings that take a quarter" {
        let told device steps settings = RunNotices.OfTime(RunSettings.Resolve(given settings), steps, device)
        let notice = told "cpu" 2000L [ "encoder", "resnet18-cntk" ]

        for words in [ "all of resnet18-cntk is trained"; "hours"; "Freeze = \"trunk\""; "TrunkCache = \"maps\"" ] do
            Expect.stringContains notice words "the notice"

        let advised = RunSettings.Resolve(given [ "encoder", "resnet18-cntk"; "freeze", "trunk"; "trunk_cache", "maps" ])
        Expect.isNull (CoreSettings.TrunkProblem advised.Core) "what it advises can be done"
        Expect.isNull (told "cuda:0" 2000L [ "encoder", "resnet18-cntk" ]) "a GPU"
        Expect.isNull (told "cpu" 20L [ "encoder", "resnet18-cntk" ]) "a few steps"
        Expect.isNull (told "cpu" 2000L [ "encoder", "resnet18-cntk"; "freeze", "conv1*" ]) "a choice that was made"
        Expect.isNull (told "cpu" 2000L []) "the small network"
        Expect.isNull (told "cpu" 2000L [ "encoder", "vit-s16" ]) "one without stages"
    }

let tests = testList "DataDefaults" [ encoders; batches; trainer; slow; program ]
