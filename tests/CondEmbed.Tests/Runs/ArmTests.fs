/// What both arms of a study can have: a head that starts as the features, an average of the weights, a teacher of features.
module CondEmbed.Tests.ArmTests

open System.IO
open Expecto
open CondEmbed
open CondEmbed.Models
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open TorchSharp

let private transposed (x: Tensor) = x.transpose (0L, 1L)

let private weights =
    testList
        "the weight of the head"
        [ for images, features, width in [ 40, 12, 12; 40, 12, 5; 7, 12, 9 ] do
              tensorTest $"{width} directions of {features} features of {images} images" (fun () ->
                  let x, random = normal 1 [ images; features ] + 1.5, normal 2 [ width; features ]
                  let weight = PrincipalHead.weight x random
                  let products = matmul weight (transposed weight)
                  let length = toFloat products[0L, 0L]
                  expectClose 1e-9 (length * torch.eye (int64 width, dtype = float64)) products "orthogonal rows of one length"
                  let unit = Layers.l2Normalise x
                  let moments = torch.linalg.eigvalsh (matmul (transposed unit) unit) |> numbers |> Array.sortDescending
                  let kept = toFloat ((matmul unit (transposed weight)).square().sum()) / length
                  Expect.floatClose Accuracy.high kept (Array.sum moments[.. width - 1]) "no other directions keep more"
                  let lengthOf head = toFloat ((matmul x (transposed head)).norm())
                  Expect.floatClose Accuracy.high (lengthOf weight) (lengthOf random) "outputs as long as the random head's"

                  let apart head = toFloat ((Similarity.cosine (matmul x (transposed head)) - Similarity.cosine x).abs().max())

                  if width >= min images features then
                      Expect.isLessThan (apart weight) 1e-9 "the features' cosines"
                  else
                      Expect.isLessThan (apart weight) (apart random) "nearer to the features' cosines") ]

let private pca = [ "pooling", "mean"; "head_norm", "false"; "head_start", "pca" ]

let private frozen = [ "freeze", "conv1*,bn1*,layer1*" ]

let private before (run: string) =
    let metrics = MetricsFile.Read(RunFolder(run).Metrics).Before
    [ for name in [ "recall@1"; "map_at_r" ] -> metrics[name] ]

let private expectNear tolerance expected actual what =
    for expected, actual in List.zip expected actual do
        Expect.isLessThan (abs (expected - actual)) tolerance what

/// That a run which stops and goes on ends with the same bits; what it says when it goes on.
let private goesOn config =
    inFolder (fun folder ->
        let whole, parts = Path.Combine(folder, "whole"), Path.Combine(folder, "parts")
        Trainer(config, whole).Train() |> ignore
        Trainer(config, parts) |> stopAt 4 |> ignore
        let said = notices (Trainer.Resume parts)
        expectSameRun whole parts
        said)

let private starts =
    testList
        "a head that starts as the features"
        [ test "measures before training what the features measure" {
              let features = before (finishedRun [ "pooling", "mean"; "head_norm", "false"; "levels", "0"; "embedding", "0" ])
              expectNear 2e-3 features (before (finishedRun (pca @ [ "embedding", "128" ]))) "as many directions as features"
              expectNear 0.1 features (before (finishedRun pca)) "16 of 128 directions"
          }

          test "on kept maps too" {
              inFolder (fun folder ->
                  let kept = [ "trunk_cache", Path.Combine(folder, "trunk"); "trunk_type", "float32"; "trunk_views", "2" ]
                  let features = before (finishedRun (pca @ frozen @ [ "embedding", "128" ]))
                  expectNear 2e-3 features (before (finishedRun (pca @ frozen @ kept @ [ "embedding", "128" ]))) "from the maps")
          }

          test "is not computed again by a run that goes on" {
              inFolder (fun folder ->
                  let said = notices (Trainer(settings imageFolder.Value pca, Path.Combine(folder, "run")))
                  Expect.stringContains said "principal directions" "said")

              Expect.isFalse ((goesOn (settings imageFolder.Value pca)).Contains "principal directions") "not again"
          } ]

let private averages =
    testList
        "an average of the weights"
        [ test "is evaluated and kept, and the training is the same" {
              let plain, averaged = finishedRun [], finishedRun [ "average", "0.9" ]
              let losses (run: string) = [ for step in (LogReader.Read(RunFolder(run).Log)).Steps -> step.Loss ]
              Expect.equal (losses averaged) (losses plain) "losses"
              Expect.notEqual (lastWeights averaged) (lastWeights plain) "weights"
              use model = EmbeddingModel.Load averaged
              Expect.equal model.Dimension 16 "a model"
          }

          test "stops and goes on to the same bits" { goesOn (settings imageFolder.Value [ "average", "0.9" ]) |> ignore } ]

let private teachers =
    testList
        "a teacher of features"
        [ test "stops and goes on to the same bits, on kept maps too" {
              let teacher = [ "feature_distillation", "50"; "feature_distillation_start", "0.5"; "levels", "0" ]
              goesOn (settings imageFolder.Value teacher) |> ignore

              inFolder (fun folder ->
                  goesOn (settings imageFolder.Value (frozen @ teacher @ [ "trunk_cache", Path.Combine(folder, "trunk") ]))
                  |> ignore)

              let log = LogReader.Read(RunFolder(finishedRun teacher).Log)
              Expect.equal [ for term in (Seq.head log.Steps).Terms -> term.Key ] [ "loss"; "feature_distillation" ] "terms"
          } ]

let tests = testList "Arms" [ weights; starts; averages; teachers ]
