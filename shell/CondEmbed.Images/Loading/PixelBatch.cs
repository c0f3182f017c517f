namespace CondEmbed.Images;

/// <summary>
/// The images of a step as 8-bit RGB. Dispose it as soon as the pixels are copied elsewhere: the buffer then serves another batch.
/// </summary>
public sealed class PixelBatch : IDisposable
{
    private readonly Action<byte[]>? giveBack;
    private byte[]? pixels;

    internal PixelBatch(int step, int size, byte[] pixels, int[] indices, long[] labels, Action<byte[]>? giveBack)
    {
        Step = step;
        Size = size;
        Indices = indices;
        Labels = labels;
        this.pixels = pixels;
        this.giveBack = giveBack;
    }

    /// <summary>The training step, or the number of the batch when read in order.</summary>
    public int Step { get; }

    /// <summary>B, the number of images.</summary>
    public int Count => Indices.Length;

    /// <summary>The side of each image, in pixels.</summary>
    public int Size { get; }

    /// <summary>B Size Size 3 bytes, exactly.</summary>
    /// <exception cref="ObjectDisposedException">The batch was given back.</exception>
    public byte[] Pixels => pixels ?? throw new ObjectDisposedException(nameof(PixelBatch));

    /// <summary>B indices into the source.</summary>
    public int[] Indices { get; }

    /// <summary>B class labels.</summary>
    public long[] Labels { get; }

    /// <summary>How long the consumer waited for this batch; zero if it was ready in time.</summary>
    public TimeSpan Waited { get; internal init; }

    /// <summary>Gives the buffer back to the loader.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref pixels, null) is { } buffer)
            giveBack?.Invoke(buffer);
    }
}
