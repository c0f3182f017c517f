using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CondEmbed.Common;

/// <summary>
/// What a host may listen to: spans and numbers under the name <c>CondEmbed</c>, as <see cref="ActivitySource"/> and <see cref="Meter"/> publish them. Where nobody listens, none are made.
/// </summary>
public static class Telemetry
{
    /// <summary>The name of the source of spans and of the meter.</summary>
    public const string Name = "CondEmbed";

    private static readonly ActivitySource Source = new(Name, About.Version);
    private static readonly Meter Meter = new(Name, About.Version);

    /// <summary>A call that embeds one image or many: <c>embed</c>.</summary>
    internal static readonly TimedWork Embed = new(Source, Meter, "embed", "A call that embeds one image or many, with decoding and waiting.");

    /// <summary>Decoding of one image: <c>decode</c>. A span only within another.</summary>
    internal static readonly TimedWork Decode = new(Source, Meter, "decode", "Decoding of one image.") { IsPart = true };

    /// <summary>A search for one query or many: <c>search</c>.</summary>
    internal static readonly TimedWork Search = new(Source, Meter, "search", "A search in an index or a store.");

    /// <summary>A step of training: <c>train_step</c>.</summary>
    internal static readonly TimedWork TrainStep = new(Source, Meter, "train_step", "A step of training, without waiting for images.");

    /// <summary>Images that were embedded.</summary>
    internal static readonly Counter<long> Images = Meter.CreateCounter<long>("condembed.images", "{image}", "Images that were embedded.");

    /// <summary>Images that could not be read.</summary>
    internal static readonly Counter<long> BadImages = Meter.CreateCounter<long>("condembed.bad_images", "{image}", "Images that could not be read or decoded.");
}
