using CondEmbed.Common;

namespace CondEmbed.WeightFiles;

/// <summary>
/// How much memory the reading of a file may take: what honest weights need, which hardly compress, and nothing near what a few bytes can be made
/// to unpack to.
/// </summary>
internal sealed class MemoryBudget(string path, long fileBytes)
{
    private const long Least = 100_000_000;
    private const int TimesFile = 16;

    private long left = checked(Least + (TimesFile * Math.Min(fileBytes, long.MaxValue / (2 * TimesFile))));

    /// <summary>Allots bytes before they are asked of the system.</summary>
    /// <exception cref="InputException">They are more than are left, or more than one array can hold.</exception>
    internal void Take(Int128 bytes, string what)
    {
        if (bytes > Array.MaxLength)
        {
            throw new InputException($"{path}: {what} takes {bytes} bytes, more than one array can hold ({Array.MaxLength}).");
        }

        if (bytes > left)
        {
            throw new InputException(
                $"{path}: {what} would take {bytes} bytes, and all together {TimesFile} times the {fileBytes} bytes of the file: no weights do that, so it is not read.");
        }

        left -= (long)bytes;
    }
}
