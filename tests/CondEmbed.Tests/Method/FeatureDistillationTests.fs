/// What the pooled features teach the embeddings.
module CondEmbed.Tests.FeatureDistillationTests

open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.Support
open TorchSharp

let private network =
    Network.ofMap (Layer.named "conv" (Layers.conv2d 3 9 3 1)) (Layers.meanPool --> Layer.named "embedding" (Layers.linear 9 6))

let private loss = All.ofText "multi-similarity" 3 6

let private batch () : Batch = { Images = normal 1 [ 6; 3; 4; 4 ]; Labels = labelsOf [ 0; 0; 1; 1; 2; 2 ] }

let private none = Hierarchy.plain { Channels = 9; Embedding = 6; Heads = 2 } 0

let private taught options : Objective = Objective.taught network none 1.0 (Conditional.plain 0.0) options loss loss

let private teacher: FeatureDistillation.Options = { Weight = 3.0; Temperature = 0.7; Start = 0 }

/// Q R, the cosines of rows by loops.
let private cosines (x: Tensor) =
    let rows = [| for row in x.unbind 0L -> numbers row |]
    let dot a b = Array.map2 (*) a b |> Array.sum
    [| for a in rows -> [| for b in rows -> dot a b / sqrt (dot a a * dot b b) |] |]

/// The mean over rows of KL(softmax(teacher / t) || softmax(student / t)) over the other places, by loops.
let private divergence t (teacher: float array array) (student: float array array) =
    let share (s: float array) i =
        let raised = [| for j in 0 .. s.Length - 1 -> if j = i then 0.0 else exp (s[j] / t) |]
        raised |> Array.map (fun x -> x / Array.sum raised)

    [ for i in 0 .. teacher.Length - 1 ->
          Array.map2 (fun p q -> if p = 0.0 then 0.0 else p * log (p / q)) (share teacher[i] i) (share student[i] i)
          |> Array.sum ]
    |> List.average

let tests =
    testList
        "Feature distillation"
        [ tensorTest "is the divergence of the embeddings' similarities from the pooled features', by loops" (fun () ->
              let objective = taught teacher
              let parameters = started objective.Specs
              let features = Layer.run parameters network.Features (batch ()).Images
              let pooled = features.Map.mean [| 2L; 3L |]
              let expected = divergence 0.7 (cosines pooled) (cosines (Layer.run parameters network.Head features))
              let scored, reported = forward Training parameters objective (batch ())
              let first = toFloat (snd scored.Terms.Head)
              Expect.equal (List.map fst scored.Terms) [ "loss"; "feature_distillation" ] "terms"
              Expect.floatClose Accuracy.high (toFloat (snd scored.Terms[1])) expected "the term"
              Expect.floatClose Accuracy.high (toFloat scored.Total) (first + 3.0 * expected) "the total"
              Expect.isEmpty reported "no statistics")

          tensorTest "its gradients by the head equal finite differences, and the teacher gets none" (fun () ->
              let parameters = started (taught teacher).Specs
              let images = (batch ()).Images
              let teaching = FeatureDistillation.terms network teacher
              let withLeaf name (leaf: Tensor) = parameters |> Params.map (fun other x -> if other = name then leaf else x)

              let termOf name leaf =
                  let parameters = withLeaf name leaf
                  let env = { Params = parameters; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone }
                  let features = network.Features.Forward env images
                  (teaching.Forward env (features, network.Head.Forward env features)).Weighted.Head

              let gradientOf name (f: Tensor -> Tensor) =
                  let leaf = parameters[name].detach().clone().requires_grad_ true
                  Grad.gradients (f leaf) [ name, leaf ] |> List.head |> snd

              expectClose
                  1e-6
                  (Grad.finiteDifferences 1e-5 (termOf "embedding.weight") parameters["embedding.weight"])
                  (gradientOf "embedding.weight" (termOf "embedding.weight"))
                  "the head"

              let constant = Similarity.cosine (Layer.run parameters (Network.pooled network) images)
              let others = torch.eye(6L, dtype = torch.bool).logical_not()

              let studentOnly leaf =
                  let embeddings, _ = forward Training (withLeaf "conv.weight" leaf) (network.Features --> network.Head) images
                  3.0 * Distillation.loss 0.7 others constant (Similarity.cosine embeddings)

              expectClose
                  1e-12
                  (gradientOf "conv.weight" studentOnly)
                  (gradientOf "conv.weight" (termOf "conv.weight"))
                  "the encoder, by the student alone")

          tensorTest "counts from a step on, and without a weight the objective is the same to the bit" (fun () ->
              let objective = taught { teacher with Start = 2 }
              let whole, _ = forward Training (started (taught teacher).Specs) (taught teacher) (batch ())
              let baseline = Objective.baseline network loss
              let alone, _ = forward Training (started baseline.Specs) baseline (batch ())
              let mutable parameters = started objective.Specs

              for expected in [ alone; alone; whole; whole ] do
                  let scored, reported = forward Training parameters objective (batch ())
                  expectSame expected.Total scored.Total "total"
                  let reported = Map.ofList reported
                  parameters <- parameters |> Params.map (fun name x -> defaultArg (Map.tryFind name reported) x)

              let without = taught { teacher with Weight = 0.0 }
              Expect.equal without.Specs baseline.Specs "parameters"
              let scored, _ = forward Training (started without.Specs) without (batch ())
              expectSame alone.Total scored.Total "total") ]
