namespace CondEmbed.Images;

/// <summary>An image that cannot be used, and why.</summary>
/// <param name="Index">Its index in the source.</param>
/// <param name="Name">Its name as people know it, mostly a path.</param>
/// <param name="Reason">What is wrong, as a clause without a full stop.</param>
public sealed record BadImage(int Index, string Name, string Reason);

/// <summary>One image cannot be read or decoded. The message is "name: reason".</summary>
/// <param name="name">The image's name as shown to people.</param>
/// <param name="reason">What is wrong with it, as a clause without a full stop.</param>
public sealed class BadImageException(string name, string reason) : InputException($"{name}: {reason}.")
{
    /// <summary>The image's name.</summary>
    public string Name { get; } = name;

    /// <summary>What is wrong with it.</summary>
    public string Reason { get; } = reason;
}
