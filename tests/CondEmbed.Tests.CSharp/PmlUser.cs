using CondEmbed.Evaluation;
using CondEmbed.Importing;
using CondEmbed.Interop;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Runs;
using CondEmbed.Search;

namespace CondEmbed.Tests.CSharp;

/// <summary>The code of docs/from-pytorch-metric-learning.md, and the import of docs/data.md: a test finds each of their snippets here, and others run it.</summary>
public static class PmlUser
{
    /// <summary>A loss with its miner and distance, on embeddings.</summary>
    public static double Loss(double[][] embeddings, long[] labels)
    {
        var result = LossFunctions.Evaluate("TripletMarginLoss(margin=0.1, distance=cosine, miner=semi-hard)", [], embeddings, labels, null);
        Console.Error.WriteLine($"{result.Value}, and the gradient of the first embedding begins with {result.Gradients["embeddings"][0][0]}");
        return result.Value;
    }

    /// <summary>Trains with a memory, and says how well the network does.</summary>
    public static async Task<TrainingResult> Train(string photos, string run, CancellationToken stop = default)
    {
        var options = new TrainingOptions
        {
            Data = photos,
            Out = run,
            Encoder = "small",
            Size = 32,
            Embedding = 64,
            Loss = "TripletMarginLoss(margin=0.1, distance=cosine, miner=semi-hard, reducer=within(high=0.3))",
            Memory = 64,
            MemoryStart = 5,
            Batch = 16,
            PerClass = 4,
            Steps = 20,
            Levels = 0,
        };
        var result = await Trainer.TrainAsync(options, cancellationToken: stop);
        Console.Error.WriteLine($"precision at 1 of classes never seen: {result.After["precision@1"]:P1}, MAP@R {result.After["map_at_r"]:P1}");
        return result;
    }

    /// <summary>The nearest photographs, and whether the nearest is a match.</summary>
    public static async Task<(IReadOnlyList<IndexHit> Nearest, bool IsMatch)> Infer(string run, string photos, string photo, CancellationToken stop = default)
    {
        using var embedder = EmbeddingModel.Load(run).ToEmbedder();
        using var index = await ImageIndex.BuildAsync(embedder, photos, cancellationToken: stop);
        var query = await embedder.EmbedAsync(photo, stop);
        var nearest = index.Search(query, top: 10);
        var isMatch = nearest[0].Similarity > 0.9f;
        return (nearest, isMatch);
    }

    /// <summary>Metrics of embeddings, rows one after the other.</summary>
    public static RetrievalMetrics Accuracy(float[] values, int dimension, long[] labels)
    {
        var metrics = Retrieval.Evaluate(new Embeddings<float>(values, labels.Length, dimension), labels, new EvaluationOptions { RecallAt = [1, 10], Clustering = true });
        return metrics;
    }

    /// <summary>A network of another program as a run.</summary>
    public static ImportedRun Import(string checkpoint, string run)
    {
        var imported = CheckpointImport.Run(new ImportOptions { Checkpoint = checkpoint, Out = run });
        return imported;
    }
}
