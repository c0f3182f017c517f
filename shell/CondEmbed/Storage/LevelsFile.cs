using CondEmbed.WeightFiles;

namespace CondEmbed.Storage;

/// <summary>
/// The levels of a model in a file next to it, since embedding does not need them: <c>last.levels.safetensors</c> next to
/// <c>last.safetensors</c>. The names are those of the training, <c>hierarchy.*</c>.
/// </summary>
internal static class LevelsFile
{
    internal static string Beside(string model) => Path.ChangeExtension(model, ".levels.safetensors");

    /// <summary>Writes the file, unless the session has no levels with parameters.</summary>
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

    /// <summary>The parameters of a model's levels.</summary>
    /// <exception cref="InputException">It has none, or their file is missing or from another step.</exception>
    internal static IReadOnlyList<TensorData> Read(string model, Config config, int step)
    {
        if (config.Levels == 0)
        {
            throw new InputException($"{model}: was trained without levels (levels = 0), so it cannot compare pairs. Train with {Wording.Setting("levels", "1")} or more.");
        }

        if (!CoreSettings.LevelsHaveParameters(config))
        {
            return [];
        }

        var path = Beside(model);

        if (!File.Exists(path))
        {
            throw new InputException($"{path}: is missing, and pairs cannot be compared without it. Copy it along with the model, or resume the run with {Wording.Of("Trainer.Resume", "--resume")}.");
        }

        FileSums.Demand(path, ModelFile.Fix);
        var file = WeightFile.Read(path);

        if (ModelFile.StepOf(file) is var found && found != step)
        {
            throw new InputException($"{path}: is from step {found}, but {Path.GetFileName(model)} is from step {step}: they do not belong together. Copy both from the same run, or resume the run with {Wording.Of("Trainer.Resume", "--resume")}.");
        }

        return TensorFiles.OfArrays(file.Arrays);
    }
}
