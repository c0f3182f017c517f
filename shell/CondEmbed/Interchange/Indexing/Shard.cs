namespace CondEmbed.Interchange;

/// <summary>One of several equal parts of the work, for one of several machines.</summary>
/// <param name="Index">Which part, from 1.</param>
/// <param name="Count">How many there are.</param>
public sealed record Shard(int Index, int Count)
{
    /// <summary>More parts than this must be a mistake.</summary>
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

    /// <summary>The part that what started this process gives to it: a Slurm array, an indexed Kubernetes job, mpirun, srun or torchrun; see <see cref="Launcher.OfParts"/>.</summary>
    /// <exception cref="InputException">There is none, or several say different things.</exception>
    public static Shard OfLauncher()
    {
        var launcher = Launcher.OfParts(Environment.GetEnvironmentVariable);
        return launcher.Size <= Most
            ? new Shard(launcher.Rank + 1, launcher.Size)
            : throw new InputException($"{launcher.Name} makes {launcher.Size} parts, and {Most} are the most");
    }

    /// <summary>The name of its file.</summary>
    public string FileName => string.Create(CultureInfo.InvariantCulture, $"part-{Index:D5}-of-{Count:D5}.parquet");

    /// <summary>
    /// The images of this part: whole batches, one after another. So the network sees exactly the batches that it would see if everything were done at once, the results are
    /// bit-identical, and one part after another they come in the order of the images.
    /// </summary>
    /// <param name="images">How many images there are in all.</param>
    /// <param name="batchSize">How many images the network takes at once.</param>
    public IEnumerable<int> Items(int images, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        var (each, more) = Math.DivRem((int)(((long)images + batchSize - 1) / batchSize), Count);
        var first = ((long)(Index - 1) * each) + Math.Min(Index - 1, more);
        var end = first + each + (Index <= more ? 1 : 0);
        for (var item = first * batchSize; item < Math.Min(end * batchSize, images); item++)
        {
            yield return (int)item;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index}/{Count}");
}
