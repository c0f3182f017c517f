namespace CondEmbed.Search;

/// <summary>A store that only one may fill at a time is being filled by another. It may succeed later.</summary>
/// <param name="message">Names the store and who fills it.</param>
public sealed class StoreBusyException(string message) : StoreUnavailableException(message);
