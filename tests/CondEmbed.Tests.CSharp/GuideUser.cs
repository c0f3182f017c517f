using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Pairs;
using CondEmbed.Runs;
using CondEmbed.Search;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace CondEmbed.Tests.CSharp;

/// <summary>A product, as a shop knows it.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Title">Its name.</param>
/// <param name="Photo">The file of its image.</param>
public sealed record Product(string Number, string Title, string Photo);

/// <summary>The code of docs/csharp.md: a test finds each of its snippets here, and others run it.</summary>
public static class GuideUser
{
    /// <summary>Settings of a run.</summary>
    public static TrainingOptions Settings()
    {
        var options = new TrainingOptions { Data = "photos", Out = "runs/shop", Levels = 1, Steps = 1500 };
        return options;
    }

    /// <summary>Trains.</summary>
    public static async Task<TrainingResult> Train(TrainingOptions options, CancellationToken stop)
    {
        var pacer = new ProgressPacer(TimeSpan.FromSeconds(5));
        var progress = new Progress<RunProgress>(at =>
        {
            if (pacer.ShouldPrint(at))
                Console.Error.WriteLine(ProgressText.Line(at));
        });
        var result = await Trainer.TrainAsync(options, progress, cancellationToken: stop);
        Console.Error.WriteLine($"{MetricTable.Format(result.Before, result.After)}\n\nreport: {result.Report}");
        return result;
    }

    /// <summary>The code of README.md.</summary>
    public static async Task<int> Readme()
    {
        var options = new TrainingOptions { Steps = 100, Levels = 1 };
        var result = await Trainer.TrainAsync(options, notice: Console.WriteLine);
        Console.WriteLine(MetricTable.Format(result.Before, result.After));

        using var model = EmbeddingModel.Load(result.Folder);
        var images = EmojiDataset.Open();
        var embeddings = model.Embed(images);
        return embeddings.Count;
    }

    /// <summary>Trains until it is stopped or done.</summary>
    /// <returns>Whether it is done.</returns>
    public static async Task<bool> TrainOrStop(string folder, TrainingOptions options, IProgress<RunProgress> progress, CancellationToken stop)
    {
        try
        {
            await GoOn(folder, options, progress, stop);
            return true;
        }
        catch (TrainingStoppedException stopped)
        {
            Console.Error.WriteLine($"stopped after step {stopped.Step}; the next start goes on with {stopped.Folder}");
        }

        return false;
    }

    /// <summary>What a program does at each start.</summary>
    public static async Task<TrainingResult> GoOn(string folder, TrainingOptions options, IProgress<RunProgress> progress, CancellationToken stop)
    {
        var trainer = File.Exists(Path.Combine(folder, "config.toml")) ? Trainer.Resume(folder) : new Trainer(options with { Out = folder });
        var result = await trainer.TrainAsync(progress, stop);
        return result;
    }

    /// <summary>Measures how well a network tells the classes of a folder apart.</summary>
    public static RetrievalMetrics Measure(string run, string folder)
    {
        using var model = EmbeddingModel.Load(run);
        var others = FolderDataset.Open(folder);
        var metrics = model.Evaluate(others, ClassSplit.ForEvaluation(others));
        Console.WriteLine(metrics);
        return metrics;
    }

    /// <summary>Embeds one image and several.</summary>
    public static async Task<(float[] One, int Many)> Embed(string run, string photo, IReadOnlyList<string> photos, CancellationToken stop)
    {
        using var embedder = EmbeddingModel.Load(run).ToEmbedder();
        float[] one = await embedder.EmbedAsync(photo, stop);
        var many = await embedder.EmbedAsync(photos, cancellationToken: stop);
        return (one, many.Count);
    }

    /// <summary>Builds an index of products.</summary>
    public static async Task<int> Build(string run, IEnumerable<Product> products, string file, CancellationToken stop)
    {
        using var embedder = EmbeddingModel.Load(run).ToEmbedder();
        var images = products.Select(product => new IndexImage(product.Number, product.Photo, product.Title)).ToList();
        using var index = await ImageIndex.BuildAsync(
            embedder, images, skipBad: bad => Console.Error.WriteLine($"left out: {bad.Name}: {bad.Reason}"), cancellationToken: stop);
        index.Save(file);
        return index.Count;
    }

    /// <summary>Searches for an image that comes as a stream.</summary>
    public static async Task<IReadOnlyList<IndexHit>> Search(Embedder embedder, string file, Stream upload, CancellationToken stop)
    {
        using var index = ImageIndex.Load(file, embedder);
        var query = await embedder.EmbedAsync(upload, "upload", stop);
        foreach (var hit in index.Search(query, top: 5))
        {
            Console.Error.WriteLine($"{hit.Similarity:0.000}  {hit.Id}  {hit.Label}");
        }

        return index.Search(query, top: 5);
    }

    /// <summary>Puts a product in, or in place of what it was, and takes another out.</summary>
    public static async Task Change(ImageIndex index, Embedder embedder, Product product, string old, string file, CancellationToken stop)
    {
        index.Set(new IndexItem(product.Number, product.Title), await embedder.EmbedAsync(product.Photo, stop));
        index.Remove(old);
        index.Save(file);
    }

    /// <summary>A service that finds products.</summary>
    public static WebApplication Serve(string run, string file)
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddCondEmbed(run).AddCondEmbedIndex(file);

        var app = builder.Build();
        app.MapPost("/search", async (HttpRequest request, Embedder embedder, ImageIndex index, CancellationToken stop) =>
        {
            try
            {
                return Results.Ok(index.Search(await embedder.EmbedAsync(request.Body, "upload", stop), top: 10));
            }
            catch (BadImageException bad)
            {
                return Results.Problem(bad.Message, statusCode: StatusCodes.Status400BadRequest);
            }
        });
        return app;
    }

    /// <summary>What one image and another have in common, level by level, and where the last level looks in the first.</summary>
    public static (IReadOnlyList<double> Levels, float[] Places) Explain(string run, string first, string second)
    {
        using var model = ConditionalModel.Load(run);
        var why = model.Explain(Decoded(first), Decoded(second));
        return (why.Similarity.Levels, why.Levels[^1].FirstMean);
    }

    private static RgbImage Decoded(string file) => new SkiaDecoder().Decode(File.ReadAllBytes(file), file);
}
