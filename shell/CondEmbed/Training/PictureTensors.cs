using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Images;
using CondEmbed.Sampling;
using TorchSharp;

namespace CondEmbed.Training;

/// <summary>
/// Pictures of a data set in memory, as tensors on the CPU: for training loops of one's own on data that fits there. Classes are numbered in the order of their
/// names. One thread at a time.
/// </summary>
public sealed class PictureTensors : IDisposable
{
    private static readonly Rgb Right = new(0, 150, 60);
    private static readonly Rgb Wrong = new(210, 50, 40);

    private readonly RgbImage[] pictures;
    private readonly long[] labels;
    private (int Batch, int PerClass, int Seed, MPerClassSampler Sampler)? drawn;

    /// <summary>Reads and decodes the pictures, and brings them to one size: the short side, then the middle.</summary>
    /// <param name="dataset">Where they are.</param>
    /// <param name="items">Which of them, as of a <see cref="ClassSplit"/>; null for all.</param>
    /// <param name="size">The side of the squares, in pixels.</param>
    /// <exception cref="InputException">A picture cannot be used (<see cref="BadPictureException"/>), or they are too many for memory at one go.</exception>
    public PictureTensors(IImageDataset dataset, IReadOnlyList<int>? items = null, int size = 64)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        Native.ensure();
        int[] chosen = [.. items ?? [.. Enumerable.Range(0, dataset.Count)]];
        var (reader, view) = (new PictureReader(dataset), new EvalTransform(size, size));
        if ((long)chosen.Length * size * size * 3 > Array.MaxLength)
        {
            throw new InputException(
                $"{dataset.Name}: {chosen.Length} pictures of {size} px are more than one tensor of bytes is made of here. Give fewer items or a smaller size, or use Trainer, which reads as it goes.");
        }

        pictures = new RgbImage[chosen.Length];
        ParallelWork.Each(chosen.Length, at => pictures[at] = view.Apply(reader.Read(chosen[at])));
        var names = chosen.Select(item => dataset.Items[item].Label).ToList();
        var index = new ClassIndex(names);
        (Size, Names, Classes, labels) = (size, names, index.Names, index.NumbersOf(names));
        All = Tensors([.. Enumerable.Range(0, pictures.Length)], null, 0, 0);
        All.Images.DetachFromDisposeScope();
        All.Labels.DetachFromDisposeScope();
    }

    /// <summary>The side of the pictures, in pixels.</summary>
    public int Size { get; }

    /// <summary>The name of each class, by its number.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The name of each picture's class.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>All pictures, N Size Size 3 bytes, and their class numbers. They live as long as this object.</summary>
    public Batch All { get; }

    /// <summary>One picture.</summary>
    public RgbImage Picture(int index) => pictures[index];

    /// <summary>The batch of a step: so many pictures of each of batch / perClass classes, drawn as <see cref="MPerClassSampler"/> does. Belongs to the caller.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="batch">B.</param>
    /// <param name="perClass">Pictures of each class.</param>
    /// <param name="seed">What is drawn follows from it and the step alone.</param>
    /// <param name="view">What is made of each picture, such as a <see cref="TrainTransform"/>; null for the picture as it is.</param>
    /// <exception cref="InputException">The numbers do not fit together, or the classes.</exception>
    public Batch Draw(int step, int batch = 64, int perClass = 4, int seed = 0, IImageTransform? view = null)
    {
        if (drawn is not { } known || (known.Batch, known.PerClass, known.Seed) != (batch, perClass, seed))
        {
            int[] items = [.. Enumerable.Range(0, pictures.Length)];
            drawn = known = (batch, perClass, seed, new MPerClassSampler(items, labels, batch, perClass, (ulong)seed));
        }

        return Tensors(known.Sampler.Batch(step), view, seed, step);
    }

    /// <summary>How well embeddings of all pictures find their class, all against all.</summary>
    /// <param name="embeddings">N D.</param>
    /// <param name="options">What else to measure.</param>
    public RetrievalMetrics Measure(torch.Tensor embeddings, EvaluationOptions? options = null) =>
        Retrieval.Evaluate(TensorEmbeddings.Of(embeddings), labels, options);

    /// <summary>Some pictures, each in a row with the others that are most like it, as a sheet: framed in green where the class is right, in red where not.</summary>
    /// <param name="embeddings">N D, of all pictures.</param>
    /// <param name="queries">Which pictures, from 0.</param>
    /// <param name="count">Neighbours of each.</param>
    /// <param name="zoom">Every pixel becomes a square of zoom x zoom.</param>
    /// <exception cref="ArgumentException">There is not one embedding for each picture.</exception>
    public RgbImage Neighbours(torch.Tensor embeddings, IEnumerable<int> queries, int count = 6, int zoom = 2)
    {
        ArgumentNullException.ThrowIfNull(queries);
        var all = TensorEmbeddings.Of(embeddings);
        if (all.Count != pictures.Length)
            throw new ArgumentException($"{pictures.Length} pictures need as many embeddings; these are {all.Count}.", nameof(embeddings));
        var nearest = NeighbourSearch.TopK(all, all, count, excludeSelf: true);
        var tiles = new List<Tile>();
        foreach (var query in queries)
        {
            tiles.Add(new Tile(pictures[query], Names[query]));
            foreach (var item in nearest.Of(query))
                tiles.Add(new Tile(pictures[item], Names[item], labels[item] == labels[query] ? Right : Wrong));
        }

        return ContactSheet.Compose(tiles, nearest.K + 1, zoom);
    }

    /// <summary>Where a picture is looked at, as colours over it in grey: dark where least, light where most.</summary>
    /// <param name="index">Which picture, from 0.</param>
    /// <param name="look">h w: one number for each place of a feature map.</param>
    public RgbImage Heat(int index, torch.Tensor look)
    {
        ArgumentNullException.ThrowIfNull(look);
        var numbers = TensorEmbeddings.Of(look);
        return HeatMap.Over(pictures[index], numbers.Values, numbers.Count, numbers.Dimension);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        All.Images.Dispose();
        All.Labels.Dispose();
    }

    private Batch Tensors(int[] chosen, IImageTransform? view, int seed, int step)
    {
        var side = view?.OutputSize ?? Size;
        var length = side * side * 3;
        var pixels = new byte[(long)chosen.Length * length];
        ParallelWork.Each(chosen.Length, slot =>
        {
            var target = pixels.AsSpan(slot * length, length);
            if (view is null)
            {
                pictures[chosen[slot]].Pixels.CopyTo(target);
                return;
            }

            var random = SeededRandom.For(seed, step, slot);
            view.Apply(pictures[chosen[slot]], ref random, target);
        });
        using var flat = torch.tensor(pixels, torch.uint8, torch.CPU);
        var images = flat.reshape(chosen.Length, side, side, 3);
        var numbers = torch.tensor(Array.ConvertAll(chosen, item => labels[item]), torch.int64, torch.CPU);
        return new Batch(images, numbers);
    }
}
