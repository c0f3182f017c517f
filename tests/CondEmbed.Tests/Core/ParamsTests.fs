module CondEmbed.Tests.ParamsTests

open System
open System.Collections.Generic
open Expecto
open CondEmbed
open CondEmbed.Tests.Support
open TorchSharp
open CondEmbed.Datasets

let private spec name shape role init = { Name = name; Shape = shape; Role = role; Init = init }

let private weight name = spec name [ 4L; 3L ] Trainable (Normal 1.0)

let private start seed specs = Params.init seed torch.CPU float64 specs

let private startTests =
    testList
        "start"
        [ tensorTest "a parameter's start depends on the seed and its name alone, whatever else the model holds" (fun () ->
              let alone = start 5L [ weight "a.b" ]
              let amongOthers = start 5L [ weight "z"; weight "a.b"; weight "a.a" ]
              expectSame alone["a.b"] amongOthers["a.b"] "a.b"
              expectSame alone["a.b"] (start 5L [ weight "a.b" ]).["a.b"] "a.b again")

          tensorTest "another seed or another name means another start" (fun () ->
              let first = start 5L [ weight "a"; weight "b" ]
              Expect.isFalse (first["a"].allclose first["b"]) "two names"
              Expect.isFalse (first["a"].allclose (start 6L [ weight "a" ]).["a"]) "two seeds")

          tensorTest "the start is drawn in float32 and then converted, so that types share it" (fun () ->
              let narrow = Params.init 5L torch.CPU float32 [ weight "a" ]
              expectSame (narrow["a"].``to`` float64) (start 5L [ weight "a" ]).["a"] "a")

          tensorTest "torch's global generator is neither asked nor moved" (fun () ->
              torch.manual_seed 1L |> ignore
              let first = start 5L [ weight "a" ]
              let drawn = torch.rand (3L)
              torch.manual_seed 1L |> ignore
              expectSame (torch.rand 3L) drawn "the next draw"
              expectSame first["a"] (start 5L [ weight "a" ]).["a"] "a")

          tensorTest "each kind of start has the spread that its source gives" (fun () ->
              let shape = [ 64L; 32L; 3L; 3L ]

              let drawn =
                  start
                      1L
                      [ spec "constant" shape Trainable (Constant 0.25)
                        spec "normal" shape Trainable (Normal 0.5)
                        spec "uniform" shape Trainable (Uniform 0.3)
                        spec "kaiming" shape Trainable KaimingFanOut
                        spec "fanIn" shape Trainable FanIn
                        spec "xavier" shape Trainable Xavier ]

              let deviation name = drawn[name].std().item<float>()

              let uniform bound = bound / sqrt 3.0
              let fanIn, fanOut = 32.0 * 9.0, 64.0 * 9.0

              let expected =
                  [ "constant", 0.0
                    "normal", 0.5
                    "uniform", uniform 0.3
                    "kaiming", sqrt (2.0 / fanOut)
                    "fanIn", uniform (1.0 / sqrt fanIn)
                    "xavier", uniform (sqrt (6.0 / (fanIn + fanOut))) ]

              for name, wanted in expected do
                  Expect.floatClose { absolute = 1e-9; relative = 0.03 } (deviation name) wanted name

              Expect.isLessThanOrEqual (drawn["uniform"].abs().max().item<float>()) 0.3 "the bound"
              Expect.equal (drawn["constant"].mean().item<float>()) 0.25 "the constant")

          tensorTest "a name that is declared twice is refused, and named" (fun () ->
              let problem = Expect.throwsC (fun () -> start 1L [ weight "a.b"; weight "a.b" ] |> ignore) id

              Expect.isTrue (problem :? ArgumentException) "an ArgumentException"
              Expect.stringContains problem.Message "Declared twice: 'a.b'." "the name") ]

let private sample () = Params.ofSeq [ "b.x", normal 1 [ 2 ]; "a.y", normal 2 [ 2; 3 ]; "a.x", normal 3 [ 1 ]; "ab", normal 4 [ 1 ] ]

