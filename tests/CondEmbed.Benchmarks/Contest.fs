/// Contestants: each in a process of its own, set up once, then playing round after round when it is told to.
namespace CondEmbed.Benchmarks

open System
open System.Diagnostics
open System.Globalization
open System.IO
open CondEmbed
open CondEmbed.Common
open CondEmbed.Interop
open CondEmbed.Mpi

/// Quick asks for less work and so for rougher numbers; all contestants of a benchmark do the same work.
type Effort = { Quick: bool; Threads: int }

/// How a contestant does its work.
type Plays =
    /// Sets up in a process of its own of this program, and answers what plays one round.
    | Here of (Effort -> unit -> Measured.Round)
    /// A script of peers/, which calls contest.serve; with the arguments that it wants.
    | Python of script: string * arguments: string list
    /// The same as Here in so many processes that mpirun starts, which share the threads, each in its place in the team; the first one answers.
    | Ranks of count: int * (Team -> Effort -> unit -> Measured.Round)

type Contestant =
    {
        Name: string
        Plays: Plays
        /// Variables of its process's environment.
        Environment: (string * string) list
    }

/// A contestant's measure is at most `AtMost` times that of `Over`, or at most `AtMost` itself if there is no `Over`.
type Goal = { Of: string; Over: string option; Measure: string; AtMost: float }

/// A row of the results.
type Benchmark =
    {
        Name: string
        /// What is done, with its sizes, in one sentence.
        What: string
        /// Whether the contestants' rounds alternate, so that their ratio is of neighbours in time, or each plays alone, for work that fills the memory.
        Together: bool
        /// Rounds that count; a quick run plays three at most.
        Rounds: int
        /// Rounds before them that do not.
        Warm: int
        Contestants: Contestant list
        Goals: Goal list
    }

module Benchmark =
    /// Seven rounds that alternate, after one to warm up.
    let row name what contestants goals =
        { Name = name; What = what; Together = true; Rounds = 7; Warm = 1; Contestants = contestants; Goals = goals }

    let here name plays = { Name = name; Plays = Here plays; Environment = [] }

    let ranks count name plays = { Name = name; Plays = Ranks(count, plays); Environment = [] }

    let python name script arguments = { Name = name; Plays = Python(script, arguments); Environment = [] }

    /// Of takes at most so many times as long as Over.
    let atMost limit over of' = { Of = of'; Over = Some over; Measure = "seconds"; AtMost = limit }

    /// Of takes at most so many seconds.
    let within limit of' = { Of = of'; Over = None; Measure = "seconds"; AtMost = limit }

/// Files that contestants work on.
module Scratch =
    /// A place in the folder of temporary files that is the same in every process.
    let path name = Path.Combine(Path.GetTempPath(), "condembed-benchmarks", name)

    /// A new folder that goes with the process.
    let temporary () =
        let folder = Directory.CreateTempSubdirectory("condembed-benchmarks-").FullName
        AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
        folder

    /// Makes a folder, unless an earlier contestant has made it: it is the same for all of them.
    let once (folder: string) (make: string -> unit) =
        if not (Directory.Exists folder) then
            let making = $"{folder}.{Environment.ProcessId}"
            Directory.CreateDirectory making |> ignore
            make making

            try
                Directory.Move(making, folder)
            with :? IOException when Directory.Exists folder ->
                Directory.Delete(making, true)

