using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Models;
using CondEmbed.Pairs;

namespace CondEmbed.Tests.CSharp;

/// <summary>Embeds, measures and searches as a C# program would.</summary>
public static class SearchUser
{
    /// <summary>The embedding of the first image of a folder: from its path, from its bytes, from a stream, and as one of the whole folder.</summary>
    public static (float[] FromPath, float[] FromBytes, float[] FromStream, float[] FromFolder) EmbedFirst(string run, string folder)
    {
        using var model = EmbeddingModel.Load(run);
        var images = FolderDataset.Open(folder);
        var path = Path.Combine(folder, images.Items[0].Path);
        var all = model.Embed(images, workers: 1);
        using var file = File.OpenRead(path);
        return (model.Embed(path), model.Embed(File.ReadAllBytes(path)), model.Embed(file), [.. all.Row(0)]);
    }

    /// <summary>The metrics of a run on all images of a folder, and the same from the embeddings alone.</summary>
    public static (RetrievalMetrics Evaluated, RetrievalMetrics Measured) Measure(string run, string folder)
    {
        using var model = EmbeddingModel.Load(run);
        var images = FolderDataset.Open(folder);
        var labels = new ClassIndex(images.Items.Select(item => item.Label)).NumbersOf(images.Items.Select(item => item.Label));
        return (model.Evaluate(images, ClassSplit.ForEvaluation(images)), Retrieval.Evaluate(model.Embed(images), labels));
    }

    /// <summary>The paths that each image of a folder finds in the same folder, most similar first.</summary>
    public static IReadOnlyList<(string Query, IReadOnlyList<string> Found)> Search(string run, string folder, int top)
    {
        using var model = EmbeddingModel.Load(run);
        var images = ImageDatasets.OpenImages(folder);
        var search = ImageSearch.Run(model, images, images, top);
        return [.. search.Answers.Select(answer => (answer.Path, (IReadOnlyList<string>)[.. answer.Hits.Select(hit => hit.Path)]))];
    }

    /// <summary>The similarities of the first two images of a folder, where the levels look in the first, and MAP@R of both orders.</summary>
    public static (PairSimilarity Pair, IReadOnlyList<float[]> Heads, double Plain, double Reranked) Compare(string run, string folder)
    {
        using var model = ConditionalModel.Load(run, best: true);
        var images = FolderDataset.Open(folder);
        var pair = model.Compare(images, [new ImagePair(0, 1)])[0];
        var look = model.Explain(new ImageReader(images).Read(0), new ImageReader(images).Read(1)).Levels[0];
        var metrics = model.Evaluate(images, ClassSplit.ForEvaluation(images), new RerankOptions(20, PairScore.Last));
        return (pair, look.First, metrics.Plain.MapAtR, metrics.Reranked.MapAtR);
    }
}
