namespace CondEmbed.Search;

/// <content>Saving and loading.</content>
public sealed partial class ImageIndex
{
    /// <summary>Writes the index as one file, atomically. Removed images are not in it.</summary>
    /// <param name="path">The file; its folder must exist. On Windows, no index may be loaded from it.</param>
    /// <exception cref="InputException">It cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _ = Reading(() =>
        {
            IndexWriter.Write(path, rows, [.. Kept()], Fingerprint, HasCodes);
            return true;
        });
    }

    /// <summary>
    /// Whether the files that <see cref="Save"/> writes also hold the embeddings in eight bits a number; for an index from a file at first as it was there. Such a file is
    /// larger by a quarter. Searches in it read that quarter, and the embeddings themselves only of images that can be among those asked for: what they find is the same, and
    /// a query alone takes about a third of the time.
    /// </summary>
    public bool HasCodes { get; set; }

    /// <summary>Opens an index to search it with an embedder, whose network must be the one that the index was built with; see <see cref="Load(string, string?, bool)"/>.</summary>
    /// <exception cref="InputException">The file is not an index, is damaged, or belongs to another network.</exception>
    public static ImageIndex Load(string path, Embedder embedder, bool check = false)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        return Load(path, embedder.Fingerprint, check);
    }

    /// <summary>
    /// Opens an index. Its ids and labels are read once and compared with what was written; the embeddings are read when a search first needs them, and kept up to half
    /// of the memory that the process may have. Another index file may take its name meanwhile, as <see cref="Save"/> does it: this index keeps using what it opened.
    /// If another program truncates or overwrites the file, later calls may throw an <see cref="InputException"/> or find what it has written, but nothing worse.
    /// Without a fingerprint it cannot be checked which network a query comes from: any query of <see cref="Dimension"/> numbers is then searched for, and by another network finds images at
    /// random. <see cref="Load(string, Embedder, bool)"/> checks it.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="fingerprint">The fingerprint of the network whose embeddings will be searched for; null to skip this check.</param>
    /// <param name="check">Also reads all embeddings, and compares them with what was written.</param>
    /// <exception cref="InputException">The file is not an index, is damaged, or belongs to another network.</exception>
    public static ImageIndex Load(string path, string? fingerprint = null, bool check = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = IndexFile.Open(path);
        try
        {
            if (fingerprint is not null && fingerprint != file.Fingerprint)
            {
                throw new InputException(
                    $"{path}: the index was built with another network ({Short(file.Fingerprint)}) than the one that is to search it ({Short(fingerprint)}). Rebuild it with this one.");
            }

            file.CheckTexts();
            if (check)
            {
                file.CheckEmbeddings();
            }

            return new ImageIndex(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static string Short(string fingerprint) => fingerprint.Length switch
    {
        0 => "no fingerprint",
        > 12 => fingerprint[..12] + "\u2026",
        _ => fingerprint,
    };
}
