/// Results: as numbers, as a file, and against those of an earlier run.
module CondEmbed.Benchmarks.Results

open System
open System.IO
open System.Text.Json
open CondEmbed.Common
open CondEmbed.Datasets
open CondEmbed.Health

/// The middle of some numbers and the quarters beside it.
type Spread = { Median: float; Low: float; High: float }

/// A contestant's measure.
type Measure = { Contestant: string; Name: string; Unit: string; Value: Spread; Rounds: int }

/// One contestant's measure by another's, round by round; at most AtMost is the goal, where there is one.
type Ratio = { Of: string; Over: string; Name: string; Value: Spread; AtMost: Nullable<float> }

/// A benchmark that was played.
type Row = { Name: string; What: string; Measures: Measure array; Ratios: Ratio array; Absent: string array }

/// A run of the program.
type Run = { Date: string; Version: string; Quick: bool; Threads: int; Machine: Machine.Description; Rows: Row array }

let private options = JsonSerializerOptions(PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true)

let spread (values: float array) =
    let sorted = Array.sort values

    let at part =
        let place = part * float (sorted.Length - 1)
        let below = int place
        let above = min (below + 1) (sorted.Length - 1)
        sorted[below] + (place - float below) * (sorted[above] - sorted[below])

    { Median = at 0.5; Low = at 0.25; High = at 0.75 }

let private unitOf (measure: string) = if measure.Contains "bytes" then "B" else "s"

