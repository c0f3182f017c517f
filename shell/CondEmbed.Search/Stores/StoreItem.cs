using System.Text.Json;
using System.Text.Json.Serialization;

namespace CondEmbed.Search;

/// <summary>Identifies the network of embeddings.</summary>
/// <param name="Fingerprint">As in <see cref="IEmbeddingNetwork.Fingerprint"/>.</param>
/// <param name="Dimension">D, numbers in an embedding.</param>
public sealed record StoreNetwork(string Fingerprint, int Dimension)
{
    /// <summary>That of a network.</summary>
    public static StoreNetwork Of(IEmbeddingNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return new StoreNetwork(network.Fingerprint, network.Dimension);
    }

    /// <summary>Refuses to mix embeddings of two networks, which are not comparable.</summary>
    /// <param name="other">The network that is to be used with what holds this one's embeddings.</param>
    /// <param name="holder">What holds them, for the message.</param>
    /// <param name="fix">What to do about it, for the message.</param>
    /// <exception cref="InputException">The networks differ.</exception>
    public void DemandSame(StoreNetwork other, string holder, string fix)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other != this)
        {
            throw new InputException($"{holder} contains embeddings of another network ({this}), not of this one ({other}); {fix}");
        }
    }

    /// <summary>The beginning of the fingerprint and the dimension, for messages.</summary>
    public override string ToString() => $"{Fingerprint[..Math.Min(12, Fingerprint.Length)]}... of {Dimension} numbers";
}

/// <summary>An image to store.</summary>
/// <param name="Id">As <see cref="ImageId"/> makes it.</param>
/// <param name="Path">Where it is, as shown to people.</param>
/// <param name="Label">Its class, or an empty string.</param>
/// <param name="Embedding">D finite numbers, of length 1.</param>
public sealed record StoreItem(string Id, string Path, string Label, ReadOnlyMemory<float> Embedding)
{
    /// <summary>Throws if a store of this dimension cannot keep the item.</summary>
    internal void Demand(int dimension)
    {
        if (!ImageId.IsOne(Id))
        {
            throw new ArgumentException($"'{Id}' is not an image id, which has {ImageId.Length} hexadecimal digits");
        }

        Demand(Embedding.Span, dimension, Path);
    }

    /// <summary>Throws if a store of this dimension cannot keep the embedding.</summary>
    /// <param name="embedding">The embedding.</param>
    /// <param name="dimension">D.</param>
    /// <param name="name">Whose it is, for the message.</param>
    internal static void Demand(ReadOnlySpan<float> embedding, int dimension, string name)
    {
        if (embedding.Length != dimension)
        {
            throw new ArgumentException($"{name}: the embedding has {embedding.Length} numbers, but those in the store have {dimension}");
        }

        foreach (var number in embedding)
        {
            if (!float.IsFinite(number))
            {
                throw new InputException($"{name}: its embedding contains {number}, which cannot be stored");
            }
        }

        if (!embedding.ContainsAnyExcept(0f))
        {
            throw new InputException($"{name}: its embedding is all zeros, which is similar to nothing");
        }
    }
}

/// <summary>The name of an image.</summary>
/// <param name="Id">As <see cref="ImageId"/> makes it.</param>
/// <param name="Path">Where it is, as shown to people.</param>
/// <param name="Label">Its class, or an empty string.</param>
public sealed record StorePlace(string Id, string Path, string Label)
{
    /// <summary>As an index keeps it: with the document <c>{"path":...,"label":...}</c> as its label.</summary>
    internal IndexItem ToIndexItem() => new(Id, JsonSerializer.Serialize(new StoreDocument(Path, Label), StoreJson.Default.StoreDocument));

    /// <summary>What <see cref="ToIndexItem"/> made; of an item of an index that another program made, whose ids are paths, id and label.</summary>
    internal static StorePlace Of(IndexItem item)
    {
        try
        {
            var document = JsonSerializer.Deserialize(item.Label, StoreJson.Default.StoreDocument);
            return new StorePlace(item.Id, document?.Path ?? item.Id, document?.Label ?? "");
        }
        catch (JsonException)
        {
            return new StorePlace(item.Id, item.Id, item.Label);
        }
    }
}

/// <summary>What an index keeps of an image besides its id.</summary>
internal sealed record StoreDocument(string Path, string Label);

/// <summary>Its JSON, without reflection.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(StoreDocument))]
internal sealed partial class StoreJson : JsonSerializerContext;

/// <summary>An image that was found.</summary>
/// <param name="Id">As <see cref="ImageId"/> makes it.</param>
/// <param name="Path">Where it is, as shown to people.</param>
/// <param name="Label">Its class, or an empty string.</param>
/// <param name="Cosine">Its similarity to the query, -1 to 1.</param>
public sealed record StoreHit(string Id, string Path, string Label, double Cosine);

/// <summary>What to search for.</summary>
/// <param name="Top">How many to find.</param>
/// <param name="Label">Only images of this class, compared one by one; null for all images.</param>
/// <param name="Exact">Whether every image is compared, instead of those that an approximate index leads to.</param>
public sealed record StoreQuery(int Top = 10, string? Label = null, bool Exact = false);
