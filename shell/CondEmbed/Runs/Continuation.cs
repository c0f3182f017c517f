namespace CondEmbed.Runs;

/// <summary>Options for resuming a run; everything else is as its settings say.</summary>
public sealed record ResumeOptions
{
    /// <summary>Where the data is now: a folder, a table, or a bundled set; null if it has not moved. It must be the same data, by the run's <c>data.sha256</c>.</summary>
    public string? Data { get; init; }

    /// <summary>
    /// Trains a finished run for this many further steps. The last weights and the optimiser's moments are reused, and the learning-rate schedule starts again for
    /// the new steps, warm-up included. Null to finish an unfinished run.
    /// </summary>
    public int? Steps { get; init; }

    /// <summary>The same in epochs, rounded up to whole steps; give one of the two.</summary>
    public double? Epochs { get; init; }

    internal static string StepsName => Wording.Of("Steps", "--steps");

    internal static string EpochsName => Wording.Of("Epochs", "--epochs");

    /// <summary>How much further to train a finished run; null for not at all.</summary>
    /// <exception cref="InputException">Both are given, or a value is invalid.</exception>
    internal Continuation? Further(string run) => (Steps, Epochs) switch
    {
        (null, null) => null,
        (not null, not null) => throw new InputException($"{StepsName} and {EpochsName}: give only one of them; both say how long to train."),
        ( <= 0, _) => throw new InputException($"{StepsName} {Steps}: give the number of steps by which to train {run} further, at least 1."),
        (_, { } epochs) when !(epochs > 0 && epochs <= 1e6) => throw new InputException($"{EpochsName} {epochs}: give the number of epochs by which to train {run} further, more than 0."),
        _ => new Continuation(run, Steps, Epochs),
    };
}

/// <summary>Further training of a finished run.</summary>
internal sealed record Continuation(string Run, int? Steps, double? Epochs)
{
    /// <summary>The progress to continue from: the step that the run ended with, with more to do.</summary>
    /// <param name="saved">Its progress; null before its first checkpoint.</param>
    /// <param name="first">Steps by its settings.</param>
    /// <param name="images">Images to train on.</param>
    /// <param name="batch">Images per step.</param>
    /// <exception cref="InputException">The run is not finished.</exception>
    internal Progress After(Progress? saved, int first, int images, int batch)
    {
        var ends = saved is { Until: > 0 } ? saved.Until : first;
        var more = Steps ?? (int)Math.Min(int.MaxValue, Math.Ceiling(Epochs!.Value * images / batch));
        var option = Steps is null ? FormattableString.Invariant($"{ResumeOptions.EpochsName} {Epochs}") : $"{ResumeOptions.StepsName} {Steps}";

        return saved is null || saved.Step < ends
            ? throw new InputException($"{option}: {Run} is not finished: it has done {saved?.Step ?? 0} of {ends} steps. Finish it first, with {Wording.Of("Trainer.Resume", "--resume")} {Run} alone.")
            : more > int.MaxValue - ends
                ? throw new InputException($"{option}: too many steps. Give fewer.")
                : saved with { From = ends, Until = ends + more };
    }
}
