/// Whole steps of training: what is added to the bare kernels, against PyTorch, with levels and without, and the memory that it takes.
module CondEmbed.Benchmarks.Steps

open CondEmbed
open TorchSharp

/// Steps on one batch of so many images and of that side.
let steps config count size =
    let recipe = Networks.methodOf config
    let batch = Networks.batch count size
    let state = Train.start 1L torch.CPU float32 recipe

    fun () ->
        Train.step recipe state batch |> ignore
        CondEmbed.Torch.Leftovers.collect ()

/// ResNet-50's kernels called one after another by hand, without loss or update: forward, the sum of the embeddings, backward.
let private bare count size =
    let leaves = Networks.methodOf (Networks.resNet50 size 0)
    let state = Train.start 1L torch.CPU float32 leaves
    let parameters = dict (Params.toSeq state.Params)

    let trained =
        [| for leaf in parameters.Values do
               if leaf.requires_grad then leaf |]

    let batch = Networks.batch count size
    fun () -> scoped (fun () -> torch.autograd.grad ([| HandWritten.resNet50 parameters batch.Images |], trained) |> ignore)

/// Images and their side: less would show what is done once a step, whatever the batch.
let private count, size = 32, 128

let private overhead =
    let timed step = fun () -> Measured.seconds step
    let step (_: Effort) = steps (Networks.resNet50 size 0) count size |> timed
    let loop (_: Effort) = bare count size |> timed

    Benchmark.row
        "step.overhead"
        "ResNet-50, 32 images of 128 px, a whole step of training without levels against forward + backward of the same kernels alone"
        [ Benchmark.here "condembed" step; Benchmark.here "loop" loop ]
        [ Benchmark.atMost 1.03 "loop" "condembed" ]

let private againstPyTorch =
    let step (_: Effort) =
        let step = steps (Networks.resNet50 size 0) count size
        fun () -> Measured.secondsAndPeak step

    Benchmark.row
        "step.pytorch"
        "the same step, and the peak of memory in it, against PyTorch with the same network, loss, miner and optimiser"
        [ Benchmark.here "condembed" step
          Benchmark.python "pytorch" "steps.py" []
          Benchmark.python "pytorch channels-last" "steps.py" [ "channels-last" ] ]
        [ Benchmark.atMost 1.0 "pytorch" "condembed"
          { Benchmark.atMost 1.1 "pytorch" "condembed" with Measure = "bytes" } ]

/// The file of a tcmalloc, where this machine has one.
let private tcmalloc =
    [ "/usr/lib/x86_64-linux-gnu"; "/usr/lib/aarch64-linux-gnu"; "/usr/lib64"; "/usr/lib" ]
    |> List.map (fun folder -> $"{folder}/libtcmalloc_minimal.so.4")
    |> List.tryFind System.IO.File.Exists

let private allocator =
    let step (effort: Effort) =
        let count' = if effort.Quick then 3 else 20
        let step = steps (Networks.resNet50 size 0) count size

        fun () ->
            Measured.forgetPeak ()

            let time =
                Measured.secondsEach count' (fun () ->
                    for _ in 1..count' do
                        step ())

            time @ [ "bytes", Measured.peak () ]

    let system = Benchmark.here "system" step

    { Benchmark.row
          "step.allocator"
          "the same step and the peak of memory in the last of 60, with tcmalloc (LD_PRELOAD) against the allocator of the system"
          [ for file in Option.toList tcmalloc do
                { Benchmark.here "tcmalloc" step with Environment = [ "LD_PRELOAD", file ] }
            system ]
          [] with
        Rounds = 3
        Warm = 0 }

let private conditional =
    let step levels (effort: Effort) =
        let count, size = if effort.Quick then 16, 64 else 112, 224
        let step = steps (Networks.resNet50 size levels) count size
        fun () -> Measured.secondsAndPeak step

    { Benchmark.row
          "step.conditional"
          "ResNet-50, 112 images of 224 px, D = 512, 8 heads: a step with two levels on all pairs against one without levels"
          [ Benchmark.here "levels" (step 2); Benchmark.here "baseline" (step 0) ]
          [ Benchmark.atMost 1.1 "baseline" "levels"
            { Benchmark.atMost 1.15 "baseline" "levels" with Measure = "bytes" } ] with
        Together = false
        Rounds = 3 }

