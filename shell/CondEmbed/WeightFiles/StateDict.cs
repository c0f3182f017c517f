namespace CondEmbed.WeightFiles;

/// <summary>Finds the tensors of a network in a saved training state.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="part">The part to take: a dictionary by its key, or a prefix of its tensors' names; empty to choose by <see cref="Wrappers"/>.</param>
internal sealed class StateDict(string path, string part = "")
{
    private const int Deepest = 8;
    private const int MostValues = 1_000_000;
    private const int LongestName = 1_000;
    private const int LongestShown = 100;
    private const int MostNamed = 1_000;

    // A long key is stored once in the file, but appears in the names each time its dictionary is reached.
    private const long MostNameBytes = 64_000_000;

    // The first one present is taken. Of a teacher and its student, the teacher is used after training: Caron et al., DINO, section 3.1.
    private static readonly string[] Wrappers =
    [
        "state_dict", "model_state_dict", "model", "net", "network", "teacher", "student", "weights", "params", "trunk",
        "state_dict_ema", "model_ema", "ema", "ema_state_dict", "model_ema_state_dict", "ema_model", "ema_model_state_dict", "params_ema",
    ];

    // A network in two dictionaries, as in {"trunk": ..., "embedder": ...}: neither is taken without the other.
    private static readonly string[] Heads = ["embedder", "head"];

    private readonly Dictionary<string, TorchTensor> tensors = new(StringComparer.Ordinal);
    private readonly List<string> notes = [];
    private bool partTaken;
    private int seen;
    private long nameBytes;

    /// <summary>What was chosen of the file, in words.</summary>
    internal IReadOnlyList<string> Notes => notes;

    /// <summary>Every tensor below the wrappers, under its dotted name.</summary>
    /// <exception cref="InputException">There are none, the dictionaries are nested too deep, or names are too long.</exception>
    internal IReadOnlyDictionary<string, TorchTensor> Find(object? saved)
    {
        var root = saved as PickleDictionary
            ?? throw new InputException($"{path}: contains no dictionary of tensors. Save one in Python: torch.save(model.state_dict(), 'weights.pth').");
        Gather("", Unwrap(root), 0);
        return tensors.Count > 0
            ? part.Length == 0 || partTaken ? tensors : Below(root)
            : throw new InputException($"{path}: contains no tensors, only {NamesOf(root)}. Save them in Python: torch.save(model.state_dict(), 'weights.pth').");
    }

    private PickleDictionary Unwrap(PickleDictionary dictionary)
    {
        for (var depth = 0; depth < Deepest; depth++)
        {
            string[] sought = part.Length == 0 || partTaken ? Wrappers : [part, .. Wrappers];
            List<(string Name, PickleDictionary? Value)> inner = [.. sought.Select(name => (name, Last(dictionary, name))).Where(found => found.Item2 is not null)];
            if (inner is not [(var taken, { } next), .. var alike] || (taken != part && Array.Exists(Heads, head => Last(dictionary, head) is not null)))
            {
                return dictionary;
            }

            var others = new PickleDictionary();
            others.Pairs.AddRange(dictionary.Pairs.Where(pair => pair.Key as string != taken));
            notes.Add(others.Pairs.Count == 0 ? $"took '{taken}'" : $"took '{taken}' and left out {NamesOf(others)}");
            notes.AddRange(alike.Select(other => $"weights_part = {other.Name} takes '{other.Name}' instead").Distinct());
            partTaken |= taken == part;
            dictionary = next;
        }

        throw TooDeep();
    }

    /// <summary>The tensors whose names begin with the part that is asked for.</summary>
    private Dictionary<string, TorchTensor> Below(PickleDictionary root)
    {
        var below = WeightFile.Below(path, tensors, pair => pair.Key, part, NamesOf(root)).ToDictionary(StringComparer.Ordinal);
        notes.Add($"took the tensors below '{part}', {below.Count} of {tensors.Count}");
        return below;
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
            // A dictionary that is shared repeatedly takes a few bytes in the file but gives any number of names.
            if (++seen > MostValues)
            {
                throw new InputException($"{path}: its dictionaries contain more than {MostValues} values, which weights never do, so they are not read.");
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
                $"{path}: the name '{Shortened(prefix + Shortened(name))}' has {length} characters, but at most {LongestName} are allowed: weights never need more, so they are not read.");
        }

        nameBytes += length * sizeof(char);
        return nameBytes <= MostNameBytes
            ? prefix + name + end
            : throw new InputException($"{path}: its names take more than {MostNameBytes} bytes in total, which weights never do, so they are not read.");
    }

    private static string TextOf(object? key) => Convert.ToString(key, CultureInfo.InvariantCulture) ?? "";

    private static string Shortened(string name) => name.Length > LongestShown ? $"{name[..LongestShown]}..." : name;

    private static string NamesOf(PickleDictionary dictionary)
    {
        // Of very many, long enough to take seconds, only the first are looked at.
        var names = dictionary.Pairs.Take(MostNamed).Select(pair => $"'{Shortened(TextOf(pair.Key))}'").Distinct().ToList();
        return names.Count > 8 ? $"{string.Join(", ", names.Take(8))} and {names.Count - 8 + Math.Max(0, dictionary.Pairs.Count - MostNamed)} more" : string.Join(", ", names);
    }

    private InputException TooDeep() => new($"{path}: its dictionaries are nested more than {Deepest} deep, which weights never are, so they are not read.");
}