/// Both sides of the talk between this program and a contestant: a line 'go' asks for a round, a line '@ name value ...' answers, with tabs between.
module Contest =
    let private invariant = CultureInfo.InvariantCulture

    /// Stands before the arguments of a process that is a contestant.
    [<Literal>]
    let Serve = "serve"

    let private say (text: string) =
        Console.Out.WriteLine $"@ {text}"
        Console.Out.Flush()

    /// Plays for the process that started this one, until that closes the input; libtorch is loaded.
    let serve (contestant: Contestant) effort =
        let answer (round: Measured.Round) =
            [ for name, value in round -> String.Format(invariant, "{0}\t{1:R}", name, value) ]
            |> String.concat "\t"
            |> say

        match contestant.Plays with
        | Python _ -> invalidArg (nameof contestant) "plays elsewhere"
        | Here plays ->
            CondEmbed.Torch.Native.ensure ()
            let round = plays effort
            say "ready"

            while not (isNull (Console.In.ReadLine())) do
                answer (round ())
        | Ranks(_, plays) ->
            CondEmbed.Torch.Native.ensure ()
            use team = MpiTeam.Open Launcher.Current
            let isFirst = team.Rank = 0
            let round = plays team effort
            if isFirst then say "ready"

            let isAsked () =
                let asked = isFirst && not (isNull (Console.In.ReadLine()))
                TeamBytes.Spread(team, [| (if asked then 1uy else 0uy) |]) = [| 1uy |]

            while isAsked () do
                let played = round ()
                if isFirst then answer played

    /// A contestant cannot play here; says why.
    exception Absent of string

    /// A contestant ended in the middle of its work; what it said of that stands on standard error.
    exception Broken of string

    let private start (effort: Effort) environment (program: string) (arguments: string list) =
        let info =
            ProcessStartInfo(program, arguments, RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false)

        for name in [ "OMP_NUM_THREADS"; "MKL_NUM_THREADS"; "OPENBLAS_NUM_THREADS" ] do
            info.Environment[name] <- string effort.Threads

        for name: string, value in environment do
            info.Environment[name] <- value

        try
            Process.Start info
        with :? ComponentModel.Win32Exception as problem ->
            raise (Absent $"{program}: {problem.Message}")

    /// What a process of a contestant may use.
    let private eachOf contestant (effort: Effort) =
        match contestant.Plays with
        | Ranks(count, _) -> { effort with Threads = max 1 (effort.Threads / count) }
        | _ -> effort

    /// Open MPI may be run by root, and leaves it to the system where processes run; MPICH does so by itself. Open MPI gives its processes a terminal for their output, which .NET greets with
    /// control characters, in front of the first answer, unless it is a dumb one.
    let private ofMpirun contestant =
        match contestant.Plays with
        | Ranks _ ->
            [ "OMPI_ALLOW_RUN_AS_ROOT", "1"
              "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"
              "OMPI_MCA_rmaps_base_oversubscribe", "1"
              "OMPI_MCA_hwloc_base_binding_policy", "none"
              "TERM", "dumb" ]
        | _ -> []

    /// This very program, however it was started.
    let private this' =
        Path.Combine(AppContext.BaseDirectory, "CondEmbed.Benchmarks" + (if OperatingSystem.IsWindows() then ".exe" else ""))

    let private commandOf (effort: Effort) (benchmark: Benchmark) (contestant: Contestant) =
        let common = (if effort.Quick then [ "--quick" ] else []) @ [ "--threads"; string effort.Threads ]

        match contestant.Plays with
        | Here _ -> this', Serve :: benchmark.Name :: contestant.Name :: common
        | Ranks(count, _) -> "mpirun", [ "-np"; string count; this'; Serve; benchmark.Name; contestant.Name ] @ common
        | Python(script, arguments) ->
            let python = if File.Exists "/usr/bin/python3" then "/usr/bin/python3" else "python3"
            python, Path.Combine(AppContext.BaseDirectory, "peers", script) :: common @ arguments

    /// What the process says next; its other output is passed over.
    let rec private heard (contestant: Contestant) (running: Process) =
        match running.StandardOutput.ReadLine() with
        | null ->
            running.WaitForExit()
            if running.ExitCode = 3 then raise (Absent $"{contestant.Name} lacks what it needs, as it says above")
            raise (Broken $"The contestant {contestant.Name} ended with exit code {running.ExitCode} instead of an answer.")
        | line when line.StartsWith("@ ", StringComparison.Ordinal) -> line.Substring 2
        | _ -> heard contestant running

    let private roundOf (answer: string) : Measured.Round =
        [ for pair in answer.Split('\t', StringSplitOptions.RemoveEmptyEntries) |> Array.chunkBySize 2 ->
              pair[0], Double.Parse(pair[1], invariant) ]

    /// A contestant that is ready. Disposing ends it.
    type Player(effort, benchmark, contestant: Contestant) =
        let effort = eachOf contestant effort

        let running =
            commandOf effort benchmark contestant
            ||> start effort (contestant.Environment @ ofMpirun contestant)

        do
            try
                heard contestant running |> ignore
            with _ ->
                running.Dispose()
                reraise ()

        member _.Name = contestant.Name

        member _.Round() =
            running.StandardInput.WriteLine "go"
            running.StandardInput.Flush()
            heard contestant running |> roundOf

        interface IDisposable with
            member _.Dispose() =
                running.StandardInput.Close()
                if not (running.WaitForExit 20000) then running.Kill true
                running.Dispose()
