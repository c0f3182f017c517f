using System.Runtime.InteropServices;

namespace CondEmbed.Search;

/// <summary>Memory outside the collector's, at a multiple of 64 bytes, which is what a wide load wants. It is given back with the object, or before by <see cref="Free"/>.</summary>
/// <param name="length">Its bytes.</param>
internal sealed unsafe class AlignedRoom(int length)
{
    private byte* start = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);

    ~AlignedRoom() => NativeMemory.AlignedFree(start);

    /// <summary>The first byte.</summary>
    internal byte* Start => start;

    /// <summary>All bytes; at first they are any.</summary>
    internal Span<byte> Span => new(start, length);

    /// <summary>Gives the memory back.</summary>
    internal void Free()
    {
        NativeMemory.AlignedFree(start);
        start = null;
        GC.SuppressFinalize(this);
    }
}
