/// What a round of a benchmark measures of its own process. Everything measured is better when smaller.
module CondEmbed.Benchmarks.Measured

open System
open System.Diagnostics
open System.IO

/// What a round tells: named numbers, of seconds or bytes.
type Round = (string * float) list

/// How long work takes.
let seconds work : Round =
    let watch = Stopwatch.StartNew()
    work ()
    [ "seconds", watch.Elapsed.TotalSeconds ]

/// How long one of many pieces takes, of work that does them all.
let secondsEach pieces work : Round = [ for name, value in seconds work -> name, value / float pieces ]

/// The time of one run of a piece, repeated for at least `least` seconds. In bursts shorter than some tenths of a second, the system may leave all
/// threads of a process that has slept on one core: pieces of 5 ms were seen to take 11 ms in some processes.
let secondsOver (least: float) piece : Round =
    let watch = Stopwatch.StartNew()
    let mutable count = 0

    while count = 0 || watch.Elapsed.TotalSeconds < least do
        piece ()
        count <- count + 1

    [ "seconds", watch.Elapsed.TotalSeconds / float count ]

let private status name =
    if File.Exists "/proc/self/status" then
        File.ReadLines "/proc/self/status"
        |> Seq.tryFind (fun line -> line.StartsWith(name + ":", StringComparison.Ordinal))
        |> Option.map (fun line -> line.Split([| ':'; ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries))
        |> Option.map (fun words -> 1024.0 * float words[1])
    else
        None

let private current () =
    use self = Process.GetCurrentProcess()
    self

/// Resident memory, bytes.
let resident () = status "VmRSS" |> Option.defaultWith (fun () -> float (current().WorkingSet64))

/// The most that was ever resident since the process started or the peak was forgotten, bytes.
let peak () = status "VmHWM" |> Option.defaultWith (fun () -> float (current().PeakWorkingSet64))

/// Resets the peak to what is resident. If the system cannot, the peak stays that of the whole process.
let forgetPeak () =
    try
        File.WriteAllText("/proc/self/clear_refs", "5")
    with
    | :? IOException
    | :? UnauthorizedAccessException -> ()

/// Time, and the peak of resident memory while the work goes on.
let secondsAndPeak work : Round =
    forgetPeak ()
    let time = seconds work
    time @ [ "bytes", peak () ]
