/// Which network the tensors of a checkpoint are, by their names and shapes alone.
module CondEmbed.Tests.ImportedTests

open System.Collections.Generic
open Expecto
open CondEmbed
open CondEmbed.Encoders

/// Names and shapes of an encoder as a file may have them, and more.
let private shapesOf name more =
    let specs = (All.tryBuild name { Size = 224; Norms = Layers.Norms.Batch }).Value.Features.Specs
    Dictionary(dict [ yield! [ for spec in specs -> spec.Name, spec.Shape ]; yield! more ])

let private asked: Imported.Asked = { Encoder = None; Pooling = None; Power = None; Embedding = None; LeaveOut = "" }

let private foundIn asked shapes =
    match Imported.find asked shapes with
    | Ok found -> found
    | Error problem -> failtest problem

let private problemIn asked shapes =
    match Imported.find asked shapes with
    | Ok found -> failtest $"found {found.Encoder}"
    | Error problem -> problem

let tests =
    testList
        "Imported"
        [ test "each encoder is found by its tensors, with those that no tensor tells from it" {
              for name in All.names do
                  let encoder = (All.tryBuild name { Size = 224; Norms = Layers.Norms.Batch }).Value
                  let found = foundIn asked (shapesOf name [ "fc.weight", [ 128L; int64 encoder.Channels ]; "fc.bias", [ 128L ] ])
                  Expect.contains (found.Encoder :: found.Others) name "itself"
                  Expect.equal found.Embedding 128 name
                  Expect.equal found.Pooling (if encoder.HasToken then "class" else "mean") name

              Expect.equal (foundIn asked (shapesOf "resnet50" [])).Others [ "resnet50-v1" ] "another stride"
              Expect.equal (foundIn asked (shapesOf "vit-s16" [])).Others [ "vit-s16-dino" ] "other colours"
          }
          test "ImageNet's classifier is left out, by any of its names, unless its scores are asked for" {
              let layer name outputs = [ $"{name}.weight", [ outputs; 512L ]; $"{name}.bias", [ outputs ] ]

              for name, outputs in
                  [ "fc", 1000L
                    "classifier", 1001L
                    "head", 21843L
                    "head.fc", 21841L
                    "heads.head", 1000L
                    "classifier.1", 11221L ] do
                  let shapes = shapesOf "resnet18" (layer name outputs)
                  let own = set [ $"{name}.weight"; $"{name}.bias" ]

                  for asked in [ asked; { asked with Embedding = Some 0 } ] do
                      let found = foundIn asked shapes
                      Expect.equal (found.Embedding, Set.ofList found.LeftOut, found.Classifier) (0, own, Some $"{name}.weight") name

                  let kept = foundIn { asked with Embedding = Some(int outputs) } shapes
                  Expect.equal (kept.Embedding, kept.LeftOut, kept.Classifier) (int outputs, [], Some $"{name}.weight") name
                  Expect.stringContains (problemIn { asked with Embedding = Some 128 } shapes) $"makes 128" "another number"

              let unnamed = foundIn { asked with LeaveOut = "fc.*" } (shapesOf "resnet18" (layer "fc" 1000L))
              Expect.equal (unnamed.Embedding, unnamed.Classifier) (0, None) "left out by its name"
          }
          test "a head is no classifier, nor is it lost beside one" {
              let layer name outputs = [ $"{name}.weight", [ outputs; 512L ]; $"{name}.bias", [ outputs ] ]

              for name, outputs in [ "fc", 128L; "fc", 999L; "embedding", 1000L; "embedder.fc2", 1000L; "embedder.pth: fc", 1000L ] do
                  let found = foundIn asked (shapesOf "resnet18" (layer name outputs))
                  Expect.equal (found.Embedding, found.LeftOut, found.Classifier) (int outputs, [], None) name

              let both = foundIn asked (shapesOf "resnet18" (layer "fc" 1000L @ layer "neck" 64L))
              Expect.equal (both.Embedding, both.LeftOut) (64, [ "fc.weight"; "fc.bias" ]) "both"
          }
          test "what does not fit is refused, with the names of tensors and what to do" {
              let refused words asked name more =
                  let problem = problemIn asked (shapesOf name more)

                  for word: string in words do
                      Expect.stringContains problem word "said"

              let layer name outputs inputs = [ $"{name}.weight", [ outputs; inputs ]; $"{name}.bias", [ outputs ] ]

              refused
                  [ "head.2.weight [64, 256]"; "several layers cannot be imported" ]
                  asked
                  "resnet18"
                  (layer "head.0" 256L 512L @ layer "head.2" 64L 256L)

              refused
                  [ "several layers that could make"; "head.0.weight"; "head.2.weight" ]
                  asked
                  "resnet18"
                  (layer "head.0" 512L 512L @ layer "head.2" 64L 512L)

              refused
                  [ "no tensor to leave out whose name fits '2.*'"; "it has conv1.weight" ]
                  { asked with LeaveOut = "2.*" }
                  "resnet18"
                  (layer "fc" 64L 512L)

              refused [ "64 features"; "32 are asked for" ] { asked with Embedding = Some 32 } "resnet18" (layer "fc" 64L 512L)

              refused
                  [ "no linear layer"; "512"; "fc.weight [64, 100]" ]
                  { asked with Embedding = Some 64 }
                  "resnet18"
                  (layer "fc" 64L 100L)

              refused
                  [ "does not fit the encoder 'resnet50'"; "layer1.0.conv3.weight" ]
                  { asked with Encoder = Some "resnet50" }
                  "resnet18"
                  []

              refused [ "'resnet19', which there is not"; "resnet18" ] { asked with Encoder = Some "resnet19" } "resnet18" []
              refused [ "pooling 'sum'"; "gem" ] { asked with Pooling = Some "sum" } "resnet18" []
              refused [ "no power"; "3 is usual" ] { asked with Pooling = Some "gem" } "resnet18" []

              let names = shapesOf "resnet18" []
              names.Remove "layer4.1.conv2.weight" |> ignore
              Expect.stringContains (problemIn asked names) "1 tensor is missing (layer4.1.conv2.weight)" "the missing one"
              names["layer4.1.conv2.weight"] <- [ 512L; 512L; 1L; 1L ]

              Expect.stringContains
                  (problemIn asked names)
                  "1 tensor has another shape (layer4.1.conv2.weight is [512, 512, 1, 1]"
                  "the other shape"

              let twice =
                  Dictionary(
                      dict
                          [ for prefix in [ "student."; "teacher." ] do
                                for KeyValue(name, shape) in shapesOf "resnet18" [] -> prefix + name, shape ]
                  )

              Expect.stringContains (problemIn asked twice) "name one of these as the part" "two networks"
          } ]
