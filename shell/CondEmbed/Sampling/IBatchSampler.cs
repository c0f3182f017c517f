namespace CondEmbed.Sampling;

/// <summary>
/// Chooses the images of each batch. The batch of a step is a function of the seed and the step alone, so a resumed run needs only its step
/// number, and every batch has the same size.
/// </summary>
public interface IBatchSampler
{
    /// <summary>Images in a batch.</summary>
    int BatchSize { get; }

    /// <summary>Batches in an epoch.</summary>
    int StepsPerEpoch { get; }

    /// <summary>The items of one batch. Safe to call from several threads.</summary>
    /// <param name="step">The step, counted from 0 over all epochs.</param>
    int[] Batch(int step);
}
