/// Derivatives of functions: against formulas, finite differences and each other, nested, and of every layer.
module CondEmbed.Tests.DerivativeTests

open System
open Expecto
open CondEmbed
open CondEmbed.Layers
open CondEmbed.Tests.Support
open TorchSharp

let private vector (values: float list) : Tensor = torch.tensor (List.toArray values, dtype = float64)

let private cube (x: Tensor) = x.pow(scalar 3.0).sum()

/// [a; b] -> [a^2 b; sin a; 5 b], and its Jacobian.
let private three (x: Tensor) = torch.stack [| x[0] * x[0] * x[1]; x[0].sin(); 5.0 * x[1] |]

let private jacobianOfThree a b = matrixOf [ [ 2.0 * a * b; a * a ]; [ cos a; 0.0 ]; [ 0.0; 5.0 ] ]

/// A scalar function of a matrix, in which no second derivative is zero.
let private bowl (x: Tensor) = (x.t().mm(x).exp().sum() + x.sin().prod()).log()

let private formulas =
    testList
        "formulas"
        [ tensorTest "value and gradient of a sum of cubes" (fun () ->
              let value, gradient = Grad.valueAndGrad cube (vector [ 1.0; -2.0 ])
              Expect.equal (toFloat value) -7.0 "value"
              expectClose 1e-12 (vector [ 3.0; 12.0 ]) gradient "gradient"
              expectClose 1e-12 gradient (Grad.grad cube (vector [ 1.0; -2.0 ])) "grad alone")

          tensorTest "Jacobian, and its products from both sides" (fun () ->
              let x, expected = vector [ 0.7; -1.3 ], jacobianOfThree 0.7 -1.3
              let along, weights = vector [ 0.5; 2.0 ], vector [ 1.0; -1.0; 0.25 ]
              expectClose 1e-12 expected (Grad.jacobian three x) "jacobian"
              expectClose 1e-12 (expected.mv along) (Grad.jvp three x along) "jvp"
              expectClose 1e-12 (expected.t().mv weights) (Grad.vjp three x weights) "vjp")

          tensorTest "Hessian, its product and its trace" (fun () ->
              let x = vector [ 1.0; -2.0 ]
              expectClose 1e-12 (torch.diag (vector [ 6.0; -12.0 ])) (Grad.hessian cube x) "hessian"
              expectClose 1e-12 (vector [ 18.0; 12.0 ]) (Grad.hvp cube x (vector [ 3.0; -1.0 ])) "hvp"
              Expect.floatClose Accuracy.high (toFloat (Grad.laplacian cube x)) -6.0 "laplacian")

          tensorTest "nested to the fourth order: x^5 -> 120 x" (fun () ->
              let slope f (x: Tensor) = Grad.grad f x
              let fifth (x: Tensor) = x.pow (scalar 5.0)
              let fourth = fifth |> slope |> slope |> slope |> slope
              Expect.floatClose Accuracy.high (toFloat (fourth (torch.tensor (1.5, dtype = float64)))) 180.0 "fourth derivative")

          tensorTest "what a function reads besides is constant to it: d/dx (x d/dy (x + y)) at y = x is 1" (fun () ->
              let outer (x: Tensor) = x * Grad.grad (fun y -> x + y) x
              Expect.equal (toFloat (Grad.grad outer (torch.tensor (2.0, dtype = float64)))) 1.0 "no confusion")

          tensorTest "an inner derivative depends on what the outer one varies, though its own input is constant" (fun () ->
              // d/da (d/dx a x^2 at 3) = 6
              let outer (a: Tensor) = Grad.grad (fun x -> a * x * x) (torch.tensor (3.0, dtype = float64))
              Expect.equal (toFloat (Grad.grad outer (torch.tensor (1.0, dtype = float64)))) 6.0 "by the outer variable")

          tensorTest "a function that does not depend on its input has derivatives of zero" (fun () ->
              let x, constant = vector [ 1.0; 2.0 ], vector [ 4.0 ]
              expectClose 0.0 (vector [ 0.0; 0.0 ]) (Grad.grad (fun _ -> constant.sum ()) x) "grad"
              expectClose 0.0 (vector [ 0.0 ]) (Grad.jvp (fun _ -> constant) x x) "jvp"
              expectClose 0.0 (matrixOf [ [ 0.0; 0.0 ] ]) (Grad.jacobian (fun _ -> constant) x) "jacobian"
              expectClose 0.0 (torch.zeros (2L, 2L, dtype = float64)) (Grad.hessian (fun x -> x.sum ()) x) "hessian of a linear function") ]

