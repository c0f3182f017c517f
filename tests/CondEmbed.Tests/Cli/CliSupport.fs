/// The program as a process: what it prints, how it ends, and signals on the way.
module CondEmbed.Tests.CliSupport

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net
open System.Runtime.InteropServices
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Expecto

/// How a process ended.
type Outcome =
    { Code: int
      Out: string
      Error: string }

    member this.Everything = $"exit code {this.Code}\n{this.Out}\n{this.Error}"

/// A process under way, whose output is gathered.
type Running(child: Process) =
    let out = child.StandardOutput.ReadToEndAsync()
    let error = child.StandardError.ReadToEndAsync()

    member _.Id = child.Id
    member _.HasExited = child.HasExited

    /// As by kill -9: it alone, and not what it has started, which lives on.
    member _.Kill() =
        child.Kill()
        // Until it is gone, `Dispose` would take it for one that is left over, and end all that it has started.
        child.WaitForExit()

    /// Waits for the end; a process that takes longer than five minutes is killed, and the test fails.
    member _.Outcome() =
        if not (child.WaitForExit(TimeSpan.FromMinutes 5.0)) then
            child.Kill true
            failtest $"no end in sight: {child.StartInfo.FileName}"

        Task.WaitAll(out, error)

        { Code = child.ExitCode; Out = out.Result; Error = error.Result }

    interface IDisposable with
        member _.Dispose() =
            if not child.HasExited then child.Kill true

            child.Dispose()

let host =
    match Environment.GetEnvironmentVariable "DOTNET_HOST_PATH" with
    | null
    | "" -> "dotnet"
    | path -> path

/// A program where its own build has put it: beside the tests it would lack what the tests' framework has by itself.
let built (program: string) =
    let output = DirectoryInfo(AppContext.BaseDirectory.TrimEnd Path.DirectorySeparatorChar)
    let project part = Path.Combine(Support.repositoryRoot (), part, Path.GetFileNameWithoutExtension program)
    let place = if Directory.Exists(project "shell") then project "shell" else project "tests"
    Path.Combine(place, "bin", output.Parent.Name, output.Name, program)

/// Starts a program of the shell or of the tests, in a folder, with some environment variables.
let start program (folder: string) (variables: (string * string) list) (arguments: string list) =
    let command = built program :: arguments

    // Whoever runs the tests in the background may have told them to ignore Ctrl-C, and children would inherit that.
    let resetting = OperatingSystem.IsLinux() && File.Exists "/usr/bin/env"
    let file, command = if resetting then "/usr/bin/env", "--default-signal=INT" :: host :: command else host, command

    let info =
        ProcessStartInfo(file, command, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder)

    for name, value in variables do
        info.Environment[name] <- value

    new Running(Process.Start info)

/// Starts condembed in a folder.
let launch folder arguments = start "CondEmbed.Cli.dll" folder [] arguments

/// Runs a program of the shell or of the tests to its end.
let run program folder variables arguments =
    use running = start program folder variables arguments
    running.Outcome()

let private runIn folder variables arguments = run "CondEmbed.Cli.dll" folder variables arguments

let condembed arguments = runIn (Path.GetTempPath()) [] arguments

let condembedWith variables arguments = runIn (Path.GetTempPath()) variables arguments

let condembedIn folder arguments = runIn folder [] arguments

/// Runs condembed, which must succeed, and gives what it printed.
let succeeds arguments =
    let outcome = condembed arguments
    Expect.equal outcome.Code 0 outcome.Everything
    outcome.Out

/// The one JSON document that standard output is.
let jsonOf (text: string) =
    use document = JsonDocument.Parse text
    document.RootElement.Clone()

/// Waits until something holds, at most two minutes.
let waitFor what (condition: unit -> bool) =
    let watch = Stopwatch.StartNew()

    while not (condition ()) do
        if watch.Elapsed > TimeSpan.FromMinutes 2.0 then failtest $"waited in vain for {what}"

        Thread.Sleep 2

[<DllImport("libc", EntryPoint = "kill")>]
extern int private sendSignal(int id, int number)

/// Sends a signal, as the shell's kill does.
let signal (number: int) (running: Running) = Expect.equal (sendSignal (running.Id, number)) 0 "the signal is sent"

/// Stops the processes that a program has started while something is done, so that they do not end meanwhile. Only Linux says which these are; elsewhere they go on.
let holdingChildren (running: Running) act =
    let parent id =
        try
            let status = File.ReadAllText $"/proc/{id}/stat"
            int ((status.Substring(status.LastIndexOf ')').Split ' ')[2])
        with :? IOException ->
            0 // It has ended since.

    let children =
        [ if OperatingSystem.IsLinux() then
              for other in Process.GetProcesses() do
                  if parent other.Id = running.Id then other.Id ]

    let send (number: int) =
        for child in children do
            sendSignal (child, number) |> ignore

    let stop, goOn = 19, 18
    send stop

    try
        act ()
    finally
        send goOn

[<Literal>]
let Interrupt = 2

[<Literal>]
let Terminate = 15

/// A named pipe, from which a program reads without end.
let pipeIn folder name =
    let pipe = Path.Combine(folder, name)
    use made = Process.Start("mkfifo", pipe)
    made.WaitForExit()
    pipe

/// Opens a named pipe for writing, which waits until the program reads from it, or has ended.
let writer (running: Running) (pipe: string) =
    let opened =
        Task.Factory.StartNew(
            (fun () -> new FileStream(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1)),
            TaskCreationOptions.LongRunning
        )

    waitFor "the program to read" (fun () -> running.HasExited || opened.IsCompleted)

    if not opened.IsCompleted then
        // A reader lets the writer go.
        use _ = new FileStream(pipe, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1)
        opened.Wait()

    opened.Result

/// Tests of signals are for systems that have them.
let onUnix (test: unit -> unit) = if OperatingSystem.IsWindows() then skiptest "Windows has no signals" else test ()

/// Whether a signal is ignored here, and so by every program that a test starts: SIGHUP under nohup, SIGINT in the background of a script.
let private isIgnored number =
    let mask = "SigIgn:\t"
    let status = if OperatingSystem.IsLinux() then File.ReadAllLines "/proc/self/status" else [||]

    status
    |> Array.exists (fun line ->
        line.StartsWith mask
        && (Convert.ToUInt64(line.Substring mask.Length, 16) >>> (number - 1)) &&& 1UL = 1UL)

/// Runs a test that sends a signal, or skips it where that signal would be ignored.
let onSignal number test =
    if not (OperatingSystem.IsWindows()) && isIgnored number then
        skiptest $"signal {number} is ignored here"
    else
        onUnix test

/// What stands for OpenTelemetry's collector: the bodies that it was sent, by path.
let collector (address: string) =
    let listener = new HttpListener()
    listener.Prefixes.Add $"{address}/"
    listener.Start()
    let received = ConcurrentDictionary<string, string>()

    task {
        try
            while true do
                let! context = listener.GetContextAsync()
                use body = new StreamReader(context.Request.InputStream, Text.Encoding.Latin1)
                let text = body.ReadToEnd()

                received.AddOrUpdate(context.Request.Url.AbsolutePath, text, (fun _ before -> before + text))
                |> ignore

                context.Response.ContentType <- "application/x-protobuf"
                context.Response.Close()
        with
        | :? HttpListenerException
        | :? ObjectDisposedException -> ()
    }
    |> ignore

    listener, received
