namespace CondEmbed.WeightFiles;

/// <summary>
/// How much memory reading a file may take: enough for real weights, which hardly compress, but far less than what a few malicious bytes could
/// expand to.
/// </summary>
internal sealed class MemoryBudget(string path, long fileBytes)
{
    private const long Least = 100_000_000;
    private const int TimesFile = 16;

    private long left = checked(Least + (TimesFile * Math.Min(fileBytes, long.MaxValue / (2 * TimesFile))));

    /// <summary>Reserves bytes before they are allocated.</summary>
    /// <exception cref="InputException">They exceed the remaining budget or the maximum array size.</exception>
    internal void Take(Int128 bytes, string what)
    {
        if (bytes > Array.MaxLength)
        {
            throw new InputException($"{path}: {what} takes {bytes} bytes, more than one array can hold ({Array.MaxLength}).");
        }

        if (bytes > left)
        {
            throw new InputException(
                $"{path}: {what} would take {bytes} bytes, and all arrays together {TimesFile} times the {fileBytes} bytes of the file, which weights never do, so it is not read.");
        }

        left -= (long)bytes;
    }
}
