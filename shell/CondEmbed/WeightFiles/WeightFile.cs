using System.Buffers.Binary;

namespace CondEmbed.WeightFiles;

/// <summary>Weights from a file of any known format: safetensors, PyTorch (<c>.pth</c>, <c>.pt</c>, <c>.bin</c>).</summary>
/// <param name="Path">The file that they were read from.</param>
/// <param name="Format">The format's name: safetensors or PyTorch.</param>
/// <param name="Arrays">The arrays, in the order of the file.</param>
/// <param name="Metadata">Free-form metadata by name; null if there is none.</param>
/// <param name="Notes">Notes on what reading chose or changed, such as which dictionary was taken.</param>
public sealed record WeightFile(
    string Path,
    string Format,
    IReadOnlyList<NamedArray> Arrays,
    IReadOnlyList<KeyValuePair<string, string>>? Metadata,
    IReadOnlyList<string> Notes)
{
    private static readonly byte[] Hdf5 = [0x89, (byte)'H', (byte)'D', (byte)'F'];

    /// <summary>One metadata value; null if it is missing.</summary>
    public string? Text(string name) => Metadata?.Where(pair => pair.Key == name).Select(pair => pair.Value).FirstOrDefault();

    /// <summary>Reads weights. The format is recognised from the content.</summary>
    /// <param name="path">The file.</param>
    /// <param name="part">
    /// Which of several networks in it to take: a dictionary of a PyTorch file by its key, as in <c>state_dict_ema</c>, or what the names of the tensors begin
    /// with, as in <c>module.encoder_k</c>; empty for what is usual.
    /// </param>
    /// <exception cref="InputException">The file cannot be read, has an unknown format, violates its format, or has no such part.</exception>
    public static WeightFile Read(string path, string part = "")
    {
        ArgumentNullException.ThrowIfNull(part);
        return Directory.Exists(path) ? throw new InputException($"{path}: is a folder; weights are read from a file.")
            : FileProblem.Telling(() => ReadFile(path, part), problem => new InputException($"{path}: cannot be read: {problem.Message}"));
    }

    /// <summary>Writes the weights as a safetensors file, atomically.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void Save(string path)
    {
        Safetensors.Write(path, Arrays, Metadata ?? [new("format", "pt"), new("source", NameOf(Path))]);
    }

    /// <summary>The arrays below a part, by name prefix.</summary>
    /// <exception cref="InputException">There are none.</exception>
    internal static IReadOnlyList<T> Below<T>(string path, IEnumerable<T> tensors, Func<T, string> nameOf, string part, string keys)
    {
        var beginning = part.EndsWith('.') ? part : part + '.';
        List<T> below = [.. tensors.Where(tensor => nameOf(tensor).StartsWith(beginning, StringComparison.Ordinal))];
        return below.Count > 0
            ? below
            : throw new InputException($"{path}: has no part '{part}': no dictionary in it has that name, and no tensor's name begins with it. It contains {keys}.");
    }

    private static WeightFile Of(WeightFile file, string part)
    {
        if (part.Length == 0)
        {
            return file;
        }

        var firsts = file.Arrays.Select(array => array.Name.Split('.')[0]).Distinct().Take(9).ToList();
        var keys = string.Join(", ", firsts.Take(8).Select(name => $"'{name}'")) + (firsts.Count > 8 ? " and more" : "");
        var below = Below(file.Path, file.Arrays, array => array.Name, part, keys);
        return file with { Arrays = below, Notes = [.. file.Notes, $"took the tensors below '{part}', {below.Count} of {file.Arrays.Count}"] };
    }

    private static string NameOf(string path) => System.IO.Path.GetFileName(path.TrimEnd('/', '\\'));

    // A short safetensors header begins with the same two bytes; its length of 8 bytes then ends in zeros.
    private static bool IsPickle(ReadOnlySpan<byte> head) => head is [0x80, >= 2 and <= 5, ..] && head.Length >= 8 && head[4..8].ContainsAnyExcept((byte)0);

    // 8 bytes of a length that the file can hold, and JSON.
    private static bool IsSafetensors(ReadOnlySpan<byte> head, long length) =>
        head.Length > 8 && head[8] == (byte)'{' && BinaryPrimitives.ReadUInt64LittleEndian(head) <= (ulong)Math.Max(0, length - 8);

    private static WeightFile ReadFile(string path, string part)
    {
        Span<byte> head = stackalloc byte[264];
        long length;
        using (var stream = File.OpenRead(path))
        {
            length = stream.CanSeek ? stream.Length : throw new InputException($"{path}: is a pipe or a device; weights are read from a file.");
            head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        }

        if (head.StartsWith("PK\u0003\u0004"u8))
        {
            return TorchFile.Read(path, part);
        }

        if (!IsSafetensors(head, length) && ProblemOf(path, head) is { } problem)
        {
            throw new InputException($"{path}: {problem}");
        }

        return Of(FrozenWeights.Completed(Safetensors.Read(path)), part);
    }

    /// <summary>What kind of file this is, if it is recognisably not weights, and what to do; null if unknown.</summary>
    private static string? ProblemOf(string path, ReadOnlySpan<byte> head)
    {
        var name = NameOf(path);
        return head switch
        {
            _ when GitLfs.IsPointer(head) => GitLfs.Reason + ".",
            _ when IsPickle(head) || (head.Length >= 262 && head[257..262].SequenceEqual("ustar"u8)) =>
                $"in PyTorch's format from before version 1.6, which is not supported. Save it again in Python: torch.save(torch.load('{name}', map_location='cpu'), 'new.pth').",
            _ when head.StartsWith(Hdf5) =>
                "in HDF5, which is not supported. Save the weights in Python as safetensors: safetensors.torch.save_file(model.state_dict(), 'new.safetensors').",
            _ when head.TrimStart(" \t\r\n"u8).StartsWith("<"u8) =>
                "a web page, not weights. The download returned a page instead of the file: open the address in a browser and download the file itself.",
            _ when head.StartsWith("GGUF"u8) => "in GGUF, which is not supported. Use the safetensors file of the same network.",
            _ when System.IO.Path.GetExtension(path).ToLowerInvariant() is ".csv" or ".jsonl" or ".parquet" or ".npy" =>
                $"a table, not weights. If it holds embeddings, {Wording.Of("Retrieval.Evaluate evaluates them", "'condembed metrics' evaluates them")}.",
            _ when IsOnnx(path) => "an ONNX network, which can only embed. Give the weights that it was made from: a .safetensors or .pth file.",
            _ when System.IO.Path.GetExtension(path) is ".pth" or ".pt" or ".bin" =>
                "not a PyTorch file: it does not begin like a zip file, as the files of torch.save do, and it is not a safetensors file either.",
            _ => null,
        };
    }

    private static bool IsOnnx(string path) => System.IO.Path.GetExtension(path).Equals(".onnx", StringComparison.OrdinalIgnoreCase);
}
