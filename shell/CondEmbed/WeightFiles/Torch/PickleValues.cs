namespace CondEmbed.WeightFiles;

/// <summary>A tuple of a pickle.</summary>
internal sealed class PickleTuple(object?[] items)
{
    internal object?[] Items { get; } = items;
}

/// <summary>A dictionary of a pickle: its pairs in the order they were set; for a repeated key the later one counts.</summary>
internal sealed class PickleDictionary
{
    internal List<KeyValuePair<object?, object?>> Pairs { get; } = [];
}

/// <summary>A class or function that a pickle names. It is only a name: nothing here can be called.</summary>
internal sealed class PickleGlobal(string name)
{
    internal string Name { get; } = name;
}

/// <summary>A value unrelated to tensors: a NumPy number, a path, a date. Its content is not kept.</summary>
internal sealed class PickleData
{
    internal static readonly PickleData Value = new();

    private PickleData()
    {
    }
}

/// <summary>What a pickle requires from its host program.</summary>
internal interface IPickleHost
{
    /// <summary>A class or function by its full name.</summary>
    /// <exception cref="Common.InputException">Weights do not need it.</exception>
    PickleGlobal Find(string name);

    /// <summary>The result of calling it.</summary>
    /// <exception cref="Common.InputException">It cannot be called with these arguments.</exception>
    object? Call(PickleGlobal function, PickleTuple arguments);

    /// <summary>The object stored outside the pickle under an id.</summary>
    /// <exception cref="Common.InputException">There is no such object.</exception>
    object? Load(object? id);
}
