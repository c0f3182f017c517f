/// Losses on embeddings at their own length, regularisers, label smoothing, and triplets at random: against loops.
module CondEmbed.Tests.MoreLossTests

open System
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.LossLoops
open CondEmbed.Tests.Support
open TorchSharp

let private rowsOf (x: Tensor) = numbers x |> Array.chunkBySize (int x.shape[1])
let private dot (a: float array) b = Array.map2 (*) a b |> Array.sum
let private apart a b = Array.map2 (-) a b |> fun d -> sqrt (dot d d)
let private variance (x: float array) = let mean = Array.average x in x |> Array.averageBy (fun x -> (x - mean) ** 2.0)
let private norm p (row: float array) = (row |> Array.sumBy (fun x -> abs x ** p)) ** (1.0 / p)

/// The items of a batch by some similarity of two rows.
let private by similarity (rows: float array array) mark : Items =
    { Count = rows.Length; Mark = mark; S = fun a b -> similarity rows[a] rows[b] }

let private signalToNoise regularisation (rows: float array array) mark =
    let items = by (fun a b -> variance (Array.map2 (-) a b) / variance a) rows mark

    averageOfPositive [ for a, p in items.PositivePairs -> items.S a p ]
    + averageOfPositive [ for a, n in items.NegativePairs -> 1.0 - items.S a n ]
    + regularisation * (rows |> Array.averageBy (Array.sum >> abs))

/// The mean over anchors with a positive, also where its term is 0 but for rounding.
let private supConMean (items: Items) =
    average
        [ for a in items.Paired ->
              let logit i = items.S a i / 0.1
              let total = items.Positives a @ items.Negatives a |> List.sumBy (logit >> exp)
              log total - (items.Positives a |> List.averageBy logit) ]

/// Losses on the embeddings themselves: their rows, and the mark of each pair.
let private twins: (string * (float array array -> (int -> int -> int) -> float)) list =
    [ "signal-to-noise", signalToNoise 0.0
      "signal-to-noise(regularisation=0.3)", signalToNoise 0.3
      "embedding-norm", (fun rows _ -> Array.averageBy (norm 2.0) rows)
      "embedding-norm(p=1)", (fun rows _ -> Array.averageBy (norm 1.0) rows)
      "embedding-norm(p=3)", (fun rows _ -> Array.averageBy (norm 3.0) rows)
      "embedding-zero-mean", (fun rows _ -> rows |> Array.averageBy (Array.sum >> abs))
      "nt-xent(score=dot)", (fun rows mark -> ntXent 0.07 _.S (by dot rows mark))
      "nt-xent(score=l2)", (fun rows mark -> ntXent 0.07 _.S (by (fun a b -> -(apart a b)) rows mark))
      "supcon(score=dot, reducer=mean)", (fun rows mark -> supConMean (by dot rows mark))
      "supcon(score=l2, reducer=mean)", (fun rows mark -> supConMean (by (fun a b -> -(apart a b)) rows mark))
      "multi-similarity(score=dot)", (fun rows mark -> multiSimilarity (by dot rows mark))
      // The loop's base is 0.5: of a distance of 0.5 it is -0.5, which 1 more brings there.
      "multi-similarity(score=l2, base=0.5)", (fun rows mark -> multiSimilarity (by (fun a b -> 1.0 - apart a b) rows mark))
      "n-pairs(score=dot)", (fun rows mark -> nPairs (by dot rows mark))
      "n-pairs(score=l2)", (fun rows mark -> nPairs (by (fun a b -> -(apart a b)) rows mark)) ]

/// The names that loops stand for here.
let names = "sphereface" :: [ for text, _ in twins -> text.Split('(').[0] ]

let private onEmbeddings text (labels: Tensor) (embeddings: Tensor) =
    let layer = All.ofText text 4 (int embeddings.shape[1]) |> Loss.onEmbeddings
    fst (forward Training (started layer.Specs) layer (embeddings, labels))

