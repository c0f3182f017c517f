namespace CondEmbed.Datasets;

/// <summary>
/// Which classes of the emoji set are for training and which are held out for test: written down in <c>emoji-split.txt</c>, one
/// <c>train CLASS</c> or <c>test CLASS</c> per line, and created once by <see cref="ByRule"/>.
/// </summary>
public static class EmojiSplit
{
    private const string SplitFile = "CondEmbed.Datasets.emoji-split.txt";

    /// <summary>The recorded split.</summary>
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

    /// <summary>
    /// The parts of scenes: a sixth of the training classes serve only as distractors (Unassigned), and a fifth of the others are for validation; the test classes are
    /// the same.
    /// </summary>
    public static IReadOnlyDictionary<string, Role> ReadForScenes()
    {
        var roles = Read();
        List<string> train = [.. roles.Where(pair => pair.Value == Role.Train).Select(pair => pair.Key)];
        var standingBy = SplitMaker.ValidationClasses(train, new SplitOptions { ValidationShare = 1.0 / 6 });
        var validation = SplitMaker.ValidationClasses([.. train.Where(label => !standingBy.Contains(label))], new SplitOptions { ValidationShare = 0.2 });
        Role RoleOf(string label, Role role) => standingBy.Contains(label) ? Role.Unassigned : validation.Contains(label) ? Role.Validation : role;
        return roles.ToDictionary(pair => pair.Key, pair => RoleOf(pair.Key, pair.Value), StringComparer.Ordinal);
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
