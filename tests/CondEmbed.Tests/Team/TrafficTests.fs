/// What the processes of a team send each other in a step: as counted, and by the formula of docs/many-machines.md, from which that page's table of times is computed.
module CondEmbed.Tests.TrafficTests

open System
open System.IO
open Expecto
open CondEmbed
open CondEmbed.Options
open CondEmbed.Reports
open CondEmbed.Runs
open CondEmbed.Storage
open CondEmbed.Tests.Mpirun
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.Support
open CondEmbed.Tests.Together

/// The letters of the page: B images a batch, D features, L levels on all pairs, P trained numbers, and the channels of each norm that is not frozen.
type private Work = { B: int64; D: int64; L: int64; P: int64; Channels: int64 list }

/// What one of N processes sends of its gradients in a step, in bytes, and of those of the last bucket.
let private ofGradients work n =
    let sent numbers = (n - 1L) * 2L * 4L * ((numbers + n - 1L) / n)
    sent work.P, sent (min work.P (GradientSums.Bucket / 4L))

/// What one of N processes sends in a step, in bytes.
let private sent work n =
    let own = work.B / n
    let images = own * (8L + 32L + 2L * 4L * work.D)
    let norms = List.sumBy (fun channels -> 2L * 8L * channels) work.Channels
    let levels = max 0L (2L * work.L - 1L) * 2L * 4L * own * own * work.D + work.L * 2L * 4L * own * work.B
    (n - 1L) * (images + norms + levels) + fst (ofGradients work n)

/// How many times all meet in a step, for few numbers and for many.
let private meetings work = 2L + 2L * int64 work.Channels.Length, 4L + max 0L (2L * work.L - 1L) * 2L + 2L * work.L

let private numbersOf (spec: ParamSpec) = Array.fold (*) 1L (Array.ofList spec.Shape)

let private workOf (settings: RunSettings) =
    let core = settings.Core
    let specs = (Recipe.continued core 6 10 0 10).Method.Objective.Specs

    { B = int64 core.Batch
      D = int64 core.Embedding
      L = int64 core.Levels
      P = specs |> List.filter (fun spec -> spec.Role = Trainable) |> List.sumBy numbersOf
      Channels = specs |> List.filter _.Name.EndsWith("running_mean") |> List.map numbersOf }

/// The same of a run of the tests.
let ofSettings settings n = sent (workOf settings) n

let private steps run = LogReader.Read(RunFolder(run).Log).Steps

let private counted =
    testList
        "counted"
        [ for levels in [ 0; 1; 2 ] do
              test $"what {levels} levels send is what the formula says, of every process in every step" {
                  inFolder (fun folder ->
                      let settings = settings imageFolder.Value (common @ [ "levels", string levels; "steps", "2"; "report", "false" ])

                      for n in [ 2; 3 ] do
                          let run = Path.Combine(folder, string n)
                          let result = together n (fun team -> Trainer(settings, run, team).Train()) |> List.head
                          let expected = float (ofSettings settings (int64 n))

                          for step in steps run do
                              Expect.equal
                                  [ for one in step.Processes -> one.Bytes ]
                                  (List.replicate n expected)
                                  $"step {step.Step} of {n}"

                          Expect.equal result.Communication.Processes n "processes"
                          Expect.equal result.Communication.BytesPerStep expected "in a step")
              }

          test "one process sends nothing, and nothing is said of it" {
              let run = finishedRun []
              Expect.all (steps run) (fun step -> isNull step.Processes) "steps"
              let log = File.ReadAllText(RunFolder(run).Log)
              Expect.isFalse (log.Contains "\"processes\"" || log.Contains "\"communication\"") "in the log"
              Expect.isFalse (File.ReadAllText(RunFolder(run).Report).Contains "communication") "in the report"
          }

          test "several are told of in the report" {
              inFolder (fun folder ->
                  let run = Path.Combine(folder, "run")

                  together 2 (fun team -> Trainer(settings imageFolder.Value (common @ [ "steps", "2" ]), run, team).Train())
                  |> ignore

                  Expect.stringContains (File.ReadAllText(RunFolder(run).Report)) "2; communication 0 s a step, " "report")
          }

          test "what is told of processes" {
              let told = RunCommunication(2, 0.1234, 3.1e6, 0.0442)
              Expect.equal $"Processes: {told}" "Processes: 2; communication 0.12 s a step, 3.1 MB a step, 4 % of the time" "text"
          } ]

/// ResNet-50 with a level, 512 features, 1,024 images in a batch, on machines with constants of their own.
type private Machine =
    {
        /// Seconds of computing for an image.
        Image: float
        /// Bytes a second.
        Bandwidth: float
        /// Seconds until a message arrives.
        Latency: float
    }

let private cores = { Image = 0.16; Bandwidth = 1e9; Latency = 30e-6 }
let private cards = { Image = 0.0025; Bandwidth = 10e9; Latency = 5e-6 }

let private resNet50 channels = { B = 1024L; D = 512L; L = 1L; P = 24_600_000L; Channels = channels }

/// The channels of ResNet-50's 53 norms: of the stem, of three in each block, and of one beside the first block of each stage.
let private norms =
    64L
    :: [ for width, blocks in [ 64L, 3; 128L, 4; 256L, 6; 512L, 3 ] do
             for _ in 1..blocks do
                 yield! [ width; width; 4L * width ]

             4L * width ]

let private seconds machine work n =
    let few, many = meetings work
    let rounds = ceil (Math.Log2(float n))
    let computing = float work.B / float n * machine.Image
    let gradients, last = ofGradients work n
    // A backward pass is two thirds of the computing.
    let beside = min (gradients - last) (int64 (2.0 / 3.0 * computing * machine.Bandwidth))

    computing
    + float (sent work n - beside) / machine.Bandwidth
    + (float few * rounds + float many * float (n - 1L)) * machine.Latency

let private row n =
    let cells machine work =
        let time = seconds machine work n
        let gain = seconds machine work 1L / time
        [ time.ToString(if time < 9.95 then "0.00" else "0"); $"{100.0 * gain / float n:F0} %%" ]

    let trained, frozen = resNet50 norms, resNet50 []

    [ string n
      string (1024L / n)
      $"{float (sent trained n) / 1e6:F0}"
      yield! cells cores trained
      yield! cells cards trained
      yield! cells cards frozen ]
    |> String.concat " | "

let private paper =
    test "the page's table is that of its formula" {
        let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "many-machines.md"))
        let table = [ for power in 0..8 -> $"| {row (pown 2L power)} |" ] |> String.concat "\n"
        if not (page.Contains table) then failtest $"docs/many-machines.md should have these lines:\n{table}"
        Expect.equal norms.Length 53 "norms"
    }

let tests = testList "Traffic" [ counted; paper ]
