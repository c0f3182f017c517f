namespace CondEmbed.Search;

/// <summary>
/// A store cannot be used now: its server has stopped, is full or does not answer, or another program is filling it. Nothing is wrong with what was asked, and the same call
/// may succeed later. What was written before is kept.
/// </summary>
/// <param name="message">Names the store and what is in the way.</param>
public class StoreUnavailableException(string message) : InputException(message);