let private twinTests =
    testList
        "equals a loop over the embeddings"
        [ for text, twin in twins do
              tensorTest text (fun () ->
                  for seed in 1..20 do
                      let labels, embeddings = randomBatch seed
                      let embeddings = 0.4 * embeddings
                      let mark a b = if labels[a] = labels[b] then 1 else -1
                      close (onEmbeddings text (labelsOf labels) embeddings) (twin (rowsOf embeddings) mark) $"batch {seed}"
                      let marks = randomMarks seed labels.Length
                      let marked = entry marks
                      let given = twin (rowsOf embeddings) (fun a b -> int (marked a b))
                      close (onEmbeddings text marks embeddings) given $"pairs {seed}"

                  let labels = labelsOf [ 0; 1; 0; 2; 1; 2; 0 ]

                  expectGradients
                      1e-5
                      (fun leaves -> onEmbeddings text labels leaves["x"])
                      (Params.ofSeq [ "x", 0.4 * normal 21 [ 7; 4 ] ]))

          tensorTest "scores are finite with their gradients where embeddings are equal, zero, or one is no number" (fun () ->
              for loss in [ "nt-xent"; "supcon"; "multi-similarity"; "n-pairs" ] do
                  for score in [ "dot"; "l2" ] do
                      for embeddings in [ torch.ones (4L, 3L, dtype = float64); torch.zeros (4L, 3L, dtype = float64) ] do
                          for dtype in [ float64; float32; torch.bfloat16 ] do
                              let leaf = embeddings.``to``(dtype, copy = true).requires_grad_ true
                              let value = onEmbeddings $"{loss}(score={score})" (labelsOf [ 0; 0; 1; 1 ]) leaf
                              expectFinite value $"{loss}, {score}: value"
                              value.backward ()
                              expectFinite leaf.grad $"{loss}, {score}: gradient"

                      let broken = (matrixOf [ [ nan; 1.0 ]; [ 1.0; 1.0 ]; [ 1.0; 0.0 ]; [ 0.0; 1.0 ] ]).requires_grad_ true
                      let value = onEmbeddings $"{loss}(score={score})" (labelsOf [ 0; 0; 1; 1 ]) broken
                      let gradient = snd (Grad.gradientsOrZero value [ "x", broken ]).Head
                      let isFinite (x: Tensor) = x.isfinite().all().item<bool>()
                      Expect.isFalse (isFinite value && isFinite gradient) $"{loss}, {score}: a NaN is seen in the value or the gradient")

          testCase "a score goes with miners that compare similarities of any kind" (fun () ->
              All.ofText "supcon(score=dot, miner=multi-similarity)" 4 5 |> ignore

              Expect.throwsC (fun () -> All.ofText "supcon(score=l2, miner=batch-hard)" 4 5 |> ignore) (fun problem ->
                  Expect.stringContains problem.Message "he score l2 goes with the miners all and multi-similarity" "message")

              Expect.equal
                  (Loss.notForLevels (All.ofText "supcon(score=dot)" 4 5))
                  (Some "works on the embeddings themselves")
                  "not for levels") ]

/// The angle of the own class by its pieces: cos(m theta) goes on falling beyond pi / m.
let private psi m cosine =
    let angle = acos (min 1.0 (max -1.0 cosine))
    let k = min (m - 1.0) (floor (angle * m / Math.PI))
    (if k % 2.0 = 0.0 then 1.0 else -1.0) * cos (m * angle) - 2.0 * k

