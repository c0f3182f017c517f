using CondEmbed.Common;
using CondEmbed.Interop;
using CondEmbed.Torch;

namespace CondEmbed.WeightFiles;

/// <summary>Loads the weights of another training into the encoder of a new run.</summary>
internal static class EncoderWeights
{
    // If less than this fraction of the encoder's numbers is loaded, a run does not really start from the weights.
    private const double LeastShare = 0.1;

    private const int ShownNames = 3;

    /// <summary>
    /// Checks that the weights in the settings can be read and fit the encoder, as far as that is known without the data, so that a run
    /// that cannot start is not started. Unknown tensors are left to <see cref="Load"/>, which knows the whole network.
    /// </summary>
    /// <exception cref="InputException">They cannot, or do not.</exception>
    internal static void Demand(Config config)
    {
        if (config.Weights.Length == 0)
        {
            return;
        }

        var file = Read(config);
        using var session = Session.ForEmbedding(config, Device.choose("cpu"));
        var report = session.Load(TensorFiles.OfArrays(file.Arrays));

        DemandAny(config, file, report);

        if (config.StrictWeights && report.Missing.Count + report.WrongShape.Count > 0)
        {
            throw Misfit(config, report);
        }
    }

    /// <summary>Loads the file into the session, and says what was found.</summary>
    /// <exception cref="InputException">
    /// Almost none of the weights fit, or not all and the settings are strict; the message lists every tensor that does not.
    /// </exception>
    internal static string Load(Session session, Config config)
    {
        var file = Read(config);
        var report = session.Load(TensorFiles.OfArrays(file.Arrays));

        DemandAny(config, file, report);

        if (config.StrictWeights && !report.Fits)
        {
            throw Misfit(config, report);
        }

        return string.Join('\n', [$"{config.Weights} ({file.Format})", .. file.Notes.Select(note => $"  {note}"), report.ToString()]);
    }

    private static WeightFile Read(Config config)
    {
        if (!Path.Exists(config.Weights))
        {
            throw new InputException($"{config.Weights}: cannot be read: no such file. Give a safetensors or PyTorch file with weights of the encoder.");
        }

        var file = WeightFile.Read(config.Weights, config.WeightsPart);
        CheckStride(config, file);

        if (file.Arrays.FirstOrDefault(array => !array.IsFinite()) is { } spoilt)
        {
            throw new InputException($"{config.Weights}: the tensor '{spoilt.Name}' contains NaN or infinity, from which nothing can be learned. Use weights saved before their training went wrong.");
        }

        return file;
    }

    /// <summary>Whatever the settings say, a run from weights must not start from scratch.</summary>
    private static void DemandAny(Config config, WeightFile file, LoadReport report)
    {
        if (report.Share >= LeastShare)
        {
            return;
        }

        var fit = WeightFits.Of(file).FirstOrDefault(fit => fit.Report.Fits)?.Encoder;
        var fix = fit is null
            ? $"See what it contains with {Wording.Of($"WeightFits.Of(WeightFile.Read(\"{config.Weights}\"))", $"condembed weights inspect {config.Weights}")}. Choose weights of this encoder, or leave out 'weights' to start from scratch."
            : $"They fit the encoder '{fit}': use that one.";
        throw new InputException(
            $"{config.Weights}: {(report.Loaded.Count == 0 ? "nothing" : "almost nothing")} in it fits the encoder '{config.Encoder}', so the run would start from scratch. "
            + $"The file has {Names(file.Arrays.Select(array => array.Name))}; the encoder needs {Names(report.Missing.Concat(report.WrongShape.Select(wrong => wrong.Split(' ')[0])))}. {fix}\n{report}");
    }

    private static string Names(IEnumerable<string> names)
    {
        List<string> all = [.. names.Select(name => $"'{name}'")];
        return all.Count > ShownNames ? $"{string.Join(", ", all.Take(ShownNames))} and {all.Count - ShownNames} more" : string.Join(", ", all);
    }

    private static InputException Misfit(Config config, LoadReport report) =>
        new($"{config.Weights}: these weights do not fit the encoder '{config.Encoder}'. Choose the encoder they belong to, or load what fits with strict_weights = false.\n{report}");

    private static void CheckStride(Config config, WeightFile file)
    {
        if (!config.Encoder.StartsWith("resnet50", StringComparison.Ordinal) || WeightFits.ResNet50Of(file) is not { } wanted || wanted == config.Encoder)
        {
            return;
        }

        throw new InputException($"{config.Weights}: declares its stride at the {file.Text("stride")}, as in the encoder '{wanted}', not '{config.Encoder}'. Use that one: {Wording.Setting("encoder", wanted)}.");
    }
}
