/// Playing a benchmark: its contestants, its rounds, and their results.
module CondEmbed.Benchmarks.Contestants

open System

/// What a contestant measured, round by round.
type Sample = { Contestant: string; Measure: string; Values: float array }

let private rounds (effort: Effort) (benchmark: Benchmark) = if effort.Quick then min 3 benchmark.Rounds else benchmark.Rounds

let private samples (played: (string * Measured.Round) list) =
    [ for contestant, rounds in List.groupBy fst played do
          for measure, values in rounds |> List.collect snd |> List.groupBy fst do
              { Contestant = contestant; Measure = measure; Values = [| for _, value in values -> value |] } ]

let private play effort (benchmark: Benchmark) (players: Contest.Player list) =
    let all () = [ for player in players -> player.Name, player.Round() ]

    for _ in 1 .. benchmark.Warm do
        all () |> ignore

    [ for _ in 1 .. rounds effort benchmark do
          yield! all () ]

let private present effort benchmark (absent: string -> unit) contestant =
    try
        Some(new Contest.Player(effort, benchmark, contestant))
    with Contest.Absent why ->
        absent why
        None

let private closing (players: Contest.Player list) work =
    try
        work players
    finally
        for player in players do
            (player :> IDisposable).Dispose()

/// Plays a benchmark; who cannot play is told of and left out.
let measure effort absent (benchmark: Benchmark) =
    let enter contestants = contestants |> List.choose (present effort benchmark absent)

    if benchmark.Together then
        closing (enter benchmark.Contestants) (play effort benchmark)
    else
        benchmark.Contestants |> List.collect (fun one -> closing (enter [ one ]) (play effort benchmark))
    |> samples
