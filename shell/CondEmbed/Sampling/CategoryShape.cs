using CondEmbed.Common;

namespace CondEmbed.Sampling;

/// <summary>The shape of a batch: some categories, equally many classes of each, and equally many images of each class.</summary>
/// <param name="Batch">Images in a batch: a multiple of the other two numbers' product.</param>
/// <param name="PerClass">Images of each class in a batch.</param>
/// <param name="Categories">Categories in a batch.</param>
internal sealed record CategoryShape(int Batch, int PerClass, int Categories)
{
    /// <summary>Classes of each category in a batch.</summary>
    internal int Classes => Batch / PerClass / Categories;

    /// <summary>Checks that the numbers divide evenly.</summary>
    /// <exception cref="InputException">They do not.</exception>
    internal void Check()
    {
        if (Batch < 1 || PerClass < 1 || Categories < 1)
        {
            throw new InputException($"a batch of {Batch} with {Categories} categories and {PerClass} images per class: all must be at least 1");
        }

        var group = (long)PerClass * Categories;
        if (BatchSizes.Problem(Batch, group, PerClass, $"{Categories} categories times {PerClass} images per class") is { } problem)
        {
            throw new InputException(problem);
        }
    }
}
