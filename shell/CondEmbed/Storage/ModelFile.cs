using CondEmbed.Options;
using CondEmbed.Torch;
using CondEmbed.WeightFiles;

namespace CondEmbed.Storage;

/// <summary>A network for inference in one file: safetensors whose metadata contains the settings, preprocessing included.</summary>
internal static class ModelFile
{
    internal const string Settings = "condembed.config";
    internal const string Step = "condembed.step";

    /// <summary>What to do about a damaged file of a run.</summary>
    internal const string Fix = "Restore it from a backup, or train again.";

    /// <summary>Writes the network, without what is <paramref name="frozen"/>, if that is kept elsewhere.</summary>
    internal static void Write(string path, Session session, RunSettings settings, int step, FrozenWeights? frozen = null) =>
        FrozenWeights.Write(
            path,
            session.EmbeddingWeights(),
            frozen,
            new("format", "pt"),
            new("condembed.version", About.Version),
            new(Step, FormattableString.Invariant($"{step}")),
            new(Settings, TomlSettings.Write(settings)));

    /// <summary>A session with the weights and settings of the file, and the step after which it was written.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="withLevels">Also load the levels, from the file next to it, so that the session can compare pairs.</param>
    /// <param name="cosine">The temperature of cosine attention, which has no parameters, to compare by instead of the levels of the training; null for these.</param>
    /// <exception cref="InputException">The file is not a model of this program, a tensor does not fit, or there are no levels.</exception>
    internal static (Session Session, RunSettings Settings, int Step) Open(string path, string device, bool withLevels = false, double? cosine = null)
    {
        if (Path.GetExtension(path).Equals(".onnx", StringComparison.OrdinalIgnoreCase))
        {
            throw new InputException($"{path}: an exported network can only embed, and this needs more. Give the run folder, or the .safetensors file in it.");
        }

        FileSums.Demand(path, Fix);
        var file = WeightFile.Read(path);
        var text = file.Text(Settings)
            ?? throw new InputException($"{path}: contains weights but no settings, so it is not a model of a training run. Give a run folder, or start a run from these weights: {Wording.Setting("weights", path)}.");
        var trained = RunSettings.Resolve([.. TomlSettings.Parse(path, text), new Given("device", "device", device)]);
        var settings = cosine is { } temperature ? WithCosine(path, trained, temperature) : trained;
        var step = StepOf(file);
        var levels = withLevels && cosine is null ? LevelsFile.Read(path, settings.Core, step) : [];
        TensorData[] tensors = [.. TensorFiles.OfArrays(file.Arrays), .. levels];
        var report = NetworkFit.Of(settings.Core, withLevels, tensors.Select(tensor => KeyValuePair.Create(tensor.Name, tensor.Shape)));

        if (report.Fits && report.Fresh.Count == 0)
        {
            var on = Device.choose(settings.Host.Device);
            var session = withLevels ? Session.ForComparing(settings.Core, on) : Session.ForEmbedding(settings.Core, on);
            session.Load(tensors);
            return (session, settings, step);
        }

        var files = withLevels ? $"{path} and {LevelsFile.Beside(path)}" : path;
        throw new InputException($"{files}: the weights do not fit the settings in the same file, which is damaged or from another version.\n{report}");
    }

    private static RunSettings WithCosine(string path, RunSettings trained, double temperature) =>
        trained.Core.Embedding == 0
            ? throw new InputException($"{path}: has no embedding layer (embedding = 0), and cosine attention reads the image's places through it. Train with an embedding, even for one step.")
        : trained.Core.Pooling != "mean"
            ? throw new InputException($"{path}: cosine attention needs a network with pooling mean, and this one has pooling {trained.Core.Pooling}. Re-rank by the levels of its training, if it has some.")
        : trained with { Core = ConfigModule.withCosine(temperature, trained.Core) };

    internal static int StepOf(WeightFile file) =>
        int.TryParse(file.Text(Step), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : 0;
}
