/// Each loss forward and backward, and miners, beside what pytorch-metric-learning computes for the same.
module CondEmbed.Benchmarks.Losses

open TorchSharp
open CondEmbed
open CondEmbed.Losses

let private features = 512

/// Classes that have proxies.
let private classes = 500

/// B: images of a batch, four a class.
let private size (effort: Effort) = if effort.Quick then 128 else 512

/// Embeddings B D in classes that overlap, and labels B.
let private batch effort =
    let count = size effort
    torch.manual_seed 3L |> ignore
    let labels = torch.tensor ([| for image in 0 .. count - 1 -> int64 (image / 4) |], device = torch.CPU)
    let centres = torch.randn (int64 (count / 4), int64 features, device = torch.CPU)

    centres.index_select (0L, labels)
    + 1.5 * torch.randn (int64 count, int64 features, device = torch.CPU),
    labels

/// Rounds of a piece: its time, once it has been played for a second (so long .NET goes on compiling what runs often, on a core of its own), and what its
/// first time took of memory: a page at least, for the sake of ratios.
let private round piece =
    let piece () = scoped piece
    let before = Measured.resident ()
    Measured.forgetPeak ()
    piece ()
    let extra = max 4096.0 (Measured.peak () - before)
    Measured.secondsOver 1.0 piece |> ignore
    fun () -> Measured.secondsOver 0.3 piece @ [ "extra bytes", extra ]

let private loss name effort =
    let embeddings, labels = batch effort
    let embeddings = embeddings.requires_grad_ true
    let layer = All.ofText name classes features |> Loss.onEmbeddings

    let parameters = Params.init 7L torch.CPU float32 layer.Specs |> Params.map (fun _ leaf -> leaf.requires_grad_ true)

    let leaves =
        [| embeddings
           for _, leaf in Params.toSeq parameters do
               leaf |]

    round (fun () ->
        let env = { Params = parameters; Mode = Training; Report = (fun _ _ -> ()); Team = Team.alone }
        // As a training step takes it, which needs one derivative.
        let value = Order.Within 1 (fun () -> layer.Forward env (embeddings, labels))

        torch.autograd.grad ([| value |], leaves) |> ignore)

/// The product of all embeddings with all embeddings, and its gradient.
let private product effort =
    let embeddings = (batch effort |> fst).requires_grad_ true
    let gradient = torch.ones (int64 (size effort), int64 (size effort), device = torch.CPU)

    round (fun () ->
        let similarities = embeddings.matmul (embeddings.t ())
        torch.autograd.grad ([| similarities |], [| embeddings |], [| gradient |]) |> ignore)

/// All pairs and their similarities, and what the miner keeps of them.
let private miner name effort =
    let embeddings, labels = batch effort
    let mine = Part.make "miner" Miners.all classes features { Name = name; Given = Map.empty }

    round (fun () -> mine (Mining.all labels) (Similarity.cosine embeddings) |> ignore)

/// Those that pytorch-metric-learning does not have, and so peers/losses.py neither: beside them stands the product of all embeddings.
let private alone = set [ "recall-at-k"; "hyperbolic"; "miner.all" ]

/// Those for which the peer makes B x B x B numbers or more, which takes it seconds.
let private heavy = set [ "nt-xent"; "tuplet-margin"; "histogram"; "smooth-ap"; "pnp"; "miner.angular" ]

let private row name what (ours: string -> Effort -> unit -> Measured.Round) =
    let isHeavy = heavy.Contains name
    let ours = Benchmark.here "condembed" (ours name)

    let peer, goals =
        if alone.Contains name then
            Benchmark.here "product" product, []
        else
            Benchmark.python "pml" "losses.py" [ name ], [ Benchmark.atMost 1.0 "pml" "condembed" ]

    let named = if name.StartsWith "miner." then name else $"loss.{name}"
    let row = Benchmark.row named $"{what}, B = 512 (quick: 128), D = 512, 4 a class" [ ours; peer ] goals
    if isHeavy then { row with Rounds = 2; Warm = 1 } else row

/// Miners by name but for the fifteen or so that differ in the choice of easy, hard and semi-hard: one of these.
let private miners =
    [ for name in Part.names Miners.all do
          if not (name.Contains "-positive-") || name = "easy-positive-semi-hard-negative" then name ]

let benchmarks =
    [ for name in All.names -> row name $"{name}, forward and backward" loss
      for name in miners -> row $"miner.{name}" $"the miner {name}, from embeddings on" (fun _ -> miner name) ]
