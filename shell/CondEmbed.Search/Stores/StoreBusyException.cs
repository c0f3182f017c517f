namespace CondEmbed.Search;

/// <summary>A store that only one may fill at a time is being filled by another. It may succeed later.</summary>
public sealed class StoreBusyException : StoreUnavailableException
{
    /// <summary>Names the store and who fills it.</summary>
    public StoreBusyException(string message)
        : base(message)
    {
    }
}
