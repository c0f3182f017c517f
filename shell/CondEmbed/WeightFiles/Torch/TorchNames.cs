namespace CondEmbed.WeightFiles;

/// <summary>The few names in PyTorch pickles that are supported. All others are refused by name.</summary>
internal sealed class TorchNames(string path) : IPickleHost
{
    private const string OrderedDictionary = "collections.OrderedDict";
    private const string DefaultDictionary = "collections.defaultdict";
    private const string Size = "torch.Size";
    private const string Tensor = "torch._utils._rebuild_tensor";
    private const string TensorWithHooks = "torch._utils._rebuild_tensor_v2";
    private const string Parameter = "torch._utils._rebuild_parameter";
    private const string ParameterWithState = "torch._utils._rebuild_parameter_with_state";

    private static readonly Dictionary<string, ElementType> Storages = new(StringComparer.Ordinal)
    {
        ["torch.DoubleStorage"] = ElementType.F64,
        ["torch.FloatStorage"] = ElementType.F32,
        ["torch.HalfStorage"] = ElementType.F16,
        ["torch.BFloat16Storage"] = ElementType.BF16,
        ["torch.LongStorage"] = ElementType.I64,
        ["torch.IntStorage"] = ElementType.I32,
        ["torch.ShortStorage"] = ElementType.I16,
        ["torch.CharStorage"] = ElementType.I8,
        ["torch.ByteStorage"] = ElementType.U8,
        ["torch.BoolStorage"] = ElementType.Bool,
    };

    private static readonly HashSet<string> Known = [OrderedDictionary, Size, Tensor, TensorWithHooks, Parameter, ParameterWithState, .. Storages.Keys];

    /// <summary>
    /// Plain values that are saved along with tensors: a best accuracy, options, the state of a generator. Each becomes <see cref="PickleData"/>: nothing is
    /// called, and its content is not kept.
    /// </summary>
    private static readonly HashSet<string> Data =
    [
        .. new[] { "numpy.core", "numpy._core" }.SelectMany(core => new[] { $"{core}.multiarray.scalar", $"{core}.multiarray._reconstruct", $"{core}.numeric._frombuffer" }),
        "numpy.dtype", "numpy.ndarray", "_codecs.encode", "argparse.Namespace", "datetime.datetime", "datetime.date", "datetime.timedelta", "datetime.timezone",
        .. new[] { "Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath" }.Select(name => $"pathlib.{name}"),
        .. new[] { "__builtin__", "builtins" }.SelectMany(module => new[] { "set", "frozenset", "complex", "slice", "range", "bytearray", "list", "dict", "int", "float" }.Select(name => $"{module}.{name}")),
        "collections.Counter", "collections.deque", "types.SimpleNamespace", "torch.device",
        .. new[] { "float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool" }.Select(name => $"torch.{name}"),
    ];

    // A list can be recalled from the pickle's memory any number of times, in a few bytes each; so what is made of all of them together is limited.
    private int pairsMade;

    public PickleGlobal Find(string name)
    {
        if (Known.Contains(name) || Data.Contains(name) || name == DefaultDictionary)
        {
            return new PickleGlobal(name);
        }

        if (name.StartsWith("torch.", StringComparison.Ordinal) && name.EndsWith("Storage", StringComparison.Ordinal))
        {
            throw new InputException($"{path}: contains a {name}, a number type that is not supported for weights; save the tensors as float32, float16 or bfloat16.");
        }

        throw new InputException(
            $"{path}: its pickle asks for '{name}'. Only tensors are read from such files; no Python code is ever run. "
            + "If you trust the file, save only its tensors in Python: torch.save(model.state_dict(), 'weights.pth').");
    }

    public object? Call(PickleGlobal function, PickleTuple arguments) =>
        (function.Name, arguments.Items) switch
        {
            (OrderedDictionary, []) => new PickleDictionary(),
            (OrderedDictionary, [List<object?> pairs]) => OfPairs(pairs),
            (DefaultDictionary, [] or [_]) => new PickleDictionary(),
            (Size, [PickleTuple sizes]) => sizes,
            (Tensor, [TorchStorage storage, long offset, PickleTuple shape, PickleTuple strides]) => View(storage, offset, shape, strides),
            (TensorWithHooks, [TorchStorage storage, long offset, PickleTuple shape, PickleTuple strides, _, _, ..]) =>
                View(storage, offset, shape, strides),
            (Parameter or ParameterWithState, [TorchTensor tensor, ..]) => tensor,
            _ when Data.Contains(function.Name) => PickleData.Value,
            _ => throw new InputException($"{path}: not a valid PyTorch file: its pickle calls '{function.Name}' with arguments that do not fit."),
        };

    public object? Load(object? id)
    {
        if (id is not PickleTuple { Items: ["storage", PickleGlobal kind, string key, string, long count] }
            || !Storages.TryGetValue(kind.Name, out var type)
            || count < 0)
        {
            throw new InputException($"{path}: not a valid PyTorch file: its pickle refers to something outside it that is not a storage of numbers.");
        }

        return new TorchStorage(type, key, count);
    }

    private TorchTensor View(TorchStorage storage, long offset, PickleTuple shape, PickleTuple strides)
    {
        var tensor = new TorchTensor(storage, offset, Numbers(shape), Numbers(strides));
        return tensor.Problem() is { } problem
            ? throw new InputException($"{path}: not a valid PyTorch file: a tensor of storage {storage.Key} has {problem}.")
            : tensor;
    }

    private long[] Numbers(PickleTuple tuple) =>
        [.. tuple.Items.Select(item => item is long number
            ? number
            : throw new InputException($"{path}: not a valid PyTorch file: a tensor's size is not a whole number."))];

    private PickleDictionary OfPairs(List<object?> pairs)
    {
        pairsMade += Math.Min(pairs.Count, PickleMachine.MostOperations);
        if (pairsMade > PickleMachine.MostOperations)
        {
            throw new InputException($"{path}: its dictionaries are built from more than {PickleMachine.MostOperations} pairs, which weights never have, so they are not read.");
        }

        var dictionary = new PickleDictionary();
        foreach (var pair in pairs)
        {
            dictionary.Pairs.Add(pair switch
            {
                PickleTuple { Items: [var key, var value] } => new(key, value),
                List<object?> and [var key, var value] => new(key, value),
                _ => throw new InputException($"{path}: not a valid PyTorch file: a dictionary is built from something other than pairs."),
            });
        }

        return dictionary;
    }
}
