namespace CondEmbed.Search;

/// <summary>The index files of a folder, each a store under its name without <c>.index</c>: see <see cref="IndexFileStore"/>.</summary>
/// <param name="folder">The folder, which is created with the first file.</param>
public sealed class IndexFolder(string folder) : IVectorStores
{
    /// <inheritdoc/>
    public string Name { get; } = folder ?? throw new ArgumentNullException(nameof(folder));

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> NamesAsync(CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<string>>(
            Directory.Exists(Name)
                ? [.. Directory.EnumerateFiles(Name, "*" + IndexFileStore.Extension).Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)]
                : []);

    /// <inheritdoc/>
    public Task<IVectorStore> OpenAsync(string name, CancellationToken cancellationToken = default) =>
        Task.FromResult<IVectorStore>(IndexFileStore.Open(FileOf(name)));

    /// <inheritdoc/>
    public async Task<IVectorStore> OpenOrCreateAsync(string name, StoreNetwork network, CancellationToken cancellationToken = default)
    {
        var file = FileOf(name);
        ArgumentNullException.ThrowIfNull(network);
        try
        {
            Directory.CreateDirectory(Name);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{Name}: the folder cannot be created: {problem.Message}");
        }

        return await IndexFileStore.OpenOrCreateAsync(file, network, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task RemoveAsync(string name, CancellationToken cancellationToken = default)
    {
        var file = FileOf(name);
        if (File.Exists(file))
        {
            using var filling = await FillingLock.TakeAsync(file, cancellationToken).ConfigureAwait(false);
            try
            {
                File.Delete(file);
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                throw new InputException($"{file}: cannot be removed: {problem.Message}");
            }
        }
    }

    private string FileOf(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return name.IndexOfAny(Path.GetInvalidFileNameChars()) < 0 && name.Trim('.', ' ').Length > 0
            ? Path.Combine(Name, name + IndexFileStore.Extension)
            : throw new InputException($"{Name}: '{name}' cannot be the name of a file; choose another");
    }
}
