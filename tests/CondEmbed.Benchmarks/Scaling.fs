/// How the conditional branch grows: its forward and backward pass with a loss on each level, on given feature maps, by batch, tokens and levels.
module CondEmbed.Benchmarks.Scaling

open CondEmbed
open CondEmbed.Losses
open TorchSharp
open CondEmbed.Search

type private Work = { Batch: int; Side: int; Levels: int; Nearest: int; Block: int }

/// C = D = 128, 4 heads, 36 tokens per image, one level, all pairs.
let private usual = { Batch = 128; Side = 6; Levels = 1; Nearest = 0; Block = 0 }

let private numbers (shape: int list) = own (torch.randn ([| for size in shape -> int64 size |], dtype = float32, device = torch.CPU))

let private branch work =
    let hierarchy = Hierarchy.plain { Channels = 128; Embedding = 128; Heads = 4 } work.Levels
    let pairs = { Conditional.plain 1.0 with Nearest = work.Nearest; Block = work.Block }
    let terms = Conditional.terms hierarchy pairs (All.ofText "multi-similarity" 2 128)
    let parameters = Params.init 1L torch.CPU float32 terms.Specs

    let leaves = [ for name in Params.trainable terms.Specs -> name, parameters[name].requires_grad_ true ]

    let map, embeddings = numbers [ work.Batch; 128; work.Side; work.Side ], numbers [ work.Batch; 128 ]
    let labels = own (torch.tensor ([| for i in 0 .. work.Batch - 1 -> int64 (i / 4) |], dtype = int64', device = torch.CPU))
    let views: Hierarchy.Views = { Maps = [ map ]; Embeddings = embeddings; Head = None; Averaged = None }

    fun () ->
        scoped (fun () ->
            let found = Layer.apply Training parameters terms (views, labels)
            Grad.gradientsOrZero (found.Weighted |> List.reduce (fun a b -> a + b)) leaves |> ignore)

/// Time, and the peak above what was there before the first pass: an image's share of both is the number to look at.
let private point name work =
    let plays (_: Effort) =
        let pass = branch work
        let before = Measured.resident ()

        fun () ->
            Measured.forgetPeak ()
            let time = Measured.secondsOver 0.3 pass
            time @ [ "extra bytes", max 0.0 (Measured.peak () - before) ]

    Benchmark.here name plays

let private row name what points goals = { Benchmark.row name what points goals with Together = false; Rounds = 3 }

let private pairs =
    let batches name most change =
        [ for batch in [ 32; 64; 128; 256; 512; 1024; 2048; 4096 ] do
              if batch <= most then point $"{name} {batch}" (change { usual with Batch = batch }) ]

    row
        "scaling.pairs"
        "one level, D = 128, 36 tokens: all pairs of B images; pairs with the 8 nearest and the own class; these in blocks of 4,096 pairs"
        (batches "all" 512 id
         @ batches "nearest" 4096 (fun work -> { work with Nearest = 8 })
         @ batches "blocks" 4096 (fun work -> { work with Nearest = 8; Block = 4096 }))
        [ Benchmark.atMost 6.0 "nearest 512" "nearest 2048"; Benchmark.atMost 6.0 "blocks 512" "blocks 2048" ]

let private levels =
    row
        "scaling.levels"
        "B = 128, all pairs, D = 128, 36 tokens: by the number of levels"
        [ for levels in [ 1; 2; 4 ] -> point $"L = {levels}" { usual with Levels = levels } ]
        [ Benchmark.atMost 4.4 "L = 1" "L = 4" ]

let private tokens =
    row
        "scaling.tokens"
        "B = 128, all pairs, D = 128, one level: by the tokens of an image"
        [ for side in [ 3; 6; 12 ] -> point $"T = {side * side}" { usual with Side = side } ]
        [ Benchmark.atMost 4.4 "T = 36" "T = 144" ]

let benchmarks = [ pairs; levels; tokens ]
