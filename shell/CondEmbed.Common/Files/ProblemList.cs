namespace CondEmbed.Common;

/// <summary>Gathers what is wrong with a file, so that the user hears of it at once; of very many, the first ones and how many more there are.</summary>
internal sealed class ProblemList
{
    // A table with a wrong column is wrong on each of its lines: the first few tell why.
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
