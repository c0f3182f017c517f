/// Sums that are made while other work goes on, and the gradients of a step that are added up in this way, against one sum after the backward pass.
module CondEmbed.Tests.OverlapTests

open System
open System.Diagnostics
open System.Threading
open Expecto
open CondEmbed
open CondEmbed.Common
open CondEmbed.Encoders
open CondEmbed.Mpi
open CondEmbed.Torch
open CondEmbed.Tests.Mpirun
open CondEmbed.Tests.Support
open CondEmbed.Tests.Together
open TorchSharp

/// The same tensor; tells when the gradient comes by.
let private telling (tell: unit -> unit) (x: Tensor) =
    let pass (slope: Tensor) =
        tell ()
        slope

    if torch.is_grad_enabled () && x.requires_grad then
        OwnGradient.Of (fun tensors -> tensors[0].detach()) (fun _ slope -> [| pass slope |]) [||] [| x |]
    else
        x

/// Two convolutions, two levels, and proxies. Tells when the backward pass is at the first norm, so that there are no gradients yet of this norm and the convolution before it.
let private objectiveOf (change: Layer<Tensor, Features> -> Layer<Tensor, Features>) tell =
    let norm = Layers.batchNorm 5 --> telling tell
    let features = change (TwoStages.featuresOf norm 8 (Layer.named "bn2" (Layers.batchNorm 8) --> Layers.gelu))
    let levels = Hierarchy.plain { Channels = 8; Embedding = 6; Heads = 2 } 2
    let loss name = Losses.All.ofText name 4 6
    Objective.conditional (TwoStages.networkOf 8 features "mean" true) levels 0.5 (loss "proxy-anchor") (loss "multi-similarity")

let private methodOf team change tell : Train.Method =
    { Train.plain 0.02 12 (objectiveOf change tell) with
        Optimiser = Optimiser.Sgd(0.9, false)
        Clip = 3.0
        Team = team }

let private shareOf team dtype : Batch =
    let share (x: Tensor) = (Team.ownOf team x).contiguous()

    { Images = share ((normal 7 [ 12; 3; 4; 4 ]).``to``(dtype: torch.ScalarType))
      Labels = share (labelsOf [ 0; 1; 2; 3; 0; 1; 2; 3; 0; 1; 2; 3 ]) }

let private isSame (a: Tensor) (b: Tensor) = a.shape = b.shape && a.eq(b).all().item<bool>()

/// Sums, with other calls in between and none or many to move them on, are those of what all have gathered.
let private ofSums (team: Team) =
    [ for dtype in [ torch.float32; torch.float64 ] do
          let whole =
              (normal (3 + team.Rank) [ 6; 50 ]).``to``(dtype).t()
              :: [ for length in [ 1; 5; 64; 1000; 100_003 ] -> (normal (100 * length + team.Rank) [ length ]).``to`` dtype ]

          let expected = List.map (summed team) whole

          for x in whole do
              team.BeginSum x
              let own = torch.ones (2L * int64 team.Size, dtype = dtype, device = torch.CPU)
              let all = team.Gather(team.Exchange own)
              if all.shape[0] <> 2L * int64 (team.Size * team.Size) then "what is exchanged beside sums"

              for _ in 1 .. 3 * team.Rank do
                  team.AdvanceSums()

          team.EndSums()

          for x, expected in List.zip whole expected do
              if not (isSame x expected) then $"a sum of {shapeText x.shape} {dtype}" ]

/// The gradients, bit for bit: added up in buckets of several sizes on the way, and in one sum afterwards.
let private ofGradients (team: Team) =
    let recipe = methodOf team id ignore
    use state = Train.start 3L torch.CPU float64 recipe
    let leaves = [ for name in Params.trainable recipe.Objective.Specs -> name, state.Params[name] ]
    let batch = shareOf team float64

    let gradients parameters () =
        let env = { Params = parameters; Mode = Training; Report = (fun _ _ -> ()); Team = team }
        let scored = Order.Within 1 (fun () -> recipe.Objective.Forward env batch)
        Grad.gradients scored.Total leaves

    let plain = gradients state.Params ()
    let afterwards = torch.cat [| for _, gradient in plain -> gradient.reshape -1L |] |> summed team

    [ for bucket in [ 1L; 200L; 1000L; Int64.MaxValue ] do
          use sums = new GradientSums(team, bucket, leaves)
          let found = sums.Of(gradients (sums.Handed state.Params))
          if List.map fst found <> List.map fst plain then "names"

          if not (isSame (torch.cat [| for _, gradient in found -> gradient.reshape -1L |]) afterwards) then
              $"gradients in buckets of {bucket} bytes" ]

