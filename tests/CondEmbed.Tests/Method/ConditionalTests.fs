/// What the conditional terms add to the objective: which count, how much, when, and what they train.
module CondEmbed.Tests.ConditionalTests

open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.LevelLoops
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Search

let private network =
    Network.ofMap (Layer.named "conv" (Layers.conv2d 3 9 3 1)) (Layers.meanPool --> Layer.named "embedding" (Layers.linear 9 6))

let private loss = All.ofText "multi-similarity" 3 6

/// The loss of similarities B B.
let private scored pairs s = Layer.run (Params.ofSeq []) (Loss.onSimilarities loss) (pairs, s)

let private batch () : Batch = { Images = normal 1 [ 6; 3; 4; 4 ]; Labels = labelsOf [ 0; 0; 1; 1; 2; 2 ] }

let private weighted hierarchy weight conditional = Objective.weighted network hierarchy weight conditional loss loss

let private plain = Conditional.plain 0.5

let private valueOf (objective: Objective) =
    let scored, reported = forward Training (unlike objective.Specs) objective (batch ())
    toFloat scored.Total, [ for name, term in scored.Terms -> name, toFloat term ], reported

/// s^0 and s^1 ... s^L of the batch by loops.
let private similaritiesOf hierarchy (objective: Objective) =
    let parameters = unlike objective.Specs
    let map = Layer.run parameters network.Features (batch ()).Images
    let embeddings = Layer.run parameters network.Head map
    let views: Hierarchy.Views = { Maps = [ map.Map ]; Embeddings = embeddings; Head = None; Averaged = None }

    Similarity.cosine embeddings
    :: (similarities hierarchy (Params.inside "hierarchy" parameters) views |> List.map asTensor)

let private lossOf s = toFloat (scored (Mining.all (batch ()).Labels) s)

let private expectTotal expected (objective: Objective) =
    let total, _, _ = valueOf objective
    Expect.floatClose { absolute = 1e-9; relative = 1e-9 } total expected "total"

let private termTests =
    testList
        "terms"
        [ tensorTest
              "the usual objective is the sum of the loss and of each level's, to the bit, under the names that it always had"
              (fun () ->
                  let hierarchy = { options 2 with Residual = true }
                  let objective = Objective.conditional network hierarchy 0.5 loss loss
                  let parameters = started objective.Specs
                  let cross = AttentionTests.cross hierarchy.Attention

                  let names =
                      [ "conv.weight"; "embedding.weight"; "embedding.bias" ]
                      @ [ for level in 1..2 do
                              for leaf in [ "query"; "key"; "value"; "output" ] -> $"hierarchy.level{level}.{leaf}.weight" ]

                  Expect.equal [ for spec in objective.Specs -> spec.Name ] names "names"
                  let e = Layer.run parameters (network.Features --> network.Head) (batch ()).Images
                  let map = (Layer.run parameters network.Features (batch ()).Images).Map

                  let next (c: Tensor) level =
                      let own = parameters |> Params.inside $"hierarchy.level{level}"
                      c + Layer.run own cross (c.transpose (0L, 1L), Layers.tokens map)

                  let levels = (e.unsqueeze(1L).expand(6L, 6L, 6L), [ 1; 2 ]) ||> List.scan next |> List.tail
                  let pairs = Mining.all (batch ()).Labels
                  let terms = [ for c in levels -> scored pairs (AttentionTests.mutualCosine c) ]
                  let first = scored pairs (Similarity.cosine e)
                  let expected = (first, terms) ||> List.fold (fun total term -> total + 0.5 * term)
                  let scored, reported = forward Training parameters objective (batch ())
                  expectSame expected scored.Total "total"
                  Expect.equal (List.map fst scored.Terms) [ "loss"; "level1"; "level2" ] "terms"
                  Expect.isEmpty reported "no statistics")

          tensorTest "every level or the last alone, with and without the unconditional loss" (fun () ->
              let hierarchy = options 2
              let objective = weighted hierarchy 1.0 plain
              let losses = similaritiesOf hierarchy objective |> List.map lossOf
              expectTotal (losses[0] + 0.5 * losses[1] + 0.5 * losses[2]) objective
              expectTotal (0.25 * losses[0] + 0.5 * losses[1] + 0.5 * losses[2]) (weighted hierarchy 0.25 plain)
              let last = weighted hierarchy 0.0 { plain with LastOnly = true }
              expectTotal (0.5 * losses[2]) last
              let _, terms, _ = valueOf last
              Expect.equal (List.map fst terms) [ "loss"; "level2" ] "terms")

          tensorTest "distillation is the divergence of the softmax over the others of each image, by loops" (fun () ->
              let hierarchy = options 2
              let objective = weighted hierarchy 1.0 { plain with Distillation = 2.0; Temperature = 0.3 }
              let all = similaritiesOf hierarchy objective
              let student, teacher = AttentionTests.rowsOf all[0], AttentionTests.rowsOf all[2]

              let share (row: float array) itself =
                  let terms = [| for j, s in Array.indexed row -> if j = itself then 0.0 else exp (s / 0.3) |]
                  terms |> Array.map (fun term -> term / Array.sum terms)

              let divergence =
                  [ for i in 0..5 ->
                        Array.map2 (fun p q -> if p = 0.0 then 0.0 else p * log (p / q)) (share teacher[i] i) (share student[i] i)
                        |> Array.sum ]
                  |> List.average

              let losses = all |> List.map lossOf
              expectTotal (losses[0] + 0.5 * losses[1] + 0.5 * losses[2] + 2.0 * divergence) objective
              let _, terms, _ = valueOf objective
              Expect.equal (List.map fst terms) [ "loss"; "level1"; "level2"; "distillation" ] "terms")

          tensorTest "the teacher gets no gradient, and a row without others no NaN" (fun () ->
              let teacher, student = (normal 1 [ 4; 4 ]).requires_grad_ true, (normal 2 [ 4; 4 ]).requires_grad_ true
              let mask = torch.tensor([| for i in 0..15 -> i < 12 && i % 5 <> 0 |], dtype = torch.bool).reshape(4L, 4L)
              let value = Distillation.loss 0.1 mask teacher student

              match Grad.gradientsOrZero value [ "teacher", teacher; "student", student ] with
              | [ _, ofTeacher; _, ofStudent ] ->
                  expectSame (torch.zeros_like teacher) ofTeacher "teacher"
                  expectFinite ofStudent "student"
                  expectSame (torch.zeros (4L, dtype = float64)) ofStudent[3L] "a row without others"
                  Expect.isGreaterThan (toFloat (ofStudent.abs().sum())) 1e-3 "student"
              | _ -> failtest "two gradients"

              expectClose 1e-12 (torch.zeros ([||], dtype = float64)) (Distillation.loss 0.1 mask student student) "of itself") ]

