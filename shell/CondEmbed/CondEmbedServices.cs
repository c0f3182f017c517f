using CondEmbed.Models;
using CondEmbed.Search;
using CondEmbed.Torch;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Trained networks for applications that are composed of services.</summary>
public static class CondEmbedServices
{
    /// <summary>
    /// Adds one <see cref="Embedder"/> for the whole application, of the network of a run. It is loaded when it is first asked for, and disposed of with the
    /// container. That the run exists and the other arguments can be used is checked when the host starts.
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
        return services.AddCondEmbed(_ => EmbeddingModel.Load(run, device, best), options, () => ProblemsOf(nameof(run), run, nameof(device), device));
    }

    /// <summary>The same, as a section of the configuration describes it.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">Where <see cref="RunServiceOptions"/> are: <c>Run</c>, <c>Device</c>, <c>Best</c>, <c>Embedder</c>.</param>
    public static IServiceCollection AddCondEmbed(this IServiceCollection services, IConfiguration section)
    {
        services.AddChecked<RunServiceOptions>(section, (options, located) =>
            [
                .. ProblemsOf(nameof(options.Run), located(options.Run), nameof(options.Device), options.Device),
                .. CheckedOptions.ProblemsOf(options.Embedder, $"{nameof(options.Embedder)}:"),
            ]);
        return services.AddCondEmbed(
            provider =>
            {
                var options = Of(provider);
                return EmbeddingModel.Load(provider.Located(options.Run), options.Device, options.Best);
            },
            provider => Of(provider).Embedder);

        static RunServiceOptions Of(IServiceProvider provider) => provider.GetRequiredService<IOptions<RunServiceOptions>>().Value;
    }

    /// <summary>Which devices this machine has is known when torch is loaded; here only words are refused that name none anywhere.</summary>
    private static IEnumerable<(string Option, string Problem)> ProblemsOf(string runOption, string run, string deviceOption, string device)
    {
        var missing = CheckedOptions.ProblemsOfFile(runOption, run, isFolderToo: true, "; name the folder of a run, or a .safetensors file that a run wrote");
        return Device.problem(device) is { } problem ? [.. missing, (deviceOption, problem)] : missing;
    }
}
