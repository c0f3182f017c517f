/// Training by several processes that a launcher such as mpirun has started.
module CondEmbed.Cli.Together

open System
open System.Threading
open CondEmbed
open CondEmbed.Common

/// How long a process with a problem waits for the first one, which may have the same, to tell it.
let private courtesy = TimeSpan.FromSeconds 1.5

/// A launcher that ends drops what it has not read yet, so it gets some time to read the message.
let private reading = TimeSpan.FromSeconds 0.3

let private ofMpi (launcher: Launcher) (work: Team -> unit) =
    CondEmbed.Torch.Native.ensure ()
    use team = Mpi.MpiTeam.Open launcher
    let isFirst = team.Rank = 0
    if not isFirst then Output.asOneOf $"process {team.Rank} of {team.Size}"

    try
        work team
    with
    | :? OperationCanceledException ->
        // All have stopped after the same step.
        reraise ()
    | problem ->
        if not isFirst then Thread.Sleep courtesy
        Failures.explain problem |> ignore
        Console.Error.Flush()
        Thread.Sleep reading
        // The others wait for this one, and would for ever.
        team.Abort 1

/// Work by as many processes as a launcher has started, or by one.
let run (work: Team -> unit) =
    match Launcher.Current with
    | null -> work Team.alone
    | launcher when launcher.Size = 1 -> work Team.alone
    | launcher -> ofMpi launcher work