/// The weights after three steps on all shares, and on the whole.
let private ofSteps (team: Team) =
    let trained team =
        let recipe = methodOf team id ignore
        use state = Train.start 3L torch.CPU float64 recipe

        for _ in 1..3 do
            Train.stepIn 200L recipe state (shareOf team float64) |> ignore

        [ for name, tensor in Params.toSeq state.Params -> name, numbers tensor ]

    [ for (name, expected), (_, found) in List.zip (trained Team.alone) (trained team) do
          for expected, found in Array.zip expected found do
              if not (abs (expected - found) <= 1e-10) then $"{name}: {found} stands for {expected}" ]

/// A team, of which every sum that begins is counted.
let private counting (begun: int ref) (team: Team) =
    { new Team with
        member _.Rank = team.Rank
        member _.Size = team.Size

        member _.BeginSum x =
            begun.Value <- begun.Value + 1
            team.BeginSum x

        member _.AdvanceSums() = team.AdvanceSums()
        member _.EndSums() = team.EndSums()
        member _.Gather x = team.Gather x
        member _.Exchange x = team.Exchange x
        member _.Spread x = team.Spread x
        member _.Traffic = team.Traffic }

/// How many sums had begun when the backward pass came to the first norm, and how many do in all.
let private begunEarly change (team: Team) =
    let begun, early = ref 0, ref 0
    let recipe = methodOf (counting begun team) change (fun () -> early.Value <- begun.Value)
    use state = Train.start 3L torch.CPU float32 recipe
    Train.stepIn 400L recipe state (shareOf team float32) |> ignore
    early.Value, begun.Value

let private ofBeginnings (team: Team) =
    [ for name, change in [ "float32", id; "bfloat16", Precision.bfloat16 ] do
          let early, all = begunEarly change team

          if Team.isShared team && (early < 5 || early >= all) then
              $"{name}: {early} of {all} sums begin before the backward pass is at the first layer" ]

let private problems team = scoped (fun () -> List.collect (fun check -> check team) [ ofSums; ofGradients; ofSteps; ofBeginnings ])

[<Literal>]
let private Well = "all is well"

/// Sums get done by being moved on alone.
let private ofMoving (team: MpiTeam) =
    let before = team.SumsWithoutWaiting
    let x = torch.ones (1_000_000, dtype = float32, device = torch.CPU)
    team.BeginSum x
    let watch = Stopwatch.StartNew()

    while team.SumsWithoutWaiting = before && watch.Elapsed < TimeSpan.FromSeconds 20.0 do
        team.AdvanceSums()
        Thread.Sleep 1

    [ if team.SumsWithoutWaiting = before then "a sum that is moved on does not get done"
      if not (x.eq(scalar (float team.Size)).all().item<bool>()) then "a sum that is moved on" ]

/// In a process that mpirun has started: checks its team, and says what is wrong.
let isOneOfTeam (arguments: string array) =
    arguments = [| "--one-of-team" |]
    && (Native.ensure ()
        torch.set_num_threads 1
        use team = MpiTeam.Open Launcher.Current
        let found = problems team @ scoped (fun () -> ofMoving team)
        let said = if found.IsEmpty then Well else String.Join("; ", found)
        Console.Out.Write $"process {team.Rank}: {said}\n"
        true)

let private ofProcesses count variables program =
    use running = mpirunOwn program count variables [ "--one-of-team" ]
    let outcome = running.Outcome()
    Expect.equal outcome.Code 0 outcome.Everything

    for rank in 0 .. count - 1 do
        Expect.stringContains outcome.Out $"process {rank}: {Well}" outcome.Everything

let tests =
    testList
        "Overlap"
        [ for count in [ 2; 3; 4 ] do
              tensorTest $"a team of {count}" (fun () ->
                  for problems in together count problems do
                      Expect.isEmpty problems "problems") ]

/// The same in processes, beside the tests of torch.
let ofPrograms =
    testList
        "Overlap"
        [ for program in programs do
              testList
                  program
                  [ for count in 1..4 do
                        test $"{count} processes" { ofProcesses count [] program }
                    for count in [ 2; 3 ] do
                        test $"{count} processes, through the standard's binary interface" {
                            inFolder (fun folder -> ofProcesses count [ "CONDEMBED_MPI", standardLibrary program folder ] program)
                        } ] ]
