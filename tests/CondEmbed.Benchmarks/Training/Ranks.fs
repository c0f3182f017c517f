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
          $"{what}: a step by one process, against two processes with half of its threads each, under mpirun"
          [ Benchmark.here "one process" (step Team.alone); Benchmark.ranks 2 "two processes" step ]
          // 0.95 of the images a second.
          [ Benchmark.atMost (1.0 / 0.95) "one process" "two processes" ] with
        // A process that waits for another one keeps a core busy.
        Together = false
        Rounds = 3 }

let benchmarks =
    let photographs = Networks.resNet50 224 0

    [ row "step.ranks" "ResNet-50 with frozen norms, as by default, 32 images of 224 px" { photographs with FreezeNorm = true } 32 224 4
      row "step.ranks.norms" "ResNet-50 with norms over the batch, 32 images of 224 px" { photographs with FreezeNorm = false } 32 224 4
      row "step.ranks.small" "the small network with one level, 64 images of 48 px" { Config.standard with Levels = 1 } 64 48 50 ]
