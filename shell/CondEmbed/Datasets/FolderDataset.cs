namespace CondEmbed.Datasets;

/// <summary>
/// <c>root/CLASS/.../image</c>, with <c>train</c>, <c>validation</c>, <c>test</c>, <c>query</c> and <c>gallery</c> folders between root
/// and classes if wanted. Files that are not images are ignored with a notice; hidden ones without.
/// </summary>
public static class FolderDataset
{
    /// <summary>Opens a folder of class folders.</summary>
    /// <param name="root">The folder.</param>
    /// <exception cref="InputException">It is missing, contains no images in class folders, or mixes classes with split folders.</exception>
    public static FileDataset Open(string root)
    {
        var contents = Contents(root);
        var files = contents.Images;
        var parts = PartsOf(root);
        var items = new List<ImageItem>(files.Count);
        var stray = new List<string>();
        foreach (var file in files)
        {
            var names = file.Split('/');
            var role = (parts ? Roles.Of(names[0]) : null) ?? Role.Unassigned;
            var at = parts ? 1 : 0;
            if (names.Length < at + 2)
            {
                stray.Add(file);
            }
            else
            {
                items.Add(new ImageItem(file, names[at], role));
            }
        }

        if (stray.Count > 0)
        {
            throw new InputException(
                $"{root}: {stray.Count} of {files.Count} images are not in a class folder (first: {stray[0]}); "
                + $"put each image into {(parts ? "train/CLASS/ or test/CLASS/" : "CLASS/")}");
        }

        if (!parts)
        {
            DemandNoFolderBetween(root, files);
        }

        return Dataset(root, items, contents.Notices(root, file => file.Split('/') is var names && names.Length >= (parts ? 3 : 2) ? names[parts ? 1 : 0] : null));
    }

    /// <summary>
    /// A folder around the class folders, as many archives have, would turn everything into one class.
    /// </summary>
    private static void DemandNoFolderBetween(string root, IReadOnlyList<string> files)
    {
        string[][] folders = [.. files.Select(file => file.Split('/')[..^1])];
        var first = folders[0];
        var depth = 0;
        while (depth < first.Length && Array.TrueForAll(folders, names => names.Length > depth && names[depth] == first[depth]))
        {
            depth++;
        }

        if (depth == 0 || Array.Exists(folders, names => names.Length == depth))
        {
            return;
        }

        var number = folders.Select(names => names[depth]).Distinct(StringComparer.Ordinal).Count();
        var around = Roles.Of(first[depth - 1]) is not null ? depth - 1 : depth;
        var inner = Path.Combine([root, .. first[..around]]);
        throw new InputException(
            $"{root}: all its images are in the single folder '{string.Join('/', first[..depth])}', which contains {number} folders of images; "
            + $"as a class it would be the only one. If those are the classes, give the inner folder: {inner}");
    }

    /// <summary>Opens any folder of images for embedding: an image outside any class folder has an empty label.</summary>
    /// <param name="root">The folder.</param>
    /// <exception cref="InputException">It is missing or contains no images.</exception>
    public static FileDataset OpenUnlabelled(string root)
    {
        var contents = Contents(root);
        var parts = PartsOf(root);
        var items = contents.Images.Select(file =>
        {
            var names = file.Split('/');
            var at = parts && Roles.Of(names[0]) is not null ? 1 : 0;
            return new ImageItem(file, names.Length >= at + 2 ? names[at] : "", Role.Unassigned);
        });
        return Dataset(root, [.. items], contents.Notices(root, _ => null));
    }

    private static FileDataset Dataset(string root, List<ImageItem> items, IReadOnlyList<string> notices)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)));
        return new FileDataset(name, items, [.. items.Select(item => Path.Combine(root, item.Path))])
        {
            Kind = "class folders",
            PassedOver = notices,
        };
    }

    private static FolderContents Contents(string root)
    {
        if (!Directory.Exists(root))
        {
            throw new InputException($"{root}: no such folder");
        }

        var contents = ImageFiles.In(root);
        if (contents.Images.Count > 0)
        {
            return contents;
        }

        var there = contents.Others.Count == 0 ? "" : $"; it contains {contents.ByEnding()}";
        var convert = contents.Others.Any(ImageFiles.IsUnread) ? "; convert such images to JPEG or PNG" : "";
        throw new InputException($"{root}: no image found at any depth (looked for {string.Join(' ', ImageFiles.Extensions)}){there}{convert}");
    }

    // A class may be called 'train'; two such names next to other folders cannot be told from a split with extra folders.
    private static bool PartsOf(string root)
    {
        var folders = ImageFiles.FoldersOf(root);
        var parts = folders.Where(name => Roles.Of(name) is not null).ToList();
        if (parts.Count == folders.Count)
        {
            return parts.Count > 0;
        }

        if (parts.Count < 2)
        {
            return false;
        }

        var other = folders.First(name => Roles.Of(name) is null);
        throw new InputException(
            $"{root}: contains the split folders {string.Join(", ", parts)} next to '{other}'; move one or the other away, "
            + "so that it is clear whether the folders are classes or parts of a split");
    }
}
