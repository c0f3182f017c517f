namespace CondEmbed.Search;

/// <summary>
/// Embeddings of pictures under their ids, searched exactly by cosine. All members may be used on any number of threads. Searching, reading and saving go on together;
/// adding, removing and disposing wait for all of these, and these for them: so a file that is saved holds the index as it was at one moment. What was loaded from a
/// file is read when a search first needs it, and then kept up to half of the memory that the process may have: so an index may be larger than memory.
/// </summary>
public sealed partial class ImageIndex : IDisposable
{
    private readonly ReaderWriterLockSlim access = new();
    private readonly IndexFile? file;
    private readonly IndexRows rows;
    private readonly Lazy<Dictionary<string, int>> rowOf;
    private readonly HashSet<int> removed = [];
    private bool disposed;

    /// <summary>An empty index in memory.</summary>
    /// <param name="dimension">D, numbers in an embedding.</param>
    /// <param name="fingerprint">Tells which network the embeddings are of; empty where nothing is known of it.</param>
    public ImageIndex(int dimension, string fingerprint = "")
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimension);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dimension, IndexHeader.MostDimension);
        ArgumentNullException.ThrowIfNull(fingerprint);
        if (IndexHeader.ProblemOf(fingerprint) is { } problem)
        {
            throw new ArgumentException(problem, nameof(fingerprint));
        }

        (Dimension, Fingerprint) = (dimension, fingerprint);
        rows = new IndexRows(dimension);
        rowOf = new Lazy<Dictionary<string, int>>([]);
    }

    private ImageIndex(IndexFile file)
    {
        this.file = file;
        (Dimension, Fingerprint) = (file.Dimension, file.Fingerprint);
        HasCodes = file.Codes is not null;
        rows = new IndexRows(Dimension, file);
        // A program that only searches never needs it.
        rowOf = new Lazy<Dictionary<string, int>>(() => RowsById(file));
    }

    /// <summary>What is in a file, which is the index's to close from now on.</summary>
    internal static ImageIndex Over(IndexFile file) => new(file);

    /// <summary>D, numbers in an embedding.</summary>
    public int Dimension { get; }

    /// <summary>Tells which network the embeddings are of; empty where nothing is known of it.</summary>
    public string Fingerprint { get; }

    /// <summary>How many pictures can be found.</summary>
    public int Count => Reading(() => rows.Count - removed.Count);

    /// <summary>The pictures in the order of their insertion, as they are now.</summary>
    public IReadOnlyList<IndexItem> Items => Reading(() => (IReadOnlyList<IndexItem>)[.. rows.ItemsOf(Kept())]);

    /// <summary>Whether there is a picture of this id.</summary>
    public bool Contains(string id) => Reading(() => rowOf.Value.ContainsKey(id));

    /// <summary>The embedding of a picture, of length 1; null where there is no such id.</summary>
    public float[]? EmbeddingOf(string id) => Reading(() => rowOf.Value.TryGetValue(id, out var row) ? rows.EmbeddingOf(row, new float[Dimension]).ToArray() : null);

    /// <summary>Adds a picture under an id that is new.</summary>
    /// <param name="item">Its id and what comes back with it.</param>
    /// <param name="embedding">D numbers; they are kept at length 1.</param>
    /// <exception cref="ArgumentException">The id is there already (<see cref="Set"/> replaces it), or the embedding is not D finite numbers of a length above 0.</exception>
    public void Add(IndexItem item, ReadOnlySpan<float> embedding)
    {
        CheckItem(item);
        var unit = Unit(embedding, nameof(embedding));
        Writing(() =>
        {
            if (rowOf.Value.ContainsKey(item.Id))
            {
                throw new ArgumentException($"The index holds a picture with the id '{item.Id}' already; Set replaces it.", nameof(item));
            }

            rows.Add(item, unit);
            rowOf.Value.Add(item.Id, rows.Count - 1);
            return true;
        });
    }

    /// <summary>Adds a picture, in place of the one of the same id where there is one; it then comes last in the order of insertion.</summary>
    /// <param name="item">Its id and what comes back with it.</param>
    /// <param name="embedding">D numbers; they are kept at length 1.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="ArgumentException">The embedding is not D finite numbers of a length above 0.</exception>
    public bool Set(IndexItem item, ReadOnlySpan<float> embedding)
    {
        CheckItem(item);
        var unit = Unit(embedding, nameof(embedding));
        return Writing(() =>
        {
            var replaces = rowOf.Value.TryGetValue(item.Id, out var old);
            rows.Add(item, unit);
            rowOf.Value[item.Id] = rows.Count - 1;
            return replaces && removed.Add(old);
        });
    }

    /// <summary>Removes a picture, so that it is not found any more; its memory is free once the index was saved and loaded.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(string id) => Writing(() => rowOf.Value.Remove(id, out var row) && removed.Add(row));

    /// <summary>Gives the file free. Waits for the searches under way; later calls fail with an ObjectDisposedException.</summary>
    public void Dispose()
    {
        access.EnterWriteLock();
        try
        {
            if (!disposed)
            {
                disposed = true;
                file?.Dispose();
            }
        }
        finally
        {
            access.ExitWriteLock();
        }
    }

    private Dictionary<string, int> RowsById(IndexFile file)
    {
        var found = new Dictionary<string, int>(file.Count);
        foreach (var item in rows.ItemsOf(Enumerable.Range(0, file.Count)))
        {
            if (!found.TryAdd(item.Id, found.Count))
            {
                throw file.Damaged($"it holds the picture '{item.Id}' twice");
            }
        }

        return found;
    }

    private IEnumerable<int> Kept() => Enumerable.Range(0, rows.Count).Where(row => !removed.Contains(row));

    private T Reading<T>(Func<T> read)
    {
        access.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return read();
        }
        finally
        {
            access.ExitReadLock();
        }
    }

    private T Writing<T>(Func<T> write)
    {
        access.EnterWriteLock();
        try
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return write();
        }
        finally
        {
            access.ExitWriteLock();
        }
    }

    private static void CheckItem(IndexItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentException.ThrowIfNullOrEmpty(item.Id, "item.Id");
        ArgumentNullException.ThrowIfNull(item.Label, "item.Label");
    }

    private float[] Unit(ReadOnlySpan<float> embedding, string parameter)
    {
        if (embedding.Length != Dimension)
        {
            throw new ArgumentException($"The embedding has {embedding.Length} numbers; those of the index have {Dimension}.", parameter);
        }

        var unit = new float[Dimension];
        return Embeddings<float>.ScaleToUnit(embedding, unit) is > 0 and < double.PositiveInfinity
            ? unit
            : throw new ArgumentException("The embedding has no direction: its numbers are all 0, or not all finite.", parameter);
    }
}
