using CondEmbed.Datasets;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>What a shard's file says about itself: which network's embeddings of which images it contains, and which part of them.</summary>
/// <param name="Network">The network.</param>
/// <param name="Shard">The part.</param>
/// <param name="Images">SHA-256 of the paths, labels and boxes of all images of the data set, and of the size of a batch.</param>
internal sealed record ShardHeader(StoreNetwork Network, Shard Shard, string Images)
{
    private const string Prefix = "condembed.";

    // Shards of earlier versions have batches that do not follow each other, and do not go with these.
    private const string InOrder = "in order";

    internal static ShardHeader Of(IEmbeddingNetwork network, IImageDataset dataset, Shard shard)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(sum, InOrder);
        Add(sum, network.BatchSize.ToString(CultureInfo.InvariantCulture));
        foreach (var item in dataset.Items)
        {
            Add(sum, item.Path);
            Add(sum, item.Label);
            Add(sum, item.Box?.ToString() ?? "");
        }

        return new ShardHeader(StoreNetwork.Of(network), shard, Convert.ToHexStringLower(sum.GetHashAndReset()));
    }

    /// <summary>The header of a file; null if it is not a shard.</summary>
    internal static ShardHeader? Read(IReadOnlyDictionary<string, string> metadata)
    {
        if (Text("fingerprint") is { Length: > 0 } fingerprint
            && int.TryParse(Text("dimension"), NumberStyles.None, CultureInfo.InvariantCulture, out var dimension)
            && dimension > 0
            && Text("pictures") is { } images
            && Text("shard") is { } shard)
        {
            return new ShardHeader(new StoreNetwork(fingerprint, dimension), Shard.Parse(shard), images);
        }

        return null;

        string? Text(string name) => metadata.TryGetValue(Prefix + name, out var text) ? text : null;
    }

    internal IReadOnlyDictionary<string, string> Metadata => new Dictionary<string, string>
    {
        [Prefix + "fingerprint"] = Network.Fingerprint,
        [Prefix + "dimension"] = Network.Dimension.ToString(CultureInfo.InvariantCulture),
        [Prefix + "shard"] = Shard.ToString(),
        [Prefix + "pictures"] = Images,
    };

    /// <summary>Throws unless another header has the same network and images.</summary>
    internal void DemandSame(ShardHeader other, string path, string fix)
    {
        Network.DemandSame(other.Network, path, fix);
        if (Images != other.Images)
        {
            throw new InputException($"{path} is a shard of another list of images; {fix}");
        }
    }

    // Prefixed with its length, so that no two lists give the same text.
    private static void Add(IncrementalHash sum, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        sum.AppendData(BitConverter.GetBytes(bytes.Length));
        sum.AppendData(bytes);
    }
}
