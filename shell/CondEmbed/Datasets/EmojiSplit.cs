namespace CondEmbed.Datasets;

/// <summary>
/// Which classes of the emoji set are for training and which are held out for test: written down in <c>emoji-split.txt</c>, one
/// <c>train CLASS</c> or <c>test CLASS</c> a line, and made once by <see cref="ByRule"/>.
/// </summary>
public static class EmojiSplit
{
    private const string SplitFile = "CondEmbed.Datasets.emoji-split.txt";

    /// <summary>The split that is written down.</summary>
    public static IReadOnlyDictionary<string, Role> Read()
    {
        using var reader = new StreamReader(EmbeddedFile.Open(SplitFile));
        var roles = new Dictionary<string, Role>(StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            var words = line.Split(' ');
            roles.Add(words[1], words[0] == "train" ? Role.Train : Role.Test);
        }

        return roles;
    }

    /// <summary>The same with a fifth of the training classes for validation: those that <c>validation_share = 0.2</c> would choose.</summary>
    public static IReadOnlyDictionary<string, Role> ReadWithValidation()
    {
        var roles = Read();
        var train = roles.Where(pair => pair.Value == Role.Train).Select(pair => pair.Key).ToList();
        var validation = SplitMaker.ValidationClasses(train, new SplitOptions { ValidationShare = 0.2 });
        return roles.ToDictionary(
            pair => pair.Key, pair => validation.Contains(pair.Key) ? Role.Validation : pair.Value, StringComparer.Ordinal);
    }

    /// <summary>The rule: of the classes sorted by the hash of their names, the first half trains and the second half tests.</summary>
    /// <param name="classes">The names of all classes.</param>
    public static IReadOnlyDictionary<string, Role> ByRule(IEnumerable<string> classes)
    {
        var names = ClassOrder.Hashed(classes);
        return names.Select((name, at) => (name, role: at < names.Count / 2 ? Role.Train : Role.Test))
            .ToDictionary(pair => pair.name, pair => pair.role, StringComparer.Ordinal);
    }
}
