using System.Text.Json.Serialization;
using CondEmbed.Search;

namespace CondEmbed.Interchange;

/// <summary>The file of one shard, as a manifest lists it.</summary>
/// <param name="Shard">Which one, from 1.</param>
/// <param name="File">The name of its file, in the folder of the manifest.</param>
/// <param name="Rows">How many embeddings it has.</param>
/// <param name="Bytes">How long it is.</param>
/// <param name="Sha256">The SHA-256 of the file, in hexadecimal digits.</param>
public sealed record ShardFile(int Shard, string File, long Rows, long Bytes, string Sha256);

/// <summary>
/// Which shards there are, with their sums, and whose embeddings of what they are. Beside the file of each shard lies a manifest of that one, written once the shard is complete; what all
/// of them say together is <c>manifest.json</c>. Whoever sees the last of them writes it, and everybody would write the same.
/// </summary>
/// <param name="Format">1.</param>
/// <param name="Network">The fingerprint of the network.</param>
/// <param name="Dimension">D, numbers in an embedding.</param>
/// <param name="Images">SHA-256 of the list of all images; see <see cref="ShardWriter"/>.</param>
/// <param name="Shards">How many shards there are in all.</param>
/// <param name="Files">Those that the manifest lists, in their order.</param>
/// <param name="Settings">The settings of the run, by their names.</param>
public sealed record ShardManifest(
    int Format, string Network, int Dimension, string Images, int Shards, IReadOnlyList<ShardFile> Files, IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>The name of the manifest of all shards.</summary>
    public const string FileName = "manifest.json";

    private const int Known = 1;

    /// <summary>Where it was read, for messages.</summary>
    [JsonIgnore]
    public string Source { get; private init; } = "";

    /// <summary>The folder of the shards.</summary>
    [JsonIgnore]
    public string Folder { get; private init; } = "";

    /// <summary>Reads a manifest: of all shards, or of one.</summary>
    /// <exception cref="InputException">It cannot be read, or is not one.</exception>
    public static ShardManifest Read(string path)
    {
        var read = JsonFile.Read<ShardManifest>(path, "a manifest of shards", "Make it again with the command that made the shards.");
        if (read.Format != Known)
        {
            throw new InputException($"{path}: is a manifest of format {read.Format}, and this version knows format {Known}");
        }

        if (read.Dimension < 1 || read.Shards is < 1 or > Shard.Most || read.Files.Any(file => file.Shard < 1 || file.Shard > read.Shards || file.File != new Shard(file.Shard, read.Shards).FileName))
        {
            throw new InputException($"{path}: lists files that are not shards of its {read.Shards}");
        }

        return read with { Source = path, Folder = Path.GetDirectoryName(Path.GetFullPath(path))! };
    }

    /// <summary>What the manifests of the single shards in a folder say together; null if there are none.</summary>
    /// <exception cref="InputException">One cannot be read, or they do not belong together.</exception>
    public static ShardManifest? InFolder(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string[] paths = [.. Directory.EnumerateFiles(folder, "part-*-of-*.json").Order(StringComparer.Ordinal)];
        if (paths.Length == 0)
        {
            return null;
        }

        ShardManifest[] all = [.. paths.Select(Read)];
        var together = all[0] with { Source = folder, Files = [.. all.SelectMany(one => one.Files).OrderBy(file => file.Shard)] };
        foreach (var one in all)
        {
            all[0].Header.DemandSame(one.Header, paths[0], $"give only shards that belong with {one.Source}, or only the others");
            if (one.Shards != all[0].Shards)
            {
                throw new InputException($"{paths[0]} is of {all[0].Shards} shards, {one.Source} of {one.Shards}; give one set of shards");
            }
        }

        var listed = together.Files.Select(file => file.File).ToHashSet(StringComparer.Ordinal);
        if (EmbeddingShards.FilesIn(folder).FirstOrDefault(file => !listed.Contains(Path.GetFileName(file))) is { } alone)
        {
            throw new InputException($"{alone}: has no {Path.GetFileName(Beside(alone))} with its sum beside it. The command that made the shard makes that, too: run it again, or copy both.");
        }

        return together;
    }

    internal ShardHeader Header => new(new StoreNetwork(Network, Dimension), new Shard(1, Shards), Images);

    /// <summary>The name of the manifest of one shard.</summary>
    internal static string Beside(string shard) => Path.ChangeExtension(shard, ".json");

    /// <summary>A file's length and sum.</summary>
    internal static (long Bytes, string Sha256) SumOf(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20);
        return (stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }

    /// <summary>Writes the manifest of one shard, once its file has its name.</summary>
    internal static void Write(string folder, ShardHeader header, long rows, (long Bytes, string Sha256) sum, IReadOnlyDictionary<string, string>? settings)
    {
        var file = new ShardFile(header.Shard.Index, header.Shard.FileName, rows, sum.Bytes, sum.Sha256);
        var one = new ShardManifest(Known, header.Network.Fingerprint, header.Network.Dimension, header.Images, header.Shard.Count, [file], settings ?? new Dictionary<string, string>());
        AtomicFile.WriteText(Path.Combine(folder, Beside(header.Shard.FileName)), one.Text);
    }

    /// <summary>Writes the manifest of all shards if all are there and belong together. Until then there is nothing to write; what does not fit together is told when it is loaded.</summary>
    internal static void Complete(string folder, int shards)
    {
        if (!Enumerable.Range(1, shards).All(index => File.Exists(Path.Combine(folder, Beside(new Shard(index, shards).FileName)))))
        {
            return;
        }

        try
        {
            var path = Path.Combine(folder, FileName);
            if (InFolder(folder) is { } all && !(File.Exists(path) && File.ReadAllText(path) == all.Text))
            {
                AtomicFile.WriteText(path, all.Text);
            }
        }
        catch (InputException)
        {
            // Another process is about to write a shard again, or somebody has mixed two sets.
        }
    }

    /// <summary>Forgets what is said of a shard that is about to be replaced.</summary>
    internal static void Forget(string folder, Shard shard)
    {
        File.Delete(Path.Combine(folder, FileName));
        File.Delete(Path.Combine(folder, Beside(shard.FileName)));
    }

    private string Text => JsonSerializer.Serialize(this, JsonStyle.Indented) + "\n";
}
