using System.Globalization;
using CondEmbed.Images;
using CondEmbed.Onnx;
using CondEmbed.Search;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.VectorData;

namespace CondEmbed.Tests.CSharp;

/// <summary>An article whose photograph is given as an image.</summary>
public sealed class PhotographedArticle
{
    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public Guid Id { get; set; }

    /// <summary>Its photograph.</summary>
    [VectorStoreVector(3)]
    public DataContent? Photo { get; set; }
}

/// <summary>An image as <c>condembed index</c> stores it.</summary>
public sealed class StoredImage
{
    /// <summary>The sum of the file.</summary>
    [VectorStoreKey]
    public string Id { get; set; } = "";

    /// <summary>Where it is.</summary>
    [VectorStoreData]
    public string Path { get; set; } = "";

    /// <summary>Its class.</summary>
    [VectorStoreData(IsIndexed = true)]
    public string Label { get; set; } = "";

    /// <summary>Its embedding.</summary>
    [VectorStoreVector(3, DistanceFunction = DistanceFunction.CosineSimilarity)]
    public float[]? Embedding { get; set; }
}

/// <summary>Hosts that know .NET's interfaces alone.</summary>
public static class HostUser
{
    private static readonly float[] Red = [1, 0, 0];
    private static readonly float[] Blue = [0, 0, 1];

    /// <summary>A vector as long as an article's photograph has it.</summary>
    public static float[] Wide(params float[] first) => [.. first, .. new float[128 - first.Length]];

    /// <summary>What a generator says of itself.</summary>
    public static (string? Provider, string? Model, int? Dimension) Describe(IEmbeddingGenerator<DataContent, Embedding<float>> generator)
    {
        var metadata = (EmbeddingGeneratorMetadata?)generator.GetService(typeof(EmbeddingGeneratorMetadata));
        return (metadata?.ProviderName, metadata?.DefaultModelId, metadata?.DefaultModelDimensions);
    }

    /// <summary>Asks a generator for another dimension or model.</summary>
    public static Task Ask(IEmbeddingGenerator<DataContent, Embedding<float>> generator, int? dimension, string? model) =>
        generator.GenerateAsync([], new EmbeddingGenerationOptions { Dimensions = dimension, ModelId = model });

    /// <summary>An application with a cache and telemetry embeds one image twice, and another once; how many it embedded in truth, and how many spans its own telemetry has.</summary>
    public static async Task<(double Embedded, int Spans, bool IsSame)> EmbedThroughMiddleware(IEmbeddingNetwork network, byte[] image, byte[] other)
    {
        var services = new ServiceCollection();
        services.AddCondEmbed(_ => network);
        DotnetUser.AddGenerator(services);
        using var ours = new Listening("CondEmbed");
        using var theirs = new Listening("shop");
        await using var provider = services.BuildServiceProvider();
        var generator = provider.GetRequiredService<IEmbeddingGenerator<DataContent, Embedding<float>>>();
        var first = await DotnetUser.Embed(generator, [image]);
        var second = await DotnetUser.Embed(generator, [image, other]);
        return (ours.SumOf("condembed.images"), theirs.Spans.Count, first[0].SequenceEqual(second[0]));
    }

    /// <summary>All that a store is asked for, in the order in which it answers.</summary>
    public static async Task<IReadOnlyList<string>> Shop(VectorStore store)
    {
        var said = new List<string>();
        var shop = store.GetCollection<string, Article>("shop");
        said.Add($"there: {await shop.CollectionExistsAsync()}");
        await DotnetUser.Keep(
            store,
            [
                new Article { Number = "1", Title = "red mug", Kind = "mug", Price = 3.5m, Photo = Wide(Red) },
                new Article { Number = "2", Title = "blue mug", Kind = "mug", Price = 4, Photo = Wide(Blue) },
                new Article { Number = "3", Title = "red pot", Kind = "pot", Price = 20, Photo = Wide(0.8f, 0.6f) },
                new Article { Number = "4", Title = "no kind", Photo = Wide(-1) },
            ]);
        said.Add($"there: {await shop.CollectionExistsAsync()}, {await store.CollectionExistsAsync("shop")}, {await store.ListCollectionNamesAsync().ContainsAsync("shop")}");
        said.Add($"get: {Text(await shop.GetAsync("2", new() { IncludeVectors = true }))}");
        said.Add($"get: {Text(await shop.GetAsync("2"))}");
        said.Add($"get none: {await shop.GetAsync("9") is null}");
        said.Add($"get many: {string.Join(' ', await shop.GetAsync(["4", "9", "1"]).Select(article => article.Number).Order().ToListAsync())}");
        said.Add($"search: {await Found(shop, Wide(Red), new())}");
        said.Add($"of a kind: {await Found(shop, Wide(Red), new() { Filter = article => article.Kind == "mug" })}");
        said.Add($"the second: {await Found(shop, Wide(Red), new() { Skip = 1 }, 1)}");
        said.Add($"alike: {await Found(shop, Wide(Red), new() { ScoreThreshold = 0.5 })}");
        await shop.UpsertAsync(new Article { Number = "1", Title = "blue mug too", Kind = "mug", Photo = Wide(0, 0.28f, 0.96f) });
        await shop.DeleteAsync(["3", "4"]);
        await shop.DeleteAsync("9");
        said.Add($"changed: {await Found(shop, Wide(Blue), new())}");
        return said;
    }

