namespace CondEmbed.Common;

/// <summary>
/// Something that the user gave is wrong and the user can fix it: a file, a line, an option. The message names it and the fix. Programming errors are
/// <see cref="ArgumentException"/>s instead.
/// </summary>
public class InputException : Exception
{
    /// <summary>One problem.</summary>
    public InputException(string message)
        : base(message)
    {
    }

    /// <summary>Several problems found at once, one per line.</summary>
    public InputException(IEnumerable<string> problems)
        : base(string.Join(Environment.NewLine, problems))
    {
    }
}
