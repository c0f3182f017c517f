using System.Runtime.InteropServices;

namespace CondEmbed.Search;

/// <summary>Unmanaged memory aligned to 64 bytes for wide loads. It is freed with the object, or earlier by <see cref="Dispose"/>.</summary>
/// <param name="length">Its bytes.</param>
internal sealed unsafe class AlignedRoom(long length) : IDisposable
{
    private byte* start = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);

    ~AlignedRoom() => NativeMemory.AlignedFree(start);

    /// <summary>The first byte.</summary>
    internal byte* Start => start;

    /// <summary>All bytes, initially undefined.</summary>
    internal Span<byte> Span => new(start, checked((int)length));

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(start);
        start = null;
        GC.SuppressFinalize(this);
    }
}