    /// <summary>Whether the store has what another one put there, and removes it.</summary>
    public static async Task<IReadOnlyList<string>> ShopAgain(VectorStore store)
    {
        var shop = store.GetCollection<string, Article>("shop");
        var said = new List<string> { await Found(shop, Wide(Blue), new()) };
        await shop.EnsureCollectionDeletedAsync();
        await store.EnsureCollectionDeletedAsync("shop");
        said.Add($"there: {await shop.CollectionExistsAsync()}");
        return said;
    }

    /// <summary>A record through a store and back.</summary>
    public static async Task<bool> IsKept(VectorStore store, string number, string title, string? kind, decimal price)
    {
        var shop = store.GetCollection<string, Article>("kept");
        await shop.UpsertAsync(new Article { Number = number, Title = title, Kind = kind, Price = price, Photo = Wide(Red) });
        return await shop.GetAsync(number) is { } back && (back.Number, back.Title, back.Kind, back.Price) == (number, title, kind, price);
    }

    /// <summary>The same of a record that is an image's id, a text and a label.</summary>
    public static async Task<bool> IsImageKept(VectorStore store, string id, string path, string label)
    {
        var images = store.GetCollection<string, StoredImage>("images");
        await images.UpsertAsync(new StoredImage { Id = id, Path = path, Label = label, Embedding = Blue });
        return await images.GetAsync(id) is { } back && (back.Id, back.Path, back.Label) == (id, path, label);
    }

    /// <summary>The images of a store that are most like a vector.</summary>
    public static async Task<IReadOnlyList<string>> Images(VectorStore store, string name, string label) =>
        await store.GetCollection<string, StoredImage>(name).SearchAsync(Red, 2, new() { Filter = image => label == image.Label, IncludeVectors = true })
            .Select(hit => $"{hit.Record.Id[..4]} {hit.Record.Path} {hit.Record.Label} {hit.Record.Embedding?.Length}").ToListAsync();

    /// <summary>Photographs as they are: stored, and searched by another.</summary>
    public static async Task<Guid> SearchPhotos(VectorStore store, IReadOnlyList<Guid> ids, IReadOnlyList<byte[]> photos, byte[] query)
    {
        var shop = store.GetCollection<Guid, PhotographedArticle>("photos");
        await shop.UpsertAsync(ids.Zip(photos, (id, photo) => new PhotographedArticle { Id = id, Photo = new DataContent(photo, "image/png") }));
        var hit = await shop.SearchAsync(new DataContent(query, "image/png"), 1).SingleAsync();
        return hit.Record.Id;
    }

