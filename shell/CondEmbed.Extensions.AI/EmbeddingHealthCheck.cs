using CondEmbed.Images;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CondEmbed.Extensions.AI;

/// <summary>Embeds one grey image, and opens the index where the application has one.</summary>
internal sealed class EmbeddingHealthCheck(IServiceProvider provider) : IHealthCheck
{
    private static readonly Rgb Grey = new(128, 128, 128);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            // A service that cannot be made is the finding, so it is asked for only here.
            var embedder = CondEmbedExtensionsServices.EmbedderOf(provider);
            var side = embedder.View.Crop;
            var embedding = await embedder.EmbedAsync(new RgbImage(side, side, Grey), cancellationToken).ConfigureAwait(false);
            var data = new Dictionary<string, object> { ["dimension"] = embedding.Length, ["fingerprint"] = embedder.Fingerprint };
            if (provider.GetService<ImageIndex>() is { } index)
            {
                data["images"] = index.Count;
            }

            return HealthCheckResult.Healthy("one image was embedded", data);
        }
        catch (Exception problem) when (problem is not OperationCanceledException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, problem.Message, problem);
        }
    }
}
