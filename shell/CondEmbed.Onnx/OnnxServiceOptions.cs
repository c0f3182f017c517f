namespace CondEmbed.Onnx;

/// <summary>The exported network of an application, as its configuration describes it.</summary>
public sealed record OnnxServiceOptions
{
    /// <summary>The network's file, as <c>condembed export RUN --onnx FILE</c> wrote it; a relative path begins in the host's content root.</summary>
    public string File { get; init; } = "";

    /// <summary>Threads and batches of the network.</summary>
    public OnnxOptions Network { get; init; } = new();

    /// <summary>Batch size and threads of the embedder.</summary>
    public EmbedderOptions Embedder { get; init; } = new();
}