let private ratio goals (samples: Contestants.Sample list) (of', over, measure) =
    let values name =
        samples
        |> List.tryFind (fun one -> one.Contestant = name && one.Measure = measure)
        |> Option.map _.Values

    match values of', values over with
    | Some ours, Some theirs when ours.Length = theirs.Length ->
        let goal =
            goals
            |> List.tryFind (fun (goal: Goal) -> goal.Of = of' && goal.Over = Some over && goal.Measure = measure)

        Some
            { Of = of'
              Over = over
              Name = measure
              Value = spread (Array.map2 (/) ours theirs)
              AtMost = goal |> Option.map (fun goal -> Nullable goal.AtMost) |> Option.defaultValue (Nullable()) }
    | _ -> None

/// What a benchmark's samples say: each measure, the ratios that have goals and, where contestants play together, of the first over every other.
let row (benchmark: Benchmark) (samples: Contestants.Sample list) absent =
    let measures = samples |> List.map _.Measure |> List.distinct

    let wanted =
        [ for goal in benchmark.Goals do
              match goal.Over with
              | Some over -> goal.Of, over, goal.Measure
              | None -> () ]

    let first = benchmark.Contestants.Head.Name

    let usual =
        [ if benchmark.Together then
              for other in benchmark.Contestants.Tail do
                  for measure in measures -> first, other.Name, measure ]

    { Name = benchmark.Name
      What = benchmark.What
      Measures =
        [| for one in samples ->
               { Contestant = one.Contestant
                 Name = one.Measure
                 Unit = unitOf one.Measure
                 Value = spread one.Values
                 Rounds = one.Values.Length } |]
      Ratios = wanted @ usual |> List.distinct |> List.choose (ratio benchmark.Goals samples) |> Array.ofList
      Absent = Array.ofList absent }

/// Of absolute goals, those that a row misses, as text.
let private lateOf (benchmark: Benchmark) (row: Row) =
    [ for goal in benchmark.Goals do
          for one in row.Measures do
              if
                  goal.Over.IsNone
                  && one.Contestant = goal.Of
                  && one.Name = goal.Measure
                  && one.Value.Median > goal.AtMost
              then
                  FormattableString.Invariant $"{row.Name}: {goal.Of} takes {one.Value.Median:F3} {one.Unit}, the goal is {goal.AtMost}" ]

/// The goals that a row misses, each a line.
let missed (benchmark: Benchmark) (row: Row) =
    [ for ratio in row.Ratios do
          if ratio.AtMost.HasValue && ratio.Value.Median > ratio.AtMost.Value then
              FormattableString.Invariant
                  $"{row.Name}: {ratio.Of} is {ratio.Value.Median:F2} x {ratio.Over} in {ratio.Name}, the goal is {ratio.AtMost.Value}" ]
    @ lateOf benchmark row

/// Work that writes a file, whose folder is made. InputException where it cannot be written.
let writing (path: string) (work: string -> unit) =
    try
        let whole = Path.GetFullPath path
        Directory.CreateDirectory(Path.GetDirectoryName whole) |> ignore
        let fresh = whole + ".new"
        work fresh
        File.Move(fresh, whole, true)
    with
    | :? IOException
    | :? UnauthorizedAccessException as problem ->
        raise (
            CondEmbed.Common.InputException
                $"{path} cannot be written: {problem.Message} Give the name of a file in a folder that is yours."
        )

let write path (run: Run) = writing path (fun fresh -> File.WriteAllText(fresh, JsonSerializer.Serialize(run, options) + "\n"))

let read (path: string) =
    try
        match JsonSerializer.Deserialize<Run>(File.ReadAllText path, options) with
        | run when isNull (box run) || isNull run.Rows || isNull (box run.Machine) ->
            raise (CondEmbed.Common.InputException $"{path}: these are no results of the benchmarks: rows or machine are missing.")
        | run -> run
    with
    | :? JsonException as problem ->
        raise (CondEmbed.Common.InputException $"{path}: these are no results of the benchmarks: {problem.Message}")
    | :? IOException
    | :? UnauthorizedAccessException as problem -> raise (CondEmbed.Common.InputException $"{path}: {problem.Message}")

/// The rows of several files as of one run; of two of a name the later one. InputException where they are not of one machine, effort and number of threads.
let readAll (paths: string list) =
    let runs = List.map read paths
    let first = runs.Head

    for path, run in List.zip paths runs do
        if (run.Machine, run.Quick, run.Threads) <> (first.Machine, first.Quick, first.Threads) then
            raise (
                CondEmbed.Common.InputException
                    $"{path}: these results are of another machine, effort or number of threads than those of {paths.Head}. Show them by themselves."
            )

    let rows = runs |> Seq.collect _.Rows |> Seq.groupBy _.Name |> Seq.map (snd >> Seq.last)
    { first with Date = (List.last runs).Date; Rows = Array.ofSeq rows }

/// Half the width of the middle half, as a part of the middle.
let private noise (value: Spread) = if value.Median = 0.0 then 0.0 else (value.High - value.Low) / (2.0 * value.Median)

/// Beyond both runs' spread and a twentieth.
let private worse (old: Spread) (now: Spread) = now.Median > old.Median * (1.0 + 0.05 + 2.0 * (noise old + noise now)) && now.Low > old.High

/// InputException where the other results are not of a quick run and these are, or the other way round.
let demandEffort quick (other: Run) =
    if other.Quick <> quick then
        raise (
            CondEmbed.Common.InputException
                "--compare: one of the two is of a quick run and the other is not, so their work differs. Give results of the same effort."
        )

/// How many rows of this run the earlier one has, too.
let common (old: Run) (now: Run) =
    now.Rows
    |> Array.filter (fun row -> old.Rows |> Array.exists (fun before -> before.Name = row.Name))
    |> Array.length

/// What is worse than it was, each a line. Times are compared on the same machine only, and only where nothing stands beside them; ratios always.
let slower (old: Run) (now: Run) =
    let told name what (before: Spread) (after: Spread) =
        FormattableString.Invariant $"{name}: {what} was {before.Median:G4}, is {after.Median:G4} ({after.Median / before.Median:F2} x)"

    demandEffort now.Quick old

    let same =
        old.Machine.Processor = now.Machine.Processor
        && old.Machine.Cores = now.Machine.Cores
        && old.Threads = now.Threads

    [ for row in now.Rows do
          for before in old.Rows |> Array.filter (fun before -> before.Name = row.Name) do
              for ratio in row.Ratios do
                  for past in before.Ratios do
                      if (past.Of, past.Over, past.Name) = (ratio.Of, ratio.Over, ratio.Name) && worse past.Value ratio.Value then
                          told row.Name $"{ratio.Of} by {ratio.Over}, {ratio.Name}," past.Value ratio.Value

              if same && row.Ratios.Length = 0 then
                  for measure in row.Measures do
                      for past in before.Measures do
                          if (past.Contestant, past.Name) = (measure.Contestant, measure.Name) && worse past.Value measure.Value then
                              told row.Name $"{measure.Contestant}, {measure.Name}," past.Value measure.Value ]
