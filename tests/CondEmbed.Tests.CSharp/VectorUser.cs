using CondEmbed.Search;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.VectorData;

namespace CondEmbed.Tests.CSharp;

/// <summary>A host that gives stores what they cannot use, and what they can use only with some care.</summary>
public static class VectorUser
{
    /// <summary>Puts an article into a collection.</summary>
    public static Task Keep(VectorStore store, string collection, string number, float[] photo) =>
        store.GetCollection<string, Article>(collection).UpsertAsync(new Article { Number = number, Title = number, Photo = photo });

    /// <summary>The vector of an article.</summary>
    public static async Task<float[]> VectorOf(VectorStore store, string collection, string number) =>
        (await store.GetCollection<string, Article>(collection).GetAsync(number, new() { IncludeVectors = true }))!.Photo.ToArray();

    /// <summary>The titles of what is found.</summary>
    public static async Task<IReadOnlyList<string>> Find(VectorStore store, string collection, float[] query, int top, int skip) =>
        await store.GetCollection<string, Article>(collection).SearchAsync(query, top, new() { Skip = skip }).Select(hit => hit.Record.Title).ToListAsync();

    /// <summary>Searches for something that is neither a vector nor an image.</summary>
    public static async Task Find(VectorStore store, string collection, byte[] query) =>
        await store.GetCollection<string, Article>(collection).SearchAsync(query, 1).ToListAsync();

    /// <summary>Puts photographs into a collection, as they are.</summary>
    public static Task KeepPhotos(VectorStore store, IReadOnlyList<Guid> ids, IReadOnlyList<byte[]?> photos, string? name) =>
        store.GetCollection<Guid, PhotographedArticle>("photographs").UpsertAsync(ids.Zip(photos, (id, photo) =>
            new PhotographedArticle { Id = id, Photo = photo is null ? null : new DataContent(photo, "image/png") { Name = name } }));

    /// <summary>An application that has forgotten its embedder: what its store says, and its health.</summary>
    public static async Task<(string Store, string? Health)> WithoutEmbedder(string folder)
    {
        var services = new ServiceCollection();
        services.AddLogging().AddCondEmbedVectorStore(_ => new IndexFolder(folder));
        services.AddHealthChecks().AddCondEmbed();
        await using var provider = services.BuildServiceProvider();
        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        try
        {
            return (provider.GetRequiredService<VectorStore>().ToString()!, report.Entries["condembed"].Description);
        }
        catch (InvalidOperationException problem)
        {
            return (problem.Message, report.Entries["condembed"].Description);
        }
    }

    /// <summary>An index of photographs under ids.</summary>
    public static async Task<int> Index(Embedder embedder, IReadOnlyList<(string Id, string Path)> photos)
    {
        using var index = await ImageIndex.BuildAsync(embedder, [.. photos.Select(photo => new IndexImage(photo.Id, photo.Path, "any"))]);
        return index.Count;
    }
}