let private sphereFace =
    testList
        "sphereface"
        [ for margin, scale in [ 1, 1.0; 2, 2.0; 4, 1.0; 7, 0.5 ] do
              tensorTest $"equals a loop with margin {margin}" (fun () ->
                  for seed in 1..20 do
                      let labels, embeddings = randomBatch seed
                      let proxies = normal (-seed) [ 4; 5 ]
                      let loss = All.ofText $"sphereface(margin={margin}, scale={scale})" 4 5 |> Loss.onEmbeddings
                      let actual, _ = forward Training (Params.ofSeq [ "proxies", proxies ]) loss (embeddings, labelsOf labels)
                      let rows, centres = rowsOf embeddings, rowsOf proxies

                      let expected =
                          average
                              [ for x, own in Seq.indexed labels ->
                                    let length = norm 2.0 rows[x]
                                    let cosine c = dot rows[x] centres[c] / (length * norm 2.0 centres[c])
                                    let logit c = scale * length * (if c = own then psi (float margin) (cosine c) else cosine c)
                                    log (List.sumBy (logit >> exp) [ 0..3 ]) - logit own ]

                      close actual expected $"batch {seed}")

          tensorTest "the own class falls all the way, from 1 to 1 - 2m" (fun () ->
              let cosines = torch.linspace (1.0, -1.0, 1001L, dtype = float64)

              for m in [ 1; 2; 3; 4; 9 ] do
                  let fallen = SphereFace.falling m cosines
                  Expect.floatClose Accuracy.high (toFloat fallen[0L]) 1.0 "at 0"
                  Expect.floatClose Accuracy.medium (toFloat fallen[1000L]) (1.0 - 2.0 * float m) "at pi"
                  Expect.isTrue (fallen.diff(1L, 0L).le(scalar 1e-9).all().item<bool>()) $"falls, m = {m}")

          tensorTest "a cosine that rounding has taken beyond 1 or -1 counts as that" (fun () ->
              let cosines = torch.tensor ([| 1.0 + 1e-12; -1.0 - 1e-12 |], dtype = float64, device = torch.CPU)

              for m in [ 1; 2; 3; 4; 9 ] do
                  let fallen = numbers (SphereFace.falling m cosines)
                  Expect.floatClose Accuracy.medium fallen[0] 1.0 $"at 0, m = {m}"
                  Expect.floatClose Accuracy.medium fallen[1] (1.0 - 2.0 * float m) $"at pi, m = {m}") ]

/// Cross-entropy of logits with a target that gives a share to all classes alike.
let private smoothedEntropy share (logits: float list) own =
    let total = log (List.sumBy exp logits)
    let classes = float logits.Length

    logits
    |> List.mapi (fun c x -> ((if c = own then 1.0 - share else 0.0) + share / classes) * (total - x))
    |> List.sum

let private smoothing =
    testList
        "label smoothing"
        [ for text, logit in
              [ "normalised-softmax(label_smoothing=0.2)", (fun s _ -> s / 0.05)
                "cosface(label_smoothing=0.2)", (fun s own -> 64.0 * (s - (if own then 0.35 else 0.0)))
                "arcface(label_smoothing=0.2)", arc
                "proxy-nca(label_smoothing=0.2)", (fun s _ -> 2.0 * s) ] do
              tensorTest text (fun () ->
                  for seed in 1..20 do
                      let labels, embeddings = randomBatch seed
                      let proxies = normal (-seed) [ 4; 5 ]
                      let s = (Layers.l2Normalise embeddings).matmul((Layers.l2Normalise proxies).t())
                      let loss = All.ofText text 4 5 |> Loss.onEmbeddings
                      let actual, _ = forward Training (Params.ofSeq [ "proxies", proxies ]) loss (embeddings, labelsOf labels)

                      let cosine = entry s

                      let expected =
                          average
                              [ for x, own in Seq.indexed labels ->
                                    smoothedEntropy 0.2 [ for c in 0..3 -> logit (cosine x c) (c = own) ] own ]

                      close actual expected $"batch {seed}")

          testCase "a share above 1 is refused" (fun () ->
              Expect.throwsC (fun () -> All.ofText "arcface(label_smoothing=1.5)" 2 2 |> ignore) (fun problem ->
                  Expect.stringContains problem.Message "label_smoothing is 1.5; it must be a number from 0 to 1" "message")) ]

let private unit row = Array.map (fun x -> x / norm 2.0 row) row