    /// <summary>What a store says to what it cannot do.</summary>
    public static async Task<IReadOnlyList<string>> Refusals(VectorStore store)
    {
        var said = new List<string>();
        var shop = store.GetCollection<string, Article>("none");
        await Note(() => shop.GetAsync("1"));
        await Note(() => Found(shop, Wide(Red), new() { Filter = article => article.Price > 3 }));
        await Note(() => Found(shop, Wide(Red), new() { Filter = article => article.Title == "red" }));
        await Note(async () => await shop.GetAsync(article => article.Kind == "mug", 3).ToListAsync());
        await Note(async () => await shop.SearchAsync("red mug", 3).ToListAsync());
        await Note(() => Task.FromResult(store.GetCollection<int, Article>("none")));
        await Note(() => Task.FromResult(store.GetDynamicCollection("none", new VectorStoreCollectionDefinition())));
        await Note(() => Task.FromResult(store.GetCollection<string, Article>("none", new VectorStoreCollectionDefinition
        {
            Properties = [new VectorStoreKeyProperty("Number", typeof(string)), new VectorStoreVectorProperty("Photo", typeof(ReadOnlyMemory<float>), 4)],
        })));
        await Note(async () =>
        {
            await store.GetCollection<string, Article>("a/b").UpsertAsync(new Article { Number = "1", Photo = Wide(Red) });
            return true;
        });
        return said;

        async Task Note<T>(Func<Task<T>> work)
        {
            try
            {
                await work();
                said.Add("nothing");
            }
            catch (Exception problem)
            {
                said.Add($"{problem.GetType().Name}: {problem.Message}");
            }
        }
    }

    /// <summary>Starts a host with settings; what ended it, or null.</summary>
    public static async Task<string?> Start(string kind, IReadOnlyDictionary<string, string?> settings, Func<IEmbeddingNetwork> network, string? root = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = root });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(settings);
        var section = builder.Configuration.GetSection("Images");
        var (given, threads) = (new EmbedderOptions { BatchSize = section.GetValue<int>("BatchSize") }, new OnnxOptions { Threads = section.GetValue<int>("Threads") });
        _ = kind switch
        {
            "run" => builder.Services.AddCondEmbed(section),
            "onnx" => builder.Services.AddCondEmbedOnnx(section),
            "index" => builder.Services.AddCondEmbedIndex(section),
            "index file" => builder.Services.AddCondEmbedIndex(settings["Images:File"]!),
            "run file" => builder.Services.AddCondEmbed(settings["Images:File"]!, section["Device"] ?? "auto", options: given),
            "onnx file" => builder.Services.AddCondEmbedOnnx(settings["Images:File"]!, threads, given),
            "network given" => builder.Services.AddCondEmbed(_ => network(), given),
            _ => builder.Services.AddCondEmbed(_ => network(), section),
        };
        await using var app = builder.Build();
        try
        {
            await app.StartAsync();
            var said = kind is "index" or "index file" ? $"{app.Services.GetRequiredService<ImageIndex>().Count}" : kind is "network" or "network given" ? $"{app.Services.GetRequiredService<Embedder>().BatchSize}" : null;
            await app.StopAsync();
            return said;
        }
        catch (OptionsValidationException problem)
        {
            return problem.Message;
        }
    }

    /// <summary>The health of an application with an embedder and, where a file is named, an index; and its log.</summary>
    public static async Task<(string Health, IReadOnlyList<string> Log)> Health(Func<IEmbeddingNetwork> network, string? file, byte[] bad)
    {
        using var log = new KeptLog();
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.AddProvider(log)).AddCondEmbed(_ => network());
        if (file is not null)
        {
            services.AddCondEmbedIndex(file);
        }

        services.AddHealthChecks().AddCondEmbed();
        await using var provider = services.BuildServiceProvider();
        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        var entry = report.Entries["condembed"];
        try
        {
            await provider.GetRequiredService<Embedder>().EmbedAsync(bad, "bad.png");
        }
        catch (InvalidOperationException)
        {
            // A network that cannot be made was found by the check.
        }
        catch (BadImageException)
        {
            // The log has it.
        }

        return ($"{entry.Status}: {entry.Description} {string.Join(' ', entry.Data.Values.OrderBy(value => $"{value}", StringComparer.Ordinal))}", log.Lines);
    }

    private static string Text(Article? article) => article is null
        ? "none"
        : string.Create(CultureInfo.InvariantCulture, $"{article.Number} {article.Title} {article.Kind} {article.Price} [{string.Join(' ', article.Photo.ToArray().Take(3))}]");

    private static async Task<string> Found(VectorStoreCollection<string, Article> shop, float[] query, VectorSearchOptions<Article> options, int top = 3) =>
        string.Join(", ", await shop.SearchAsync(query, top, options).Select(hit => string.Create(CultureInfo.InvariantCulture, $"{hit.Record.Title} {hit.Score:0.00}")).ToListAsync());
}
