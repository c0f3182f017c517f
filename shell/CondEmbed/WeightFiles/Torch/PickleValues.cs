namespace CondEmbed.WeightFiles;

/// <summary>A tuple of a pickle.</summary>
internal sealed class PickleTuple(object?[] items)
{
    internal object?[] Items { get; } = items;
}

/// <summary>A dictionary of a pickle: its pairs as they were set, of which the later holds where a key stands twice.</summary>
internal sealed class PickleDictionary
{
    internal List<KeyValuePair<object?, object?>> Pairs { get; } = [];
}

/// <summary>A class or function that a pickle names. It is a name only: there is nothing here that could be called.</summary>
internal sealed class PickleGlobal(string name)
{
    internal string Name { get; } = name;
}

/// <summary>A value that says nothing of tensors: a number of numpy's, a path, a date. What it was made of is not kept.</summary>
internal sealed class PickleData
{
    internal static readonly PickleData Value = new();

    private PickleData()
    {
    }
}

/// <summary>What a pickle asks of the program that it was made for.</summary>
internal interface IPickleHost
{
    /// <summary>A class or function by its full name.</summary>
    /// <exception cref="Common.InputException">Weights have no use for it.</exception>
    PickleGlobal Find(string name);

    /// <summary>What a call of it makes.</summary>
    /// <exception cref="Common.InputException">It cannot be called so.</exception>
    object? Call(PickleGlobal function, PickleTuple arguments);

    /// <summary>What lies outside of the pickle under an id.</summary>
    /// <exception cref="Common.InputException">There is no such thing.</exception>
    object? Load(object? id);
}
