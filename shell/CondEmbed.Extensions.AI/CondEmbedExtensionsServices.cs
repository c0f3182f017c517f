using CondEmbed.Extensions.AI;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.VectorData;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>What CondEmbed adds to an application under .NET's own interfaces.</summary>
public static class CondEmbedExtensionsServices
{
    /// <summary>Adds one <see cref="VectorStore"/> for the whole application, over the embeddings of its <see cref="Embedder"/>, with which images are searched for and stored.</summary>
    /// <param name="services">The services, with an <see cref="Embedder"/>.</param>
    /// <param name="stores">An <see cref="IndexFolder"/>, or a <c>PostgresDatabase</c>.</param>
    public static IServiceCollection AddCondEmbedVectorStore(this IServiceCollection services, Func<IServiceProvider, IVectorStores> stores)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(stores);
        return services.AddSingleton<VectorStore>(provider => new ImageVectorStore(stores(provider), EmbedderOf(provider)));
    }

    /// <summary>Adds a health check that embeds one grey image with the application's <see cref="Embedder"/>, and opens its <see cref="ImageIndex"/> where it has one.</summary>
    /// <param name="checks">The health checks.</param>
    /// <param name="name">The check's name.</param>
    /// <param name="failureStatus">What it reports when it fails; null for unhealthy.</param>
    /// <param name="tags">Tags by which checks can be chosen.</param>
    public static IHealthChecksBuilder AddCondEmbed(
        this IHealthChecksBuilder checks, string name = "condembed", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        return checks.Add(new HealthCheckRegistration(name, provider => new EmbeddingHealthCheck(provider), failureStatus, tags));
    }

    /// <summary>The application's embedder.</summary>
    /// <exception cref="InvalidOperationException">It has none; the message says what adds one.</exception>
    internal static Embedder EmbedderOf(IServiceProvider provider) =>
        provider.GetService<Embedder>() ?? throw new InvalidOperationException(
            "There is no Embedder among the services. Add one: services.AddCondEmbedOnnx(file) of the package CondEmbed.Onnx, or services.AddCondEmbed(run) of CondEmbed.");
}
