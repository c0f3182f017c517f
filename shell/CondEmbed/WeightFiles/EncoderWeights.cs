using CondEmbed.Options;
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
    internal static void Demand(RunSettings settings)
    {
        if (settings.Host.Weights.Length == 0)
        {
            return;
        }

        var file = Read(settings);
        using var session = Session.ForEmbedding(settings.Core, Device.choose("cpu"));
        var report = session.Load(TensorFiles.OfArrays(file.Arrays));

        DemandAny(settings, file, report);

        if (settings.Host.StrictWeights && report.Missing.Count + report.WrongShape.Count > 0)
        {
            throw Misfit(settings, report);
        }
    }

    /// <summary>Loads the file into the session, and says what was found.</summary>
    /// <exception cref="InputException">
    /// Almost none of the weights fit, or not all and the settings are strict; the message lists every tensor that does not.
    /// </exception>
    internal static string Load(Session session, RunSettings settings)
    {
        var file = Read(settings);
        var report = session.Load(TensorFiles.OfArrays(file.Arrays));

        DemandAny(settings, file, report);

        if (settings.Host.StrictWeights && !report.Fits)
        {
            throw Misfit(settings, report);
        }

        return string.Join('\n', [$"encoder {settings.Core.Encoder}: {file.Path} ({file.Format})", .. file.Notes.Select(note => $"  {note}"), report.ToString()]);
    }

    private static WeightFile Read(RunSettings settings)
    {
        if (settings.Host.Weights == ImageNet.Weights)
        {
            return WeightFile.Read(PublishedWeights.For(settings).FetchAsync().GetAwaiter().GetResult());
        }

        if (!Path.Exists(settings.Host.Weights))
        {
            throw new InputException($"{settings.Host.Weights}: cannot be read: no such file. Give a safetensors or PyTorch file with weights of the encoder.");
        }

        var file = WeightFile.Read(settings.Host.Weights, settings.Host.WeightsPart);
        WeightFits.DemandStride(file, settings.Core.Encoder);

        if (file.Arrays.FirstOrDefault(array => !array.IsFinite()) is { } spoilt)
        {
            throw new InputException($"{settings.Host.Weights}: the tensor '{spoilt.Name}' contains NaN or infinity, from which nothing can be learned. Use weights saved before their training went wrong.");
        }

        return file;
    }

    /// <summary>Whatever the settings say, a run from weights must not start from scratch.</summary>
    private static void DemandAny(RunSettings settings, WeightFile file, LoadReport report)
    {
        if (report.Share >= LeastShare)
        {
            return;
        }

        var fit = WeightFits.Of(file).FirstOrDefault(fit => fit.Report.Fits)?.Encoder;
        var fix = fit is null
            ? $"See what it contains with {Wording.Of($"WeightFits.Of(WeightFile.Read(\"{settings.Host.Weights}\"))", $"condembed weights inspect {settings.Host.Weights}")}. Choose weights of this encoder, or leave out 'weights' to start from scratch."
            : $"They fit the encoder '{fit}': use that one.";
        throw new InputException(
            $"{settings.Host.Weights}: {(report.Loaded.Count == 0 ? "nothing" : "almost nothing")} in it fits the encoder '{settings.Core.Encoder}', so the run would start from scratch. "
            + $"The file has {Names(file.Arrays.Select(array => array.Name))}; the encoder needs {Names(report.Missing.Concat(report.WrongShape.Select(wrong => wrong.Split(' ')[0])))}. {fix}\n{report}");
    }

    private static string Names(IEnumerable<string> names)
    {
        List<string> all = [.. names.Select(name => $"'{name}'")];
        return all.Count > ShownNames ? $"{string.Join(", ", all.Take(ShownNames))} and {all.Count - ShownNames} more" : string.Join(", ", all);
    }

    private static InputException Misfit(RunSettings settings, LoadReport report) =>
        new($"{settings.Host.Weights}: these weights do not fit the encoder '{settings.Core.Encoder}'. Choose the encoder they belong to, or load what fits with strict_weights = false.\n{report}");
}
