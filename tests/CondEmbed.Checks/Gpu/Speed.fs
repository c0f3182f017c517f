/// ResNet-50 and the levels: time and memory.
module CondEmbed.Checks.Speed

open System
open System.Diagnostics
open System.IO
open CondEmbed
open CondEmbed.Benchmarks
open CondEmbed.Torch
open TorchSharp

/// The time of one of many pieces of work after three that do not count, for some seconds.
let private secondsOf (effort: Effort) piece =
    for _ in 1 .. (if effort.Quick then 1 else 3) do
        piece ()

    Cuda.synchronise ()
    let watch = Stopwatch.StartNew()
    let mutable count = 0

    while count = 0 || watch.Elapsed.TotalSeconds < (if effort.Quick then 0.2 else 10.0) do
        piece ()
        count <- count + 1

    Cuda.synchronise ()
    watch.Elapsed.TotalSeconds / float count

/// Seconds of a step with so many levels, and its peak of memory.
let private steps (effort: Effort) precision count size levels =
    let config = { Networks.resNet50 size levels with Precision = precision }
    let recipe = Networks.methodOf config
    let batch = Networks.batch count size
    let device = Cuda.device.Value
    let batch: Batch = { Images = own (batch.Images.``to`` device); Labels = own (batch.Labels.``to`` device) }
    use state = Train.start 1L device torch.float32 recipe
    let mutable seconds = 0.0

    let peak =
        Cuda.peakOf (fun () ->
            seconds <-
                secondsOf effort (fun () ->
                    Train.step recipe state batch |> ignore
                    Leftovers.collect ()))

    seconds, peak

let private resNet50 precision (effort: Effort) tell =
    let count, size = if effort.Quick then 8, 64 else 112, 224
    let without, peak = steps effort precision count size 0
    let withLevel, _ = steps effort precision count size 1
    let share = 1.0 - without / withLevel

    tell (
        Check.row
            $"{Choices.word precision}, {count} images of {size} px"
            true
            $"{float count / without:F0} images/s, peak {peak / 1073741824.0:F2} GiB; a level on all pairs takes {100.0 * share:F1} %% of a step"
            [ "images_per_second", float count / without
              "peak_bytes", peak
              "seconds", without
              "seconds_with_level", withLevel
              "level_share", share ]
    )

/// Maps and embeddings as those of ResNet-50 at 224 px, and 8 heads.
let private channels, side, features = 2048L, 7L, 512

/// Seconds of H levels on all pairs, forward and backward, from maps and embeddings on.
let private levelSeconds effort count levels =
    let device = Cuda.device.Value
    let hierarchy = Hierarchy.plain { Channels = int channels; Embedding = features; Heads = 8 } levels
    let images, conditional = Hierarchy.keysAndValues hierarchy, Hierarchy.conditional hierarchy

    let parameters =
        Params.init 1L device torch.float32 (Hierarchy.specs hierarchy)
        |> Params.map (fun _ leaf -> leaf.requires_grad_ true)

    let drawn (shape: int64 array) = own (torch.randn(shape, device = device).requires_grad_ true)
    let map, embeddings = drawn [| count; channels; side; side |], drawn [| count; int64 features |]
    let env = { Params = parameters; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone }
    let leaves = ("map", map) :: ("embeddings", embeddings) :: List.ofSeq (Params.toSeq parameters)

    let piece () =
        scoped (fun () ->
            let views: Hierarchy.Views = { Maps = [ map ]; Embeddings = embeddings; Head = None; Averaged = None }
            let made = conditional.Forward env (Pairing.All, images.Forward env views, embeddings)

            let total =
                made
                |> List.map (fun c -> (Hierarchy.similarity hierarchy Pairing.All embeddings c).square().sum())
                |> List.reduce (+)

            Grad.gradients total leaves |> ignore)

    secondsOf effort piece

/// The same in PyTorch, where a python with it is on the path: seconds, or why there are none.
let private inPyTorch effort (count: int64) levels =
    let script = Path.Combine(AppContext.BaseDirectory, "peers", "levels.py")

    let arguments =
        [ script
          string levels
          string count
          string channels
          string side
          string features
          (if Cuda.isThere () then "cuda" else "cpu")
          (if effort.Quick then "0.2" else "10") ]

    try
        use python =
            Process.Start(ProcessStartInfo("python3", arguments, RedirectStandardOutput = true, RedirectStandardError = true))

        let said, problem = python.StandardOutput.ReadToEndAsync(), python.StandardError.ReadToEndAsync()
        python.WaitForExit()

        match python.ExitCode, said.Result.Split '\t' with
        | 0, [| version; seconds |] -> Ok(version, float seconds)
        | _ -> Error((problem.Result.Trim().Split '\n') |> Array.last)
    with :? ComponentModel.Win32Exception ->
        Error "there is no python3 on the path"

let private attention (effort: Effort) tell =
    let count = if effort.Quick then 8L else 112L
    let milliseconds (x: float) = $"{1000.0 * x:F1} ms"

    for levels in [ 1; 2; 4 ] do
        let ours = levelSeconds effort count levels

        let said, numbers =
            match inPyTorch effort count levels with
            | Ok(version, theirs) ->
                $"{milliseconds ours}, {ours / theirs:F2} of {milliseconds theirs} of PyTorch {version}", [ "pytorch_seconds", theirs ]
            | Error why -> $"{milliseconds ours}; PyTorch's own is left out: {why}", []

        tell (Check.row $"{levels} levels, {count} images" true said (("seconds", ours) :: numbers))

let checks =
    [ Check.plain "resnet50-float32" "whole steps of training" (resNet50 Choices.Precision.Float32)
      Check.plain "resnet50-bfloat16" "whole steps of training" (resNet50 Choices.Precision.Bfloat16)
      Check.plain "attention" "levels on all pairs, forward and backward, from maps of 2048 x 7 x 7 on" attention ]
