using CondEmbed.Models;
using CondEmbed.Search;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Trained networks for applications that are composed of services.</summary>
public static class CondEmbedServices
{
    /// <summary>
    /// Adds one <see cref="Embedder"/> for the whole application, of the network of a run. It is loaded when it is first asked for, and disposed of with the
    /// container.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="run">A run folder, or a <c>.safetensors</c> file that a run wrote.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="best">For a run folder: take the best network on the validation classes instead of the last.</param>
    /// <param name="options">Batch size, threads, decoder.</param>
    public static IServiceCollection AddCondEmbed(
        this IServiceCollection services, string run, string device = "auto", bool best = false, EmbedderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(run);
        return services.AddCondEmbed(_ => EmbeddingModel.Load(run, device, best), options);
    }
}
