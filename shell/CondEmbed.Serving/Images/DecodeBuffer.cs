using System.Buffers;
using System.Runtime.InteropServices;

namespace CondEmbed.Images;

/// <summary>Bytes for the time of one decoding. Small ones come from the pool; large ones from the system, which has them back at once.</summary>
internal sealed unsafe class DecodeBuffer : IDisposable
{
    private readonly int length;
    private byte[]? lent;
    private void* own;

    /// <summary>A buffer of so many bytes, with anything in it.</summary>
    internal DecodeBuffer(int length)
    {
        this.length = length;
        if (length <= DecodeMemory.LargestKept)
            lent = ArrayPool<byte>.Shared.Rent(length);
        else
            own = NativeMemory.Alloc((nuint)length);
    }

    internal Span<byte> Span => lent is null ? new Span<byte>(own, length) : lent.AsSpan(0, length);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (lent is not null)
            ArrayPool<byte>.Shared.Return(lent);
        NativeMemory.Free(own);
        lent = null;
        own = null;
    }
}