let private twins =
    testList
        "twins"
        [ testPropertyWithConfig (fewCases 20) "Hessian, its products and its trace agree, and equal differences of gradients"
          <| fun (seed: int) (rows: byte) (columns: byte) ->
              scoped (fun () ->
                  let x = 0.5 * normal seed [ 1 + int rows % 3; 1 + int columns % 3 ]
                  let along = normal (seed + 1) [ int x.shape[0]; int x.shape[1] ]
                  let hessian = Grad.hessian bowl x
                  let square = hessian.reshape (x.numel (), x.numel ())
                  let product = square.mv(along.flatten ()).reshape x.shape
                  expectClose 1e-9 product (Grad.hvp bowl x along) "hvp"
                  expectClose 1e-9 product (Grad.jvp (Grad.grad bowl) x along) "jvp of the gradient"
                  expectClose 1e-9 (square.trace ()) (Grad.laplacian bowl x) "laplacian"
                  let differences = Grad.finiteDifferences 1e-5 (fun x -> (Grad.grad bowl x * along).sum()) x
                  expectClose 1e-5 differences product "finite differences") ]

/// Every layer with inputs of its own, and what cannot be differentiated twice by libtorch as it stands: fused attention.
let private layers: (string * Layer<Tensor, Tensor> * int list) list =
    let crossed: Layer<Tensor, Tensor> =
        let options: Attention.Options = { Channels = 4; Embedding = 4; Heads = 2 }
        let query, images = Attention.query options, Attention.keysAndValues options Attention.Values.Own
        let cross = Attention.cross options Attention.Values.Own

        Layer.create (Attention.specs options Attention.Values.Own) (fun env x ->
            cross.Forward env (query.Forward env x, images.Forward env (x, x)))

    let alone: Layer<Tensor, Tensor> =
        Layer.lift (fun x -> (Attention.oneHead x x).Keys |> fun keys -> DotProductAttention.read keys keys keys)

    [ "conv2d", conv2d 2 3 3 2, [ 2; 2; 4; 4 ]
      "patches", patches 2 3 2, [ 2; 2; 4; 4 ]
      "linear", linear 4 3, [ 2; 4 ]
      "batchNorm", batchNorm 2, [ 3; 2; 2; 2 ]
      "layerNorm", layerNorm 4, [ 2; 4 ]
      "relu", relu, [ 2; 3 ]
      "gelu", gelu, [ 2; 3 ]
      "maxPool", maxPool, [ 1; 2; 4; 4 ]
      "averagePool", averagePool, [ 1; 2; 4; 4 ]
      "meanPool", meanPool, [ 2; 2; 3; 3 ]
      "globalMaxPool", globalMaxPool, [ 2; 2; 3; 3 ]
      "meanMaxPool", meanMaxPool, [ 2; 2; 3; 3 ]
      "gemPool", gemPool, [ 2; 2; 3; 3 ]
      "l2Normalise", Layer.lift l2Normalise, [ 2; 4 ]
      "tokens", Layer.lift tokens, [ 1; 2; 2; 2 ]
      "attention", crossed, [ 2; 3; 4 ]
      "attention of one head", alone, [ 2; 3; 4 ]
      "a block", convNorm Norms.Batch ("conv", "norm") 2 3 3 1 --> relu --> meanPool, [ 3; 2; 4; 4 ] ]

let private ofLayers =
    testList
        "layers twice"
        [ for name, layer, shape in layers do
              tensorTest $"{name}: second derivatives equal differences of the first" (fun () ->
                  let parameters, x = started layer.Specs, normal 3 shape
                  let along = normal 4 shape

                  let value (x: Tensor) =
                      let y = Layer.apply Mode.Training parameters layer x
                      (y * y * y).sum() / 3.0

                  let moved (step: float) = Grad.grad value (x + step * along)
                  let differences = (moved 1e-5 - moved -1e-5) / 2e-5
                  let product = Grad.hvp value x along
                  let size = max 1.0 (toFloat (differences.abs().max()))
                  expectClose (1e-6 * size) differences product "H v") ]