let private treeTests =
    testList
        "tree"
        [ tensorTest "names stand in the order in which they were composed" (fun () ->
              Expect.equal (sample ()).Names [ "b.x"; "a.y"; "a.x"; "ab" ] "names"
              Expect.equal [ for name, _ in Params.toSeq (sample ()) -> name ] (sample ()).Names "toSeq"
              Expect.equal (Params.inside "a" (sample ())).Names [ "y"; "x" ] "inside"
              let layer = Layer.named "b" (Layers.linear 2 3) --> Layer.named "a" (Layers.batchNorm 3)
              Expect.equal (started layer.Specs).Names [ for spec in layer.Specs -> spec.Name ] "of a layer")

          tensorTest "a vector of all numbers goes by ordinal names, however they were composed" (fun () ->
              let parameters = sample ()
              let other = Params.toSeq parameters |> Seq.rev |> Params.ofSeq
              let vector = torch.cat [| for name in [ "a.x"; "a.y"; "ab"; "b.x" ] -> parameters[name].flatten() |]
              expectSame vector (Params.flat parameters) "flat"
              expectSame vector (Params.flat other) "of others with the same names"

              for like in [ parameters; other ] do
                  let shaped = Params.shaped like (2.0 * vector)
                  Expect.equal shaped.Names like.Names "names"

                  for name in like.Names do
                      expectSame (2.0 * parameters[name]) shaped[name] name)

          tensorTest "inside shows the part below a whole name, and nests" (fun () ->
              let parameters = Params.ofSeq [ "a.b.c", normal 1 [ 1 ]; "a.d", normal 2 [ 1 ]; "ab.c", normal 3 [ 1 ] ]

              Expect.equal (Params.inside "a" parameters).Names [ "b.c"; "d" ] "a"
              let below = parameters |> Params.inside "a" |> Params.inside "b"
              Expect.equal below.Names [ "c" ] "a.b"
              Expect.equal below["c"].Handle parameters["a.b.c"].Handle "the very tensor")

          tensorTest "map makes a new tree of the same names from full names, and disposes nothing" (fun () ->
              let parameters = sample ()

              let doubled = parameters |> Params.map (fun name t -> if name = "ab" then t else 2.0 * t)

              Expect.equal doubled.Names parameters.Names "names"
              expectSame (2.0 * parameters["a.y"]) doubled["a.y"] "doubled"
              Expect.equal doubled["ab"].Handle parameters["ab"].Handle "kept")

          tensorTest "a wrong name is refused by its full name, with the names that are there" (fun () ->
              let inside = sample () |> Params.inside "a"
              let problem = Expect.throwsC (fun () -> inside["z"] |> ignore) id
              Expect.isTrue (problem :? KeyNotFoundException) "a KeyNotFoundException"
              Expect.stringContains problem.Message "'a.z'" "the full name"
              Expect.stringContains problem.Message "y, x" "what there is")

          tensorTest "trainable names leave the statistics out, and count counts numbers" (fun () ->
              let specs = [ weight "w"; spec "mean" [ 5L ] Statistic (Constant 0.0); spec "p" [] Trainable (Constant 3.0) ]

              Expect.equal (Params.trainable specs) [ "w"; "p" ] "trainable"
              Expect.equal (Params.count specs) 18L "12 + 5 + 1")

          tensorTest "commit copies values and keeps each tensor's identity and wish for gradients" (fun () ->
              let parameters = sample ()
              let leaf = parameters["a.y"].requires_grad_ true
              let handle, values = leaf.Handle, normal 9 [ 2; 3 ]
              Params.commit (Params.inside "a" parameters) [ "y", values ]
              Expect.equal parameters["a.y"].Handle handle "the same tensor"
              Expect.isTrue (parameters["a.y"].requires_grad && parameters["a.y"].is_leaf) "still a leaf"
              expectSame values (parameters["a.y"].detach()) "the values"
              values.zero_ () |> ignore
              Expect.notEqual (leaf.abs().sum().item<float>()) 0.0 "a copy")

          tensorTest "commit refuses a value of another shape, even one that torch would stretch" (fun () ->
              let parameters = sample ()

              let problem = Expect.throwsC (fun () -> Params.commit parameters [ "a.y", normal 9 [ 1; 3 ] ]) id

              Expect.isTrue (problem :? ArgumentException) "an ArgumentException"
              Expect.stringContains problem.Message "'a.y' is [2, 3]; a value of [1, 3]" "the shapes"
              expectSame (sample ()).["a.y"] parameters["a.y"] "unchanged")

          tensorTest "mismatches report what is missing, unexpected and wrongly shaped, all at once" (fun () ->
              let specs = [ weight "fits"; weight "missing"; weight "wrong" ]

              let found =
                  dict [ "fits", [ 4L; 3L ]; "wrong", [ 3L; 4L ]; "unexpected", [ 1L ] ]
                  |> Dictionary
                  |> Params.mismatches specs

              Expect.equal found [ Missing specs[1]; WrongShape(specs[2], [ 3L; 4L ]); Unexpected "unexpected" ] "all three")

          tensorTest "the text for F# Interactive counts tensors and numbers" (fun () ->
              Expect.stringStarts (string (sample ())) "4 tensors of 10 numbers, Float64 on cpu" "the first line"
              Expect.stringContains (string (sample ())) "  a            7\n    y  [2, 3]  6\n    x  [1]     1" "a part with its sum") ]

let tests = testList "Params" [ startTests; treeTests ]
