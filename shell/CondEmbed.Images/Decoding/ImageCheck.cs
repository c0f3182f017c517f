using System.Collections.Concurrent;
using System.Diagnostics;

namespace CondEmbed.Images;

/// <summary>Decodes every image before a run, so that no bad image stops it half-way.</summary>
/// <param name="Checked">How many images were decoded.</param>
/// <param name="Bad">Those that cannot be used, by index.</param>
public sealed record ImageCheck(int Checked, IReadOnlyList<BadImage> Bad)
{
    internal const string Phase = "checking images";

    // Enough reports to show progress without costing time.
    private const int Reports = 200;

    /// <summary>Decodes images completely on several threads, filling the reader's cache on the way.</summary>
    /// <param name="reader">Reads and decodes.</param>
    /// <param name="indices">Which images; null for all in the source.</param>
    /// <param name="workers">Threads; 0 for one per core.</param>
    /// <param name="progress">Called about 200 times, from any thread, the last time with everything done; its detail is how many are bad.</param>
    /// <param name="cancellationToken">Ends the check with an OperationCanceledException.</param>
    public static ImageCheck Run(
        ImageReader reader, IReadOnlyList<int>? indices = null, int workers = 0, IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reader);
        indices ??= [.. Enumerable.Range(0, reader.Source.Count)];
        return Each(Phase, indices, place => reader.Read(indices[place]), workers, progress, cancellationToken);
    }

    /// <summary>Does work on images, by their places in a list, on several threads. Those for which it throws a <see cref="BadImageException"/> are bad.</summary>
    internal static ImageCheck Each(
        string phase, IReadOnlyList<int> indices, Action<int> work, int workers, IProgress<RunProgress>? progress, CancellationToken cancellationToken)
    {
        var (watch, bad) = (Stopwatch.StartNew(), new ConcurrentBag<BadImage>());
        var done = 0;
        var total = indices.Count;
        var every = Math.Max(total / Reports, 1);
        ParallelWork.Each(total, Next, workers, cancellationToken);
        Report(total);
        return new ImageCheck(total, [.. bad.OrderBy(image => image.Index)]);

        void Next(int place)
        {
            try
            {
                work(place);
            }
            catch (BadImageException problem)
            {
                bad.Add(new BadImage(indices[place], problem.Name, problem.Reason));
            }

            var now = Interlocked.Increment(ref done);
            if (now % every == 0 && now < total)
                Report(now);
        }

        void Report(int now) => progress?.Report(RunProgress.Of(phase, now, total, watch.Elapsed) with { Detail = bad.IsEmpty ? null : $"{bad.Count} bad" });
    }

    /// <summary>The indices that are not bad, in their order.</summary>
    public IReadOnlyList<int> Good(IEnumerable<int> indices)
    {
        var excluded = Bad.Select(image => image.Index).ToHashSet();
        return [.. indices.Where(index => !excluded.Contains(index))];
    }

    /// <summary>One error that names every bad image, its reason and the fix; null if there are none.</summary>
    public InputException? Error()
    {
        if (Bad.Count == 0)
            return null;
        var heading = $"{Bad.Count} of {Checked} images cannot be used. Fix or remove them, or leave them out with {Wording.Of("SkipBad", "--skip-bad")}:";
        return new InputException([heading, .. Bad.Select(image => $"  {image.Name}: {image.Reason}")]);
    }
}
