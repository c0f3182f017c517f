using CondEmbed.Datasets;
using CondEmbed.Options;

namespace CondEmbed.Runs;

/// <summary>
/// Settings that follow from the data where nobody gives them: photographs start from ImageNet's weights, and a batch has no more classes than there are. The bundled
/// sets have the defaults as they are.
/// </summary>
public static class DataDefaults
{
    /// <summary>Images are taken for photographs if the middle one of their shorter sides has at least so many pixels.</summary>
    public const int PhotographSide = 128;

    // Spread over all the data.
    private const int LookedAt = 9;

    /// <summary>The settings of a run: those given, then what follows from the data, then the defaults.</summary>
    /// <param name="given">Settings in order, later ones winning.</param>
    /// <param name="notice">Told of what follows from the data, and how to choose otherwise.</param>
    /// <exception cref="InputException">Something is wrong with the settings or the data.</exception>
    public static RunSettings Resolve(IEnumerable<Given> given, Action<string> notice)
    {
        Given[] all = [.. WithEncoder(given, notice)];
        return WithBatch(all, RunSettings.Resolve(all), notice);
    }

    /// <summary>The settings given, and the encoder if they leave it open and the data is photographs.</summary>
    /// <inheritdoc cref="Resolve"/>
    public static IReadOnlyList<Given> WithEncoder(IEnumerable<Given> given, Action<string> notice)
    {
        ArgumentNullException.ThrowIfNull(notice);
        Given[] all = [.. given];
        var settings = RunSettings.Resolve(all);
        if (!IsOpen(all, settings, "encoder", "weights") || MiddleSide(settings) is not (>= PhotographSide and var side))
        {
            return all;
        }

        notice($"photographs (short side {side} px): training starts from a ResNet-18 trained on ImageNet, encoder {ImageNet.Usual}, whose weights are fetched once (60 MB). To start from nothing: {Wording.Setting("encoder", "small")}.");
        return [.. all, new Given("", "encoder", ImageNet.Usual)];
    }

    private static RunSettings WithBatch(Given[] given, RunSettings settings, Action<string> notice)
    {
        var (batch, perClass) = (settings.Core.Batch, settings.Core.PerClass);
        if (!IsOpen(given, settings, "batch", "per_class") || !settings.Core.Sampler.IsMPerClass)
        {
            return settings;
        }

        var classes = RunData.Open(settings).TrainClasses.Names.Count;
        if (classes < 2 || classes * perClass >= batch)
        {
            return settings;
        }

        notice($"{classes} classes to train on: a batch has {classes * perClass} images instead of {batch}, {perClass} of each class");
        return settings.With(changed => changed.Core.Batch = classes * perClass);
    }

    /// <summary>Whether the data may decide: none of the keys is given, and there is data that is not bundled.</summary>
    private static bool IsOpen(Given[] given, RunSettings settings, params string[] keys)
    {
        var isBundled = ImageDatasets.IsEmbedded(settings.Host.Data) && settings.Host.Layout == ImageDatasets.Auto;
        return !isBundled && Path.Exists(settings.Host.Data) && !given.Any(one => keys.Contains(one.Key));
    }

    /// <summary>The median of the shorter sides of some images; null if none of them can be read, which is reported when all are.</summary>
    private static int? MiddleSide(RunSettings settings)
    {
        var data = ImageDatasets.Open(settings.Host.Data, RunData.OptionsOf(settings.Host));
        var reader = new ImageReader(data, Views.Decoder(settings.Host));
        var count = Math.Min(LookedAt, data.Count);
        int[] sides = [.. Enumerable.Range(0, count).Select(place => Side(place * data.Count / count)).OfType<int>().Order()];
        return sides.Length == 0 ? null : sides[sides.Length / 2];

        int? Side(int index)
        {
            try
            {
                var image = reader.Read(index);
                return Math.Min(image.Width, image.Height);
            }
            catch (BadImageException)
            {
                return null;
            }
        }
    }
}
