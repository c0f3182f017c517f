using CondEmbed.Onnx;
using CondEmbed.Search;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Exported networks for applications that are composed of services.</summary>
public static class CondEmbedOnnxServices
{
    /// <summary>
    /// Adds one <see cref="Embedder"/> for the whole application, of an exported network. It is opened when it is first asked for, and disposed of with the
    /// container.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="file">A file that <c>condembed export RUN --onnx FILE</c> wrote.</param>
    /// <param name="network">Threads and batches of the network.</param>
    /// <param name="options">Batch size, threads, decoder of the embedder.</param>
    public static IServiceCollection AddCondEmbedOnnx(
        this IServiceCollection services, string file, OnnxOptions? network = null, EmbedderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        return services.AddCondEmbed(_ => OnnxModel.Load(file, network), options);
    }
}
