namespace CondEmbed.Common;

/// <summary>The files at or below a folder, relative to it.</summary>
/// <param name="Images">The images that are read.</param>
/// <param name="Others">The files that are ignored.</param>
internal sealed record FolderContents(IReadOnlyList<string> Images, IReadOnlyList<string> Others)
{
    private const int Shown = 10;

    private const string Convert = "convert them to JPEG or PNG";

    /// <summary>The ignored files by ending: "2 .heic, 1 .tif"; empty if there are none.</summary>
    internal string ByEnding() => string.Join(", ", Others.CountBy(EndingOf)
        .OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal)
        .Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Value} {pair.Key}")));

    /// <summary>What users must know about ignored files; empty if there are none.</summary>
    /// <param name="folder">The folder's name, for messages.</param>
    /// <param name="classOf">The class that an image of that path belongs to; null for none.</param>
    internal IReadOnlyList<string> Notices(string folder, Func<string, string?> classOf)
    {
        // Files next to the class folders, such as a list or a licence, belong to no class; an image would.
        var passed = this with { Others = [.. Others.Where(file => classOf(file) is not null || ImageFiles.IsUnread(file))] };
        if (passed.Others.Count == 0)
            return [];
        var isImage = passed.Others.Any(ImageFiles.IsUnread);
        var files = passed.Others.Count == 1 ? "1 file" : string.Create(CultureInfo.InvariantCulture, $"{passed.Others.Count} files");
        List<string> lines = [$"{folder}: passed over {files}: {passed.ByEnding()}{(isImage ? $"; images in these formats are not supported: {Convert}" : "")}"];

        var left = Images.Select(classOf).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var lost = passed.Others.Where(ImageFiles.IsUnread).Select(classOf).OfType<string>().CountBy(name => name, StringComparer.Ordinal).ToList();
        Add("classes with fewer images as a result", lost.Where(pair => left.Contains(pair.Key)));
        Add("classes without any images, which are left out", passed.Others.Select(classOf).OfType<string>().CountBy(name => name, StringComparer.Ordinal)
            .Where(pair => !left.Contains(pair.Key)));
        return lines;

        void Add(string what, IEnumerable<KeyValuePair<string, int>> classes)
        {
            var all = classes.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToList();
            if (all.Count == 0)
                return;
            var named = all.Take(Shown).Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key} ({pair.Value} passed over)"));
            var more = all.Count > Shown ? string.Create(CultureInfo.InvariantCulture, $", and {all.Count - Shown} more") : "";
            lines.Add($"{folder}: {what}: {string.Join(", ", named)}{more}");
        }
    }

    private static string EndingOf(string file) =>
        System.IO.Path.GetExtension(file) is { Length: > 1 } ending ? ending.ToLowerInvariant() : "without an ending";
}
