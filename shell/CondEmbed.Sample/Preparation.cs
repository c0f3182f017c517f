using CondEmbed.Common;
using CondEmbed.Options;
using CondEmbed.Runs;
using CondEmbed.Storage;

namespace CondEmbed.Sample;

/// <summary>Trains a network if none is given, loads it, and builds the index of the gallery, while the page already shows its progress.</summary>
internal sealed class Preparation(SampleOptions options, IHostApplicationLifetime lifetime) : BackgroundService
{
    private readonly ProgressPacer pacer = new(TimeSpan.FromSeconds(5));
    private volatile ImageFinder? finder;

    public SampleState State { get; private set; } = new(false, "starting", 0);

    public int ExitCode { get; private set; }

    /// <summary>What searches.</summary>
    public ImageFinder Finder =>
        finder ?? throw new BadHttpRequestException("The network is not ready yet. Try again in a moment.", StatusCodes.Status503ServiceUnavailable);

    public override void Dispose()
    {
        finder?.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var progress = new Listener(Tell);
        try
        {
            var run = options.Run ?? await TrainedAsync(progress, stoppingToken);
            finder = await ImageFinder.OpenAsync(run, options.Gallery, progress, stoppingToken);
            State = new SampleState(true, finder.Description, 1, finder.Levels);
            Console.WriteLine($"ready: {finder.Description}");
        }
        catch (TrainingStoppedException stopped)
        {
            Console.WriteLine($"stopped after step {stopped.Step}; the next start continues from there");
        }
        catch (InputException problem)
        {
            await Console.Error.WriteLineAsync(problem.Message);
            ExitCode = 2;
            await StartedAsync(stoppingToken);
            lifetime.StopApplication();
        }
    }

    /// <summary>Until the server listens, or is stopped: one that is told to stop while it starts throws instead.</summary>
    private async Task StartedAsync(CancellationToken stopping)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var listening = lifetime.ApplicationStarted.Register(() => started.TrySetResult());
        await using var ended = stopping.Register(() => started.TrySetResult());
        await started.Task;
    }

    /// <summary>A run that is kept for the next start; one that was interrupted is resumed.</summary>
    private async Task<string> TrainedAsync(IProgress<RunProgress> progress, CancellationToken cancellationToken)
    {
        var place = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create);
        var folder = Path.Combine(place, "CondEmbed.Sample", $"emoji-{options.Steps}-steps");
        var training = new TrainingOptions { Steps = options.Steps, Levels = 1, Out = folder };
        if (!Directory.Exists(folder))
        {
            await Trainer.TrainAsync(training, progress, Console.WriteLine, cancellationToken);
        }
        else if (!File.Exists(new RunFolder(folder).LastWeights))
        {
            await Trainer.Resume(folder).TrainAsync(progress, cancellationToken);
        }

        return folder;
    }

    private void Tell(RunProgress at)
    {
        State = new SampleState(false, at.Phase, at.Share);
        if (pacer.ShouldPrint(at))
        {
            Console.WriteLine(ProgressText.Line(at));
        }
    }

    // Unlike Progress<T>, which would report on the thread pool, where reports may overtake each other.
    private sealed class Listener(Action<RunProgress> tell) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => tell(value);
    }
}
