namespace CondEmbed.Runs;

/// <summary>SHA-256 sums that tell whether two runs saw the same images.</summary>
internal static class RunSums
{
    /// <summary><see cref="Of"/> on another thread, while this one works on the images; these are free when both are done.</summary>
    internal static T Beside<T>(long[] labels, byte[] seen, out byte[] sums, Func<T> work)
    {
        // It takes a third of a second per gigabyte, which would hold up the training thread.
        var sum = Task.Run(() => Of(labels, seen));

        try
        {
            return work();
        }
        finally
        {
            sums = sum.GetAwaiter().GetResult();
        }
    }

    /// <summary>The sums of some images of one length with their labels, in succession: those of a whole batch are those of its parts.</summary>
    internal static byte[] Of(long[] labels, byte[] seen)
    {
        var sums = new byte[labels.Length * SHA256.HashSizeInBytes];
        var length = seen.Length / labels.Length;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        for (var image = 0; image < labels.Length; image++)
        {
            hash.AppendData(MemoryMarshal.AsBytes(labels.AsSpan(image, 1)));
            hash.AppendData(seen.AsSpan(image * length, length));
            hash.GetHashAndReset(sums.AsSpan(image * SHA256.HashSizeInBytes));
        }

        return sums;
    }

    /// <summary>The sum of all batches so far, from the previous sum and those of the images of the newest batch.</summary>
    internal static string After(string before, byte[] sums)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(before.AsSpan()));
        hash.AppendData(sums);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
