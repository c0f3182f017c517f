namespace CondEmbed.Datasets;

/// <summary>Orders of class names that are the same on every machine.</summary>
public static class ClassOrder
{
    /// <summary>The distinct names, sorted ordinally.</summary>
    public static IReadOnlyList<string> Sorted(IEnumerable<string> names) =>
        [.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>
    /// The distinct names, sorted by the lower-case hexadecimal SHA-256 of the UTF-8 text <paramref name="salt"/> + name. Adding or
    /// removing a class moves no other class past another.
    /// </summary>
    public static IReadOnlyList<string> Hashed(IEnumerable<string> names, string salt = "") =>
        [.. names.Distinct(StringComparer.Ordinal).OrderBy(name => Hash(salt + name), StringComparer.Ordinal)];

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
