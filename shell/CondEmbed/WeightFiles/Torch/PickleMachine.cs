namespace CondEmbed.WeightFiles;

/// <summary>
/// Reads a pickle: the operations of protocols 2 to 5 that PyTorch writes, on plain values. It calls nothing, makes no object of the classes
/// that a pickle names, does not recurse, and stops after a bounded number of operations; the host decides what a name means.
/// Source: Python's pickletools.py, which documents every operation.
/// </summary>
internal sealed class PickleMachine(string path, byte[] bytes, IPickleHost host)
{
    /// <summary>Some 25,000 tensors' worth.</summary>
    internal const int MostOperations = 1_000_000;

    private readonly PickleBytes input = new(path, bytes);
    private readonly List<object?> stack = [];
    private readonly List<int> marks = [];
    private readonly Dictionary<long, object?> memo = [];

    /// <summary>The value that the pickle describes.</summary>
    /// <exception cref="Common.InputException">It violates the format, takes too many operations, or asks for something that the host refuses.</exception>
    internal object? Run()
    {
        for (var operations = 0; operations < MostOperations; operations++)
        {
            var operation = input.Byte();
            if (operation == (byte)'.')
            {
                return Pop();
            }

            if (!(Constant(operation) || Memory(operation) || Containers(operation) || Objects(operation)))
            {
                throw input.Wrong(string.Create(CultureInfo.InvariantCulture, $"operation 0x{operation:x2} is not one that PyTorch writes"));
            }
        }

        throw input.Wrong($"it goes on after {MostOperations} operations");
    }

    private bool Constant(byte operation)
    {
        switch (operation)
        {
            case 0x80: // PROTO
                var protocol = input.Byte();
                return protocol is >= 2 and <= 5 ? true : throw input.Wrong($"unknown protocol {protocol}");
            case 0x95: // FRAME
                _ = input.Length(8);
                return true;
            case (byte)'N': return Push(null);
            case 0x88: return Push(true);
            case 0x89: return Push(false);
            case (byte)'J': return Push((long)input.Int32());
            case (byte)'K': return Push((long)input.Byte());
            case (byte)'M': return Push((long)input.UInt16());
            case 0x8a: return Push(input.Whole(input.Length(1))); // LONG1
            case 0x8b: return Push(input.Whole(input.Length(4))); // LONG4
            case (byte)'G': return Push(input.Double());
            case 0x8c: return Push(input.Text(input.Length(1))); // SHORT_BINUNICODE
            case (byte)'X': return Push(input.Text(input.Length(4)));
            case 0x8d: return Push(input.Text(input.Length(8))); // BINUNICODE8
            case (byte)'U' or (byte)'C': return Push(input.Raw(input.Length(1))); // SHORT_BINSTRING, SHORT_BINBYTES
            case (byte)'T' or (byte)'B': return Push(input.Raw(input.Length(4))); // BINSTRING, BINBYTES
            case 0x8e or 0x96: return Push(input.Raw(input.Length(8))); // BINBYTES8, BYTEARRAY8
            default: return false;
        }
    }

    private bool Memory(byte operation)
    {
        switch (operation)
        {
            case (byte)'q': memo[input.Byte()] = Peek(); return true; // BINPUT
            case (byte)'r': memo[input.Length(4)] = Peek(); return true; // LONG_BINPUT
            case 0x94: memo[memo.Count] = Peek(); return true; // MEMOIZE
            case (byte)'h': return Recall(input.Byte()); // BINGET
            case (byte)'j': return Recall(input.Length(4)); // LONG_BINGET
            case (byte)'0': _ = Pop(); return true;
            case (byte)'1': _ = PopToMark(); return true;
            case (byte)'2': return Push(Peek());
            case (byte)'(': marks.Add(stack.Count); return true;
            default: return false;
        }
    }

    private bool Containers(byte operation)
    {
        switch (operation)
        {
            case (byte)'}': return Push(new PickleDictionary());
            case (byte)']' or 0x8f: return Push(new List<object?>()); // EMPTY_LIST, EMPTY_SET
            case (byte)')': return Push(new PickleTuple([]));
            case 0x85 or 0x86 or 0x87: return Push(new PickleTuple(PopSome(operation - 0x84))); // TUPLE1 to TUPLE3
            case (byte)'t': return Push(new PickleTuple(PopToMark()));
            case (byte)'l' or 0x91: return Push(new List<object?>(PopToMark())); // LIST, FROZENSET
            case (byte)'a': return Extend(PopSome(1)); // APPEND
            case (byte)'e' or 0x90: return Extend(PopToMark()); // APPENDS, ADDITEMS
            case (byte)'s': return Set(PopSome(2)); // SETITEM
            case (byte)'u': return Set(PopToMark()); // SETITEMS
            default: return false;
        }
    }

    private bool Objects(byte operation)
    {
        switch (operation)
        {
            case (byte)'c': // GLOBAL
                return Push(host.Find($"{input.Line()}.{input.Line()}"));
            case 0x93: // STACK_GLOBAL
                var names = PopSome(2);
                return Push(host.Find($"{names[0] as string}.{names[1] as string}"));
            case (byte)'R' or 0x81: // REDUCE, NEWOBJ
                var call = PopSome(2);
                return call is [PickleGlobal function, PickleTuple arguments]
                    ? Push(host.Call(function, arguments))
                    : throw input.Wrong("it calls something that is not a function");
            case (byte)'b': // BUILD: attributes, as the versions of a state_dict's modules, say nothing of tensors.
                _ = Pop();
                return Peek() is PickleDictionary or PickleData ? true : throw input.Wrong("it sets attributes on something that has none");
            case (byte)'Q': // BINPERSID
                return Push(host.Load(Pop()));
            default: return false;
        }
    }

    private bool Push(object? value)
    {
        stack.Add(value);
        return true;
    }

    private bool Recall(long place) => memo.TryGetValue(place, out var value) ? Push(value) : throw input.Wrong($"there is nothing to recall under {place}");

    private bool Extend(object?[] items)
    {
        var list = Peek() as List<object?> ?? throw input.Wrong("it appends to something that is not a list");
        list.AddRange(items);
        return true;
    }

    private bool Set(object?[] items)
    {
        var dictionary = Peek() as PickleDictionary ?? throw input.Wrong("it sets a key on something that is not a dictionary");
        if (items.Length % 2 != 0)
        {
            throw input.Wrong("a key has no value");
        }

        foreach (var pair in items.Chunk(2))
        {
            dictionary.Pairs.Add(new(pair[0], pair[1]));
        }

        return true;
    }

    private int Floor => marks.Count == 0 ? 0 : marks[^1];

    private object? Peek() => stack.Count > Floor ? stack[^1] : throw input.Wrong("it pops an empty stack");

    private object? Pop() => PopSome(1)[0];

    private object?[] PopSome(int count)
    {
        var from = stack.Count - count;
        return from >= Floor ? PopFrom(from) : throw input.Wrong("it pops an empty stack");
    }

    private object?[] PopToMark()
    {
        if (marks.Count == 0)
        {
            throw input.Wrong("it has no mark");
        }

        var from = marks[^1];
        marks.RemoveAt(marks.Count - 1);
        return PopFrom(from);
    }

    private object?[] PopFrom(int from)
    {
        object?[] items = [.. stack[from..]];
        stack.RemoveRange(from, items.Length);
        return items;
    }
}
