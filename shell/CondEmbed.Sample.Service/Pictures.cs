using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace CondEmbed.Sample.Service;

/// <summary>A picture that is searched for. Its image is embedded and not kept.</summary>
internal sealed class Picture
{
    public string Name { get; init; } = "";

    public string? Label { get; init; }

    public DataContent? Image { get; init; }
}

/// <summary>A picture that was found.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Label">Its label; null if it has none.</param>
/// <param name="Similarity">The cosine with the query.</param>
internal sealed record Found(string Name, string? Label, double Similarity);

/// <summary>The collection of pictures.</summary>
internal static class Pictures
{
    /// <summary>How many numbers an embedding has is known when the network is opened, so the class is described here and not by attributes.</summary>
    internal static VectorStoreCollection<string, Picture> In(VectorStore store, int dimension) =>
        store.GetCollection<string, Picture>("pictures", new VectorStoreCollectionDefinition
        {
            Properties =
            [
                new VectorStoreKeyProperty(nameof(Picture.Name), typeof(string)),
                new VectorStoreDataProperty(nameof(Picture.Label), typeof(string)) { IsIndexed = true },
                new VectorStoreVectorProperty(nameof(Picture.Image), typeof(DataContent), dimension),
            ],
        });
}
