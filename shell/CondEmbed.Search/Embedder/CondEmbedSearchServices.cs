using System.Diagnostics.CodeAnalysis;
using CondEmbed.Search;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Embedders and indexes for applications that are composed of services.</summary>
public static class CondEmbedSearchServices
{
    private const string Build = "; build the index with ImageIndex.BuildAsync and Save";

    /// <summary>
    /// Adds one <see cref="Embedder"/> for the whole application. The network is made when it is first asked for, and disposed of with the container. It logs to
    /// the application's log, as <c>CondEmbed</c>. That the options can be used is checked when the host starts.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="network">Makes the network.</param>
    /// <param name="options">Batch size, threads, decoder.</param>
    public static IServiceCollection AddCondEmbed(
        this IServiceCollection services, Func<IServiceProvider, IEmbeddingNetwork> network, EmbedderOptions? options = null) =>
        services.AddCondEmbed(network, options, () => []);

    /// <summary>The same, with options from a section of the configuration.</summary>
    /// <param name="services">The services.</param>
    /// <param name="network">Makes the network.</param>
    /// <param name="section">Where <see cref="EmbedderOptions"/> are: <c>BatchSize</c>, <c>Workers</c>.</param>
    [RequiresUnreferencedCode(CheckedOptions.Reflects)]
    [RequiresDynamicCode(CheckedOptions.Reflects)]
    public static IServiceCollection AddCondEmbed(this IServiceCollection services, Func<IServiceProvider, IEmbeddingNetwork> network, IConfiguration section)
    {
        services.AddChecked<EmbedderOptions>(section, (options, _) => CheckedOptions.ProblemsOf(options));
        return services.AddCondEmbed(network, provider => provider.GetRequiredService<IOptions<EmbedderOptions>>().Value);
    }

    /// <summary>
    /// Adds one <see cref="ImageIndex"/> for the whole application: that of a file, which must exist when the host starts. It is opened when it is first asked for, and must be of the network of
    /// the application's <see cref="Embedder"/>, where it has one. What is added to it stays in memory until <see cref="ImageIndex.Save"/>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="file">A file that <see cref="ImageIndex.Save"/> wrote.</param>
    public static IServiceCollection AddCondEmbedIndex(this IServiceCollection services, string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        services.AddChecked<IndexServiceOptions>((_, _) => CheckedOptions.ProblemsOfFile(nameof(file), file, remedy: Build));
        return services.AddIndex(_ => file);
    }

    /// <summary>The same, with the file named by a section of the configuration, relative to the host's content root.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">Where <see cref="IndexServiceOptions"/> are: <c>File</c>.</param>
    [RequiresUnreferencedCode(CheckedOptions.Reflects)]
    [RequiresDynamicCode(CheckedOptions.Reflects)]
    public static IServiceCollection AddCondEmbedIndex(this IServiceCollection services, IConfiguration section)
    {
        services.AddChecked<IndexServiceOptions>(section, (options, located) => CheckedOptions.ProblemsOfFile(nameof(options.File), located(options.File), remedy: Build));
        return services.AddIndex(provider => provider.Located(provider.GetRequiredService<IOptions<IndexServiceOptions>>().Value.File));
    }

    /// <summary>Adds an embedder with arguments that are checked when the host starts.</summary>
    /// <param name="services">The services.</param>
    /// <param name="network">Makes the network.</param>
    /// <param name="options">Those of the embedder.</param>
    /// <param name="problems">Finds what is wrong with the other arguments.</param>
    internal static IServiceCollection AddCondEmbed(
        this IServiceCollection services, Func<IServiceProvider, IEmbeddingNetwork> network, EmbedderOptions? options, Func<IEnumerable<(string Option, string Problem)>> problems)
    {
        var given = options ?? new EmbedderOptions();
        services.AddCondEmbed(network, _ => given).AddChecked<EmbedderOptions>((_, _) => problems().Concat(CheckedOptions.ProblemsOf(given, $"{nameof(options)}.")));
        return services;
    }

    /// <summary>Adds an embedder with options that only the container knows.</summary>
    internal static IServiceCollection AddCondEmbed(
        this IServiceCollection services, Func<IServiceProvider, IEmbeddingNetwork> network, Func<IServiceProvider, EmbedderOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(network);
        return services.AddSingleton(provider =>
        {
            var given = options(provider);
            return new Embedder(network(provider), given with { Logger = given.Logger ?? LoggerOf(provider) });
        });
    }

    private static IServiceCollection AddIndex(this IServiceCollection services, Func<IServiceProvider, string> file)
    {
        ArgumentNullException.ThrowIfNull(services);
        return services.AddSingleton(provider =>
        {
            var index = ImageIndex.Load(file(provider), provider.GetService<Embedder>()?.Fingerprint);
            LoggerOf(provider)?.LogInformation("{Count} images in the index {File}", index.Count, file(provider));
            return index;
        });
    }

    private static ILogger? LoggerOf(IServiceProvider provider) => provider.GetService<ILoggerFactory>()?.CreateLogger("CondEmbed");
}
