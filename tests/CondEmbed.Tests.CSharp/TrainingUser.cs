using System.Collections.Concurrent;
using System.Diagnostics;
using CondEmbed.Common;
using CondEmbed.Options;
using CondEmbed.Runs;

namespace CondEmbed.Tests.CSharp;

/// <summary>Trains as a C# program would.</summary>
public static class TrainingUser
{
    /// <summary>Trains and watches.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="progress">Told of everything.</param>
    public static async Task<TrainingResult> Train(TrainingOptions options, IProgress<RunProgress> progress)
    {
        var lines = new List<string>();
        var trainer = new Trainer(options) { Notice = lines.Add };
        var result = await trainer.TrainAsync(progress).ConfigureAwait(false);
        return lines.Count > 0 && trainer.Folder.Root == result.Folder ? result : throw new InvalidOperationException("nothing was said of the run");
    }

    /// <summary>Stops the run after its second step, and goes on with what it left.</summary>
    /// <returns>The step at which it stopped, and the result in the end.</returns>
    public static async Task<(int StoppedAt, TrainingResult Result)> StopAndGoOn(TrainingOptions options)
    {
        using var stop = new CancellationTokenSource();
        var progress = new Listener(at =>
        {
            if (at is { Phase: RunProgress.Training, Step: 2, Loss: > 0 })
            {
                stop.Cancel();
            }
        });

        try
        {
            await new Trainer(options).TrainAsync(progress, stop.Token).ConfigureAwait(false);
            throw new InvalidOperationException("the run was not stopped");
        }
        catch (TrainingStoppedException stopped)
        {
            return (stopped.Step, await Trainer.Resume(stopped.Folder).TrainAsync().ConfigureAwait(false));
        }
    }

    /// <summary>Trains as a window would: with one thread that must stay free, and is told of everything.</summary>
    /// <returns>Milliseconds for which the call held the thread, and the ids of the threads that progress came on, which should be that one alone.</returns>
    public static (double Held, IReadOnlyList<int> Told, int Own) TrainFromWindow(TrainingOptions options)
    {
        using var window = new Window();
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(window);
        try
        {
            var told = new List<int>();
            var progress = new Progress<RunProgress>(_ => told.Add(Environment.CurrentManagedThreadId));
            var watch = Stopwatch.StartNew();
            var training = Trainer.TrainAsync(options, progress);
            var held = watch.Elapsed.TotalMilliseconds;
            window.RunUntil(training);
            return (held, told, Environment.CurrentManagedThreadId);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>What a program tells its user when the settings are wrong.</summary>
    public static string ProblemOf(TrainingOptions options)
    {
        try
        {
            return options.Resolve().ToString() ?? "";
        }
        catch (InputException problem)
        {
            return problem.Message;
        }
    }

    private sealed class Window : SynchronizationContext, IDisposable
    {
        private readonly BlockingCollection<(SendOrPostCallback Call, object? State)> posted = [];

        public override void Post(SendOrPostCallback d, object? state) => posted.Add((d, state));

        public void RunUntil(Task task)
        {
            while (!task.IsCompleted || posted.Count > 0)
            {
                if (posted.TryTake(out var next, 10))
                {
                    next.Call(next.State);
                }
            }

            task.GetAwaiter().GetResult();
        }

        public void Dispose() => posted.Dispose();
    }

    private sealed class Listener(Action<RunProgress> listen) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => listen(value);
    }
}
