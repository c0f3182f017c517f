using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Models;
using CondEmbed.Pairs;

namespace CondEmbed.Tests.CSharp;

/// <summary>Embeds, measures and searches as a C# program would.</summary>
public static class SearchUser
{
    /// <summary>The embedding of the first picture of a folder: from its path, from its bytes, and as one of the whole folder.</summary>
    public static (float[] FromPath, float[] FromBytes, float[] FromFolder) EmbedFirst(string run, string folder)
    {
        using var model = EmbeddingModel.Load(run);
        var pictures = FolderDataset.Open(folder);
        var path = Path.Combine(folder, pictures.Items[0].Path);
        var all = model.Embed(pictures, workers: 1);
        return (model.Embed(path), model.Embed(File.ReadAllBytes(path)), [.. all.Row(0)]);
    }

    /// <summary>The metrics of a run on all pictures of a folder, and the same from the embeddings alone.</summary>
    public static (RetrievalMetrics Evaluated, RetrievalMetrics Measured) Measure(string run, string folder)
    {
        using var model = EmbeddingModel.Load(run);
        var pictures = FolderDataset.Open(folder);
        var labels = new ClassIndex(pictures.Items.Select(item => item.Label)).NumbersOf(pictures.Items.Select(item => item.Label));
        return (model.Evaluate(pictures, ClassSplit.ForEvaluation(pictures)), Retrieval.Evaluate(model.Embed(pictures), labels));
    }

    /// <summary>The paths that each picture of a folder finds in the same folder, most similar first.</summary>
    public static IReadOnlyList<(string Query, IReadOnlyList<string> Found)> Search(string run, string folder, int top)
    {
        using var model = EmbeddingModel.Load(run);
        var pictures = ImageDatasets.OpenImages(folder);
        var search = PictureSearch.Run(model, pictures, pictures, top);
        return [.. search.Answers.Select(answer => (answer.Path, (IReadOnlyList<string>)[.. answer.Hits.Select(hit => hit.Path)]))];
    }

    /// <summary>The similarities of the first two pictures of a folder, where the levels look in the first, and MAP@R of both orders.</summary>
    public static (PairSimilarity Pair, IReadOnlyList<float[]> Heads, double Plain, double Reranked) Compare(string run, string folder)
    {
        using var model = ConditionalModel.Load(run, best: true);
        var pictures = FolderDataset.Open(folder);
        var pair = model.Compare(pictures, [(0, 1)])[0];
        var look = model.Explain(new PictureReader(pictures).Read(0), new PictureReader(pictures).Read(1)).Levels[0];
        var metrics = model.Evaluate(pictures, ClassSplit.ForEvaluation(pictures), new RerankOptions(20, PairScore.Last));
        return (pair, look.First, metrics.Plain.MapAtR, metrics.Reranked.MapAtR);
    }
}
