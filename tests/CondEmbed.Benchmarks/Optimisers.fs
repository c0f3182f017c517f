/// A step of the optimiser over the leaves of ResNet-50.
module CondEmbed.Benchmarks.Optimisers

open TorchSharp
open CondEmbed

let private random (shape: int64 array) = torch.randn (shape, device = torch.CPU)

let private ours (_: Effort) =
    let shapes = Networks.trainedShapes ()
    let leaves = [ for shape in shapes -> (random shape).requires_grad_ true ]
    let zeros (leaf: Tensor) = torch.zeros_like (leaf, requires_grad = false)
    let kept = [ for leaf in leaves -> [ zeros leaf; zeros leaf ] ]
    let gradients = List.map random shapes

    let slots: Optimiser.Slot array =
        [| for leaf, kept, gradient in List.zip3 leaves kept gradients -> { Leaf = leaf; Kept = kept; Gradient = gradient } |]

    let mutable t = 0

    fun () ->
        Measured.secondsOver 0.3 (fun () ->
            t <- t + 1
            Optimiser.step Optimiser.adamW 1e-3 0.01 t slots)

let private torchSharp (_: Effort) =
    let leaves = [| for shape in Networks.trainedShapes () -> new Modules.Parameter(random shape) |]

    for leaf in leaves do
        leaf.grad <- random leaf.shape

    let optimiser = torch.optim.AdamW(leaves, 1e-3)

    fun () -> Measured.secondsOver 0.3 (fun () -> optimiser.step () |> ignore)

let benchmarks =
    [ Benchmark.row
          "optimiser.adamw"
          "a step of AdamW over the 159 trained leaves of ResNet-50 (23.5 M numbers)"
          [ Benchmark.here "condembed" ours
            Benchmark.here "torchsharp" torchSharp
            Benchmark.python "pytorch" "optimiser.py" [] ]
          [ Benchmark.atMost 0.5 "torchsharp" "condembed" ] ]
