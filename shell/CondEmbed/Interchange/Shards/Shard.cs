using System.Globalization;
using CondEmbed.Common;

namespace CondEmbed.Interchange;

/// <summary>One of several equal parts of the work, for one of several machines.</summary>
/// <param name="Index">Which, from 1.</param>
/// <param name="Count">How many there are.</param>
public sealed record Shard(int Index, int Count)
{
    /// <summary>More parts than this is a slip.</summary>
    public const int Most = 100_000;

    /// <summary>Reads <c>i/N</c>.</summary>
    /// <exception cref="InputException">It is not of that form, or i is not one of 1 to N.</exception>
    public static Shard Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Split('/') is [var first, var second]
            && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && int.TryParse(second, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && index >= 1 && index <= count && count <= Most
                ? new Shard(index, count)
                : throw new InputException($"{Wording.Of("shard", "--shard")} {text}: i/N is expected, with i from 1 to N and N at most {Most}, as in 1/8");
    }

    /// <summary>The name of its file.</summary>
    public string FileName => string.Create(CultureInfo.InvariantCulture, $"part-{Index:D5}-of-{Count:D5}.parquet");

    /// <summary>
    /// The pictures of this part, batch by batch: every Count-th batch from its own on. So the network sees the very batches that it sees when all is
    /// done at once, and the numbers come out the same to the last bit.
    /// </summary>
    /// <param name="pictures">How many pictures there are in all.</param>
    /// <param name="batchSize">How many pictures the network takes at once.</param>
    public IEnumerable<int> Items(int pictures, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        for (var first = (long)(Index - 1) * batchSize; first < pictures; first += (long)Count * batchSize)
        {
            for (var item = first; item < Math.Min(first + batchSize, pictures); item++)
            {
                yield return (int)item;
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index}/{Count}");
}
