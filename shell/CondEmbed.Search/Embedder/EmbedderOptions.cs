using Microsoft.Extensions.Logging;

namespace CondEmbed.Search;

/// <summary>How an <see cref="Embedder"/> works; none of it affects the result.</summary>
public sealed record EmbedderOptions
{
    /// <summary>The most images that go through the network at once; 0 for the number that the network prefers.</summary>
    public int BatchSize { get; init; }

    /// <summary>Threads that read and decode when many images are embedded; 0 for one per core.</summary>
    public int Workers { get; init; }

    /// <summary>
    /// Decodes images; null is Skia with the process's limit of pixels. However many uploads arrive at once, Skia takes at most 1 GiB for all of them, or what one
    /// larger image needs: 13 bytes a pixel.
    /// </summary>
    public IImageDecoder? Decoder { get; init; }

    /// <summary>Told of the network once, and of every image given alone that cannot be read; null tells nobody. A container's is taken if it has one.</summary>
    public ILogger? Logger { get; init; }
}
