namespace CondEmbed.Common;

/// <summary>Suggestions for misspelt names.</summary>
internal static class NearestName
{
    /// <summary>Words to append to an error about a wrong name: <c> (did you mean 'x'?)</c>, or nothing where none is near.</summary>
    internal static string Hint(IEnumerable<string> names, string wrong)
    {
        var written = wrong.ToLowerInvariant();
        var (best, distance) = names.Select(name => (name, Distance(written, name.ToLowerInvariant()))).DefaultIfEmpty(("", int.MaxValue)).MinBy(one => one.Item2);
        return IsNear(wrong, distance) ? $" (did you mean '{best}'?)" : "";
    }

    /// <summary>Whether so many letters that change leave a name recognisable: two, or a third of a long one, and never more than half.</summary>
    internal static bool IsNear(string wrong, int distance) => distance <= Math.Max(2, wrong.Length / 3) && 2 * distance <= wrong.Length;

    /// <summary>How many letters must change to turn one word into the other (Levenshtein).</summary>
    internal static int Distance(string word, string other)
    {
        int[] row = [.. Enumerable.Range(0, other.Length + 1)];
        for (var i = 0; i < word.Length; i++)
        {
            var (left, above) = (i + 1, row[0]);
            row[0] = left;
            for (var j = 0; j < other.Length; j++)
            {
                left = Math.Min(Math.Min(left, row[j + 1]) + 1, above + (word[i] == other[j] ? 0 : 1));
                (above, row[j + 1]) = (row[j + 1], left);
            }
        }

        return row[^1];
    }
}
