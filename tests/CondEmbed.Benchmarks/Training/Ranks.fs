/// The same cores as threads of one process, or as processes of one thread each under mpirun.
module CondEmbed.Benchmarks.Ranks

open CondEmbed
open TorchSharp

/// Steps of a team, each process on its share of the batch: so many in a round, since all have to take as many.
let private steps config count size rounds (team: Team) (effort: Effort) =
    let method = { Networks.methodOf config with Team = team }
    let whole = Networks.batch count size
    let share (x: Tensor) = own ((Team.ownOf team x).contiguous().clone())
    let batch: Batch = { Images = share whole.Images; Labels = share whole.Labels }
    let state = Train.start 1L torch.CPU float32 method
    let rounds = if effort.Quick then max 1 (rounds / 10) else rounds

    fun () ->
        Measured.secondsEach rounds (fun () ->
            for _ in 1..rounds do
                Train.step method state batch |> ignore
                CondEmbed.Torch.Leftovers.collect ())

let private row name what config count size rounds =
    let step = steps config count size rounds

    { Benchmark.row
          name
          $"{what}: a step by one process, against two and four processes that share its threads, or have one each, under mpirun"
          [ Benchmark.here "one process" (step Team.alone)
            Benchmark.ranks 2 "two processes" step
            Benchmark.ranks 4 "four processes" step ]
          // 0.95 of the images a second.
          [ Benchmark.atMost (1.0 / 0.95) "one process" "two processes" ] with
        // A process that waits for another one keeps a core busy.
        Together = false
        Rounds = 3 }

/// A team that adds nothing up before it is waited for.
let private afterwards (team: Team) =
    let waiting = ResizeArray<Tensor>()

    { new Team with
        member _.Rank = team.Rank
        member _.Size = team.Size
        member _.BeginSum x = waiting.Add(own (x.alias ()))
        member _.AdvanceSums() = ()

        member _.EndSums() =
            Seq.iter team.BeginSum waiting
            team.EndSums()

            for x in waiting do
                x.Dispose()

            waiting.Clear()

        member _.Gather x = team.Gather x
        member _.Exchange x = team.Exchange x
        member _.Spread x = team.Spread x
        member _.Traffic = team.Traffic }

let private overlap name what config count size rounds =
    let step = steps config count size rounds

    { Benchmark.row
          name
          $"{what}, two processes under mpirun: a step whose gradients are added up as they come, against after the backward pass"
          [ Benchmark.ranks 2 "as they come" step; Benchmark.ranks 2 "afterwards" (afterwards >> step) ]
          [ Benchmark.atMost 1.03 "afterwards" "as they come" ] with
        Together = false
        Rounds = 3 }

let private resNet50 = Networks.resNet50 224 0
let private small = { Config.standard with Levels = 1 }

let benchmarks =
    [ row "step.ranks" "ResNet-50 with frozen norms, as by default, 32 images of 224 px" { resNet50 with FreezeNorm = true } 32 224 4
      row "step.ranks.norms" "ResNet-50 with norms over the batch, 32 images of 224 px" { resNet50 with FreezeNorm = false } 32 224 4
      row "step.ranks.small" "the small network with one level, 64 images of 48 px" small 64 48 50
      overlap "step.overlap" "ResNet-50, 32 images of 224 px" resNet50 32 224 4
      overlap "step.overlap.small" "the small network with one level, 64 images of 48 px" small 64 48 50 ]
