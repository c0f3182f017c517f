using CondEmbed.Search;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Embedders and indexes for applications that are composed of services.</summary>
public static class CondEmbedSearchServices
{
    /// <summary>
    /// Adds one <see cref="Embedder"/> for the whole application. The network is made when it is first asked for, and disposed of with the container.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="network">Makes the network.</param>
    /// <param name="options">Batch size, threads, decoder.</param>
    public static IServiceCollection AddCondEmbed(
        this IServiceCollection services, Func<IServiceProvider, IEmbeddingNetwork> network, EmbedderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(network);
        return services.AddSingleton(provider => new Embedder(network(provider), options));
    }

    /// <summary>
    /// Adds one <see cref="ImageIndex"/> for the whole application: that of a file, which is opened when it is first asked for, and must be of the network of
    /// the application's <see cref="Embedder"/>, where it has one. What is added to it stays in memory until <see cref="ImageIndex.Save"/>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="file">A file that <see cref="ImageIndex.Save"/> wrote.</param>
    public static IServiceCollection AddCondEmbedIndex(this IServiceCollection services, string file)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(file);
        return services.AddSingleton(provider => ImageIndex.Load(file, provider.GetService<Embedder>()?.Fingerprint));
    }
}
