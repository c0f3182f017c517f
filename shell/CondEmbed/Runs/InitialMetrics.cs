using CondEmbed.Options;
using CondEmbed.Teams;

namespace CondEmbed.Runs;

/// <summary>What runs measure before training, shared by those that begin alike: the first one measures it and keeps it in a folder.</summary>
internal static class InitialMetrics
{
    /// <summary>The metrics of a beginning: found in the folder of the settings, or else measured, and kept there if the settings name one.</summary>
    /// <param name="settings">Of the run.</param>
    /// <param name="network">The sum of the encoder and head.</param>
    /// <param name="data">The fingerprint of the data.</param>
    /// <param name="device">Where the network runs.</param>
    /// <param name="together">The processes of the run; what the first one finds or keeps counts.</param>
    /// <param name="measure">Measures them, with all processes.</param>
    /// <param name="notice">Told if they were found.</param>
    /// <exception cref="DiskException">The disk is full or failing.</exception>
    internal static IReadOnlyDictionary<string, double> Of(
        RunSettings settings, string network, string data, string device, TeamWork together, Func<IReadOnlyDictionary<string, double>> measure, Action<string> notice)
    {
        if (settings.Host.InitialMetrics.Length == 0)
        {
            return measure();
        }

        var path = Path.Combine(settings.Host.InitialMetrics, $"{KeyOf(settings, network, data, device)}.json");

        if (together.OfFirst(() => JsonFile.TryRead<Dictionary<string, double>>(path)) is { } found)
        {
            notice("before training: taken from another run that starts with the same network, data and views");
            return found;
        }

        var measured = measure();

        if (together.IsFirst)
        {
            AtomicFile.MakeFolder(settings.Host.InitialMetrics);
            AtomicFile.WriteText(path, JsonSerializer.Serialize(measured, JsonStyle.Indented));
        }

        return measured;
    }

    /// <summary>Stands for all that the numbers depend on.</summary>
    private static string KeyOf(RunSettings settings, string network, string data, string device)
    {
        var (core, host) = (settings.Core, settings.Host);
        var trunk = host.TrunkCache.Length > 0 ? $"{host.TrunkType}" : "";
        var side = host.Cache.Length > 0 ? host.CacheSide : 0;
        var all = FormattableString.Invariant(
            $"{network}\n{data}\n{core.Encoder} {core.Pooling} {core.Embedding} {core.Precision} {core.Seed} {device} {trunk}\n{Views.ForTesting(settings)} {side}\n{host.RecallAt} {host.Clustering}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all)).AsSpan(0, 16));
    }
}
