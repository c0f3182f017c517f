using System.Buffers;
using System.Runtime.InteropServices;

namespace CondEmbed.Images;

/// <summary>
/// The memory that all decoding in a process shares: a decoder takes what the image needs and waits until it is free. However many images come
/// at once, together they need at most <see cref="Capacity"/>, or what a single larger image needs.
/// </summary>
internal static class DecodeMemory
{
    /// <summary>1 GiB.</summary>
    internal const long Capacity = 1L << 30;

    // Buffers above this size are not kept for the next image: few are that large, and each thread would keep one.
    internal const int LargestKept = 16 << 20;

    private const long Hurry = 384L << 20;

    private static readonly Lock Gate = new();
    private static readonly Queue<Waiting> Queue = new();
    private static long used;
    private static long large;

    [ThreadStatic]
    private static Loan? current;

    /// <summary>The bytes that are taken now, by all threads.</summary>
    internal static long Used => Interlocked.Read(ref used);

    /// <summary>
    /// Everything this thread takes until this is disposed counts as one loan, returned at the end; for code that uses a decoded image briefly.
    /// </summary>
    internal static Loan Begin() => new(isOuter: true);

    /// <summary>Takes the given number of bytes, waiting until they are free. A thread with a loan holds the largest amount that it has taken.</summary>
    internal static Loan Take(long bytes)
    {
        var loan = new Loan(isOuter: false);
        loan.Grow(bytes);
        return loan;
    }

    /// <summary>A buffer of at least that many bytes, to be returned.</summary>
    internal static byte[] Rent(int length) =>
        length <= LargestKept ? ArrayPool<byte>.Shared.Rent(length) : Pixels(length);

    /// <summary>
    /// The bytes of an image that is kept. The garbage collector is slow to free large arrays, so it is asked to after some hundred megabytes of them.
    /// </summary>
    internal static byte[] Pixels(int length)
    {
        if (length > LargestKept && Interlocked.Add(ref large, length) > Hurry)
        {
            Interlocked.Exchange(ref large, length);
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
        }

        return GC.AllocateUninitializedArray<byte>(length);
    }

    /// <summary>Gives a buffer back.</summary>
    internal static void Return(byte[] buffer)
    {
        if (buffer.Length <= LargestKept)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    private static void Enter(long bytes)
    {
        Waiting? waiting = null;
        lock (Gate)
        {
            if (Queue.Count == 0 && IsFree(bytes))
            {
                used += bytes;
                return;
            }

            waiting = new Waiting(bytes);
            Queue.Enqueue(waiting);
        }

        waiting.Ready.Wait();
        waiting.Ready.Dispose();
    }

    private static void Leave(long bytes)
    {
        lock (Gate)
        {
            used -= bytes;
            // In order of arrival, so that a large image gets its turn among many small ones.
            while (Queue.TryPeek(out var next) && IsFree(next.Bytes))
            {
                used += Queue.Dequeue().Bytes;
                next.Ready.Set();
            }
        }
    }

    private static bool IsFree(long bytes) => used == 0 || used + bytes <= Capacity;

    private sealed record Waiting(long Bytes)
    {
        internal ManualResetEventSlim Ready { get; } = new();
    }

    /// <summary>Bytes that this thread holds.</summary>
    internal sealed class Loan : IDisposable
    {
        private readonly Loan? outer;
        private long bytes;

        internal Loan(bool isOuter)
        {
            outer = current;
            if (isOuter && outer is null)
                current = this;
        }

        public void Dispose()
        {
            if (current == this)
                current = null;
            if (bytes > 0)
                Leave(bytes);
            bytes = 0;
        }

        /// <summary>No thread waits while holding bytes, which would risk a deadlock: they are returned first.</summary>
        internal void Grow(long wanted)
        {
            var owner = outer ?? this;
            if (wanted <= owner.bytes)
                return;
            if (owner.bytes > 0)
                Leave(owner.bytes);
            owner.bytes = 0;
            Enter(wanted);
            owner.bytes = wanted;
        }
    }
}

/// <summary>Bytes for the time of one decoding. Small buffers come from the pool; large ones from the system, which gets them back at once.</summary>
internal sealed unsafe class DecodeBuffer : IDisposable
{
    private readonly int length;
    private byte[]? lent;
    private void* own;

    /// <summary>An uninitialised buffer of that many bytes.</summary>
    internal DecodeBuffer(int length)
    {
        this.length = length;
        if (length <= DecodeMemory.LargestKept)
            lent = ArrayPool<byte>.Shared.Rent(length);
        else
            own = NativeMemory.Alloc((nuint)length);
    }

    internal Span<byte> Span => lent is null ? new Span<byte>(own, length) : lent.AsSpan(0, length);

    public void Dispose()
    {
        if (lent is not null)
            ArrayPool<byte>.Shared.Return(lent);
        NativeMemory.Free(own);
        lent = null;
        own = null;
    }
}
