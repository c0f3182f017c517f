namespace CondEmbed.Search;

/// <summary>
/// Blocks of a file that stay in memory once read, as long as there is room; the others are read each time. Thread-safe.
/// </summary>
/// <param name="count">How many blocks there are.</param>
/// <param name="lengthOf">The bytes of each.</param>
/// <param name="read">Reads one.</param>
/// <param name="memory">What may be kept.</param>
internal sealed unsafe class IndexBlocks(int count, Func<int, int> lengthOf, IndexBlocks.Reads read, IndexBlocks.Budget memory)
{
    private readonly AlignedRoom?[] kept = new AlignedRoom?[count];

    /// <summary>Reads a block into as much room as it takes.</summary>
    internal delegate void Reads(int block, Span<byte> into);

    /// <summary>The start of a block that is already in memory; null if it is not.</summary>
    internal byte* Kept(int block)
    {
        var room = Volatile.Read(ref kept[block]);
        return room is null ? null : room.Start;
    }

    /// <summary>The start of a block: where it is kept, or in the room given for it.</summary>
    internal byte* Of(int block, AlignedRoom lent)
    {
        var there = Kept(block);
        if (there != null)
        {
            return there;
        }

        var length = lengthOf(block);
        if (memory.TryTake(length))
        {
            return Keep(block, length);
        }

        read(block, lent.Span[..length]);
        return lent.Start;
    }

    /// <summary>Frees the memory, which must no longer be used.</summary>
    internal void Free()
    {
        foreach (var room in kept)
        {
            room?.Dispose();
        }
    }

#pragma warning disable IDISP001 // What is kept is freed with the file.
    private byte* Keep(int block, int length)
    {
        var room = new AlignedRoom(length);
        var isKept = false;
        try
        {
            read(block, room.Span);
            isKept = Interlocked.CompareExchange(ref kept[block], room, null) is null;
        }
        finally
        {
            // It could not be read, or another thread was first.
            if (!isKept)
            {
                room.Dispose();
                memory.Give(length);
            }
        }

        return Kept(block);
    }
#pragma warning restore IDISP001

    /// <summary>Bytes that may still be kept.</summary>
    internal sealed class Budget(long bytes)
    {
        private long left = bytes;

        internal bool TryTake(int length)
        {
            if (Interlocked.Add(ref left, -length) >= 0)
            {
                return true;
            }

            Give(length);
            return false;
        }

        internal void Give(int length) => Interlocked.Add(ref left, length);
    }
}
