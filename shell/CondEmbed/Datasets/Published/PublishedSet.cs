namespace CondEmbed.Datasets;

/// <summary>A part of a published set and its size.</summary>
internal sealed record PublishedPart(string Name, Role Role, int Images, int Classes);

/// <summary>A set that papers compare on: its name, where its split comes from, and its published counts.</summary>
internal sealed record PublishedSet(string Name, string RoleSource, params IReadOnlyList<PublishedPart> Parts)
{
    /// <summary>The K of Recall@K at which papers give results on the set; null for 1, 2, 4, 8.</summary>
    internal IReadOnlyList<int>? RecallAt { get; init; }

    /// <summary>The error for a set that lacks a list without which the others are useless.</summary>
    internal InputException Without(string root, string list) =>
        new($"{root}: {Name}, but its list {list} is missing. Put it back; or, if the images are in class folders, use {Wording.Setting("layout", "folder")}.");

    /// <summary>The set in a folder, once it is known to be complete or need not be.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="listed">All images that the lists name, with paths relative to the folder.</param>
    /// <param name="options">Whether files may be missing.</param>
    /// <param name="others">What else the loader found missing.</param>
    /// <exception cref="InputException">Images are missing or counts differ, and that is not allowed; or everything is missing.</exception>
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
                $"{root}: {Name} is incomplete:",
                .. problems.Select(problem => "  " + problem),
                $"Put back what is missing, or continue with what is there: {Wording.Setting("allow_subset")}. Every result is then marked as measured on a subset.",
            ]);
        }

        if (there.Count == 0)
        {
            throw new InputException([$"{root}: looks like {Name}, but all of it is missing:", .. problems.Select(problem => "  " + problem)]);
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
                + $"the published set has {Readable.Count(part.Images)} of {Readable.Count(part.Classes)}";
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
