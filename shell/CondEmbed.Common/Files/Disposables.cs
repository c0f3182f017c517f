namespace CondEmbed.Common;

/// <summary>Things that have an owner only once the next step has succeeded.</summary>
internal static class Disposables
{
#pragma warning disable IDISP007 // Whoever calls this has made it.
    /// <summary>What is made of a thing; where that fails, the thing is disposed of.</summary>
    internal static T OrDispose<TOwned, T>(this TOwned owned, Func<TOwned, T> make)
        where TOwned : IDisposable
    {
        try
        {
            return make(owned);
        }
        catch
        {
            owned.Dispose();
            throw;
        }
    }
#pragma warning restore IDISP007

    /// <summary>The thing after its first use; where that fails, it is disposed of.</summary>
    internal static TOwned OrDispose<TOwned>(this TOwned owned, Action<TOwned> use)
        where TOwned : IDisposable =>
        owned.OrDispose(same =>
        {
            use(same);
            return same;
        });
}
