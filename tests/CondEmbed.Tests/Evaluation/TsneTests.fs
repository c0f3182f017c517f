/// t-SNE on tensors against plain loops.
module CondEmbed.Tests.TsneTests

open System
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.Evaluation
open CondEmbed.Tests.Support
open TorchSharp

/// Squared Euclidean distances of rows, by loops.
let private distancesOf (rows: float array array) =
    [| for a in rows -> [| for b in rows -> Seq.fold2 (fun sum x y -> sum + (x - y) * (x - y)) 0.0 a b |] |]

let private tensorOf (rows: float array array) = matrixOf [ for row in rows -> List.ofArray row ]

/// Points around a few centres, in float64.
let private clusters seed count dimension =
    let random = Random(seed: int)
    let normal () = Math.Sqrt(-2.0 * log (1.0 - random.NextDouble())) * cos (2.0 * Math.PI * random.NextDouble())
    let centres = [| for _ in 1..4 -> [| for _ in 1..dimension -> 4.0 * normal () |] |]
    [| for i in 0 .. count - 1 -> Array.map (fun x -> x + normal ()) centres[i % 4] |]

/// Row i of the Gaussian affinities at a precision, without i itself, and the row's entropy.
let private gaussian (distances: float array array) i precision =
    let weights = [| for j in 0 .. distances.Length - 1 -> if i = j then 0.0 else exp (-precision * distances[i][j]) |]
    let row = weights |> Array.map (fun weight -> weight / Array.sum weights)
    row, -(row |> Array.sumBy (fun p -> if p > 0.0 then p * log p else 0.0))

/// The same at a perplexity, found by bisection of one row at a time.
let private plainConditional distances perplexity =
    [| for i in 0 .. Array.length distances - 1 ->
           let mutable low, high = 0.0, 1e6

           for _ in 1..200 do
               let middle = (low + high) / 2.0
               if snd (gaussian distances i middle) > log perplexity then low <- middle else high <- middle

           fst (gaussian distances i low) |]

let private closeness (places: float array array) i j =
    1.0 / (1.0 + ((places[i][0] - places[j][0]) ** 2.0 + (places[i][1] - places[j][1]) ** 2.0))

/// Equation 5 of the paper, term by term.
let private plainGradient (affinities: float array array) (places: float array array) exaggeration =
    let count = places.Length

    let others i =
        seq {
            for j in 0 .. count - 1 do
                if i <> j then j
        }

    let total =
        Seq.sum (
            seq {
                for i in 0 .. count - 1 do
                    for j in others i -> closeness places i j
            }
        )

    [| for i in 0 .. count - 1 ->
           [| for axis in 0..1 ->
                  4.0
                  * Seq.sum (
                      seq {
                          for j in others i ->
                              (exaggeration * affinities[i][j] - closeness places i j / total)
                              * closeness places i j
                              * (places[i][axis] - places[j][axis])
                      }
                  ) |] |]

let private joint (conditional: float array array) =
    let count = conditional.Length
    [| for i in 0 .. count - 1 -> [| for j in 0 .. count - 1 -> (conditional[i][j] + conditional[j][i]) / (2.0 * float count) |] |]

let private embeddingsOf (rows: float array array) = Embeddings<float>(Array.concat rows, rows.Length, rows[0].Length)

let private map (options: TsneOptions) rows = Tsne.Map(embeddingsOf rows, options)

let private plane (places: MapPoint array) = tensorOf [| for place in places -> [| place.X; place.Y |] |]

/// The divergence that the descent makes small: sum p log (p / q), with q in proportion to 1 / (1 + |y_i - y_j|^2).
let private divergenceOf (affinities: Tensor) (places: Tensor) =
    let p, y = numbers affinities, numbers places
    let count = int places.shape[0]
    let closeness i j = if i = j then 0.0 else 1.0 / (1.0 + (y[2 * i] - y[2 * j]) ** 2.0 + (y[2 * i + 1] - y[2 * j + 1]) ** 2.0)
    let total = Seq.sum (Seq.allPairs [ 0 .. count - 1 ] [ 0 .. count - 1 ] |> Seq.map (fun (i, j) -> closeness i j))

    Seq.sum (
        seq {
            for i in 0 .. count - 1 do
                for j in 0 .. count - 1 do
                    let own = p[i * count + j]
                    if own > 0.0 then own * log (own / (closeness i j / total))
        }
    )

