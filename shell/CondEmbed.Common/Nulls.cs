using System.Runtime.CompilerServices;

namespace CondEmbed.Common;

/// <summary>Arguments that are lists of things.</summary>
internal static class Nulls
{
    /// <summary>Throws if the list or one of its elements is null.</summary>
    /// <exception cref="ArgumentNullException">One is; the message says which.</exception>
    internal static void Demand<T>(IEnumerable<T> values, [CallerArgumentExpression(nameof(values))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(values, name);
        foreach (var (place, value) in values.Index())
        {
            if (value is null)
            {
                throw new ArgumentNullException(name, $"Number {place + 1} of them is null.");
            }
        }
    }
}
