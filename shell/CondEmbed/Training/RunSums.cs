using System.Runtime.InteropServices;
using System.Security.Cryptography;
using CondEmbed.Images;
using CondEmbed.Interop;

namespace CondEmbed.Training;

/// <summary>SHA-256 sums that tell whether two runs began with the same network and saw the same pictures.</summary>
internal static class RunSums
{
    /// <summary>Over names and bytes of the encoder and head.</summary>
    internal static string Of(IReadOnlyList<TensorData> weights)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        foreach (var tensor in weights)
        {
            hash.AppendData(MemoryMarshal.AsBytes(tensor.Name.AsSpan()));
            hash.AppendData(tensor.Bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The sum of all batches so far, from that of all before and the newest.</summary>
    internal static string After(string before, PixelBatch batch)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(before.AsSpan()));
        hash.AppendData(MemoryMarshal.AsBytes(batch.Labels.AsSpan()));
        hash.AppendData(batch.Pixels);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
