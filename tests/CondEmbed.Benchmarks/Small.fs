namespace CondEmbed.Benchmarks

open System
open BenchmarkDotNet.Attributes
open BenchmarkDotNet.Configs
open BenchmarkDotNet.Jobs
open BenchmarkDotNet.Loggers
open BenchmarkDotNet.Reports
open BenchmarkDotNet.Running
open BenchmarkDotNet.Toolchains.InProcess.Emit
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Search
open CondEmbed.Evaluation

/// Pixels of one image, 500 x 375.
type Pixels() =
    let image =
        let pixels = Array.zeroCreate<byte>(500 * 375 * 3)
        Random(5).NextBytes pixels
        RgbImage(500, 375, pixels)

    let view = TrainTransform(Size = 224)
    let jittered = TrainTransform(Size = 224, Brightness = 0.4, Contrast = 0.4, Saturation = 0.4, Hue = 0.1)
    let target = Array.zeroCreate<byte>(224 * 224 * 3)

    let apply (transform: TrainTransform) =
        let mutable random = SeededRandom.For(1L, 2, 3)
        transform.Apply(image, &random, target.AsSpan())

    [<Benchmark(Description = "random resized crop to 224, flip")>]
    member _.Crop() = apply view

    [<Benchmark(Description = "the same with colour jitter")>]
    member _.Jitter() = apply jittered

    [<Benchmark(Description = "resize to 256, centre crop of 224")>]
    member _.Centre() = EvalTransform(256, 224).Apply(image, target.AsSpan())

/// Embeddings of 20,000 images, 128 numbers each.
type Neighbours() =
    let random = Random 3
    let numbers count = Array.init count (fun _ -> random.NextSingle() - 0.5f)
    let embeddings = Embeddings<float32>(numbers (20000 * 128), 20000, 128)
    let query = numbers 128

    let index =
        let index = new ImageIndex(128)

        for row in 0..19999 do
            index.Add(IndexItem(string row, ""), embeddings.Row row)

        index

    [<Benchmark(Description = "search of one query among 20,000 x 128")>]
    member _.Search() = index.Search(query, 10)

/// The small parts, by BenchmarkDotNet in this process.
module Small =
    let private config (effort: Effort) =
        let job = (if effort.Quick then Job.Dry else Job.ShortRun).WithToolchain(InProcessEmitToolchain.Instance)
        ManualConfig.CreateEmpty().AddJob(job).AddLogger(NullLogger.Instance)

    let private row (report: BenchmarkReport) : Results.Row =
        let method' = report.BenchmarkCase.Descriptor
        let statistics = report.ResultStatistics
        let seconds (nanoseconds: float) = nanoseconds * 1e-9

        { Name = $"small.{method'.Type.Name}.{method'.WorkloadMethod.Name}".ToLowerInvariant()
          What = method'.WorkloadMethodDisplayInfo.Trim '\''
          Measures =
            [| { Contestant = "condembed"
                 Name = "seconds"
                 Unit = "s"
                 Value = { Median = seconds statistics.Median; Low = seconds statistics.Q1; High = seconds statistics.Q3 }
                 Rounds = statistics.N } |]
          Ratios = [||]
          Absent = [||] }

    /// A row for each part.
    let rows effort =
        [| for summary in [ BenchmarkRunner.Run<Pixels>(config effort); BenchmarkRunner.Run<Neighbours>(config effort) ] do
               for report in summary.Reports do
                   let row = row report
                   Console.Out.WriteLine(Table.line row)
                   row |]
