using System.Text.RegularExpressions;

namespace CondEmbed.Options;

/// <summary>Collects everything that is wrong with a file of settings, to be told at once, in the order of its lines.</summary>
internal sealed partial class TomlProblems
{
    private readonly List<string> found = [];

    /// <summary>Whether anything is wrong so far.</summary>
    internal bool Any => found.Count > 0;

    internal void Add(string problem) => found.Add(problem);

    /// <summary>Notes a problem after a place, if there is one.</summary>
    internal void AddIfAny(string place, string? problem)
    {
        if (problem is not null)
        {
            found.Add(place + problem);
        }
    }

    /// <summary>What is read, or something else if that is refused, which is noted.</summary>
    internal T Of<T>(Func<T> read, T otherwise)
    {
        try
        {
            return read();
        }
        catch (InputException problem)
        {
            found.AddRange(problem.Message.Split(Environment.NewLine));
            return otherwise;
        }
    }

    /// <summary>Tells of everything that was noted.</summary>
    /// <exception cref="InputException">Everything that was noted, each problem once.</exception>
    internal void ThrowIfAny()
    {
        if (Any)
        {
            throw new InputException(found.Distinct().OrderBy(LineOf));
        }
    }

    private static int LineOf(string problem) =>
        LineNumber().Match(problem) is { Success: true } place ? int.Parse(place.Groups[1].Value, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@", line (\d+): ")]
    private static partial Regex LineNumber();
}
