using System.IO.Compression;

namespace CondEmbed.WeightFiles;

/// <summary>The zip file that PyTorch saves in: a folder with <c>data.pkl</c>, the numbers under <c>data/</c>, and <c>byteorder</c>.</summary>
internal sealed class TorchArchive : IDisposable
{
    // A thousand tensors take some 150 kB.
    private const long LongestPickle = 16_000_000;
    private const string PickleName = "data.pkl";

    private readonly string path;
    private readonly ZipArchive zip;
    private readonly MemoryBudget budget;
    private readonly string prefix;
    private readonly Dictionary<string, byte[]> storages = new(StringComparer.Ordinal);

    /// <summary>Opens the archive; the caller closes the stream.</summary>
    /// <exception cref="InputException">It is not a PyTorch archive.</exception>
    internal TorchArchive(string path, Stream stream)
    {
        this.path = path;
        budget = new MemoryBudget(path, stream.Length);
        zip = Opened(path, stream);
        var pickles = zip.Entries.Where(entry => entry.Name == PickleName).ToList();
        prefix = pickles is [var one]
            ? one.FullName[..^PickleName.Length]
            : throw new InputException($"{path}: a zip file with {pickles.Count} entries '{PickleName}'; a PyTorch file has one.");
        CheckKind();
    }

    /// <summary>The pickle that says what the file holds.</summary>
    internal byte[] Pickle()
    {
        var entry = zip.GetEntry(prefix + PickleName)!;
        return entry.Length <= LongestPickle
            ? ReadAll(entry)
            : throw new InputException($"{path}: its pickle has {entry.Length} bytes; at most {LongestPickle} are read.");
    }

    /// <summary>A tensor in row-major order: a slice of its storage if it is stored that way.</summary>
    /// <exception cref="InputException">The tensors, each with its own bytes, would take more memory than weights ever do.</exception>
    internal NamedArray Read(string name, TorchTensor tensor)
    {
        var storage = tensor.Bytes == 0 ? default : Bytes(tensor.Storage);

        // A view costs nothing here, but saving or training the weights copies each one.
        budget.Take(tensor.Bytes, $"tensor '{name}'");
        return new NamedArray(name, tensor.Storage.Type, tensor.Shape, tensor.RowByRow(storage));
    }

    public void Dispose() => zip.Dispose();

    private static ZipArchive Opened(string path, Stream stream)
    {
        try
        {
            return new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        }
        catch (InvalidDataException)
        {
            throw new InputException($"{path}: cut off, or not a PyTorch file: the list of contents at the end of the zip file cannot be read. Copy or download it again.");
        }
    }

    private void CheckKind()
    {
        if (zip.GetEntry(prefix + "constants.pkl") is not null)
        {
            throw new InputException($"{path}: a TorchScript program, not weights. Save its tensors in Python: torch.save(torch.jit.load('{Path.GetFileName(path)}').state_dict(), 'weights.pth').");
        }

        if (zip.GetEntry(prefix + "byteorder") is { } order && System.Text.Encoding.ASCII.GetString(ReadAll(order)) is var name && name != "little")
        {
            throw new InputException($"{path}: was saved with the byte order '{name}'; save it again on a little-endian machine, as nearly all are.");
        }
    }

    private byte[] Bytes(TorchStorage storage)
    {
        if (!storages.TryGetValue(storage.Key, out var bytes))
        {
            var entry = zip.GetEntry($"{prefix}data/{storage.Key}")
                ?? throw new InputException($"{path}: not a valid PyTorch file: the storage '{storage.Key}' that its pickle names is missing.");
            bytes = ReadAll(entry);
            storages.Add(storage.Key, bytes);
        }

        return (Int128)storage.Count * storage.Type.Size() == bytes.Length
            ? bytes
            : throw new InputException(
                $"{path}: not a valid PyTorch file: the storage '{storage.Key}' has {bytes.Length} bytes; its pickle says {storage.Count} elements of {storage.Type}.");
    }

    private byte[] ReadAll(ZipArchiveEntry entry)
    {
        budget.Take(entry.Length, $"'{entry.FullName}'");
        var bytes = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(bytes);
        return stream.ReadByte() < 0
            ? bytes
            : throw new InputException($"{path}: '{entry.FullName}' is longer than the {entry.Length} bytes that the zip file declares.");
    }
}
