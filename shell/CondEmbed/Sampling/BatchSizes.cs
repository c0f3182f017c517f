namespace CondEmbed.Sampling;

/// <summary>The valid sizes of batches made of whole classes: they need at least two classes, since one alone has no negatives.</summary>
internal static class BatchSizes
{
    /// <summary>The smallest multiple of <paramref name="group"/> that holds two classes.</summary>
    /// <param name="group">Images that belong together: those of a class, or of one class of each category.</param>
    /// <param name="perClass">Images of a class.</param>
    internal static long Least(long group, int perClass) => group >= 2L * perClass ? group : 2 * group;

    /// <summary>What is wrong with a batch that does not divide into groups or contains only one class; null if nothing is.</summary>
    /// <param name="batch">Images in a batch.</param>
    /// <param name="group">Images that come together.</param>
    /// <param name="perClass">Images of a class.</param>
    /// <param name="what">The group in words.</param>
    internal static string? Problem(int batch, long group, int perClass, string what)
    {
        var least = Least(group, perClass);
        if (batch % group != 0)
        {
            var below = batch / group * group;
            var hint = below >= least ? $"a batch of {below} or {below + group} would be"
                : least > group ? $"two classes or more are wanted, so the least is {least}"
                : $"a batch of {least} would be";
            return $"a batch of {batch} is not a multiple of {what}; {hint}";
        }

        return batch < least ? $"a batch of {batch} with {perClass} images per class contains one class, which has no negatives; use a batch of at least {least}" : null;
    }
}
