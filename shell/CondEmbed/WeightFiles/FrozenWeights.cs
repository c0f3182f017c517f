namespace CondEmbed.WeightFiles;

/// <summary>
/// The parameters of an encoder's frozen first stages, which a run never changes, in a file that runs share. It is named after the sum of what it holds, and nothing in it ever
/// changes. A file of weights without them says where they are: relative to itself, and from the root, so that either of the two may move.
/// </summary>
internal sealed class FrozenWeights
{
    private const string Near = "condembed.frozen";
    private const string Far = "condembed.frozen.path";
    private const int SumLength = 2 * SHA256.HashSizeInBytes;

    private readonly string path;
    private readonly HashSet<string> names;

    private FrozenWeights(string path, IReadOnlyList<TensorData> tensors)
    {
        this.path = path;
        names = [.. tensors.Select(tensor => tensor.Name)];
    }

    /// <summary>Sees to it that the folder has the file of a session's frozen stages; null if no folder is named, or if no first stage is frozen.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    /// <exception cref="DiskException">The disk is full or failing.</exception>
    internal static FrozenWeights? Keep(string folder, Session session)
    {
        if (folder.Length == 0 || session.TrunkWeights() is not { Count: > 0 } tensors)
        {
            return null;
        }

        var path = Path.Combine(Path.GetFullPath(folder), $"{SumOf(tensors)}.safetensors");

        if (!IsWhole(path))
        {
            AtomicFile.MakeFolder(Path.GetDirectoryName(path)!);
            TensorFiles.Write(path, tensors, [new("format", "pt")]);
        }

        return new FrozenWeights(path, tensors);
    }

    /// <summary>SHA-256 over names and bytes.</summary>
    internal static string SumOf(IReadOnlyList<TensorData> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        foreach (var tensor in tensors)
        {
            hash.AppendData(MemoryMarshal.AsBytes(tensor.Name.AsSpan()));
            hash.AppendData(tensor.Bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Writes tensors to a file: all of them, or those that are not frozen and where the others are.</summary>
    internal static void Write(string path, IReadOnlyList<TensorData> tensors, FrozenWeights? frozen, params IReadOnlyList<KeyValuePair<string, string>> metadata)
    {
        if (frozen is null)
        {
            TensorFiles.Write(path, tensors, metadata.Count == 0 ? null : metadata);
            return;
        }

        var near = Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(path))!, frozen.path).Replace('\\', '/');
        TensorFiles.Write(path, [.. tensors.Where(tensor => !frozen.names.Contains(tensor.Name))], [.. metadata, new(Near, near), new(Far, frozen.path)]);
    }

    /// <summary>What was read from a file, with the frozen parameters that are kept elsewhere.</summary>
    /// <exception cref="InputException">These are missing or damaged.</exception>
    internal static WeightFile Completed(WeightFile file)
    {
        if (file.Text(Near) is not { } near || file.Text(Far) is not { } far)
        {
            return file;
        }

        if (!IsName(near) || !IsName(far))
        {
            throw new InputException($"{file.Path}: says that the frozen stages of its encoder are in '{near}' or '{far}', and neither is the name of such a file. It is damaged, or no run wrote it.");
        }

        var beside = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file.Path))!, near));
        var path = Array.Find([beside, far], File.Exists)
            ?? throw new InputException($"{file.Path}: holds only what was trained, and the file with the frozen stages of its encoder is missing: {beside}. Copy that along with it, to the same place from where it is.");
        var kept = Safetensors.Read(path).Arrays;

        return SumOf(TensorFiles.OfArrays(kept)) == Path.GetFileNameWithoutExtension(path)
            ? file with { Arrays = [.. kept, .. file.Arrays], Notes = [.. file.Notes, $"with the frozen stages in {path}"] }
            : throw new InputException($"{path}: is damaged: its contents have changed since it was written. Restore it from a backup, or delete it: the next run with the same frozen stages writes it again.");
    }

    /// <summary>Whether a path can be that of such a file: a sum, wherever it lies. The metadata of a file from elsewhere must not have a pipe or a device opened.</summary>
    private static bool IsName(string path) =>
        !path.Contains('\0', StringComparison.Ordinal) && path.Split('/', '\\')[^1] is { Length: SumLength + 12 } name
        && name.EndsWith(".safetensors", StringComparison.Ordinal) && !name.AsSpan(0, SumLength).ContainsAnyExcept("0123456789abcdef");

    private static bool IsWhole(string path)
    {
        try
        {
            return File.Exists(path) && SumOf(TensorFiles.Read(path)) == Path.GetFileNameWithoutExtension(path);
        }
        catch (InputException)
        {
            return false;
        }
    }
}