let private bfloat16 =
    let step precision (_: Effort) =
        let step = steps { Networks.resNet50 size 0 with Precision = precision } count size
        fun () -> Measured.secondsAndPeak step

    Benchmark.row
        "step.bfloat16"
        "ResNet-50, 32 images of 128 px: a step whose encoder computes in bfloat16 against one in float32"
        [ Benchmark.here "bfloat16" (step Choices.Precision.Bfloat16)
          Benchmark.here "float32" (step Choices.Precision.Float32) ]
        [ Benchmark.atMost 1.0 "float32" "bfloat16" ]

/// ResNet-50 with frozen norms, so many images of a batch at a time.
let private microBatches batch micro (effort: Effort) =
    let size, by = if effort.Quick then 64, 4 else 128, 1
    let config = { Networks.resNet50 size 0 with FreezeNorm = true; MicroBatch = micro / by }
    let step = steps config (batch / by) size
    fun () -> Measured.secondsAndPeak step

let private micro =
    Benchmark.row
        "step.micro-batch"
        "ResNet-50 with frozen norms, 64 images of 128 px: a step with 16 of them at a time (micro_batch) against all at once"
        [ Benchmark.here "16 at a time" (microBatches 64 16); Benchmark.here "at once" (microBatches 64 0) ]
        [ Benchmark.atMost 1.35 "at once" "16 at a time"
          { Benchmark.atMost 0.75 "at once" "16 at a time" with Measure = "bytes" } ]

let private microMemory =
    { Benchmark.row
          "step.micro-batch.memory"
          "the same, the peak of memory in a step of 256 images against one of 32, both with 16 at a time"
          [ Benchmark.here "256" (microBatches 256 16); Benchmark.here "32" (microBatches 32 16) ]
          [ { Benchmark.atMost 1.1 "32" "256" with Measure = "bytes" } ] with
        Together = false
        Rounds = 3 }

/// Forward and backward of an encoder whose images are laid out channels-last (as here always) or row by row.
let private layout =
    let pass contiguous (_: Effort) =
        let encoder = Recipe.encoder (Networks.resNet50 size 0)
        let parameters = Params.init 1L torch.CPU float32 encoder.Features.Specs
        // Kernels that are channels-last would make the maps so, too.
        let parameters = if contiguous then parameters |> Params.map (fun _ leaf -> own (leaf.contiguous ())) else parameters
        let leaves = [ for name in Params.trainable encoder.Features.Specs -> name, parameters[name].requires_grad_ true ]
        let images = (Networks.batch count size).Images.``to``(float32).permute(0L, 3L, 1L, 2L)
        let images = own ((if contiguous then images.contiguous () else images) / 255.0)

        fun () ->
            Measured.seconds (fun () ->
                scoped (fun () ->
                    let map = (Layer.apply Training parameters encoder.Features images).Map
                    Grad.gradients (map.sum ()) leaves |> ignore))

    Benchmark.row
        "layout"
        "forward and backward of ResNet-50, 32 images of 128 px, channels-last against row by row"
        [ Benchmark.here "channels-last" (pass false); Benchmark.here "row by row" (pass true) ]
        [ Benchmark.atMost 1.0 "row by row" "channels-last" ]

/// Resident memory after a tenth of the steps and at their end.
let private growth =
    let grown (effort: Effort) =
        let count = if effort.Quick then 200 else 2000
        let step = steps { Networks.resNet50 32 2 with Encoder = "small"; Embedding = 64 } 32 32

        fun () ->
            for _ in 1 .. count / 10 do
                step ()

            let before = Measured.resident ()

            for _ in count / 10 + 1 .. count do
                step ()

            [ "extra bytes", max 0.0 (Measured.resident () - before) ]

    { Benchmark.row
          "memory.growth"
          "resident memory that 2,000 steps of the small network with two levels add after the first 200"
          [ Benchmark.here "condembed" grown ]
          [ { Of = "condembed"; Over = None; Measure = "extra bytes"; AtMost = 16777216.0 } ] with
        Rounds = 1
        Warm = 0 }

let benchmarks = [ overhead; againstPyTorch; allocator; conditional; micro; microMemory; bfloat16; layout; growth ]
