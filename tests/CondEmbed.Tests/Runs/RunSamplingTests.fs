/// Runs with other samplers than the usual.
module CondEmbed.Tests.RunSamplingTests

open System.IO
open Expecto
open CondEmbed.Options
open CondEmbed.Interop
open CondEmbed.Runs
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support

let private plain = [ "sampler", "plain"; "loss", "proxy-anchor"; "levels", "0"; "batch", "7" ]

let tests =
    testList
        "samplers"
        [ test "a plain run that is stopped within its second epoch goes on to the same bits" {
              inFolder (fun folder ->
                  // 36 training images make 5 batches of 7, which per_class need not divide.
                  let run = Path.Combine(folder, "run")
                  stopAt 4 (Trainer(settings imageFolder.Value plain, run)) |> ignore
                  Trainer.Resume(run).Train() |> ignore
                  expectSameRun (finishedRun plain) run)
          }

          test "runs by category are stopped and go on to the same bits" {
              inFolder (fun folder ->
                  // Six classes to train on, in two categories.
                  let table = Path.Combine(folder, "table.csv")
                  let classes = Directory.GetDirectories imageFolder.Value |> Array.sort

                  File.WriteAllLines(
                      table,
                      [ "path,label,category,split"
                        for at, one in Array.indexed classes do
                            for file in Directory.GetFiles one |> Array.sort do
                                let split =
                                    if at < 6 then "train"
                                    elif at < 8 then "validation"
                                    else "test"

                                $"{file},{Path.GetFileName one},kind {at % 2},{split}" ]
                  )

                  for sampler in [ "hierarchical"; "category-balanced" ] do
                      let others = [ "sampler", sampler; "batches_per_combination", "2"; "recall_at", "1,20" ]
                      let whole, parts = Path.Combine(folder, sampler), Path.Combine(folder, sampler + "-parts")
                      let after = (train (settings table others) whole).After
                      Expect.isTrue (after.ContainsKey "recall@20") "K of the settings"
                      stopAt 3 (Trainer(settings table others, parts)) |> ignore
                      Trainer.Resume(parts).Train() |> ignore
                      expectSameRun whole parts)
          }

          test "categories that are not there are asked for by name" {
              for sampler in [ "hierarchical"; "category-balanced" ] do
                  inFolder (fun folder ->
                      let config = settings imageFolder.Value [ "sampler", sampler ]

                      rejects [ $"'{sampler}' needs the category"; "36 of 36 have none"; ".png"; "m-per-class" ] (fun () ->
                          train config (Path.Combine(folder, "run")) |> ignore))
          }

          test "more plain images than there are" {
              inFolder (fun folder ->
                  let config = settings imageFolder.Value [ "sampler", "plain"; "batch", "40" ]
                  rejects [ "batch of 40"; "36 images" ] (fun () -> train config (Path.Combine(folder, "run")) |> ignore))
          }

          test "a batch must divide into the groups of its sampler" {
              let resolve pairs = RunSettings.Resolve [ for key, value in pairs -> Given("test", key, value) ] |> ignore
              resolve [ "sampler", "plain"; "batch", "65" ]
              resolve [ "sampler", "hierarchical"; "batch", "64" ]

              rejects [ "batch"; "64 is not a multiple of per_class 4 times categories_per_batch 3, which is 12"; "60 and 72" ] (fun () ->
                  resolve [ "sampler", "category-balanced"; "categories_per_batch", "3" ])

              rejects [ "batch"; "65 is not a multiple of per_class 4"; "64 and 68" ] (fun () -> resolve [ "batch", "65" ])
              rejects [ "sampler"; "'hierachical'"; "did you mean 'hierarchical'" ] (fun () -> resolve [ "sampler", "hierachical" ])
              rejects [ "recall_at"; "'1,x'" ] (fun () -> resolve [ "recall_at", "1,x" ])
              rejects [ "recall_at" ] (fun () -> resolve [ "recall_at", "0" ])
          } ]
