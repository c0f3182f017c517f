using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace CondEmbed.Images;

/// <summary>
/// Decoded images kept in memory up to a number of bytes, so that small sets are decoded once. Nothing is evicted: when every
/// image is needed once per epoch in random order, the first ones that fit serve as well as any others. Thread-safe.
/// </summary>
/// <param name="capacity">The most bytes of pixels to keep; 0 keeps nothing.</param>
public sealed class DecodedCache(long capacity = DecodedCache.DefaultCapacity)
{
    /// <summary>512 MiB.</summary>
    public const long DefaultCapacity = 512L << 20;

    private readonly ConcurrentDictionary<int, RgbImage> images = new();
    private long bytes;

    /// <summary>The most bytes of pixels kept.</summary>
    public long Capacity { get; } = capacity;

    /// <summary>Bytes of pixels kept now.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Whether an image did not fit.</summary>
    internal bool IsFull { get; private set; }

    /// <summary>Images kept now.</summary>
    public int Count => images.Count;

    /// <summary>The image of an index, if it is kept.</summary>
    public bool TryGet(int index, [NotNullWhen(true)] out RgbImage? image) => images.TryGetValue(index, out image);

    /// <summary>Keeps an image if it fits and its index is new; returns whether it is kept.</summary>
    public bool TryAdd(int index, RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        // Room is reserved first and released if it is not needed, so that the limit always holds.
        var fits = Interlocked.Add(ref bytes, image.Pixels.Length) <= Capacity;
        if (fits && images.TryAdd(index, image))
            return true;
        IsFull |= !fits;
        Interlocked.Add(ref bytes, -image.Pixels.Length);
        return false;
    }
}
