using CondEmbed.Checkpoints;
using CondEmbed.Interop;

namespace CondEmbed.Training;

/// <summary>Takes up the weights of another training, for the encoder of a new run.</summary>
internal static class EncoderWeights
{
    /// <summary>Loads the file, or the folder of a TensorFlow.js model, into the session, and says what was found.</summary>
    /// <exception cref="InputException">The weights do not fit, and the settings are strict; the message lists every tensor that does not.</exception>
    internal static string Load(Session session, Config config)
    {
        var file = WeightFile.Read(config.Weights);
        CheckStride(config, file);
        var report = session.Load(TensorFiles.OfArrays(file.Arrays));

        if (config.StrictWeights && !report.Fits)
        {
            throw new InputException(
                $"{config.Weights}: these weights do not fit the encoder '{config.Encoder}'. Choose the encoder they are for, or load what fits with strict_weights = false.\n{report}");
        }

        return string.Join('\n', [$"{config.Weights} ({file.Format})", .. file.Notes.Select(note => $"  {note}"), report.ToString()]);
    }

    private static void CheckStride(Config config, WeightFile file)
    {
        if (!config.Encoder.StartsWith("resnet50", StringComparison.Ordinal) || WeightFits.ResNet50Of(file) is not { } wanted || wanted == config.Encoder)
        {
            return;
        }

        throw new InputException($"{config.Weights}: says that its stride is at the {file.Text("stride")}, which is the encoder '{wanted}', not '{config.Encoder}'. Use --encoder {wanted}.");
    }
}
