namespace CondEmbed.Common;

/// <summary>Forwards each report immediately, on the thread that makes it (unlike <see cref="Progress{T}"/>), one at a time.</summary>
/// <param name="listener">Called with each report.</param>
internal sealed class SynchronousProgress<T>(Action<T> listener) : IProgress<T>
{
    private readonly Lock gate = new();

    public void Report(T value)
    {
        lock (gate)
        {
            listener(value);
        }
    }
}
