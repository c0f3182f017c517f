using CondEmbed.Common;

namespace CondEmbed.Datasets;

/// <summary>A part of a published set and how large it is.</summary>
internal sealed record PublishedPart(string Name, Role Role, int Images, int Classes);

/// <summary>A set that papers compare on: its name, where its split comes from, and the counts that it was published with.</summary>
internal sealed record PublishedSet(string Name, string RoleSource, params IReadOnlyList<PublishedPart> Parts)
{
    /// <summary>The K of Recall@K at which papers give results on the set; null for 1, 2, 4, 8.</summary>
    internal IReadOnlyList<int>? RecallAt { get; init; }

    /// <summary>The error for a set without which list nothing can be made of the others.</summary>
    internal InputException Without(string root, string list) =>
        new($"{root}: {Name}, but its list {list} is missing. Put it back. Or, if the pictures lie in class folders: {Wording.Setting("layout", "folder")}.");

    /// <summary>The set of a folder, once it is known to be whole, or need not be.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="listed">All images that the lists name, with paths relative to the folder.</param>
    /// <param name="options">Whether something may be missing.</param>
    /// <param name="others">What else the loader found missing.</param>
    /// <exception cref="InputException">Images are missing or counts differ, and that is not allowed; or nothing is there at all.</exception>
    internal FileDataset Open(string root, IReadOnlyList<ImageItem> listed, DatasetOptions options, params IEnumerable<string> others)
    {
        var placed = listed.Select(item => (Item: item, File: options.ListsOnly ? Path.Combine(root, item.Path) : ListedPath.Find(root, item.Path))).ToList();
        var missing = placed.Where(one => one.File is null).Select(one => one.Item).ToList();
        var found = placed.Where(one => one.File is not null).ToList();
        var there = found.ConvertAll(one => one.Item);
        List<string> problems = [.. others];
        if (missing.Count > 0)
        {
            problems.Add($"{Readable.Count(missing.Count)} of {Readable.Count(listed.Count)} listed images are missing (first: {missing[0].Path})");
        }

        problems.AddRange(Parts.Select(part => Difference(part, listed)).OfType<string>());
        if (problems.Count > 0 && !options.AllowSubset)
        {
            throw new InputException(
            [
                $"{root}: not the whole of {Name}:",
                .. problems.Select(problem => "  " + problem),
                $"Put back what is missing, or go on with what is there: {Wording.Setting("allow_subset")}. Every result is then marked as of a subset.",
            ]);
        }

        if (there.Count == 0)
        {
            throw new InputException([$"{root}: {Name}, but nothing of it is there:", .. problems.Select(problem => "  " + problem)]);
        }

        return new FileDataset(FolderName(root), there, [.. found.Select(one => one.File!)])
        {
            Kind = Name,
            RoleSource = RoleSource,
            Subset = problems.Count > 0 ? Subset(there) : null,
            IsPublished = true,
            RecallAt = RecallAt,
            ClipsBoxes = true,
        };
    }

    /// <summary>Whether the lists name every image of the published set.</summary>
    private static string? Difference(PublishedPart part, IReadOnlyList<ImageItem> listed)
    {
        var (images, classes) = Count(part.Role, listed);
        return images == part.Images && classes == part.Classes
            ? null
            : $"the lists name {Readable.Count(images)} {part.Name} images of {Readable.Count(classes)} classes; "
                + $"published are {Readable.Count(part.Images)} of {Readable.Count(part.Classes)}";
    }

    private static (int Images, int Classes) Count(Role role, IReadOnlyList<ImageItem> items)
    {
        var labels = items.Where(item => item.Role == role).Select(item => item.Label).ToList();
        return (labels.Count, labels.Distinct(StringComparer.Ordinal).Count());
    }

    private static string FolderName(string root) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)));

    private string Subset(IReadOnlyList<ImageItem> there)
    {
        var parts = Parts.Select(part => $"{part.Name} {Readable.Count(Count(part.Role, there).Images)} of {Readable.Count(part.Images)}");
        return $"{Readable.Count(there.Count)} of {Readable.Count(Parts.Sum(part => part.Images))} images of {Name} ({string.Join(", ", parts)})";
    }
}
