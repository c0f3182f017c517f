using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Reports;
using CondEmbed.Sampling;
using CondEmbed.Torch;
using Microsoft.FSharp.Core;
using TorchSharp;

namespace CondEmbed.Models;

/// <summary>Images to train on, and images of other classes.</summary>
/// <param name="Train">Those to train on.</param>
/// <param name="Test">Those held out.</param>
public sealed record ImageHalves(ImageTensors Train, ImageTensors Test);

/// <summary>
/// Images of a data set in memory, as tensors on the CPU: for custom training loops on data that fits there. Classes are numbered in the order of their
/// names. One thread at a time.
/// </summary>
[StructuredFormatDisplay("{Shown}")]
public sealed class ImageTensors : IDisposable
{
    private static readonly Rgb Right = new(0, 150, 60);
    private static readonly Rgb Wrong = new(210, 50, 40);

    private readonly RgbImage[] images;
    private readonly long[] labels;
    private (int Batch, int PerClass, int Seed, MPerClassSampler Sampler)? drawn;

    /// <summary>Reads and decodes the images, and brings them to one size: the short side is resized, then the centre cropped.</summary>
    /// <param name="dataset">Where they are.</param>
    /// <param name="items">Which of them, as of a <see cref="ClassSplit"/>; null for all.</param>
    /// <param name="size">The side of the squares, in pixels.</param>
    /// <exception cref="InputException">An image cannot be used (<see cref="BadImageException"/>), or there are too many for one tensor.</exception>
    public ImageTensors(IImageDataset dataset, IReadOnlyList<int>? items = null, int size = 64)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        if (size < 1)
            throw new ArgumentOutOfRangeException(nameof(size), $"Images of {size} px have no pixels: give their side, such as 64.");
        Native.ensure();
        int[] chosen = [.. items ?? [.. Enumerable.Range(0, dataset.Count)]];
        var (reader, view) = (new ImageReader(dataset), new EvalTransform(size, size));
        if ((long)chosen.Length * size * size * 3 > Array.MaxLength)
        {
            throw new InputException(
                $"{dataset.Name}: {chosen.Length} images of {size} px do not fit into one tensor of bytes. Give fewer items or a smaller size, or use Trainer, which reads them as it goes.");
        }

