using CondEmbed.Torch;
using TorchSharp;

namespace CondEmbed.Runs;

/// <summary>Sets the process's number of computing threads for one training run, and restores it afterwards.</summary>
internal sealed class ProcessThreads : IDisposable
{
    private readonly int chosen;
    private readonly int ofTorch;

    /// <summary>Remembers the current number, and applies the one from the settings.</summary>
    /// <param name="threads">0 for one per core.</param>
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
