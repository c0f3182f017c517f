/// Products of matrices and gradients: the same numbers as torch's own functions, and an exception where those end the process.
module CondEmbed.Tests.MatmulTests

open System
open Expecto
open CondEmbed
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Datasets
open CondEmbed.Models

let private shapes =
    [ [ 3; 4 ], [ 4; 5 ]
      [ 4 ], [ 4 ]
      [ 4 ], [ 4; 5 ]
      [ 3; 4 ], [ 4 ]
      [ 2; 3; 4 ], [ 4; 5 ]
      [ 2; 3; 4 ], [ 4 ]
      [ 4 ], [ 2; 4; 5 ]
      [ 3; 4 ], [ 2; 4; 5 ]
      [ 2; 3; 4 ], [ 2; 4; 5 ]
      [ 2; 1; 3; 4 ], [ 6; 4; 5 ]
      [ 2; 6; 3; 4 ], [ 1; 6; 4; 5 ]
      [ 0; 4 ], [ 4; 5 ]
      [ 2; 3; 0 ], [ 0; 5 ]
      [ 0; 3; 4 ], [ 0; 4; 5 ] ]

let private products =
    testList
        "matmul"
        [ for a, b in shapes do
              tensorTest $"{a} times {b} is torch's" (fun () ->
                  let make seed shape = (normal seed shape).requires_grad_ true
                  let a, b = make 1 a, make 2 b
                  let mine, theirs = matmul a b, a.matmul b

                  let close (expected: Tensor) (actual: Tensor) what =
                      Expect.sequenceEqual actual.shape expected.shape $"{what}: shape"
                      if expected.numel () > 0L then expectClose 1e-12 expected actual what

                  close theirs mine "the product"
                  // What the product itself uses has the very bits of torch's own.
                  if a.dim () = b.dim () && a.dim () > 1L then expectSame theirs mine "the product"
                  let gradients (y: Tensor) = Grad.gradients (y.square().sum()) [ "a", a; "b", b ]

                  for (name, expected), (_, actual) in List.zip (gradients theirs) (gradients mine) do
                      close expected actual $"gradient by {name}")

          for a, b, words in
              [ [ 2; 3 ], [ 4; 5 ], [ "[2, 3] and [4, 5]"; "rows of 3"; "columns of 4" ]
                [ 2; 3 ], [ 5; 3 ], [ "[2, 3] and [5, 3]"; "Transpose the second" ]
                [ 3; 2 ], [ 3; 5 ], [ "[3, 2] and [3, 5]"; "Transpose the first" ]
                [ 2; 3 ], [ 4 ], [ "[2, 3] and [4]"; "rows of 3" ]
                [ 3 ], [ 4 ], [ "[3] and [4]" ]
                [], [ 4 ], [ "[] and [4]"; "single number" ]
                [ 2; 3; 4 ], [ 3; 4; 5 ], [ "[2, 3, 4] and [3, 4, 5]"; "batches [2] and [3]" ] ] do
              tensorTest $"{a} times {b} is refused" (fun () ->
                  Expect.throwsC (fun () -> matmul (normal 1 a) (normal 2 b) |> ignore) (fun error ->
                      Expect.isTrue (error :? ArgumentException) "kind"

                      for word in words do
                          Expect.stringContains error.Message word "the message"))

          tensorTest "other types and devices are refused" (fun () ->
              let a = normal 1 [ 2; 2 ]

              for other, word in [ a.``to`` float32, "Float64 and Float32"; a.``to`` torch.META, "cpu and meta" ] do
                  Expect.throwsC (fun () -> matmul a other |> ignore) (fun error -> Expect.stringContains error.Message word "the message"))

          tensorTest "inside a layer the refusal has the layer's path" (fun () ->
              let layer = Layer.named "mine" (Layer.lift (fun (x: Tensor) -> matmul x x))

              Expect.throwsC (fun () -> Layer.run (Params.ofSeq []) layer (normal 1 [ 2; 3 ]) |> ignore) (fun error ->
                  Expect.isTrue (error :? LayerException) "kind"
                  Expect.stringStarts error.Message "mine: matmul of [2, 3] and [2, 3]" "the message")) ]

let private cube () =
    let x = (normal 3 [ 4 ]).requires_grad_ true
    x, x.pow(scalar 3.0).sum()

let private refused words (action: unit -> unit) =
    Expect.throwsC action (fun error ->
        Expect.isTrue (error :? ArgumentException) $"kind: {error.GetType().Name}"

        for word in words do
            Expect.stringContains error.Message word "the message")

