using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CondEmbed.Runs;

/// <summary>SHA-256 sums that tell whether two runs saw the same images.</summary>
internal static class RunSums
{
    /// <summary><see cref="After"/> on another thread, while this one works on the batch; the batch is free when both are done.</summary>
    internal static T Beside<T>(string before, long[] labels, byte[] seen, out string after, Func<T> work)
    {
        // It takes a third of a second per gigabyte, which would hold up the training thread.
        var sum = Task.Run(() => After(before, labels, seen));

        try
        {
            return work();
        }
        finally
        {
            after = sum.GetAwaiter().GetResult();
        }
    }

    /// <summary>The sum of all batches so far, from the previous sum and the newest batch.</summary>
    internal static string After(string before, long[] labels, byte[] seen)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(before.AsSpan()));
        hash.AppendData(MemoryMarshal.AsBytes(labels.AsSpan()));
        hash.AppendData(seen);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
