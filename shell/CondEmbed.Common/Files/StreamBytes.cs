namespace CondEmbed.Common;

/// <summary>The bytes of streams.</summary>
internal static class StreamBytes
{
    /// <summary>What is left of a stream, which stays open.</summary>
    internal static byte[] ToEnd(this Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
