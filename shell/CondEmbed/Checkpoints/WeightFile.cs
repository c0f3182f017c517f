namespace CondEmbed.Checkpoints;

/// <summary>Weights from a file of any known format: safetensors, PyTorch (<c>.pth</c>, <c>.pt</c>, <c>.bin</c>), a TensorFlow.js layers model.</summary>
/// <param name="Path">Where they were read.</param>
/// <param name="Format">The format's name: safetensors, PyTorch, TensorFlow.js.</param>
/// <param name="Arrays">The arrays, in the order of the file.</param>
/// <param name="Metadata">Free texts by name; null when there are none.</param>
/// <param name="Notes">What reading chose or changed, in words: which dictionary was taken, what was folded into what.</param>
public sealed record WeightFile(
    string Path,
    string Format,
    IReadOnlyList<NamedArray> Arrays,
    IReadOnlyList<KeyValuePair<string, string>>? Metadata,
    IReadOnlyList<string> Notes)
{
    private static readonly byte[] Hdf5 = [0x89, (byte)'H', (byte)'D', (byte)'F'];

    /// <summary>One text of the metadata; null when it is not there.</summary>
    public string? Text(string name) => Metadata?.Where(pair => pair.Key == name).Select(pair => pair.Value).FirstOrDefault();

    /// <summary>Reads weights. The format is told by the content; a folder is a TensorFlow.js model.</summary>
    /// <exception cref="InputException">The file cannot be read, is of no known format, or breaks it.</exception>
    public static WeightFile Read(string path)
    {
        try
        {
            return Directory.Exists(path) || System.IO.Path.GetExtension(path) == ".json" ? TensorFlowJs.Read(path) : ReadFile(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be read: {problem.Message}");
        }
    }

    /// <summary>Writes the weights as a safetensors file: under its name there is never half of it.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void Save(string path)
    {
        Safetensors.Write(path, Arrays, Metadata ?? [new("format", "pt"), new("source", NameOf(Path))]);
    }

    private static string NameOf(string path) => System.IO.Path.GetFileName(path.TrimEnd('/', '\\'));

    // A short safetensors header begins with the same two bytes; its length of 8 bytes then ends in zeros.
    private static bool IsPickle(ReadOnlySpan<byte> head) => head is [0x80, >= 2 and <= 5, ..] && head.Length >= 8 && head[4..8].ContainsAnyExcept((byte)0);

    private static WeightFile ReadFile(string path)
    {
        Span<byte> head = stackalloc byte[264];
        using (var stream = File.OpenRead(path))
        {
            head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        }

        if (head.StartsWith("PK\u0003\u0004"u8))
        {
            return TorchFile.Read(path);
        }

        var name = NameOf(path);
        if (IsPickle(head) || (head.Length >= 262 && head[257..262].SequenceEqual("ustar"u8)))
        {
            throw new InputException(
                $"{path}: in PyTorch's format of before version 1.6, which is not read. Save it anew in Python: torch.save(torch.load('{name}', map_location='cpu'), 'new.pth').");
        }

        if (head.StartsWith(Hdf5))
        {
            throw new InputException($"{path}: in HDF5, which is not read. Make a TensorFlow.js folder of it: tensorflowjs_converter --input_format keras {name} FOLDER.");
        }

        if (System.IO.Path.GetExtension(path) is ".pth" or ".pt" or ".bin")
        {
            throw new InputException($"{path}: not a PyTorch file: it does not begin like a zip file, as those that torch.save writes do.");
        }

        var file = Safetensors.Read(path);
        return new WeightFile(path, "safetensors", file.Arrays, file.Metadata, []);
    }
}
