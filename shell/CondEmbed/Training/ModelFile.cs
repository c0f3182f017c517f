using System.Globalization;
using CondEmbed.Checkpoints;
using CondEmbed.Interop;

namespace CondEmbed.Training;

/// <summary>A network for test time in one file: safetensors whose metadata holds the settings, preprocessing included.</summary>
internal static class ModelFile
{
    private const string Settings = "condembed.config";
    private const string Step = "condembed.step";

    internal static void Write(string path, Session session, int step) =>
        TensorFiles.Write(
            path,
            session.EmbeddingWeights(),
            [
                new("format", "pt"),
                new("condembed.version", About.Version),
                new(Step, FormattableString.Invariant($"{step}")),
                new(Settings, TomlSettings.Write(session.Config)),
            ]);

    /// <summary>A session with the weights and settings of the file, and the step after which it was written.</summary>
    /// <exception cref="InputException">The file is no model of this program, or a tensor does not fit.</exception>
    internal static (Session Session, int Step) Open(string path, string device)
    {
        var file = WeightFile.Read(path);
        var settings = file.Text(Settings)
            ?? throw new InputException($"{path}: holds weights but no settings, so it is no model that 'train' wrote. Give a run's folder, or start a run from it with --weights.");
        var config = RunSettings.Resolve([.. TomlSettings.Parse(path, settings), new Given("device", "device", device)]);
        var session = Session.ForEmbedding(config);
        var report = session.Load(TensorFiles.OfArrays(file.Arrays));

        if (report.Fits && report.Fresh.Count == 0)
        {
            return (session, int.TryParse(file.Text(Step), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : 0);
        }

        ((IDisposable)session).Dispose();
        throw new InputException($"{path}: the weights do not fit the settings in the same file; it is damaged or from another version.\n{report}");
    }
}
