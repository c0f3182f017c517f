using System.Diagnostics.CodeAnalysis;
using CondEmbed.Onnx;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Exported networks for applications that are composed of services.</summary>
public static class CondEmbedOnnxServices
{
    /// <summary>
    /// Adds one <see cref="Embedder"/> for the whole application, of an exported network. It is opened when it is first asked for, and disposed of with the
    /// container. That the file exists and the numbers can be used is checked when the host starts.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="file">A file that <c>condembed export RUN --onnx FILE</c> wrote.</param>
    /// <param name="network">Threads and batches of the network.</param>
    /// <param name="options">Batch size, threads, decoder of the embedder.</param>
    public static IServiceCollection AddCondEmbedOnnx(
        this IServiceCollection services, string file, OnnxOptions? network = null, EmbedderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        return services.AddCondEmbed(
            _ => OnnxModel.Load(file, network), options, () => ProblemsOf(nameof(file), file, $"{nameof(network)}.", network ?? new OnnxOptions()));
    }

    /// <summary>The same, as a section of the configuration describes it.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">Where <see cref="OnnxServiceOptions"/> are: <c>File</c>, <c>Network</c>, <c>Embedder</c>.</param>
    [RequiresUnreferencedCode(CheckedOptions.Reflects)]
    [RequiresDynamicCode(CheckedOptions.Reflects)]
    public static IServiceCollection AddCondEmbedOnnx(this IServiceCollection services, IConfiguration section)
    {
        services.AddChecked<OnnxServiceOptions>(section, (options, located) =>
            [
                .. ProblemsOf(nameof(options.File), located(options.File), $"{nameof(options.Network)}:", options.Network),
                .. CheckedOptions.ProblemsOf(options.Embedder, $"{nameof(options.Embedder)}:"),
            ]);
        return services.AddCondEmbed(
            provider => OnnxModel.Load(provider.Located(Of(provider).File), Of(provider).Network),
            provider => Of(provider).Embedder);

        static OnnxServiceOptions Of(IServiceProvider provider) => provider.GetRequiredService<IOptions<OnnxServiceOptions>>().Value;
    }

    private static IEnumerable<(string Option, string Problem)> ProblemsOf(string option, string file, string prefix, OnnxOptions network) =>
        [
            .. CheckedOptions.ProblemsOfFile(option, file, remedy: $"; create it with {OnnxModel.Makers}"),
            .. CheckedOptions.ProblemsOfNumber(prefix + nameof(network.Threads), network.Threads),
            .. CheckedOptions.ProblemsOfNumber(prefix + nameof(network.BatchSize), network.BatchSize),
        ];
}
