namespace CondEmbed.Search;

/// <content>Building from images.</content>
public sealed partial class ImageIndex
{
    /// <summary>
    /// Builds an index of all images in a folder and its subfolders. Ids are their paths relative to it, with '/' between names; labels the name of the folder that each
    /// lies in, empty for those directly in it.
    /// </summary>
    /// <inheritdoc cref="AddAsync(Embedder, IImageSource, Func{int, IndexItem}, Action{BadImage}?, IProgress{RunProgress}?, CancellationToken)"/>
    /// <exception cref="InputException">The folder does not exist or contains no images.</exception>
    public static Task<ImageIndex> BuildAsync(
        Embedder embedder,
        string folder,
        Action<BadImage>? skipBad = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
        {
            throw new InputException($"{folder}: no such folder. Give a folder that contains images.");
        }

        var paths = ImageFiles.Below(folder);
        return paths.Count == 0
            ? throw new InputException($"{folder}: no images ({string.Join(", ", ImageFiles.Extensions)}) in it or its subfolders.")
            : BuildAsync(embedder, [.. paths.Select(path => new IndexImage(path, Path.Combine(folder, path), FolderOf(path)))], skipBad, progress, cancellationToken);
    }

    /// <summary>An index of image files.</summary>
    /// <inheritdoc cref="AddAsync(Embedder, IImageSource, Func{int, IndexItem}, Action{BadImage}?, IProgress{RunProgress}?, CancellationToken)"/>
    public static async Task<ImageIndex> BuildAsync(
        Embedder embedder,
        IReadOnlyList<IndexImage> images,
        Action<BadImage>? skipBad = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        Nulls.Demand(images);
        var index = new ImageIndex(embedder.Dimension, embedder.Fingerprint);
        await index.AddAsync(embedder, images, skipBad, progress, cancellationToken).ConfigureAwait(false);
        return index;
    }

    /// <summary>Adds image files.</summary>
    /// <inheritdoc cref="AddAsync(Embedder, IImageSource, Func{int, IndexItem}, Action{BadImage}?, IProgress{RunProgress}?, CancellationToken)"/>
    public Task AddAsync(
        Embedder embedder,
        IReadOnlyList<IndexImage> images,
        Action<BadImage>? skipBad = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        Nulls.Demand(images);
        Nulls.Demand(images.Select(image => image.Path), nameof(images));
        // Before any is embedded, which may take hours.
        var ids = new HashSet<string>(images.Count, StringComparer.Ordinal);
        if (images.FirstOrDefault(image => !ids.Add(image.Id)) is { } second)
        {
            throw new ArgumentException($"Two images have the id '{second.Id}'; give each image an id of its own.", nameof(images));
        }

        var source = new PathSource([.. images.Select(image => image.Path)]);
        return AddAsync(embedder, source, number => new IndexItem(images[number].Id, images[number].Label), skipBad, progress, cancellationToken);
    }

    /// <summary>Adds all images of a source, such as a data set, batch after batch; each can be found as soon as its batch has been added.</summary>
    /// <param name="embedder">The network that the index is of.</param>
    /// <param name="source">The images.</param>
    /// <param name="itemOf">The id and label of each by its number.</param>
    /// <param name="skipBad">Called with each image that cannot be used, which is then left out; null throws instead.</param>
    /// <param name="progress">Called with the number of images embedded so far.</param>
    /// <param name="cancellationToken">Ends the work with an OperationCanceledException; what is added stays.</param>
    /// <exception cref="BadImageException">An image cannot be used and bad images are not skipped; what was added before it stays.</exception>
    /// <exception cref="InputException">The index belongs to another network.</exception>
    /// <exception cref="ArgumentException">An id is already in the index; what was added before it stays.</exception>
    public Task AddAsync(
        Embedder embedder,
        IImageSource source,
        Func<int, IndexItem> itemOf,
        Action<BadImage>? skipBad = null,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(itemOf);
        if (embedder.Fingerprint != Fingerprint || embedder.Dimension != Dimension)
        {
            throw new InputException(
                $"The index was built with another network ({Short(Fingerprint)}) than the one that is to embed its images ({Short(embedder.Fingerprint)}). Build a new one.");
        }

        return Embedder.OnOwnThread(
            () =>
            {
                foreach (var (numbers, embeddings) in embedder.Batches(source, skipBad, progress, cancellationToken))
                {
                    for (var i = 0; i < numbers.Length; i++)
                    {
                        Add(itemOf(numbers[i]), embeddings.AsSpan(i * Dimension, Dimension));
                    }
                }

                return true;
            },
            cancellationToken);
    }

    private static string FolderOf(string path)
    {
        var parts = path.Split('/');
        return parts.Length > 1 ? parts[^2] : "";
    }
}
