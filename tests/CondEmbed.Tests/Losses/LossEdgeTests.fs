/// The losses where batches leave them nothing to work on, and what holds for all of them.
module CondEmbed.Tests.LossEdgeTests

open System
open Expecto
open CondEmbed
open CondEmbed.Torch
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

/// A random batch of 2 to 10 images of up to 4 classes.
let private randomBatch (seed: int) =
    let random = Random seed
    let count = random.Next(2, 11)
    let labels = Array.init count (fun _ -> random.Next 4)
    labels, normal seed [ count; 5 ]

/// The value on embeddings B D, with parameters at their start.
let private onEmbeddings text (labels: Tensor) (embeddings: Tensor) =
    let layer = All.ofText text 4 (int embeddings.shape[1]) |> Loss.onEmbeddings
    let parameters = started layer.Specs |> Params.map (fun _ p -> p.``to`` embeddings.dtype)
    fst (forward Training parameters layer (embeddings, labels))

let private withProxies name =
    match All.ofText name 2 2 with
    | OnProxies _ -> true
    | _ -> false

/// Those whose value is the same whatever is drawn.
let private certain = [ for name in All.names -> if name = "margin" then "margin(miner=all)" else name ]

/// Those that see the length of an embedding, and those that see nothing else of a batch.
let private ofLengths = [ "hyperbolic"; "signal-to-noise"; "sphereface"; "embedding-norm"; "embedding-zero-mean" ]

let private withoutPairs = [ "embedding-norm"; "embedding-zero-mean" ]

let private tinyBatches =
    [ "no positives", [ 0; 1; 2; 3 ], (fun () -> normal 1 [ 4; 3 ])
      "no negatives", [ 1; 1; 1; 1 ], (fun () -> normal 1 [ 4; 3 ])
      "one image", [ 2 ], (fun () -> normal 1 [ 1; 3 ])
      "all embeddings equal", [ 0; 0; 1; 1 ], (fun () -> torch.ones (4L, 3L, dtype = float64))
      "equal embeddings of one class", [ 0; 0; 0; 0 ], (fun () -> torch.ones (4L, 3L, dtype = float64))
      "opposite embeddings", [ 0; 0; 1; 1 ], (fun () -> matrixOf [ [ 1.0; 0.0 ]; [ -1.0; 0.0 ]; [ 1.0; 0.0 ]; [ -1.0; 0.0 ] ])
      "a zero embedding", [ 0; 0; 1; 1 ], (fun () -> normal 1 [ 4; 3 ] * matrixOf [ [ 0.0 ]; [ 1.0 ]; [ 1.0 ]; [ 1.0 ] ])
      "zero embeddings alone", [ 0; 0; 1; 1 ], (fun () -> torch.zeros (4L, 3L, dtype = float64)) ]

/// Other stages than the usual ones.
let private variants =
    [ for miner in Part.names Miners.all do
          $"triplet(miner={miner})"
          $"margin(miner={miner})"
          $"contrastive(miner={miner})"
      for reducer in Part.names Reducers.all do
          $"contrastive(reducer={reducer})"
          $"triplet(reducer={reducer})"
          $"supcon(reducer={reducer})"
      for distance in Part.names Distances.all do
          $"triplet(distance={distance}, soft=1, swap=1)"
          $"lifted-structure(distance={distance})"
      "smooth-ap(count_query=1)"
      "recall-at-k(count_query=1)"
      "multi-similarity(margin=-1)"
      "margin(per_class=1, miner=all, nu=1)"
      for curvature, radius in [ 1.0, 2.3; 1.0, 10.0; 1.0, 100.0; 0.1, 100.0 ] do
          $"hyperbolic(curvature={curvature}, radius={radius})"
      "0.5 * margin + proxy-anchor" ]

