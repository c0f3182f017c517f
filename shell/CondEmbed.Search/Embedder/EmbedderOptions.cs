using CondEmbed.Images;

namespace CondEmbed.Search;

/// <summary>How an <see cref="Embedder"/> works; none of it changes what comes out.</summary>
public sealed record EmbedderOptions
{
    /// <summary>The most pictures that go through the network at once; 0 for as many as the network asks.</summary>
    public int BatchSize { get; init; }

    /// <summary>Threads that read and decode when many pictures are embedded; 0 is one a core.</summary>
    public int Workers { get; init; }

    /// <summary>
    /// Decodes pictures; null is Skia with the process's limit of pixels. However many uploads come at once, Skia takes at most 1 GiB for all of them, or what one
    /// larger picture needs: 13 bytes a pixel.
    /// </summary>
    public IImageDecoder? Decoder { get; init; }
}
