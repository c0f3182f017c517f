using System.Diagnostics;

namespace CondEmbed.Studies;

/// <summary>A training in a process of its own.</summary>
internal static class TrainingProcess
{
    /// <summary>Runs it to its end; what it prints goes to a file.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message is its own.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    internal static void Run(string program, IReadOnlyList<string> arguments, string log, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[StudyRunners.StopsWithInput] = "1";
        cancellation.ThrowIfCancellationRequested();

        using var file = new StreamWriter(log, append: true) { AutoFlush = true };
        using var output = TextWriter.Synchronized(file);
        using var process = new Process { StartInfo = start };
        string? problem = null;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        // Its input ends, which asks it to finish its step and to save. A signal besides the one that a terminal sends to all would end it at once.
        using (cancellation.Register(process.StandardInput.Close))
        {
            process.WaitForExit();
        }

        cancellation.ThrowIfCancellationRequested();

        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{problem ?? $"ended with exit code {process.ExitCode}"} (its output: {log})");
        }

        void Keep(string? line)
        {
            if (line is null)
            {
                return;
            }

            output.WriteLine(line);
            const string Mark = "condembed: ";
            problem = line.StartsWith(Mark, StringComparison.Ordinal) ? line[Mark.Length..] : problem;
        }
    }
}
