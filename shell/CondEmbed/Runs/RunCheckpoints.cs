using CondEmbed.Storage;
using CondEmbed.Torch;
using CondEmbed.WeightFiles;

namespace CondEmbed.Runs;

/// <summary>The state of a run besides its tensors.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="BestStep">The step of the best validation so far; 0 before the first.</param>
/// <param name="BestValue">Its MAP@R; 0 before the first.</param>
/// <param name="Seconds">Training time so far, interruptions left out.</param>
/// <param name="Network">The sum of the encoder and head before the first step.</param>
/// <param name="Batches">The sum of all batches so far.</param>
/// <param name="Waited">Seconds of the training time in which there was no batch ready.</param>
/// <param name="From">For a run that is trained further, the step at which it was finished, where its new learning-rate schedule starts. Else 0.</param>
/// <param name="Until">For a run that is trained further, the step to train to; else 0, to follow the settings.</param>
internal sealed record Progress(
    int Step, int BestStep, double BestValue, double Seconds, string Network = "", string Batches = "", double Waited = 0, int From = 0, int Until = 0)
{
    /// <summary>What is inconsistent; null for a valid state.</summary>
    internal string? Problem(long step) =>
        Step != step || BestStep < 0 || BestStep > Step || From < 0 || From > Step || (Until != 0 && Until < Step) || !double.IsFinite(BestValue) || !(Seconds >= 0) || !(Waited >= 0)
            ? "its numbers cannot belong to this checkpoint" : null;
}

/// <summary>An intact checkpoint that has been read.</summary>
internal sealed record SavedRun(Checkpoint Checkpoint, Progress Progress, IReadOnlyList<TensorData> Weights, IReadOnlyList<TensorData> Moments, byte[] Random)
{
    /// <summary>Restores a session.</summary>
    /// <exception cref="InputException">The session has other settings.</exception>
    internal void Into(Session session)
    {
        try
        {
            session.Restore(Weights, Moments, Random, Progress.Step);
        }
        catch (Exception error) when (error is ArgumentException or KeyNotFoundException)
        {
            throw new InputException($"{Checkpoint.Folder}: the checkpoint does not match the settings in the run's config.toml: {error.Message} Restore config.toml, or start a new run.");
        }
    }
}

/// <summary>Saves and restores all that a run needs to continue as if it had never stopped: parameters, moments, random state, progress.</summary>
internal static class RunCheckpoints
{
    private const string Weights = "weights.safetensors";
    private const string Moments = "moments.safetensors";
    private const string Random = "random.bin";
    private const string State = "state.json";

    internal static Checkpoint Save(CheckpointStore store, Session session, Progress progress, FrozenWeights? frozen) =>
        store.Save(progress.Step, folder =>
        {
            FrozenWeights.Write(Path.Combine(folder, Weights), session.Weights(), frozen);
            TensorFiles.Write(Path.Combine(folder, Moments), session.Moments());
            File.WriteAllBytes(Path.Combine(folder, Random), session.RandomState());
            File.WriteAllText(Path.Combine(folder, State), JsonSerializer.Serialize(progress, JsonStyle.Indented));
        });

    /// <summary>
    /// The newest intact checkpoint, and the newer damaged ones, each with what is wrong with it; null if there are no checkpoints.
    /// </summary>
    /// <exception cref="InputException">There are checkpoints, but none is intact.</exception>
    internal static (SavedRun? Saved, IReadOnlyList<(Checkpoint Checkpoint, string Problem)> Damaged) Newest(string root)
    {
        var damaged = new List<(Checkpoint Checkpoint, string Problem)>();

        foreach (var checkpoint in CheckpointStore.All(root).Reverse())
        {
            if (Read(checkpoint, out var problem) is { } saved)
            {
                return (saved, damaged);
            }

            damaged.Add((checkpoint, problem));
        }

        return damaged.Count == 0
            ? (null, damaged)
            : throw new InputException(
                $"{root}: no checkpoint is intact: {string.Join("; ", damaged.Select(one => $"{Path.GetFileName(one.Checkpoint.Folder)}: {one.Problem}"))}. Restore one from a backup, or start a new run.");
    }

    private static SavedRun? Read(Checkpoint checkpoint, out string problem)
    {
        string At(string name) => Path.Combine(checkpoint.Folder, name);
        problem = CheckpointStore.ProblemOf(checkpoint) ?? "";
        var file = State;

        try
        {
            if (problem.Length > 0)
            {
                return null;
            }

            Native.ensure();
            var progress = JsonSerializer.Deserialize<Progress>(File.ReadAllText(At(State)), JsonStyle.Indented) ?? throw new JsonException("it is empty");
            var random = File.ReadAllBytes(At(file = Random));
            problem = progress.Problem(checkpoint.Step) is { } wrong ? $"{State} {FileSums.Damaged}: {wrong}"
                : Session.RandomProblem(random) is { } other ? $"{Random} {FileSums.Damaged}: {other}"
                : "";
            return problem.Length > 0
                ? null
                : new SavedRun(checkpoint, progress, TensorFiles.OfArrays(WeightFile.Read(At(file = Weights)).Arrays), TensorFiles.Read(At(file = Moments)), random);
        }
        catch (FileNotFoundException)
        {
            problem = $"{file} is missing";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InputException)
        {
            problem = $"{file} cannot be read ({error.Message.TrimEnd('.')})";
        }

        return null;
    }
}
