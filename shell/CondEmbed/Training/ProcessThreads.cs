using CondEmbed.Torch;
using TorchSharp;

namespace CondEmbed.Training;

/// <summary>How many threads the process computes with: what a training takes from its settings ends with it.</summary>
internal sealed class ProcessThreads : IDisposable
{
    private readonly int chosen;
    private readonly int ofTorch;

    /// <summary>Remembers what there is, and takes up the number of some settings.</summary>
    /// <param name="threads">0 for one a core.</param>
    internal ProcessThreads(int threads)
    {
        Native.ensure();
        chosen = ComputeThreads.Chosen;
        ofTorch = torch.get_num_threads();
        Native.useThreads(threads);
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