let private gradients =
    testList
        "gradients"
        [ tensorTest "are torch's" (fun () ->
              let x, y = cube ()
              let mine = Grad.gradients y [ "x", x ] |> List.head |> snd
              expectClose 1e-12 (3.0 * x * x) mine "3 x^2"
              Expect.isFalse mine.requires_grad "a number, no function")

          tensorTest "second derivatives" (fun () ->
              let x, y = cube ()
              let first = Grad.differentiable y [ "x", x ] |> List.head |> snd
              let second = Grad.gradients (first.sum ()) [ "x", x ] |> List.head |> snd
              expectClose 1e-12 (6.0 * x) second "6 x")

          tensorTest "of a value whose graph is kept" (fun () ->
              let x, y = cube ()
              let once = Grad.keepingGraph y [ "x", x ] |> List.head |> snd
              let twice = Grad.gradients y [ "x", x ] |> List.head |> snd
              expectSame once twice "the same")

          tensorTest "a graph that was freed is refused" (fun () ->
              let x, y = cube ()
              Grad.gradients y [ "x", x ] |> ignore
              refused [ "freed"; "Grad.keepingGraph" ] (fun () -> Grad.gradients y [ "x", x ] |> ignore)
              refused [ "freed" ] (fun () -> Grad.gradientsOrZero y [ "x", x ] |> ignore))

          tensorTest "a gradient that was not recorded has none itself" (fun () ->
              let x, y = cube ()
              let first = Grad.keepingGraph y [ "x", x ] |> List.head |> snd
              refused [ "no graph" ] (fun () -> Grad.gradients (first.sum ()) [ "x", x ] |> ignore))

          tensorTest "a value without a graph is refused" (fun () ->
              let x, y = cube ()

              for value in [ y.detach (); withoutGradient (fun () -> x.sum ()); torch.ones [||] ] do
                  refused [ "no graph"; "requires_grad_ true" ] (fun () -> Grad.gradients value [ "x", x ] |> ignore)
                  refused [ "no graph" ] (fun () -> Grad.differentiable value [ "x", x ] |> ignore)
                  expectSame (torch.zeros_like x) (Grad.gradientsOrZero value [ "x", x ] |> List.head |> snd) "zero")

          tensorTest "a value of several numbers, and a leaf that requires none, are refused" (fun () ->
              let x, y = cube ()
              refused [ "[4]"; ".sum ()" ] (fun () -> Grad.gradients (x * x) [ "x", x ] |> ignore)
              refused [ "'other'"; "requires_grad_" ] (fun () -> Grad.gradients y [ "other", normal 1 [ 2 ] ] |> ignore)
              let unused = (normal 1 [ 2 ]).requires_grad_ true
              refused [ "depend on 'unused'" ] (fun () -> Grad.gradients y [ "unused", unused ] |> ignore)
              Expect.isEmpty (Grad.gradientsOrZero (x.sum ()) []) "no leaves") ]

let private random =
    tensorTest "a random state that is none is refused, and one that is goes back" (fun () ->
        let before = Randomness.state ()
        let drawn = torch.rand 3L
        Randomness.restore before
        expectSame drawn (torch.rand 3L) "the same numbers"
        let damaged = Array.copy before
        Array.fill damaged 8 4 0xffuy
        let wild = Array.copy before
        Array.fill wild 16 8 0x7fuy

        for bytes, word in
            [ [||], "0 bytes"
              before[..99], "100 bytes"
              Array.append before [| 0uy |], "bytes"
              damaged, "damaged"
              wild, "damaged" ] do
            refused [ word ] (fun () -> Randomness.restore bytes))

let private constants =
    tensorTest "a constant is made in the type asked for" (fun () ->
        let specs =
            [ for value in [ 0.1; 1.2; 1e-300; 123456789.123 ] ->
                  { Name = $"p{value}"; Shape = [ 1L ]; Role = Trainable; Init = Constant value }, value ]

        let made = Params.init 0L torch.CPU float64 (List.map fst specs)

        for spec, value in specs do
            Expect.equal (toFloat made[spec.Name]) value spec.Name

        let learned =
            [ for name in CondEmbed.Losses.All.names do
                  for spec in (CondEmbed.Losses.Loss.onEmbeddings (CondEmbed.Losses.All.ofText name 3 4)).Specs do
                      match spec.Init with
                      | Constant value -> name, spec, value
                      | _ -> () ]

        Expect.isNonEmpty learned "losses with a constant at their start"

        for name, spec, value in learned do
            expectSame (torch.zeros (List.toArray spec.Shape, dtype = float64) + value) (started [ spec ]).[spec.Name] name)

let private learnedBeta =
    tensorTest "the margin loss with a learned beta is exact in float64" (fun () ->
        let rows = [| [| 1.0; 0.0 |]; [| 0.8; 0.6 |]; [| 0.0; 1.0 |] |]

        for text in [ "margin(miner=all)"; "margin(miner=all, per_class=1)"; "margin(miner=all, learn_beta=0)" ] do
            let result = CondEmbed.Interop.LossFunctions.Evaluate(text, null, rows, [| 0L; 0L; 1L |], null)
            Expect.floatClose { absolute = 1e-15; relative = 1e-15 } result.Value 0.5055728090000842 text)

let tests = testList "Tensors" [ products; gradients; random; constants; learnedBeta ]
