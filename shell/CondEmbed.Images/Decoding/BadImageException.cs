namespace CondEmbed.Images;

/// <summary>An image that cannot be used, and why.</summary>
/// <param name="Index">Its index in the source.</param>
/// <param name="Name">Its name as people know it, mostly a path.</param>
/// <param name="Reason">What is wrong, as a clause without a full stop.</param>
public sealed record BadImage(int Index, string Name, string Reason);

/// <summary>One image cannot be read or decoded. The message is "name: reason".</summary>
public sealed class BadImageException : InputException
{
    /// <summary>Names the image and what is wrong with it.</summary>
    /// <param name="name">The image's name as shown to people.</param>
    /// <param name="reason">A clause without a full stop.</param>
    public BadImageException(string name, string reason)
        : base($"{name}: {reason}.")
    {
        Name = name;
        Reason = reason;
    }

    /// <summary>The image's name.</summary>
    public string Name { get; }

    /// <summary>What is wrong with it.</summary>
    public string Reason { get; }
}
