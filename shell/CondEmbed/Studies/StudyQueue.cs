using CondEmbed.Evaluation;

namespace CondEmbed.Studies;

/// <summary>Works through the missing runs of a study, several at once.</summary>
internal sealed class StudyQueue(Study study, StudyProgress progress)
{
    private readonly Lock gate = new();
    private readonly Queue<StudyJob> waiting = new(study.Jobs.Where(job => !job.IsFinished));
    private readonly List<string> failures = [];
    private int done = study.Jobs.Count(job => job.IsFinished);

    /// <summary>Carries out all runs; a failed one does not stop the others.</summary>
    /// <exception cref="StudyFailedException">Some failed; the message says which and why.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    internal void Work(CancellationToken cancellationToken)
    {
        if (done > 0)
        {
            study.Notice?.Invoke($"{done} of {study.Jobs.Count} runs are already done");
        }

        foreach (var finished in study.Jobs.Where(job => job.IsFinished))
        {
            MoreTests.Measure(study.Plan, finished, cancellationToken);
            finished.RemoveCheckpoints();
        }

        Task[] workers = [.. Enumerable.Range(0, Math.Max(1, study.AtOnce)).Select(_ => Task.Factory.StartNew(() => Loop(cancellationToken), TaskCreationOptions.LongRunning))];

        try
        {
            Task.WaitAll(workers, CancellationToken.None);
        }
        catch (AggregateException several)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(several.Flatten().InnerExceptions[0]);
        }

        cancellationToken.ThrowIfCancellationRequested();

        if (failures.Count > 0)
        {
            throw new StudyFailedException(string.Join(Environment.NewLine, failures));
        }
    }

    private void Loop(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested && Next() is { } job)
        {
            progress.Begin(job);

            try
            {
                // Somebody may have carried it out by itself meanwhile.
                if (!job.IsFinished)
                {
                    study.Runner(study.Shared(job), cancellationToken);
                }

                MoreTests.Measure(study.Plan, job, cancellationToken);
                job.RemoveCheckpoints();
                Tell(job);
            }
            catch (Exception error) when (error is not OperationCanceledException && study.Jobs.Count > 1)
            {
                Fail(job, error);
            }
            finally
            {
                progress.End(job);
            }
        }
    }

    private StudyJob? Next()
    {
        lock (gate)
        {
            return waiting.TryDequeue(out var job) ? job : null;
        }
    }

    private void Tell(StudyJob job)
    {
        lock (gate)
        {
            done++;
            var run = StudyResults.Read(study.Plan, job);
            var measured = run.Measured.ContainsKey(StudyMeasures.Validation) ? StudyMeasures.Validation : StudyMeasures.Last;
            var values = study.Plan.Metrics.Where(run.Measured[measured].ContainsKey)
                .Select(metric => $"{MetricNames.Display(metric)} {Readable.Percent(run.Measured[measured][metric])}");
            study.Notice?.Invoke($"{done}/{study.Jobs.Count}  {job.Name}: {measured} {string.Join(", ", values)}");
            study.Report();
        }
    }

    private void Fail(StudyJob job, Exception error)
    {
        lock (gate)
        {
            failures.Add($"{job.Name}: {error.Message}");
            study.Notice?.Invoke($"failed: {failures[^1]}");
        }
    }
}
