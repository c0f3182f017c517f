/// The shorter ways of the losses against the plain ones, how much memory they take, and the peers that they are measured with.
module CondEmbed.Tests.LossShortTests

open System
open System.Diagnostics
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Losses
open CondEmbed.Tests.LossLoops
open CondEmbed.Tests.Support
open TorchSharp

/// The gradient of a scalar function of embeddings.
let private gradientOf (f: Tensor -> Tensor) (embeddings: Tensor) =
    let leaf = embeddings.detach().clone().requires_grad_ true
    let value = f leaf
    value.detach (), snd (Grad.gradientsOrZero value [ "embeddings", leaf ]).Head

let private plainCosine (x: Tensor) = let unit = x / x.norm (1, true) in unit.matmul (unit.t ())

/// Batches of a loss by its name against what it makes of all similarities.
let private withSimilarities text (labels: Tensor) (embeddings: Tensor) =
    let layer = All.ofText text 4 5 |> Loss.onSimilarities
    fst (forward Training (Params.ofSeq []) layer (Mining.all labels, plainCosine embeddings))

let private withEmbeddings text (labels: Tensor) (embeddings: Tensor) =
    let layer = All.ofText text 4 5 |> Loss.onEmbeddings
    fst (forward Training (Params.ofSeq []) layer (embeddings, labels))

let private gaps = [ Miners.WithinMargin; Miners.Hard; Miners.SemiHard; Miners.Easy ]

let private shortWays =
    [ tensorTest "the one product of the cosines' gradient equals two, whatever depends on the cosines" (fun () ->
          for seed in 1..5 do
              let weights = normal (seed + 50) [ 9; 9 ]
              let embeddings = normal seed [ 9; 4 ]
              let value, gradient = gradientOf (fun x -> (Similarity.cosine x * weights).sum()) embeddings
              let wantedValue, wanted = gradientOf (fun x -> (plainCosine x * weights).sum()) embeddings
              expectClose 1e-12 wantedValue value "value"
              expectClose 1e-12 wanted gradient "gradient")

      tensorTest "n-pairs of two images a class equals n-pairs of all similarities" (fun () ->
          for seed in 1..20 do
              let labels, embeddings = randomBatch seed
              let labels = labelsOf labels
              let value, gradient = gradientOf (withEmbeddings "n-pairs" labels) embeddings
              let wantedValue, wanted = gradientOf (withSimilarities "n-pairs" labels) embeddings
              expectClose 1e-12 wantedValue value "value"
              expectClose 1e-12 wanted gradient "gradient"
              let mined = withEmbeddings "n-pairs(miner=semi-hard)" labels embeddings
              expectClose 1e-12 (withSimilarities "n-pairs(miner=semi-hard)" labels embeddings) mined "with a miner")

      tensorTest "triplets as rows are those one by one, as pairs and in the loss" (fun () ->
          let options: Triplet.Options = { Margin = 0.2; Soft = false; Swap = true }

          for seed in 1..10 do
              let labels, embeddings = randomBatch seed
              let pairs, s = Mining.all (labelsOf labels), Similarity.cosine embeddings

              for gap in gaps do
                  let rows = Mining.OfCompared(Miners.tripletMargin Distances.l2 gap 0.2 pairs s)
                  let singly = Mining.OfTriplets(Mining.asTriplets rows)
                  let a, b = Mining.asPairs pairs rows, Mining.asPairs pairs singly
                  expectSame b.Positive a.Positive "positives"
                  expectSame b.Negative a.Negative "negatives"

                  for reduce in [ Reducers.nonZero; Reducers.perAnchor ] do
                      let loss mined s = Triplet.loss Distances.l2 options reduce mined s
                      close (loss rows s) (toFloat (loss singly s)) $"{gap}, batch {seed}") ]

let private status (name: string) =
    File.ReadLines "/proc/self/status"
    |> Seq.find (fun line -> line.StartsWith(name, StringComparison.Ordinal))
    |> fun line -> 1024.0 * float (line.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries)[1])

/// By how much the process grows at most while work goes on, bytes.
let private grownOnce (work: unit -> unit) =
    try
        File.WriteAllText("/proc/self/clear_refs", "5")
    with problem ->
        skiptest $"the system does not tell the peak of memory: {problem.Message}"

    let before = status "VmRSS"
    scoped work
    status "VmHWM" - before

/// The least growth of three runs at most: one below the limit is enough. A system that takes cold pages away from the process makes it seem to grow when they
/// come back; what the work itself takes, it takes each time, since the allocator maps blocks as large as these afresh.
let private growth limit work =
    let rec least runs before =
        let grown = min before (grownOnce work)
        if grown < limit || runs = 1 then grown else least (runs - 1) grown

    least 3 infinity

let private memory =
    tensorTest "no loss and no miner makes B x B x B numbers" (fun () ->
        // A mask of all triplets would take a byte each, twice what is allowed.
        let count = 1024
        let most = 0.5 * float count ** 3.0
        let labels = labelsOf [ for i in 0 .. count - 1 -> i / 4 ]
        let embeddings = (normal 1 [ count; 16 ]).``to``(float32).requires_grad_ true

        for name in All.names do
            let layer = All.ofText name (count / 4) 16 |> Loss.onEmbeddings

            let grown =
                growth most (fun () ->
                    let parameters = started layer.Specs |> Params.map (fun _ leaf -> leaf.``to`` float32)
                    let value, _ = forward Training parameters layer (embeddings, labels)
                    torch.autograd.grad ([| value |], [| embeddings |]) |> ignore)

            Expect.isLessThan grown most $"{name} takes {grown / 1e6} MB"

        for part in Miners.all do
            let mine = Part.make "miner" Miners.all (count / 4) 16 { Name = part.Name; Given = Map.empty }
            let grown = growth most (fun () -> mine (Mining.all labels) (Similarity.cosine embeddings) |> ignore)
            Expect.isLessThan grown most $"{part.Name} takes {grown / 1e6} MB")

let private peers =
    testCase "the losses in Python that these are measured with have the golden values" (fun () ->
        let python = "/usr/bin/python3"
        if not (File.Exists python) then skiptest $"{python} is not there"
        let script = Path.Combine(repositoryRoot (), "tests", "CondEmbed.Benchmarks", "peers", "losses.py")
        let start = ProcessStartInfo(python, [ "-B"; script; "--check"; golden "losses.json" ])
        start.RedirectStandardOutput <- true
        start.RedirectStandardError <- true
        use run = Process.Start start
        let problem = run.StandardError.ReadToEndAsync()
        let said = run.StandardOutput.ReadToEnd()
        run.WaitForExit()
        if run.ExitCode = 3 then skiptest $"PyTorch is not there: {problem.Result}"
        Expect.equal run.ExitCode 0 problem.Result
        Expect.stringContains said "20 losses and 8 miners" "what was checked")

let tests = testList "short ways" (shortWays @ [ memory; peers ])
