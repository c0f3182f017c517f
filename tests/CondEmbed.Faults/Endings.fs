/// Processes that are killed, stopped and told to end.
module CondEmbed.Faults.Endings

open System
open System.IO
open System.Threading

let private after (wait: TimeSpan) (child: Child) =
    let until = DateTime.UtcNow + wait

    while not child.HasExited && DateTime.UtcNow < until do
        Thread.Sleep 1

/// Killed at any time, up to three times.
let private kill (work: Lazy<Work>) (random: Random) folder =
    let work = work.Value

    let rec disturb times arguments =
        let ended =
            use child = Work.start work folder arguments
            child |> after (Case.anyTime random work)
            child.Send Signal.Kill
            child.End()

        Case.expectNothingHalf work folder ended
        if ended.Code <> 0 && times > 1 then disturb (times - 1) (work.Again folder) else ended

    disturb (1 + random.Next 3) work.Arguments |> Case.settle work folder

/// Killed while it writes one of its files, or just after.
let private killInWrite (work: Lazy<Work>) (random: Random) folder =
    let work = work.Value
    let chosen = 1 + random.Next (Work.undisturbed work).Writes
    let pause = TimeSpan.FromMilliseconds(random.NextDouble() * random.NextDouble() * 8.0)
    use ready = new ManualResetEventSlim(false)
    use child = Work.start work folder work.Arguments

    use _ =
        Work.watching folder (fun count ->
            if count = chosen then
                Thread.Sleep pause
                child.Send Signal.Kill)

    child.End() |> Case.settle work folder

/// SIGTERM, SIGHUP or Ctrl-C at any time. What saves its state says how to go on.
let private signal (work: Lazy<Work>) (random: Random) folder =
    let work = work.Value
    let number = [ Signal.Terminate; Signal.Hangup; Signal.Interrupt ][random.Next 3]
    use child = Work.start work folder work.Arguments
    child |> after (Case.anyTime random work)
    child.Send number
    let ended = child.End()
    Case.told ([ 0; 128 + number ] @ (if work.Saves then [ 1 ] else [])) ended

    if ended.Code = 1 then
        let how = if work.Arguments.Head = "train" then "--resume " else "again"
        Work.demand (ended.Error.Contains how) $"nothing says how to go on: {ended.Everything}"

    Case.settle work folder ended

/// Ctrl-C twice.
let private twice (random: Random) folder =
    let work = Works.train.Value
    use child = Work.start work folder work.Arguments
    child |> after (Case.anyTime random work)
    child.Send Signal.Interrupt
    child |> after (TimeSpan.FromMilliseconds(float (random.Next 500)))
    child.Send Signal.Interrupt
    let ended = child.End()
    Case.told [ 0; 1; 128 + Signal.Interrupt ] ended
    Case.settle work folder ended

/// Stopped for a while, several times, as by Ctrl-Z and by laptops.
let private stop (work: Lazy<Work>) (random: Random) folder =
    let work = work.Value
    use child = Work.start work folder work.Arguments

    for _ in 1 .. 1 + random.Next 3 do
        child |> after (Case.anyTime random work / 3.0)
        child.Send Signal.Stop
        Thread.Sleep(random.Next 400)
        child.Send Signal.Continue

    let ended = child.End()
    Case.told [ 0 ] ended
    Case.settle work folder ended

/// The same command twice at once, in one folder. One at least gets to its end, and no other disturbs it.
let private two (work: Lazy<Work>) (random: Random) folder =
    let work = work.Value
    use first = Work.start work folder work.Arguments
    first |> after (Case.anyTime random work * random.NextDouble())
    use second = Work.start work folder work.Arguments
    let ended = [ first.End(); second.End() ]
    ended |> List.iter (Case.told [ 0; 1; 2 ])

    match ended |> List.sortBy _.Code with
    | [ best; worst ] ->
        Case.told [ 0 ] best
        Case.settle work folder best |> ignore
        if worst.Code = 0 then Same else Told
    | _ -> Told

/// The process of a rank, among those that have a folder open as theirs.
let private processOf (mpirun: string) rank (folder: string) =
    let variable = if mpirun.EndsWith "openmpi" then "OMPI_COMM_WORLD_RANK" else "PMI_RANK"

    let isIt place =
        try
            FileInfo(Path.Combine(place, "cwd")).LinkTarget = folder
            && File.ReadAllText(Path.Combine(place, "environ")).Split '\000' |> Array.contains $"{variable}={rank}"
        with
        | :? IOException
        | :? UnauthorizedAccessException -> false

    Directory.EnumerateDirectories "/proc"
    |> Seq.filter (fun place -> Char.IsAsciiDigit(Path.GetFileName(place)[0]) && isIt place)
    |> Seq.map (Path.GetFileName >> int)
    |> Seq.tryHead

/// One of two processes that train together is killed: the other ends too.
let private rank (mpirun: string) (random: Random) folder =
    let work = Works.underMpi mpirun
    use child = Work.start work folder work.Arguments
    child |> after (Case.anyTime random work)
    processOf mpirun (random.Next 2) folder |> Option.iter (Signal.toProcess Signal.Kill)
    child.End() |> Case.settle work folder

/// Killed, and gone on with three days before.
let private clock (random: Random) folder =
    let work = Works.train.Value
    use child = Work.start work folder work.Arguments
    child |> after (Case.anyTime random work)
    child.Send Signal.Kill
    child.End() |> Case.settleThrough [ "faketime"; "-f"; "-3d" ] work folder

let cases =
    let case name lacks attempt = { Name = name; Lacks = lacks; Try = attempt }
    let among names = Works.all |> List.filter (fun (name, _) -> List.contains name names)

    [ for name, work in Works.all do
          case $"kill.{name}" Case.always (kill work)
          case $"kill-in-write.{name}" Case.always (killInWrite work)
          case $"signal.{name}" Case.always (signal work)
      for name, work in among [ "train"; "embed"; "index" ] do
          case $"stop.{name}" Case.always (stop work)
      for name, work in among [ "train"; "cache"; "trunk"; "npy"; "shard"; "index"; "classes" ] do
          case $"two.{name}" Case.always (two work)
      case "twice.train" Case.always twice
      for mpirun in [ "mpirun.openmpi"; "mpirun.mpich" ] do
          case $"rank.{mpirun}" (Case.lacksProgram mpirun) (rank mpirun)
      case "clock.train" (Case.lacksProgram "faketime") clock ]
