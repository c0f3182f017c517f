/// The cross-batch memory against a plain list of embeddings.
module CondEmbed.Tests.MemoryTests

open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let private supCon = lazy (All.ofText "supcon" 4 3)

let private memory size start weight =
    Memory.remembering { Size = size; Start = start; Weight = weight } 3 supCon.Value
    |> Loss.onEmbeddings

/// Runs batches through a layer as training does: what it reports is what it sees next. The value of each batch.
let private values (layer: Layer<Tensor * Tensor, Tensor>) (batches: (Tensor * int list) list) =
    let mutable state = started layer.Specs

    [ for embeddings, labels in batches ->
          let value, reported = forward Training state layer (embeddings, labelsOf labels)
          let reported = Map.ofList reported
          state <- state |> Params.map (fun name old -> reported |> Map.tryFind name |> Option.defaultValue old)
          toFloat value ]

/// SupCon of queries against references, by loops: (label, embedding, number of the image) each.
let private plain (queries: (int * Tensor * int) list) (references: (int * Tensor * int) list) =
    let terms =
        [ for label, x, image in queries do
              let others = references |> List.filter (fun (_, _, other) -> other <> image)
              let s (y: Tensor) = toFloat (torch.dot (x / x.norm (), y / y.norm ())) / 0.1
              let positives = others |> List.filter (fun (other, _, _) -> other = label)

              if not positives.IsEmpty then
                  let total = log (others |> List.sumBy (fun (_, y, _) -> exp (s y)))
                  -(positives |> List.averageBy (fun (_, y, _) -> s y - total)) ]

    match terms |> List.filter (fun term -> term > 0.0) with
    | [] -> 0.0
    | terms -> List.average terms

let private batches () = [ for seed in 1..5 -> normal seed [ 4; 3 ], [ 0; 1; seed % 3; 1 ] ]

/// The images of a batch, numbered through all batches.
let private items number (embeddings: Tensor, labels: int list) =
    [ for i, label in Seq.indexed labels -> label, embeddings[int64 i], 4 * number + i ]

let tests =
    testList
        "Memory"
        [ tensorTest "the batch, and the batch against the last M images, itself included but not an image with itself" (fun () ->
              let found = values (memory 10 0 0.5) (batches ())
              let seen = batches () |> List.mapi items

              for number in 0..4 do
                  let now = seen[number]
                  let all = List.concat seen[..number]
                  let latest = all |> List.skip (max 0 (all.Length - 10))
                  Expect.floatClose Accuracy.high found[number] (plain now now + 0.5 * plain now latest) $"batch {number}")

          tensorTest "before its first step the memory fills and does not count" (fun () ->
              let without = values (Loss.onEmbeddings supCon.Value) (batches ())
              let late = values (memory 10 3 1.0) (batches ())
              let early = values (memory 10 0 1.0) (batches ())
              Expect.equal late[..2] without[..2] "the batch alone"
              Expect.equal late[3..] early[3..] "then as if it had always counted")

          tensorTest "no gradient goes into the memory, and the queries have theirs" (fun () ->
              let layer = memory 8 0 1.0
              let embeddings, labels = (batches ()).Head
              let leaf = embeddings.clone().requires_grad_ true
              let value, reported = forward Training (started layer.Specs) layer (leaf, labelsOf labels)
              Expect.all reported (fun (_, value) -> not value.requires_grad) "what is kept"
              value.backward ()
              expectFinite leaf.grad "gradient"
              Expect.isGreaterThan (toFloat (leaf.grad.abs().sum())) 0.0 "gradient")

          tensorTest "a batch larger than the memory, and a loss with proxies, are refused" (fun () ->
              let layer = memory 3 0 1.0
              let embeddings, labels = (batches ()).Head

              Expect.throwsC
                  (fun () -> forward Training (started layer.Specs) layer (embeddings, labelsOf labels) |> ignore)
                  (fun problem -> Expect.stringContains problem.Message "memory of 3 cannot take a batch of 4" "the message")

              Expect.throwsC
                  (fun () -> Memory.remembering { Size = 8; Start = 0; Weight = 1.0 } 3 (All.ofText "proxy-anchor" 4 3) |> ignore)
                  (fun problem -> Expect.stringContains problem.Message "compares images with proxies" "the message"))

          testCase "losses that compare one batch only are refused at once" (fun () ->
              for text in [ "angular"; "triplet(swap=1)"; "contrastive(miner=angular)"; "supcon + 0.5 * angular" ] do
                  Expect.throwsC
                      (fun () -> Memory.remembering { Size = 8; Start = 0; Weight = 1.0 } 3 (All.ofText text 4 3) |> ignore)
                      (fun problem -> Expect.stringContains problem.Message "images of one batch only" text))

          tensorTest "every loss that scores similarities allows it" (fun () ->
              for name in All.names do
                  let loss = All.ofText name 4 3

                  if (Loss.notForMemory loss).IsNone then
                      let layer = Memory.remembering { Size = 10; Start = 0; Weight = 1.0 } 3 loss |> Loss.onEmbeddings

                      for value in values layer (batches ()) do
                          Expect.isTrue (System.Double.IsFinite value) name) ]
