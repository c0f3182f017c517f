namespace CondEmbed.Search;

/// <summary>
/// Embeddings of images under their ids, searched exactly by cosine. All members may be used on any number of threads. Searching, reading and saving go on together;
/// adding, removing and disposing wait for all of these, and these for them: so a saved file contains the index as it was at one moment. Data loaded from a
/// file is read when a search first needs it, and then kept up to half of the memory that the process may have: so an index may be larger than memory.
/// </summary>
public sealed partial class ImageIndex : IDisposable
{
    private readonly ReaderWriterLockSlim access = new();
    private readonly IndexFile? file;
    private readonly IndexRows rows;
    private readonly Lazy<Dictionary<string, int>> rowOf;
    private readonly HashSet<int> removed = [];

    // Of these, those in memory, whose room can be used again.
    private int removedInMemory;
    private bool disposed;

    /// <summary>An empty index in memory.</summary>
    /// <param name="dimension">How many numbers an embedding has.</param>
    /// <param name="fingerprint">Identifies the network of the embeddings; empty if it is unknown.</param>
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

    /// <summary>The content of a file, which the index closes from now on.</summary>
    internal static ImageIndex Over(IndexFile file) => new(file);

    /// <summary>How many numbers an embedding has.</summary>
    public int Dimension { get; }

    /// <summary>Identifies the network of the embeddings; empty if it is unknown.</summary>
    public string Fingerprint { get; }

    /// <summary>How many images can be found.</summary>
    public int Count => Reading(() => rows.Count - removed.Count);

    /// <summary>The images in the order of their insertion, as they are now.</summary>
    public IReadOnlyList<IndexItem> Items => Reading(() => (IReadOnlyList<IndexItem>)[.. rows.ItemsOf(Kept())]);

    /// <summary>Whether there is an image with this id.</summary>
    public bool Contains(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return Reading(() => rowOf.Value.ContainsKey(id));
    }

    /// <summary>The embedding of an image, of length 1; null if there is no such id.</summary>
    public float[]? EmbeddingOf(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return Reading(() => rowOf.Value.TryGetValue(id, out var row) ? rows.EmbeddingOf(row, new float[Dimension]).ToArray() : null);
    }

    /// <summary>Adds an image under a new id.</summary>
    /// <param name="item">Its id and what comes back with it.</param>
    /// <param name="embedding">As many numbers as <see cref="Dimension"/> says; they are kept at length 1.</param>
    /// <exception cref="ArgumentException">The id is already in the index (<see cref="Set"/> replaces it), or the embedding has another number of numbers, or is not finite and of a length above 0.</exception>
    public void Add(IndexItem item, ReadOnlySpan<float> embedding)
    {
        CheckItem(item);
        var unit = Unit(embedding, nameof(embedding));
        Writing(() =>
        {
            if (rowOf.Value.ContainsKey(item.Id))
            {
                throw new ArgumentException($"The index already contains an image with the id '{item.Id}'; use Set to replace it.", nameof(item));
            }

            rows.Add(item, unit);
            rowOf.Value.Add(item.Id, rows.Count - 1);
            return true;
        });
    }

    /// <summary>Adds an image, replacing one with the same id; it then comes last in insertion order.</summary>
    /// <param name="item">Its id and what comes back with it.</param>
    /// <param name="embedding">As many numbers as <see cref="Dimension"/> says; they are kept at length 1.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="ArgumentException">The embedding has another number of numbers, or is not finite and of a length above 0.</exception>
    public bool Set(IndexItem item, ReadOnlySpan<float> embedding)
    {
        CheckItem(item);
        var unit = Unit(embedding, nameof(embedding));
        return Writing(() =>
        {
            var replaces = rowOf.Value.TryGetValue(item.Id, out var old);
            rows.Add(item, unit);
            rowOf.Value[item.Id] = rows.Count - 1;
            return replaces && Forget(old);
        });
    }

    /// <summary>
    /// Removes an image, so that it is no longer found. The memory of those that were added is used again, so that an index may change for as long as a service runs; the place of
    /// one in the file that the index was loaded from is free once the index has been saved.
    /// </summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return Writing(() => rowOf.Value.Remove(id, out var row) && Forget(row));
    }

    /// <summary>Closes the file. Waits for running searches; later calls fail with an ObjectDisposedException.</summary>
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
                throw file.Damaged($"it contains the image '{item.Id}' twice");
            }
        }

        return found;
    }

    private IEnumerable<int> Kept() => Enumerable.Range(0, rows.Count).Where(row => !removed.Contains(row));

    // Once more rows in memory are removed than stay, these move together: so a removal costs no more than an addition on average.
    private bool Forget(int row)
    {
        if (!removed.Add(row))
        {
            return false;
        }

        removedInMemory += row >= rows.InFile ? 1 : 0;
        if (removedInMemory > Math.Max(IndexRows.BlockRows, (rows.Count - rows.InFile) / 2))
        {
            rows.Keep(row => !removed.Contains(row));
            removed.RemoveWhere(row => row >= rows.InFile);
            removedInMemory = 0;
            foreach (var (place, item) in rows.ItemsOf(Enumerable.Range(rows.InFile, rows.Count - rows.InFile)).Index())
            {
                rowOf.Value[item.Id] = rows.InFile + place;
            }
        }

        return true;
    }

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

    private float[] Unit(ReadOnlySpan<float> embedding, string parameter) => GivenVector.Unit(embedding, Dimension, "index", parameter);
}
