using TorchSharp;

namespace CondEmbed.Training;

/// <summary>How many threads the process computes with: what a training takes from its settings ends with it.</summary>
internal sealed class ProcessThreads : IDisposable
{
    private readonly int chosen;
    private readonly int ofTorch;

    /// <summary>Remembers what there is.</summary>
    internal ProcessThreads()
    {
        Native.ensure();
        chosen = ComputeThreads.Chosen;
        ofTorch = torch.get_num_threads();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        ComputeThreads.Choose(chosen);

        if (torch.get_num_threads() != ofTorch)
        {
            torch.set_num_threads(ofTorch);
        }
    }
}
