using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;

namespace CondEmbed.Studies;

/// <summary>A training run in its own process.</summary>
internal static class TrainingProcess
{
    private static readonly ConcurrentDictionary<Process, bool> UnderWay = [];

    /// <summary>Runs it to completion; its output goes to a file.</summary>
    /// <exception cref="StudyFailedException">It failed; the message is that of the process.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    internal static void Run(string program, IReadOnlyList<string> arguments, string log, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[StudyRunners.StopsWithInput] = "1";
        cancellationToken.ThrowIfCancellationRequested();

        using var output = new ProcessLog(log);
        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => output.Keep(line.Data);
        process.ErrorDataReceived += (_, line) => output.Keep(line.Data);
        Start(process, program);

        try
        {
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();

            // Closing its input asks it to finish its step and save. A signal in addition to the one that a terminal sends to all would end it immediately.
            using (cancellationToken.Register(process.StandardInput.Close))
            {
                process.WaitForExit();
            }
        }
        finally
        {
            UnderWay.TryRemove(process, out _);
        }

        cancellationToken.ThrowIfCancellationRequested();

        if (process.ExitCode != 0)
        {
            throw new StudyFailedException($"{output.Problem ?? $"exited with code {process.ExitCode}"} (its output: {log})");
        }
    }

    /// <summary>Kills all of them, since this process is ending; their checkpoints stay.</summary>
    internal static void EndAll()
    {
        foreach (var process in UnderWay.Keys)
        {
            try
            {
                process.Kill(entireProcessTree: true);
            }
            catch (Exception problem) when (problem is InvalidOperationException or Win32Exception or AggregateException)
            {
                // It has ended by itself.
            }
        }
    }

    private static void Start(Process process, string program)
    {
        try
        {
            process.Start();
            UnderWay[process] = true;
        }
        catch (Win32Exception problem)
        {
            throw new InputException($"{program}: cannot be started: {problem.Message}. Is the program installed completely?");
        }
    }

    /// <summary>Writes the output of a process to a file, and keeps the last problem that it reported.</summary>
    private sealed class ProcessLog : IDisposable
    {
        private const string Mark = "condembed: ";

        private readonly Lock gate = new();
        private readonly StreamWriter file;
        private bool wasProblem;

        internal ProcessLog(string path) => file = FileProblem.Writing(path, () => new StreamWriter(path, append: true) { AutoFlush = true });

        internal string? Problem { get; private set; }

        internal void Keep(string? line)
        {
            if (line is null)
            {
                return;
            }

            lock (gate)
            {
                // Several at once stand on as many lines.
                var isProblem = line.StartsWith(Mark, StringComparison.Ordinal);
                Problem = !isProblem ? Problem : wasProblem ? $"{Problem}{Environment.NewLine}{line[Mark.Length..]}" : line[Mark.Length..];
                wasProblem = isProblem;

                // A full disk costs the log, not the run; the run deals with its own lack of space.
                FileProblem.Try(() => file.WriteLine(line));
            }
        }

        public void Dispose() => FileProblem.Try(() => file.Dispose());
    }
}