let private gradientsBy (objective: Objective) =
    let parameters = unlike objective.Specs
    let names = Params.trainable objective.Specs

    for name in names do
        parameters[name].requires_grad_ true |> ignore

    let scored, _ = forward Training parameters objective (batch ())
    Grad.gradientsOrZero scored.Total [ for name in names -> name, parameters[name] ] |> Map.ofList

let private trainingTests =
    testList
        "training"
        [ tensorTest "level_gradients = levels: the levels learn as ever, encoder and head as without them" (fun () ->
              let alone = gradientsBy (weighted (options 2) 1.0 { plain with LevelsAlone = true })
              let together = gradientsBy (weighted (options 2) 1.0 plain)
              let baseline = gradientsBy (Objective.baseline network loss)

              for KeyValue(name, gradient) in alone do
                  if name.StartsWith "hierarchy" then
                      expectClose 1e-12 together[name] gradient name
                  else
                      expectClose 1e-12 baseline[name] gradient name)

          tensorTest "the warm-up rises by the step, which is a statistic, and then stays" (fun () ->
              let objective = weighted (options 1) 1.0 { plain with WarmUp = 4 }
              let losses = similaritiesOf (options 1) objective |> List.map lossOf

              let mutable parameters =
                  unlike objective.Specs
                  |> Params.map (fun name x -> if name = "hierarchy.step" then x.zero_ () else x)

              for rise in [ 0.25; 0.5; 0.75; 1.0; 1.0 ] do
                  let scored, reported = forward Training parameters objective (batch ())
                  Expect.floatClose Accuracy.high (toFloat scored.Total) (losses[0] + rise * 0.5 * losses[1]) $"rise {rise}"
                  let reported = Map.ofList reported
                  parameters <- parameters |> Params.map (fun name x -> defaultArg (Map.tryFind name reported) x))

          tensorTest "no levels are the baseline, whatever the options" (fun () ->
              let none = { options 0 with Form = Level.Form.Projections Attention.Values.Given }
              let objective = weighted none 1.0 { plain with WarmUp = 4; Distillation = 1.0; Block = 2 }
              let total, terms, _ = valueOf objective
              let expected, _, _ = valueOf (Objective.baseline network loss)
              Expect.equal (total, List.map fst terms) (expected, [ "loss" ]) "the same") ]

let tests = testList "Conditional" [ termTests; trainingTests ]
