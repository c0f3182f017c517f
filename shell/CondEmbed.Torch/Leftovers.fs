/// What steps of training leave to the garbage collector.
module CondEmbed.Torch.Leftovers

open System

let mutable private collected = 0L

/// To be called between the steps of a long training. A step leaves some hundred small native blocks (TorchSharp's scalars) to the garbage collector, among the
/// large ones that it has freed and that the next step wants joined again. They are collected here, at most five times a second. Without that a step of ResNet-50
/// was a tenth slower, and its memory grew.
let collect () =
    let now = Environment.TickCount64

    if now - collected >= 200L then
        collected <- now
        GC.Collect 0
