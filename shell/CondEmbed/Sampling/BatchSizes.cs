namespace CondEmbed.Sampling;

/// <summary>Which batches of whole classes there can be: those that hold two classes or more, for one alone has no negatives.</summary>
internal static class BatchSizes
{
    /// <summary>The smallest multiple of <paramref name="group"/> that holds two classes.</summary>
    /// <param name="group">Images that come together: those of a class, or of one class of each category.</param>
    /// <param name="perClass">Images of a class.</param>
    internal static long Least(long group, int perClass) => group >= 2L * perClass ? group : 2 * group;

    /// <summary>What is wrong with a batch that does not divide into groups, or holds one class; null for nothing.</summary>
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
            var hint = below >= least ? $"{below} or {below + group}" : $"{Math.Max(least, below + group)}";
            return $"a batch of {batch} is no multiple of {what}; a batch of {hint} would be";
        }

        return batch < least ? $"a batch of {batch} with {perClass} images a class holds one class, which has no negatives; take a batch of at least {least}" : null;
    }
}