let tests =
    testList
        "t-SNE"
        [ tensorTest "the widths are those that bisection finds row by row" (fun () ->
              let distances = distancesOf (clusters 1 23 5)
              // One point far away from all others, and two in one place.
              let far =
                  distances
                  |> Array.mapi (fun i row -> row |> Array.mapi (fun j d -> if i <> j && (i = 0 || j = 0) then d + 400.0 else d))

              far[3][4] <- 0.0
              far[4][3] <- 0.0

              for distances, perplexity in [ distances, 2.0; distances, 7.0; far, 5.0 ] do
                  let found = TsneAffinities.Conditional(tensorOf distances, perplexity)
                  expectClose 1e-5 (tensorOf (plainConditional distances perplexity)) found $"perplexity {perplexity}")
          tensorTest "affinities are symmetric and sum to 1" (fun () ->
              let joint = TsneAffinities.Joint(tensorOf (distancesOf (clusters 2 30 4)), 6.0)
              expectClose 1e-15 (joint.t ()) joint "symmetric"
              Expect.floatClose Accuracy.high (joint.sum().item<float>()) 1.0 "sum"
              Expect.equal (joint.diagonal().abs().sum().item<float>()) 0.0 "none with itself")
          tensorTest "the gradient is that of the paper's formula, with and without exaggeration" (fun () ->
              let affinities = joint (plainConditional (distancesOf (clusters 3 17 6)) 4.0)
              let random = Random 5
              let places = [| for _ in 1..17 -> [| 6.0 * random.NextDouble(); 3.0 * random.NextDouble() |] |]

              for exaggeration in [ 1.0; 12.0 ] do
                  let found = TsneDescent.Gradient(tensorOf affinities, tensorOf places, exaggeration)
                  expectClose 1e-12 (tensorOf (plainGradient affinities places exaggeration)) found $"exaggeration {exaggeration}")
          tensorTest "the gradient is that of the divergence" (fun () ->
              let affinities = tensorOf (joint (plainConditional (distancesOf (clusters 4 9 3)) 2.5))
              let places = normal 8 [ 9; 2 ]
              let step, gradient = 1e-5, TsneDescent.Gradient(affinities, places, 1.0) |> numbers

              for at in 0..17 do
                  let moved by =
                      let places = places.clone ()
                      places.view(-1L).narrow(0L, int64 at, 1L).add_((by: float).ToScalar()) |> ignore
                      divergenceOf affinities places

                  Expect.floatClose
                      { absolute = 1e-8; relative = 1e-5 }
                      gradient[at]
                      ((moved step - moved -step) / (2.0 * step))
                      $"coordinate {at}")
          tensorTest "the divergence falls, below that of the principal components, and clusters come apart" (fun () ->
              let rows = clusters 6 80 10
              let affinities = TsneAffinities.Joint(tensorOf (distancesOf rows), 10.0)
              let divergence places = divergenceOf affinities (plane places)
              let short, long = map (TsneOptions(Perplexity = 10.0, Iterations = 130)) rows, map (TsneOptions(Perplexity = 10.0)) rows
              Expect.isLessThan (divergence long) (divergence short) "with more steps"

              Expect.isLessThan
                  (divergence long)
                  (0.5 * divergence (PrincipalComponents.Plane(embeddingsOf rows)))
                  "against principal components"

              for i, place in Seq.indexed long do
                  let nearest =
                      Seq.indexed long
                      |> Seq.filter (fun (j, _) -> i <> j)
                      |> Seq.minBy (fun (_, other) -> (place.X - other.X) ** 2.0 + (place.Y - other.Y) ** 2.0)

                  Expect.equal (fst nearest % 4) (i % 4) $"the neighbour of {i} is of its cluster")
          tensorTest "the same embeddings and seed give the same map to the bit, and no tensor is left" (fun () ->
              let rows = clusters 7 40 6
              let before = torch.Tensor.TotalCount
              let options = TsneOptions(Iterations = 60, Seed = 3)
              Expect.sequenceEqual (map options rows) (map options rows) "twice"
              Expect.equal torch.Tensor.TotalCount before "tensors"
              Expect.notEqual (map (TsneOptions(Iterations = 60, Seed = 4)) rows) (map options rows) "another seed")
          tensorTest "equal points, one dimension and few points have finite maps" (fun () ->
              for rows in
                  [ Array.create 12 [| 1.0; 2.0 |]
                    [| for i in 1..20 -> [| float i |] |]
                    [| [| 1.0; 0.0; 0.0 |] |]
                    clusters 9 3 4
                    clusters 9 9 4 ] do
                  let places = map (TsneOptions(Iterations = 50)) rows
                  Expect.equal places.Length rows.Length "places"

                  for place in places do
                      Expect.isTrue (Double.IsFinite place.X && Double.IsFinite place.Y) $"{rows.Length} points"

              Expect.isEmpty (Tsne.Map(Embeddings<float32>([||], 0, 3))) "none"
              Expect.throwsT<InputException> (fun () -> map (TsneOptions()) [| for _ in 1..9 -> [| nan |] |] |> ignore) "not finite")
          tensorTest "principal components are the directions of the largest spread, whatever the sign" (fun () ->
              let random = Random 11

              let rows =
                  [| for _ in 1..200 -> [| 0.1 * random.NextDouble(); 9.0 * random.NextDouble(); 3.0 * random.NextDouble() + 100.0 |] |]

              let places = PrincipalComponents.Plane(embeddingsOf rows)
              let mean axis = rows |> Array.averageBy (fun row -> row[axis])

              for row, place in Seq.zip rows places do
                  Expect.isLessThan (abs (place.X - (row[1] - mean 1))) 0.5 "first"
                  Expect.isLessThan (abs (place.Y - (row[2] - mean 2))) 0.5 "second")
          test "cancelling stops the descent" {
              use source = new Threading.CancellationTokenSource()
              source.Cancel()
              let rows = clusters 1 20 3

              Expect.throwsT<OperationCanceledException>
                  (fun () -> Tsne.Map(embeddingsOf rows, TsneOptions(), source.Token) |> ignore)
                  "cancelled"
          } ]
