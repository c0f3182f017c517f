/// What the process does that reads the inputs of one target. The file that it reads is the input, so that whoever watches it knows what it died of.
module CondEmbed.Fuzz.Worker

open System
open System.Diagnostics
open System.IO
open System.Threading
open CondEmbed.Common

/// A failure: what it is, the same for all inputs that fail in the same way, and what was said.
type Failure = { Kind: string; Message: string }

/// Above the sixteenfold of the input, as weights may take.
let private mostMemory = 256L <<< 20

let private longestTime = TimeSpan.FromSeconds 1.0
let private hangs = TimeSpan.FromSeconds 10.0

/// When the reading of the present input began; 0 while none is read.
let mutable private started = 0L

/// The file beside the input that says why a process ended itself.
let hung folder = Path.Combine(folder, "hung")

let counted folder = Path.Combine(folder, "count")

/// The most memory of this process since it was asked the last time; 0 where the system does not tell.
let private peak () =
    if OperatingSystem.IsLinux() then
        let line = File.ReadLines "/proc/self/status" |> Seq.find _.StartsWith("VmHWM")
        File.WriteAllText("/proc/self/clear_refs", "5")
        1024L * Int64.Parse(line.AsSpan(6, line.Length - 9))
    else
        0L

/// The exception and where it was born: the first place of ours, and the very first.
let private kindOf (problem: exn) =
    let problem = problem.GetBaseException()
    let frames = StackTrace(problem, false).GetFrames()
    let nameOf (frame: StackFrame) = frame.GetMethod() |> Option.ofObj |> Option.map (fun place -> $"{place.DeclaringType}.{place.Name}")
    let names = frames |> Array.choose nameOf

    let ours =
        names
        |> Array.tryFind (fun name -> name.StartsWith "CondEmbed." && not (name.StartsWith "CondEmbed.Fuzz"))

    { Kind = $"""{problem.GetType().Name} in {Option.defaultValue "?" ours}"""
      Message = $"{problem.Message} ({Array.tryHead names |> Option.defaultValue String.Empty})" }

/// None if the input was read or refused; and whether it was read.
let private once (target: Target) (path: string) (bytes: byte array) =
    File.WriteAllBytes(path, bytes)
    let resident, allocated = peak (), GC.GetTotalAllocatedBytes()
    let clock, used = Stopwatch.StartNew(), Environment.CpuUsage.TotalTime
    Volatile.Write(&started, Stopwatch.GetTimestamp())

    let outcome =
        try
            try
                target.Read path
                Ok true
            with
            | :? InputException -> Ok false
            | problem when (problem.GetBaseException() :? InputException) -> Ok false
            | problem -> Error(kindOf problem)
        finally
            Volatile.Write(&started, 0L)

    // While other processes are in the way the clock goes on, and with several threads the processors' time does.
    let time = min clock.Elapsed (Environment.CpuUsage.TotalTime - used)
    let taken = max (GC.GetTotalAllocatedBytes() - allocated) (peak () - resident)

    match outcome with
    | Error failure -> Error failure, time
    | Ok _ when taken > mostMemory + 16L * int64 bytes.Length ->
        Error { Kind = "memory"; Message = $"{taken >>> 20} MiB for {bytes.Length} bytes" }, time
    | Ok wasRead -> Ok wasRead, time

/// Once more, and again, where it took too long: the first time, code was compiled too.
let rec private attempt target path bytes tries =
    match once target path bytes with
    | Ok wasRead, time when time > longestTime ->
        if tries = 0 then
            Error { Kind = "slow"; Message = $"{time.TotalSeconds:F1} s for {bytes.Length} bytes" }
        else
            attempt target path bytes (tries - 1)
    | outcome, _ -> outcome

/// Ends this process where one input takes ten seconds.
let private watch folder =
    let look () =
        while true do
            Thread.Sleep 250
            let since = Volatile.Read(&started)

            if since <> 0L && Stopwatch.GetElapsedTime(since) > hangs then
                File.WriteAllText(hung folder, "")
                Process.GetCurrentProcess().Kill()

    Thread(look, IsBackground = true).Start()

let private told (words: string list) =
    Console.Out.WriteLine(String.Join('\t', words |> List.map _.ReplaceLineEndings(" ").Replace('\t', ' ')))

/// Prepares a target, and gives what reads an input.
let private ready target folder =
    let surroundings = Path.Combine(folder, "files")
    Directory.CreateDirectory surroundings |> ignore
    let path, seeds = target.Prepare surroundings
    // So that whoever watches knows where the input lies.
    File.WriteAllText(Path.Combine(folder, "path"), path)
    watch folder
    seeds, (fun bytes -> attempt target path bytes 2)

/// Reads given inputs.
let replay target folder (files: string list) =
    let _, read = ready target folder

    for file in files do
        match read (File.ReadAllBytes file) with
        | Ok wasRead -> told [ (if wasRead then "read" else "refused"); file ]
        | Error failure -> told [ "failed"; failure.Kind; failure.Message; file ]

/// Writes down a failure, made small as far as twenty seconds go.
let private keep folder number (read: byte array -> Result<bool, Failure>) (bytes: byte array) failure =
    let clock = Stopwatch.StartNew()

    let fails less =
        match read less with
        | Error other -> other.Kind = failure.Kind
        | Ok _ -> false

    let small = Mutation.smallest (fun less -> clock.Elapsed.TotalSeconds < 20.0 && fails less)
    let file = Path.Combine(folder, $"failure-{number}")
    File.WriteAllBytes(file, (if bytes.Length <= (1 <<< 16) && fails bytes then small bytes else bytes))
    told [ "failed"; failure.Kind; failure.Message; file ]

/// Reads changed inputs for some seconds, each kind of failure once and made small.
let search target folder seed (seconds: float) (older: byte array list) =
    let seeds, read = ready target folder
    let random = Random(seed: int)
    let known = Collections.Generic.HashSet<string>()
    let mutable count, wasRead = 0L, 0L
    use counter = File.OpenHandle(counted folder, FileMode.Create, FileAccess.Write)

    let seen bytes failure = if known.Add failure.Kind then keep folder known.Count read bytes failure

    for valid in seeds do
        let bytes = valid.Dress valid.Bytes

        match read bytes with
        | Ok true -> ()
        | Ok false -> seen bytes { Kind = "valid input refused"; Message = "it should be read" }
        | Error failure -> seen bytes failure

    let all = Array.append (Array.ofList seeds) [| for bytes in older -> Target.plain bytes |]
    let others = all |> Array.map _.Bytes
    let clock = Stopwatch.StartNew()

    while clock.Elapsed.TotalSeconds < seconds do
        let from = all[random.Next all.Length]
        let bytes = from.Dress(Mutation.changed random others from.Bytes)

        match read bytes with
        | Ok good -> if good then wasRead <- wasRead + 1L
        | Error failure -> seen bytes failure

        count <- count + 1L
        RandomAccess.Write(counter, ReadOnlySpan(BitConverter.GetBytes count), 0L)

    told [ "done"; string count; string wasRead ]
