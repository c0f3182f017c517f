namespace CondEmbed.Common;

/// <summary>Collects the problems of a file, so that the user sees them all at once: the first ones, and how many more there are.</summary>
internal sealed class ProblemList
{
    // A table with a wrong column is wrong on every line; the first few tell why.
    private const int Shown = 10;

    private readonly List<string> shown = [];
    private int count;

    internal void Add(string problem)
    {
        count++;
        if (shown.Count < Shown)
        {
            shown.Add(problem);
        }
    }

    internal void ThrowIfAny()
    {
        if (count > shown.Count)
        {
            throw new InputException(shown.Append($"... and {count - shown.Count} more problems"));
        }

        if (count > 0)
        {
            throw new InputException(shown);
        }
    }
}