let private inTraining =
    testList
        "in training"
        [ tensorTest "a penalty on a gradient is trained like its formula" (fun () ->
              // The penalty of f(x) = sum (w x)^2 on x's gradient 2 w^2 x is 4 sum w^4 x^2, and its gradient by w is 16 w^3 x^2.
              let x = normal 5 [ 4 ]

              let objective (written: bool) : Layer<Batch, Scored> =
                  Layer.create [ { Name = "w"; Shape = [ 4L ]; Role = Trainable; Init = Uniform 1.0 } ] (fun env _ ->
                      let w = env.Params["w"]
                      let gradient = if written then 2.0 * w * w * x else Grad.grad (fun x -> (w * x).square().sum()) x
                      let total = gradient.square().sum()
                      { Total = total; Terms = [ "penalty", total ] })

              let after written =
                  use state = Train.start 0L torch.CPU float64 (Train.plain 0.1 3 (objective written))

                  for _ in 1..3 do
                      Train.step (Train.plain 0.1 3 (objective written)) state { Images = x; Labels = labelsOf [ 0; 1 ] }
                      |> ignore

                  state.Params["w"].detach().clone()

              expectClose 1e-12 (after true) (after false) "the weights after three steps")

          tensorTest "derivatives of parameters: one vector, and back" (fun () ->
              let layer = Layer.named "a" (linear 3 2) --> gelu --> Layer.named "b" (linear 2 1)
              let parameters, x = started layer.Specs, normal 6 [ 5; 3 ]
              let loss parameters = (Layer.apply Mode.Training parameters layer x).square().mean()
              let gradient = Grad.ofParams Grad.grad loss parameters |> Params.shaped parameters

              for name, expected in gradientsOf loss parameters do
                  expectClose 1e-12 expected gradient[name] name

              let hessian = Grad.ofParams Grad.hessian loss parameters
              Expect.equal (List.ofArray hessian.shape) [ 11L; 11L ] "all by all"
              expectClose 1e-10 (hessian.t ()) hessian "symmetric")

          tensorTest "statistics are constants to every norm at test time" (fun () ->
              let maps, features = normal 7 [ 3; 4; 2; 2 ], normal 8 [ 3; 5; 4 ]
              let ofTokens = Layer.lift (fun (x: Tensor) -> x, features.mean [| 1L |]) --> batchNormOf 4

              for name, layer, x in [ "batchNorm", batchNorm 4, maps; "batchNormOf", ofTokens, features ] do
                  let parameters = started layer.Specs
                  let value parameters = (Layer.apply Mode.Testing parameters layer x).pow(scalar 3.0).sum()
                  let gradient = Grad.ofParams Grad.grad value parameters |> Params.shaped parameters

                  for statistic in [ "running_mean"; "running_var" ] do
                      expectSame (torch.zeros (4L, dtype = float64)) gradient[statistic] $"{name}: {statistic}"

                  Expect.isGreaterThan (toFloat (gradient["weight"].abs().min())) 0.0 $"{name}: the scale is none")

          tensorTest "the result has no graph, and x is left as it was" (fun () ->
              let x = vector [ 1.0; 2.0 ]
              let value, gradient = Grad.valueAndGrad cube x
              Expect.isFalse (value.requires_grad || gradient.requires_grad || x.requires_grad) "plain numbers"
              let tracked = (vector [ 1.0; 2.0 ]).requires_grad_ true
              let outer = (Grad.grad cube tracked).sum()

              expectClose
                  1e-12
                  (vector [ 6.0; 12.0 ])
                  (Grad.gradients outer [ "x", tracked ] |> List.head |> snd)
                  "by hand, of a tracked x")

          tensorTest "under no_grad, too" (fun () ->
              expectClose 1e-12 (vector [ 3.0 ]) (withoutGradient (fun () -> Grad.grad cube (vector [ 1.0 ]))) "gradient") ]

let private refused =
    testList
        "refused"
        [ for name, words, call in
              [ "a gradient of several numbers", [ "[2]"; "reduce it first" ], (fun () -> Grad.grad id (vector [ 1.0; 2.0 ]))
                "a product with a vector of another length",
                [ "[3]"; "[2]"; "x is" ],
                (fun () -> Grad.jvp three (vector [ 1.0; 2.0 ]) (vector [ 1.0; 2.0; 3.0 ]))
                "a product from the left with another length",
                [ "[2]"; "[3]"; "the function's value" ],
                (fun () -> Grad.vjp three (vector [ 1.0; 2.0 ]) (vector [ 1.0; 2.0 ]))
                "a Hessian's product with another length",
                [ "[1]"; "[2]"; "x is" ],
                (fun () -> Grad.hvp cube (vector [ 1.0; 2.0 ]) (vector [ 1.0 ]))
                "whole numbers", [ "Int64"; "floating-point" ], (fun () -> Grad.grad _.sum() (labelsOf [ 1; 2 ]))
                "nothing", [ "[0]" ], (fun () -> Grad.hessian _.sum() (torch.zeros (0L, dtype = float64)))
                "differences of single precision",
                [ "Float64"; "Float32" ],
                (fun () -> Grad.finiteDifferences 1e-3 cube (torch.ones (2L, dtype = float32))) ] do
              tensorTest name (fun () ->
                  let error = Expect.throwsC (fun () -> call () |> ignore) id
                  Expect.isTrue (error :? ArgumentException) $"an ArgumentException: {error}"

                  for word in words do
                      Expect.stringContains error.Message word "the message")

          tensorTest "a layer run without gradients, whose derivative would be zero" (fun () ->
              let layer = linear 3 2
              let parameters, x = started layer.Specs, normal 1 [ 2; 3 ]
              let error = Expect.throwsC (fun () -> Grad.grad (fun x -> (Layer.run parameters layer x).sum()) x |> ignore) id
              Expect.isTrue (error :? InvalidOperationException) "an InvalidOperationException"
              Expect.stringContains error.Message "Layer.apply" "the fix"
              let known (x: Tensor) = withoutGradient (fun () -> Layer.run parameters layer x)
              let constant (x: Tensor) = (x.sum ()) * (known x).sum()
              Expect.isTrue ((Grad.grad constant x).abs().sum() |> toFloat |> Double.IsFinite) "constant on purpose")

          tensorTest "a vector that does not fit parameters" (fun () ->
              let parameters = started (linear 3 2).Specs
              let error = Expect.throwsC (fun () -> Params.shaped parameters (vector [ 1.0 ]) |> ignore) id
              Expect.stringContains error.Message "have 8 numbers" "how many") ]

let tests = testList "Derivatives" [ formulas; twins; ofLayers; inTraining; refused ]
