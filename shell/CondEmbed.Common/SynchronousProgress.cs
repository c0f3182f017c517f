namespace CondEmbed.Common;

/// <summary>Passes reports on at once, on the thread that makes them (unlike <see cref="Progress{T}"/>), and one at a time.</summary>
/// <param name="listener">Told of each report.</param>
internal sealed class SynchronousProgress<T>(Action<T> listener) : IProgress<T>
{
    private readonly Lock gate = new();

    /// <inheritdoc />
    public void Report(T value)
    {
        lock (gate)
        {
            listener(value);
        }
    }
}
