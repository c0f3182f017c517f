namespace CondEmbed.Faults

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Threading.Tasks

/// A case did not end as it should.
exception Wrong of string

/// How a process ended.
type Ended =
    { Command: string
      Code: int
      Out: string
      Error: string }

    member this.Everything = $"{this.Command}\nexit code {this.Code}\n{this.Out}\n{this.Error}"

module Signal =
    [<Literal>]
    let Hangup = 1

    [<Literal>]
    let Interrupt = 2

    [<Literal>]
    let Kill = 9

    [<Literal>]
    let Terminate = 15

    [<Literal>]
    let Continue = 18

    [<Literal>]
    let Stop = 19

    [<DllImport("libc", EntryPoint = "kill")>]
    extern int private send(int id, int number)

    /// Sends a signal. That the process has ended before is no mistake.
    let toProcess number id = send (id, number) |> ignore

/// A process under way in a folder, whose output is gathered. It is given up after two minutes.
type Child(folder: string, variables: (string * string) list, command: string list) =
    // Whoever runs this in the background may have it ignore signals, which children would inherit.
    let info = ProcessStartInfo("/usr/bin/env", "--default-signal=INT,HUP,TERM" :: command, WorkingDirectory = folder)

    do
        info.RedirectStandardOutput <- true
        info.RedirectStandardError <- true

        for name, value in variables do
            info.Environment[name] <- value

    let child = Process.Start info
    let out, error = child.StandardOutput.ReadToEndAsync(), child.StandardError.ReadToEndAsync()
    let words = String.Join(' ', command)

    member _.Id = child.Id
    member _.HasExited = child.HasExited
    member _.Send number = Signal.toProcess number child.Id

    member _.End() =
        if not (child.WaitForExit(TimeSpan.FromMinutes 2.0)) then
            child.Kill true
            raise (Wrong $"no end after two minutes: {words}")

        Task.WaitAll(out, error)
        { Command = words; Code = child.ExitCode; Out = out.Result; Error = error.Result }

    interface IDisposable with
        member _.Dispose() =
            if not child.HasExited then child.Kill true
            child.Dispose()

module Child =
    let private output = DirectoryInfo(AppContext.BaseDirectory.TrimEnd Path.DirectorySeparatorChar)

    /// The program where its own build has put it: bin/CONFIGURATION/FRAMEWORK of its project, as this one.
    let private program =
        let tests = output.Parent.Parent.Parent.Parent
        Path.Combine(tests.Parent.FullName, "shell", "CondEmbed.Cli", "bin", output.Parent.Name, output.Name, "CondEmbed.Cli.dll")

    let private host =
        Environment.GetEnvironmentVariable "DOTNET_HOST_PATH"
        |> Option.ofObj
        |> Option.defaultValue "dotnet"

    /// The command line of the program with arguments.
    let condembed arguments : string list = host :: program :: arguments

    /// Runs a command to its end.
    let run folder command =
        use child = new Child(folder, [], command)
        child.End()
