using System.Globalization;

namespace CondEmbed.Checkpoints;

/// <summary>Finds the tensors of a network in what a training saved.</summary>
internal sealed class StateDict(string path)
{
    private const int Deepest = 8;
    private const int MostValues = 1_000_000;
    private const int LongestName = 1_000;
    private const int LongestShown = 100;

    // A long key is in the file once, and in the names as often as a dictionary of it is met.
    private const long MostNameBytes = 64_000_000;

    // Of a teacher and its student, the teacher is what is used after training: Caron et al., DINO, section 3.1.
    private static readonly string[] Wrappers = ["state_dict", "model_state_dict", "model", "teacher", "student"];

    private readonly Dictionary<string, TorchTensor> tensors = new(StringComparer.Ordinal);
    private readonly List<string> notes = [];
    private int seen;
    private long nameBytes;

    /// <summary>What was chosen of the file, in words.</summary>
    internal IReadOnlyList<string> Notes => notes;

    /// <summary>Every tensor below the wrappers, under its dotted name.</summary>
    /// <exception cref="InputException">There is none, the dictionaries lie too deep within each other, or names are too long.</exception>
    internal IReadOnlyDictionary<string, TorchTensor> Find(object? saved)
    {
        var root = saved as PickleDictionary
            ?? throw new InputException($"{path}: holds no dictionary of tensors. Save one in Python: torch.save(model.state_dict(), 'weights.pth').");
        Gather("", Unwrap(root), 0);
        return tensors.Count > 0
            ? tensors
            : throw new InputException($"{path}: holds no tensors, only {NamesOf(root)}. Save them in Python: torch.save(model.state_dict(), 'weights.pth').");
    }

    private PickleDictionary Unwrap(PickleDictionary dictionary)
    {
        for (var depth = 0; depth < Deepest; depth++)
        {
            var inner = Wrappers.Select(name => (Name: name, Value: Last(dictionary, name))).FirstOrDefault(found => found.Value is not null);
            if (inner.Value is null)
            {
                return dictionary;
            }

            var others = new PickleDictionary();
            others.Pairs.AddRange(dictionary.Pairs.Where(pair => pair.Key as string != inner.Name));
            notes.Add(others.Pairs.Count == 0 ? $"took '{inner.Name}'" : $"took '{inner.Name}' and left out {NamesOf(others)}");
            dictionary = inner.Value;
        }

        throw TooDeep();
    }

    private static PickleDictionary? Last(PickleDictionary dictionary, string name) =>
        dictionary.Pairs.FindLast(pair => pair.Key as string == name).Value as PickleDictionary;

    private void Gather(string prefix, PickleDictionary dictionary, int depth)
    {
        if (depth > Deepest)
        {
            throw TooDeep();
        }

        foreach (var (key, value) in dictionary.Pairs)
        {
            // A dictionary that is shared, again and again, is a few bytes of the file and any number of names.
            if (++seen > MostValues)
            {
                throw new InputException($"{path}: its dictionaries hold more than {MostValues} values: no weights do that, so they are not read.");
            }

            if (value is TorchTensor tensor)
            {
                tensors[Join(prefix, key, "")] = tensor;
            }
            else if (value is PickleDictionary inner)
            {
                Gather(Join(prefix, key, "."), inner, depth + 1);
            }
        }
    }

    private string Join(string prefix, object? key, string end)
    {
        var name = TextOf(key);
        var length = (long)prefix.Length + name.Length + end.Length;
        if (length > LongestName)
        {
            throw new InputException(
                $"{path}: the name '{Shortened(prefix + Shortened(name))}' has {length} characters, and {LongestName} are allowed: no weights need more, so they are not read.");
        }

        nameBytes += length * sizeof(char);
        return nameBytes <= MostNameBytes
            ? prefix + name + end
            : throw new InputException($"{path}: its names take more than {MostNameBytes} bytes in all: no weights do that, so they are not read.");
    }

    private static string TextOf(object? key) => Convert.ToString(key, CultureInfo.InvariantCulture) ?? "";

    private static string Shortened(string name) => name.Length > LongestShown ? $"{name[..LongestShown]}..." : name;

    private static string NamesOf(PickleDictionary dictionary)
    {
        var names = dictionary.Pairs.Select(pair => $"'{Shortened(TextOf(pair.Key))}'").Distinct().ToList();
        return names.Count > 8 ? $"{string.Join(", ", names.Take(8))} and {names.Count - 8} more" : string.Join(", ", names);
    }

    private InputException TooDeep() => new($"{path}: its dictionaries lie more than {Deepest} deep within each other: no weights do that, so they are not read.");
}