        images = new RgbImage[chosen.Length];
        ParallelWork.Each(chosen.Length, at => images[at] = view.Apply(reader.Read(chosen[at])));
        var names = chosen.Select(item => dataset.Items[item].Label).ToList();
        var index = new ClassIndex(names);
        (Size, Names, Classes, labels) = (size, names, index.Names, index.NumbersOf(names));
        All = Tensors([.. Enumerable.Range(0, images.Length)], null, 0, 0);
        All.Images.DetachFromDisposeScope();
        All.Labels.DetachFromDisposeScope();
    }

    /// <summary>
    /// The images to train on and those held out for the test, whose classes are others: of a folder of class folders, a table, a published set or a bundled one, as
    /// <see cref="ImageDatasets.Open"/> takes them. None of the classes to train on are kept back for validation.
    /// </summary>
    /// <param name="data">What the user wrote.</param>
    /// <param name="size">The side of the squares, in pixels.</param>
    /// <exception cref="InputException">The data cannot be opened or divided, or an image cannot be used.</exception>
    public static ImageHalves Halves(string data, int size = 64)
    {
        var images = ImageDatasets.Open(data);
        var split = ClassSplit.Make(images, new SplitOptions { ValidationShare = 0 });
        var train = new ImageTensors(images, split.Train, size);

        try
        {
            var test = new ImageTensors(images, split.Test, size);
            return new ImageHalves(train, test);
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    /// <summary>The side of the images, in pixels.</summary>
    public int Size { get; }

    /// <summary>The name of each class, by its number.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The name of each image's class.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>All images, N Size Size 3 bytes, and their class numbers. They live as long as this object.</summary>
    public Batch All { get; }

    /// <summary>One image.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none of that number.</exception>
    public RgbImage Image(int index) => images[Known(index)];

    /// <summary>
    /// The batch of a step: perClass images of each of batch / perClass classes, drawn as <see cref="MPerClassSampler"/> does. A class with fewer images than that has some of them
    /// several times in the batch, where each copy is a positive of the others. Belongs to the caller.
    /// </summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="batch">B, the number of images.</param>
    /// <param name="perClass">Images of each class.</param>
    /// <param name="seed">The batch depends only on it and the step.</param>
    /// <param name="view">The transform of each image, such as a <see cref="TrainTransform"/>; null for the image as it is.</param>
    /// <exception cref="InputException">The numbers do not fit together, or do not fit the classes.</exception>
    public Batch Draw(int step, int batch = 64, int perClass = 4, int seed = 0, IImageTransform? view = null)
    {
        if (step < 0)
            throw new ArgumentOutOfRangeException(nameof(step), $"The step is {step}, and steps are counted from 0.");
        if (drawn is not { } known || (known.Batch, known.PerClass, known.Seed) != (batch, perClass, seed))
        {
            int[] items = [.. Enumerable.Range(0, images.Length)];
            drawn = known = (batch, perClass, seed, new MPerClassSampler(items, labels, batch, perClass, (ulong)seed));
        }

        return Tensors(known.Sampler.Batch(step), view, seed, step);
    }

    /// <summary>How well embeddings of all images find their class, all against all.</summary>
    /// <param name="embeddings">N D, the embeddings.</param>
    /// <param name="options">What else to measure.</param>
    public RetrievalMetrics Measure(torch.Tensor embeddings, EvaluationOptions? options = null) =>
        Retrieval.Evaluate(TensorEmbeddings.Of(embeddings), labels, options);

    /// <summary>A contact sheet of some images, each in a row with its most similar others: framed in green if the class is right, in red if not.</summary>
    /// <param name="embeddings">N D, of all images.</param>
    /// <param name="queries">Which images, from 0.</param>
    /// <param name="count">Neighbours of each image.</param>
    /// <param name="zoom">Every pixel becomes a square of zoom x zoom.</param>
    /// <exception cref="ArgumentException">The numbers of embeddings and images differ, or there is no image of the number of a query.</exception>
    public RgbImage Neighbours(torch.Tensor embeddings, IEnumerable<int> queries, int count = 6, int zoom = 2)
    {
        ArgumentNullException.ThrowIfNull(queries);
        var all = TensorEmbeddings.Of(embeddings);
        if (all.Count != images.Length)
            throw new ArgumentException($"{images.Length} images need {images.Length} embeddings, not {all.Count}.", nameof(embeddings));
        var nearest = NeighbourSearch.TopK(all, all, count, excludeSelf: true);
        var tiles = new List<Tile>();
        foreach (var query in queries)
        {
            tiles.Add(new Tile(Image(query), Names[query]));
            foreach (var item in nearest.Of(query))
                tiles.Add(new Tile(images[item], Names[item], labels[item] == labels[query] ? Right : Wrong));
        }

        return ContactSheet.Compose(tiles, nearest.K + 1, zoom);
    }

    /// <summary>An attention map as colours over the grey image: dark where it is smallest, light where it is largest.</summary>
    /// <param name="index">Which image, from 0.</param>
    /// <param name="look">h w: one number for each position of a feature map.</param>
    /// <exception cref="ArgumentException">It is no such map, or there is no image of that number.</exception>
    public RgbImage Heat(int index, torch.Tensor look)
    {
        ArgumentNullException.ThrowIfNull(look);
        if (look.dim() != 2)
            throw new ArgumentException($"An attention map is h w, a number for each position; this is [{string.Join(", ", look.shape)}]: take one of several, maps[0L], or give it its sides, look.reshape (h, w).", nameof(look));
        var numbers = TensorEmbeddings.Of(look);
        return HeatMap.Over(Image(index), numbers.Values, numbers.Count, numbers.Dimension);
    }

    /// <summary>What F# Interactive prints.</summary>
    internal string Shown => ToString();

    /// <summary>How many images of how many classes these are, and their size, in one line.</summary>
    public override string ToString() => $"{ClassLabel.Counted(Names)}, {Size} x {Size} px";

    /// <inheritdoc/>
    public void Dispose()
    {
        All.Images.Dispose();
        All.Labels.Dispose();
    }

    private int Known(int index) => index >= 0 && index < images.Length
        ? index
        : throw new ArgumentOutOfRangeException(nameof(index), $"There is no image {index}: there are {images.Length}, from 0 to {images.Length - 1}.");

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
                images[chosen[slot]].Pixels.CopyTo(target);
                return;
            }

            var random = SeededRandom.For(seed, step, slot);
            view.Apply(images[chosen[slot]], ref random, target);
        });
        using var flat = torch.tensor(pixels, torch.uint8, torch.CPU);
        var numbers = torch.tensor(Array.ConvertAll(chosen, item => labels[item]), torch.int64, torch.CPU);
        return new Batch(flat.reshape(chosen.Length, side, side, 3), numbers);
    }
}
