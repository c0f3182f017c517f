using CondEmbed.Search;

namespace CondEmbed.Models;

/// <summary>The trained network of an application, as its configuration describes it.</summary>
public sealed record RunServiceOptions
{
    /// <summary>A run folder, or a <c>.safetensors</c> file that a run wrote; a relative path begins in the host's content root.</summary>
    public string Run { get; init; } = "";

    /// <summary>auto, cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>For a run folder: take the best network on the validation classes instead of the last.</summary>
    public bool Best { get; init; }

    /// <summary>Batch size and threads of the embedder.</summary>
    public EmbedderOptions Embedder { get; init; } = new();
}
