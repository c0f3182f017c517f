using CondEmbed.Extensions.AI;
using CondEmbed.Images;
using CondEmbed.Postgres;
using CondEmbed.Search;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.VectorData;
using SkiaSharp;

namespace CondEmbed.Tests.CSharp;

/// <summary>An article of a shop.</summary>
public sealed class Article
{
    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public string Number { get; init; } = "";

    /// <summary>Its name.</summary>
    [VectorStoreData]
    public string Title { get; init; } = "";

    /// <summary>What searches can be filtered by.</summary>
    [VectorStoreData(IsIndexed = true)]
    public string? Kind { get; init; }

    /// <summary>Its price.</summary>
    [VectorStoreData]
    public decimal Price { get; init; }

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public ReadOnlyMemory<float> Photo { get; init; }
}

/// <summary>The code of docs/dotnet.md: a test finds each of its snippets here, and others run it.</summary>
public static class DotnetUser
{
    /// <summary>A generator with a cache and telemetry round it.</summary>
    public static void AddGenerator(IServiceCollection services)
    {
        services.AddDistributedMemoryCache();
        services.AddEmbeddingGenerator(provider => provider.GetRequiredService<Embedder>().AsIEmbeddingGenerator())
            .Use((inner, provider) => new DistributedCachingEmbeddingGenerator<DataContent, Embedding<float>>(inner, provider.GetRequiredService<IDistributedCache>())
            {
                CacheKeyAdditionalValues = [provider.GetRequiredService<Embedder>().Fingerprint],
            })
            .UseOpenTelemetry(sourceName: "shop");
    }

    /// <summary>Knows the interface alone.</summary>
    public static async Task<IReadOnlyList<float[]>> Embed(
        IEmbeddingGenerator<DataContent, Embedding<float>> generator, IEnumerable<byte[]> photos, CancellationToken stop = default)
    {
        var embeddings = await generator.GenerateAsync(photos.Select(photo => new DataContent(photo, "image/jpeg")), cancellationToken: stop);
        return [.. embeddings.Select(embedding => embedding.Vector.ToArray())];
    }

    /// <summary>A store of index files.</summary>
    public static VectorStore Files(string folder, Embedder embedder)
    {
        VectorStore store = new ImageVectorStore(new IndexFolder(folder), embedder);
        return store;
    }

    /// <summary>A store of tables.</summary>
    public static VectorStore Tables(string address, Embedder embedder)
    {
        VectorStore store = new ImageVectorStore(new PostgresDatabase(PostgresAddress.Parse(address)), embedder);
        return store;
    }

    /// <summary>Articles whose vector has as many numbers as the embedder makes, whatever the attribute says.</summary>
    public static VectorStoreCollection<string, Article> Described(VectorStore store, Embedder embedder)
    {
        var shop = store.GetCollection<string, Article>("shop", new VectorStoreCollectionDefinition
        {
            Properties =
            [
                new VectorStoreKeyProperty(nameof(Article.Number), typeof(string)),
                new VectorStoreDataProperty(nameof(Article.Title), typeof(string)),
                new VectorStoreDataProperty(nameof(Article.Kind), typeof(string)) { IsIndexed = true },
                new VectorStoreDataProperty(nameof(Article.Price), typeof(decimal)),
                new VectorStoreVectorProperty(nameof(Article.Photo), typeof(ReadOnlyMemory<float>), embedder.Dimension),
            ],
        });
        return shop;
    }

    /// <summary>Keeps articles.</summary>
    public static async Task Keep(VectorStore store, IEnumerable<Article> articles)
    {
        var shop = store.GetCollection<string, Article>("shop");
        await shop.EnsureCollectionExistsAsync();
        await shop.UpsertAsync(articles);
    }

    /// <summary>Articles of a kind that look like a photograph.</summary>
    public static async Task<IReadOnlyList<string>> Find(VectorStore store, byte[] photo, string kind)
    {
        var shop = store.GetCollection<string, Article>("shop");
        var found = new List<string>();
        await foreach (var hit in shop.SearchAsync(new DataContent(photo, "image/jpeg"), top: 5, new() { Filter = article => article.Kind == kind }))
            found.Add($"{hit.Score:0.000} {hit.Record.Title}");
        return found;
    }

    /// <summary>A service made of all of it.</summary>
    public static WebApplication Serve(WebApplicationBuilder builder)
    {
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddCondEmbedOnnx(builder.Configuration.GetSection("Network"));
        builder.Services.AddCondEmbedIndex(builder.Configuration.GetSection("Index"));
        builder.Services.AddHealthChecks().AddCondEmbed();
        var app = builder.Build();
        app.MapHealthChecks("/health");
        app.MapPost("/search", async (HttpRequest request, Embedder embedder, ImageIndex index, CancellationToken stop) =>
            index.Search(await embedder.EmbedAsync(request.Body, "upload", stop), top: 10));
        return app;
    }

    /// <summary>What Skia decoded.</summary>
    public static RgbImage OfSkia(SKBitmap bitmap)
    {
        var order = bitmap.ColorType == SKColorType.Rgba8888 ? PixelOrder.Rgba : PixelOrder.Bgra;
        var image = RgbImage.FromPixels(bitmap.GetPixelSpan(), bitmap.Width, bitmap.Height, bitmap.RowBytes, order);
        return image;
    }
}
