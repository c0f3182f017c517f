/// The program from the start of its process, as its build in the repository has it: built as the benchmarks are.
module CondEmbed.Benchmarks.StartUp

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Threading
open CondEmbed.Common

let rec private above (folder: DirectoryInfo) =
    if isNull folder then
        raise (
            CondEmbed.Common.InputException "These benchmarks run inside the repository alone: they start the program that was built there."
        )
    elif File.Exists(Path.Combine(folder.FullName, "CondEmbed.sln")) then
        folder.FullName
    else
        above folder.Parent

let private program () =
    let output = DirectoryInfo(AppContext.BaseDirectory.TrimEnd Path.DirectorySeparatorChar)
    let name = if OperatingSystem.IsWindows() then "CondEmbed.Cli.exe" else "CondEmbed.Cli"
    Path.Combine(above output, "shell", "CondEmbed.Cli", "bin", output.Parent.Name, output.Name, name)

let private start (arguments: string list) =
    Process.Start(ProcessStartInfo(program (), arguments, RedirectStandardOutput = true, RedirectStandardError = true))

/// Until the process has ended.
let private whole arguments (_: Effort) () =
    Measured.seconds (fun () ->
        use running = start arguments
        let complaints = running.StandardError.ReadToEndAsync()
        running.StandardOutput.ReadToEnd() |> ignore
        running.WaitForExit()

        if running.ExitCode <> 0 then
            raise (InvalidOperationException $"{String.Join(' ', arguments)}: exit code {running.ExitCode}: {complaints.Result}"))

/// When the run's log has its first step, where it has one.
let private firstStep (log: string) =
    let read () =
        use file = new StreamReader(new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        file.ReadToEnd().Split '\n'

    if File.Exists log then
        read ()
        |> Array.tryFind (fun line -> line.StartsWith("{\"kind\":\"step\"", StringComparison.Ordinal) && line.EndsWith '}')
        |> Option.map (fun line -> JsonDocument.Parse(line).RootElement.GetProperty("time").GetDateTimeOffset().UtcDateTime)
    else
        None

/// Until the default run has taken its first step, by the time that its log gives; then the run is stopped.
let private training (effort: Effort) () : Measured.Round =
    let folder = Path.Combine(Path.GetTempPath(), $"condembed-first-step-{Guid.NewGuid():N}")

    try
        let begun = DateTime.UtcNow
        use running = start [ "train"; "--out"; folder; "--threads"; string effort.Threads ]
        running.OutputDataReceived.Add ignore
        running.ErrorDataReceived.Add ignore
        running.BeginOutputReadLine()
        running.BeginErrorReadLine()
        let mutable step = None

        while step.IsNone && not running.HasExited do
            Thread.Sleep 20
            step <- firstStep (Path.Combine(folder, "log.jsonl"))

        if not running.HasExited then
            running.Kill()
            running.WaitForExit()

        match step with
        | Some time -> [ "seconds", (time - begun).TotalSeconds ]
        | None -> raise (InvalidOperationException $"The run ended with exit code {running.ExitCode} before its first step.")
    finally
        if Directory.Exists folder then Directory.Delete(folder, true)

/// A study of one arm and two seeds, in `jobs` processes at a time, which share the threads.
let private study jobs (effort: Effort) =
    let steps = if effort.Quick then 10 else 150
    let folder = Directory.CreateTempSubdirectory("condembed-study-").FullName
    AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(folder, true))
    let file = Path.Combine(folder, "study.toml")

    File.WriteAllText(
        file,
        $"""seeds = 2

[base]
data = "emoji"
steps = {steps}
threads = {max 1 (effort.Threads / jobs)}
initial_evaluation = false
save_every = 0
report = false

[arms.one]
"""
    )

    let mutable round = 0

    fun () ->
        round <- round + 1
        whole [ "study"; file; "--out"; Path.Combine(folder, string round); "--jobs"; string jobs ] effort ()

let private row name what plays limit = Benchmark.row name what [ Benchmark.here "condembed" plays ] [ Benchmark.within limit "condembed" ]

let benchmarks =
    [ row "startup.help" "`condembed --help`, from the start of its process to its end" (whole [ "--help" ]) 0.15
      row "startup.doctor" "`condembed doctor`, likewise" (whole [ "doctor" ]) 1.5
      row
          "startup.first-step"
          "`condembed train`, the default run: from the start of the process to the end of its first training step, the test images measured before it included"
          training
          4.0
      { Benchmark.row
            "study.jobs"
            "two trainings of a study, the small network on the bundled emoji: at once with half of the threads each (`--jobs 2`), against one after the other with all of them"
            [ Benchmark.here "two at once" (study 2); Benchmark.here "one after the other" (study 1) ]
            [ Benchmark.atMost 1.0 "one after the other" "two at once" ] with
          Rounds = 3
          Warm = 0 } ]