let private edgeTests =
    testList
        "finite value and gradient"
        [ for name in All.names @ variants do
              tensorTest $"{name}, in float64, float32 and bfloat16" (fun () ->
                  for title, labels, embeddings in tinyBatches do
                      for dtype in [ float64; float32; torch.bfloat16 ] do
                          let leaf = (embeddings ()).``to``(dtype).requires_grad_ true
                          let value = onEmbeddings name (labelsOf labels) leaf
                          Expect.equal value.dtype dtype $"{title}: type"
                          expectFinite value $"{title}, {dtype}: value"
                          value.backward ()
                          expectFinite leaf.grad $"{title}, {dtype}: gradient")

          tensorTest "a batch that offers nothing to compare is worth 0" (fun () ->
              for name in All.names |> List.filter (withProxies >> not) |> List.except withoutPairs do
                  let value = onEmbeddings name (labelsOf [ 2 ]) (normal 1 [ 1; 3 ])
                  Expect.floatClose Accuracy.high (toFloat value) 0.0 name)

          tensorTest "class numbers may be of any whole type, such as F#'s int" (fun () ->
              let labels, embeddings = labelsOf [ 0; 1; 0; 2; 1; 2 ], normal 1 [ 6; 3 ]

              for name in certain do
                  let expected = onEmbeddings name labels embeddings

                  for dtype in [ torch.int32; torch.uint8 ] do
                      expectSame expected (onEmbeddings name (labels.``to`` dtype) embeddings) $"{name}, {dtype}")

          tensorTest "a mark of the least whole number weighs as much as it is far from 0" (fun () ->
              let marks: Tensor = torch.tensor([| 0y; -128y; 1y; 0y |], dtype = torch.int8).reshape(2L, 2L)
              let pairs = Mining.marked marks
              expectSame (matrixOf [ [ 1.0; 128.0 ]; [ 1.0; 1.0 ] ]) (pairs.Weights.Value.``to`` float64) "weights")

          tensorTest "what C# asks for leaves no tensor behind" (fun () ->
              let evaluate () =
                  let rows = [| [| 1.0; 0.0 |]; [| 0.8; 0.6 |]; [| 0.0; 1.0 |] |]
                  CondEmbed.Interop.LossFunctions.Evaluate("margin(miner=all)", null, rows, [| 0L; 0L; 1L |], null)

              evaluate () |> ignore
              let before = heldTensors ()
              Expect.hasLength (evaluate ()).Gradients 2 "by the embeddings and beta"
              Expect.equal torch.Tensor.TotalCount before "live tensors")

          tensorTest "an embedding that is no number is seen in the value or in the gradient" (fun () ->
              for name in All.names do
                  let leaf = (matrixOf [ [ nan; 1.0 ]; [ 1.0; 1.0 ]; [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ]).requires_grad_ true
                  let value = onEmbeddings name (labelsOf [ 0; 0; 1; 1 ]) leaf
                  let isFinite (x: Tensor) = x.isfinite().all().item<bool>()
                  let gradient = snd (Grad.gradientsOrZero value [ ("x", leaf) ]).Head
                  Expect.isFalse (isFinite value && isFinite gradient) name)

          tensorTest "bfloat16 comes near to float32 on a batch of 256, also where terms are summed by anchor or bin" (fun () ->
              let labels = labelsOf [ for i in 0..255 -> i % 4 ]
              let embeddings = (normal 5 [ 256; 16 ]).``to`` torch.bfloat16

              for name in
                  certain
                  @ [ for reducer in Part.names Reducers.all |> List.except [ "sum" ] -> $"triplet(reducer={reducer})" ] do
                  // Each in a scope of its own: together they take two gigabytes.
                  let value (embeddings: Tensor) = scoped (fun () -> onEmbeddings name labels embeddings |> toFloat)
                  let exact, found = value (embeddings.``to`` float32), value embeddings
                  Expect.isLessThan (abs (found - exact)) (0.05 * abs exact + 0.01) $"{name}: {found} for {exact}")

          tensorTest "steep settings do not overflow in float32" (fun () ->
              let steep =
                  [ "multi-similarity(alpha=1000, beta=1000, margin=-1)"
                    "proxy-anchor(alpha=1000)"
                    "supcon(temperature=0.001)"
                    "nt-xent(temperature=0.001)"
                    "circle(gamma=1000)"
                    "arcface(scale=1000)"
                    "hyperbolic(temperature=0.001)"
                    "smooth-ap(temperature=0.00001)" ]

              for loss in steep do
                  let leaf = (normal 1 [ 6; 3 ]).``to``(float32).requires_grad_ true
                  let value = onEmbeddings loss (labelsOf [ 0; 0; 1; 1; 2; 2 ]) leaf
                  expectFinite value "value"
                  value.backward ()
                  expectFinite leaf.grad "gradient") ]

let private properties =
    testList
        "properties"
        [ testPropertyWithConfig (fewCases 25) "scaling an embedding changes no loss" (fun (seed: int) ->
              Native.ensure ()

              scoped (fun () ->
                  let labels, embeddings = randomBatch seed
                  let scales = (normal (seed + 1) [ labels.Length; 1 ]).exp()

                  for name in certain |> List.except ofLengths do
                      let at x = onEmbeddings name (labelsOf labels) x |> toFloat

                      Expect.floatClose { absolute = 1e-7; relative = 1e-9 } (at (scales * embeddings)) (at embeddings) name))

          testPropertyWithConfig (fewCases 25) "the order of the batch changes no loss" (fun (seed: int) ->
              Native.ensure ()

              scoped (fun () ->
                  let labels, embeddings = randomBatch seed
                  let order = [| 0 .. labels.Length - 1 |]
                  Random(seed).Shuffle order
                  let moved = embeddings.index_select (0L, labelsOf order)

                  for name in certain |> List.except [ "n-pairs" ] do
                      let before = onEmbeddings name (labelsOf labels) embeddings |> toFloat

                      let after = onEmbeddings name (labelsOf [ for i in order -> labels[i] ]) moved |> toFloat

                      Expect.floatClose { absolute = 1e-7; relative = 1e-9 } after before name))

          // The circle loss holds its weights fixed: its gradient is checked against golden values alone.
          for name in certain |> List.except [ "circle" ] do
              tensorTest $"{name}: the gradient equals finite differences" (fun () ->
                  let labels = labelsOf [ 0; 1; 0; 2; 1; 2; 0 ]
                  let leaves = Params.ofSeq [ "embeddings", normal 21 [ 7; 4 ] ]
                  expectGradients 1e-6 (fun leaves -> onEmbeddings name labels leaves["embeddings"]) leaves)

          tensorTest "proxies start as Kaiming's and have a gradient each" (fun () ->
              for name in All.names |> List.filter withProxies do
                  let layer = All.ofText name 4 3 |> Loss.onEmbeddings
                  let proxies = layer.Specs.Head
                  Expect.equal (proxies.Name, proxies.Init, proxies.Shape[1]) ("proxies", KaimingFanOut, 3L) name
                  let leaves = Params.ofSeq [ "proxies", normal 3 [ int proxies.Shape[0]; 3 ] ]
                  let value leaves = fst (forward Training leaves layer (normal 1 [ 5; 3 ], labelsOf [ 0; 1; 1; 3; 0 ]))
                  expectGradients 1e-5 value leaves)

          tensorTest "a learned beta has a gradient, one or one a class" (fun () ->
              for text, shape in [ "margin(miner=all)", [ 1L ]; "margin(miner=all, per_class=1, nu=0.5)", [ 4L ] ] do
                  let layer = All.ofText text 4 3 |> Loss.onEmbeddings
                  Expect.equal [ for spec in layer.Specs -> spec.Name, spec.Shape, spec.Init ] [ "beta", shape, Constant 1.2 ] "declared"
                  let value leaves = fst (forward Training leaves layer (normal 1 [ 7; 3 ], labelsOf [ 0; 1; 1; 3; 0; 2; 2 ]))
                  expectGradients 1e-6 value (started layer.Specs)) ]

let tests = testList "edges" [ edgeTests; properties ]
