/// How signals end the program: training saves first; everything else ends as if the signal had not been caught, without leaving unfinished files behind.
module CondEmbed.Cli.Stopping

open System
open System.Diagnostics
open System.Runtime.InteropServices
open System.Threading
open CondEmbed
open CondEmbed.Common
open CondEmbed.Studies

[<DllImport("libc", EntryPoint = "signal")>]
extern nativeint private setHandler(int number, nativeint handler)

[<DllImport("libc", EntryPoint = "sigaction")>]
extern int private getHandler(int number, nativeint fresh, nativeint[] old)

[<DllImport("libc", EntryPoint = "kill")>]
extern int private sendSignal(int id, int number)

[<DllImport("libc", EntryPoint = "_exit")>]
extern void private exitNow(int code)

[<Literal>]
let private Hangup = 1

[<Literal>]
let private Interrupt = 2

[<Literal>]
let private Terminate = 15

/// The time for work to end by itself, such as an index that writes what it has. What still hangs after it is ended.
let private patience = TimeSpan.FromSeconds 0.5

/// `timeout`, and `dotnet run` beside its program, send a signal to the whole group and again to each child. What comes so soon after the first is that one again.
let private echo = TimeSpan.FromSeconds 0.1

let mutable private since = 0L

let private source = new CancellationTokenSource()
let mutable private signals = 0
let mutable private first = 0
let mutable private isSaving = false

/// Asks the work to stop.
let token = source.Token

/// Work that asks for nothing more is stopped without a signal.
let stop () = source.Cancel()

/// From now on, a signal lets the work finish its step and save.
let beginSaving () = isSaving <- true

let mutable private cleaning: unit -> unit = ignore

/// What to do when a signal ends the process at once.
let whenEnded clean = cleaning <- clean

/// The exit code of a program ended by a signal.
let private codeOf number = 128 + number

/// Ends the process by a signal, so that whoever waits for it sees what happened.
let private endBy number =
    AtomicFiles.Abandon()
    TrainingProcess.EndAll()

    try
        cleaning ()
        Output.leave ()
    with _ ->
        // A failure to clean up must not keep the process from ending.
        ()

    if OperatingSystem.IsWindows() then
        Environment.Exit(codeOf number)
    else
        setHandler (number, 0n) |> ignore
        sendSignal (Environment.ProcessId, number) |> ignore
        // For when the system does not let a signal end the process, such as the first one in a container.
        Thread.Sleep 200
        exitNow (codeOf number)

/// The exit code of work that a signal has stopped; does not return where the signal is to end the process.
let ended how (message: string) =
    if first <> 0 && not isSaving then
        Output.ended how (codeOf first) message |> ignore
        endBy first

    Output.ended how 1 message

/// Stops once, as the signal does.
let private request number =
    if Interlocked.CompareExchange(&first, number, 0) = 0 then
        Thread((fun () -> source.Cancel()), IsBackground = true).Start()

        if isSaving then
            Output.notice "stopping after this step; once more to end at once"
        else
            Thread.Sleep patience
            // Whoever writes meanwhile may never be done.
            let telling = Thread((fun () -> Output.ended "stopped" (codeOf number) "stopped." |> ignore), IsBackground = true)
            telling.Start()
            telling.Join 200 |> ignore
            endBy number

let private asked number (context: PosixSignalContext) =
    context.Cancel <- true

    if Interlocked.Increment &signals = 1 then
        since <- Stopwatch.GetTimestamp()
        request number
    elif Stopwatch.GetElapsedTime since > echo then
        endBy number

/// nohup, and shells that start something in the background, make it ignore a signal: that stays so.
let private isIgnored number =
    if OperatingSystem.IsWindows() then
        false
    else
        let old = Array.zeroCreate<nativeint> 64
        getHandler (number, 0n, old) = 0 && old[0] = 1n

/// The parent process may want this program to stop when the parent ends, for whatever reason.
let private stopWithInput () =
    if Environment.GetEnvironmentVariable StudyRunners.StopsWithInput = "1" then
        let wait () =
            while Console.In.Read() >= 0 do
                ()

            request Terminate

        Thread(wait, IsBackground = true).Start()

/// Listens to signals until the result is disposed of.
let listen () =
    let registrations =
        [ for signal, number in [ PosixSignal.SIGINT, Interrupt; PosixSignal.SIGTERM, Terminate; PosixSignal.SIGHUP, Hangup ] do
              if not (isIgnored number) then PosixSignalRegistration.Create(signal, asked number) ]

    stopWithInput ()

    { new IDisposable with
        member _.Dispose() = registrations |> List.iter _.Dispose() }