let private regularisers: (string * (int -> float array array -> float)) list =
    [ "norm", (fun _ rows -> Array.averageBy (norm 2.0) rows)
      "norm(p=1)", (fun _ rows -> Array.averageBy (norm 1.0) rows)
      "centre-invariant",
      (fun _ rows ->
          let squares = rows |> Array.map (fun row -> dot row row)
          let mean = Array.average squares
          squares |> Array.averageBy (fun x -> (x - mean) ** 2.0 / 4.0))
      "regular-face",
      (fun _ rows ->
          rows
          |> Array.mapi (fun i row ->
              Array.max
                  [| for j in 0 .. rows.Length - 1 do
                         if j <> i then dot (unit row) (unit rows[j]) |])
          |> Array.average)
      "sparse-centres",
      (fun centres rows ->
          average
              [ for i in 0 .. rows.Length - 1 do
                    for j in i + 1 .. rows.Length - 1 do
                        if i / centres = j / centres then sqrt (max 0.0 (2.0 - 2.0 * dot (unit rows[i]) (unit rows[j]))) / 2.0 ]) ]

let private regularised =
    testList
        "regularisers of proxies"
        [ for name, twin in regularisers do
              tensorTest $"{name} adds what a loop says, with the gradient of finite differences" (fun () ->
                  for loss, centres in [ "cosface", 1; "sub-centre-arcface", 3; "proxy-anchor", 1; "sphereface", 1 ] do
                      let labels, embeddings = labelsOf [ 0; 1; 0; 2; 3 ], normal 3 [ 5; 4 ]

                      let value text leaves = fst (forward Training leaves (All.ofText text 4 4 |> Loss.onEmbeddings) (embeddings, labels))

                      let text = $"{loss}(regulariser={name}, regularisation=0.7)"
                      let leaves = Params.ofSeq [ "proxies", normal 5 [ 4 * centres; 4 ] ]
                      let added = toFloat (value text leaves) - toFloat (value loss leaves)
                      Expect.floatClose Accuracy.high added (0.7 * twin centres (rowsOf leaves["proxies"])) loss
                      expectGradients 1e-5 (value text) leaves)

          tensorTest "proxies at zero, equal ones and a single one have finite gradients" (fun () ->
              for name, _ in regularisers do
                  for rows in
                      [ torch.zeros (4L, 3L, dtype = float64)
                        torch.ones (4L, 3L, dtype = float64)
                        torch.ones (1L, 3L, dtype = float64) ] do
                      let leaf = rows.requires_grad_ true

                      let regularise =
                          match Expression.readValue name with
                          | Ok(Named call) -> Part.make "regulariser" Regularisers.all 2 2 call
                          | other -> failtest $"{other}"

                      let value = regularise 2 leaf + 0.0 * leaf.sum ()
                      expectFinite value name
                      value.backward ()
                      expectFinite leaf.grad name) ]

let private drawn =
    tensorTest "the miner random draws so many triplets of each anchor that has both kinds, each a true one" (fun () ->
        for seed in 1..20 do
            let labels, embeddings = randomBatch seed
            let pairs = Mining.all (labelsOf labels)
            let s = Similarity.cosine embeddings

            let draw () =
                torch.manual_seed (int64 seed) |> ignore
                Miners.random 3 pairs s

            let t = draw ()
            let triplets = Array.zip3 (numbers t.Anchor) (numbers t.Positive) (numbers t.Negative)

            Expect.equal
                triplets
                (let t = draw () in Array.zip3 (numbers t.Anchor) (numbers t.Positive) (numbers t.Negative))
                "from the seed"

            for a, p, n in triplets do
                Expect.isTrue (a <> p && labels[int a] = labels[int p] && labels[int a] <> labels[int n]) "a triplet"

            let whole a = Array.exists ((<>) labels[a]) labels && (labels |> Array.filter ((=) labels[a]) |> Array.length) > 1

            let expected =
                [ for a in 0 .. labels.Length - 1 do
                      if whole a then float a, 3 ]

            Expect.equal (triplets |> Array.countBy (fun (a, _, _) -> a) |> List.ofArray) expected "three of each")

let tests = testList "MoreLosses" [ twinTests; sphereFace; smoothing; regularised; drawn ]
