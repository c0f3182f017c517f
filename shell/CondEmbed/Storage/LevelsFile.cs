using CondEmbed.Common;
using CondEmbed.Interop;
using CondEmbed.WeightFiles;

namespace CondEmbed.Storage;

/// <summary>
/// The levels of a model in a file beside it, since embedding needs nothing of them: <c>last.levels.safetensors</c> beside
/// <c>last.safetensors</c>. The names are those of the training, <c>hierarchy.*</c>.
/// </summary>
internal static class LevelsFile
{
    internal static string Beside(string model) => Path.ChangeExtension(model, ".levels.safetensors");

    /// <summary>Writes the file; none where the session has no levels.</summary>
    internal static void Write(string path, Session session, int step)
    {
        if (session.LevelWeights() is { Count: > 0 } levels)
        {
            TensorFiles.Write(
                path,
                levels,
                [new("format", "pt"), new("condembed.version", About.Version), new(ModelFile.Step, FormattableString.Invariant($"{step}"))]);
        }
    }

    /// <summary>The levels of a model.</summary>
    /// <exception cref="InputException">It has none, or they are not there, or of another step.</exception>
    internal static IReadOnlyList<TensorData> Read(string model, Config config, int step)
    {
        if (config.Levels == 0)
        {
            throw new InputException($"{model}: was trained without levels (levels = 0), so it cannot compare pairs. Train with {Wording.Setting("levels", "1")}, or more.");
        }

        var path = Beside(model);

        if (!File.Exists(path))
        {
            throw new InputException($"{path}: is not there, and without it pairs cannot be compared. Copy it along with the model, or go on with the run by {Wording.Of("Trainer.Resume", "--resume")}.");
        }

        FileSums.Demand(path, ModelFile.Fix);
        var file = WeightFile.Read(path);

        if (ModelFile.StepOf(file) is var found && found != step)
        {
            throw new InputException($"{path}: of step {found}, but {Path.GetFileName(model)} is of step {step}: they do not belong together. Copy both from one run, or go on with the run by {Wording.Of("Trainer.Resume", "--resume")}.");
        }

        return TensorFiles.OfArrays(file.Arrays);
    }
}
