namespace CondEmbed.Checks

open System
open System.Diagnostics
open System.IO
open System.Threading
open CondEmbed.Common

/// Looks at what a process holds, again and again. Linux tells of any process of the same user.
type Gauges(processId: int) =
    let watch = Stopwatch.StartNew()
    let samples = ResizeArray<Growth.Sample>()
    let gate = obj ()
    let stop = new CancellationTokenSource()
    let entries folder = float (Directory.GetFileSystemEntries folder).Length

    do
        if not (OperatingSystem.IsLinux()) then
            raise (InputException "What a process holds is read in /proc, which only Linux has.")

    /// Of this process.
    new() = new Gauges(Environment.ProcessId)

    /// At most ten a second.
    member _.Sample() =
        lock gate (fun () ->
            let now = watch.Elapsed.TotalSeconds

            if samples.Count = 0 || now - samples[samples.Count - 1].Seconds >= 0.1 then
                let sizes = (File.ReadAllText $"/proc/{processId}/statm").Split ' '

                samples.Add
                    { Seconds = now
                      Memory = float sizes[1] * float Environment.SystemPageSize
                      Handles = entries $"/proc/{processId}/fd"
                      Threads = entries $"/proc/{processId}/task"
                      Files = float (Directory.GetFileSystemEntries(Path.GetTempPath(), "*", SearchOption.AllDirectories)).Length })

    /// Samples by itself while something is done.
    member this.While(work: unit -> unit) =
        let look () =
            while not (stop.Token.WaitHandle.WaitOne 100) do
                this.Sample()

        let looking = Thread(look, IsBackground = true)
        looking.Start()

        try
            work ()
        finally
            stop.Cancel()
            looking.Join()

    /// A row of what was held, and of what was done; it fails where something was not flat or the work was not sound.
    member _.Row(case, isSound, said: string, numbers: (string * float) list) =
        let isFlat, held, measured = lock gate (fun () -> Growth.verdict (List.ofSeq samples))
        Check.row case (isFlat && isSound) $"{said}; {held}" (("seconds", watch.Elapsed.TotalSeconds) :: numbers @ measured)

    interface IDisposable with
        member _.Dispose() = stop.Dispose()
