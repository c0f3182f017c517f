/// Collects what training steps leave to the garbage collector.
module CondEmbed.Torch.Leftovers

open System

let mutable private collected = 0L

/// Call this between the steps of a long training run. A step leaves about a hundred small native blocks (TorchSharp's scalars) to the garbage collector, among the
/// large blocks that it has freed and that the next step needs joined again. This collects them, at most five times a second. Without it, a step of ResNet-50
/// was a tenth slower, and its memory grew.
let collect () =
    let now = Environment.TickCount64

    if now - collected >= 200L then
        collected <- now
        GC.Collect 0
