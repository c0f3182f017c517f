using CondEmbed.Datasets;
using CondEmbed.Torch;

namespace CondEmbed.Options;

/// <summary>The settings of a run.</summary>
/// <param name="Core">What the core reads of them.</param>
/// <param name="Host">What the program around it reads.</param>
public sealed record RunSettings(Config Core, HostSettings Host)
{
    /// <summary>Far from any size of an image in use.</summary>
    private const int LargestResize = 2 * ConfigValidation.LargestSize;

    /// <summary>Every setting with its type, what it takes and what it means, in order.</summary>
    public static IReadOnlyList<SettingDescription> All { get; } = InOrder(CoreSettings.DeclaredBy(typeof(Config)), CoreSettings.DeclaredBy(typeof(HostSettings)));

    /// <summary>Settings by which the levels can only be projections.</summary>
    private static string[] OfProjections { get; } = ["pooling", "heads", "residual", "level_values", "level_position", "level_tokens"];

    /// <summary>Whether a setting says nothing of a network once it is trained; by its key, or that of one of its numbers.</summary>
    internal static bool IsOfTraining(string key) => key.Split('.')[0] is var name && All.Any(setting => setting.IsOfTraining && setting.Key == name);

    private static Dictionary<string, int> Places { get; } = All.Index().ToDictionary(setting => setting.Item.Key, setting => setting.Index);

    /// <summary>Short side to which test images are resized.</summary>
    public int ShortSide =>
        Host.Resize > 0 ? Host.Resize
        : Core.Size >= 96 ? Core.Size * 8 / 7
        : Core.Size;

    /// <summary>The defaults of a run with that encoder.</summary>
    public static RunSettings StartFor(string encoder) => new(CoreSettings.StartFor(encoder), HostSettings.StartFor(encoder));

    /// <summary>Applies the settings in order, later ones winning, to the defaults of the encoder among them.</summary>
    /// <exception cref="InputException">Everything that is wrong, each problem with its source.</exception>
    public static RunSettings Resolve(IEnumerable<Given> given)
    {
        var all = WithImageNet(OneLength([.. given]));
        var encoder = all.LastOrDefault(one => one.Key == "encoder")?.Value;
        var settings = StartFor(encoder is not null && CoreSettings.Encoders.Contains(encoder) ? encoder : "small");
        FollowSize(all, settings);
        FollowForm(all, settings.Core);
        var unread = CoreSettings.Write(all, settings.Core, settings.Host);
        KeyValuePair<string, string>[] problems = [.. unread, .. settings.Problems()];
        return problems.Length == 0 ? settings : throw new InputException(problems.Select(problem => Sourced(problem, all)));
    }

    /// <summary>The settings with some of them changed: <c>settings.With(s => s.Core.Seed = 3)</c>.</summary>
    /// <exception cref="InputException">Everything that is wrong.</exception>
    public RunSettings With(Action<RunSettings> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        var changed = new RunSettings(CoreSettings.Copy(Core), CoreSettings.Copy(Host));
        change(changed);
        string[] problems = [.. changed.Problems().Select(Text)];
        return problems.Length == 0 ? changed : throw new InputException(problems);
    }

    /// <summary>Every setting with its value as text, in order; the settings of a loss one by one.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Pairs() => [.. CoreSettings.Pairs(Core).Concat(CoreSettings.Pairs(Host)).OrderBy(Place)];

    /// <summary>The sections that both declare are the core's, followed by what the host adds to them; the host's own are before and after these.</summary>
    private static SettingDescription[] InOrder(IReadOnlyList<SettingDescription> core, IReadOnlyList<SettingDescription> host)
    {
        string[] known = [.. core.Select(setting => setting.Section).Distinct()];
        var sections = host.Select(setting => setting.Section).TakeWhile(section => !known.Contains(section)).Concat(known).ToList();
        return [.. core.Concat(host).OrderBy(setting => sections.IndexOf(setting.Section) is var place and >= 0 ? place : sections.Count)];
    }

    /// <summary><c>steps</c> and <c>epochs</c> exclude each other: the later one wins.</summary>
    private static Given[] OneLength(Given[] given)
    {
        var lengths = given.Where(one => one.Key is "steps" or "epochs").ToArray();
        return lengths is [.., { Key: "steps" }] && lengths.Any(one => one.Key == "epochs") ? [.. given, new Given("", "epochs", "0")] : given;
    }

    /// <summary>ImageNet's weights bring the encoder that they are for.</summary>
    private static Given[] WithImageNet(Given[] given)
    {
        string? Last(string key) => given.LastOrDefault(one => one.Key == key)?.Value;
        return Last("weights") == ImageNet.Weights && ImageNet.EncoderOf.TryGetValue(Last("encoder") ?? "resnet18", out var encoder)
            ? [.. given, new Given("", "encoder", encoder)]
            : given;
    }

    /// <summary><c>resize</c> follows <c>size</c> if it is not given itself: it keeps its ratio to it, so that test images show as much as before.</summary>
    private static void FollowSize(Given[] given, RunSettings start)
    {
        if (start.Host.Resize > 0
            && !given.Any(one => one.Key == "resize")
            && int.TryParse(given.LastOrDefault(one => one.Key == "size")?.Value, out var size) && size is > 0 and < 100000)
        {
            var share = (double)start.Host.Resize / start.Core.Size;
            start.Host.Resize = (int)Math.Round(size * share, MidpointRounding.AwayFromZero);
        }
    }

    /// <summary>
    /// <c>level_form</c> and <c>level_on</c>, where they are not given, follow what is: settings that only projections have make the levels projections, and other forms than the
    /// one that compares negatives alone by default compare all pairs.
    /// </summary>
    private static void FollowForm(Given[] given, Config start)
    {
        var settings = CoreSettings.Pairs(start).ToDictionary();
        var own = settings["level_form"];
        var asked = given.LastOrDefault(one => one.Key == "level_form")?.Value
            ?? (given.Any(one => OfProjections.Contains(one.Key) && one.Value != settings[one.Key]) ? "projections" : own);

        if (asked != own)
        {
            Given[] followed = [new("", "level_form", asked), new("", "level_on", "all")];
            CoreSettings.Write([.. followed.Where(one => !given.Any(other => other.Key == one.Key))], start);
        }
    }

    private static int Place(KeyValuePair<string, string> setting) => Places[setting.Key.Split('.')[0]];

    private static string Text(KeyValuePair<string, string> problem) => $"{problem.Key}: {problem.Value}";

    /// <summary>A problem with the source of its setting, and its key if the source does not name it, as <c>--per-class</c> and <c>PerClass</c> do for per_class.</summary>
    private static string Sourced(KeyValuePair<string, string> problem, Given[] given)
    {
        if (given.LastOrDefault(one => one.Key == problem.Key)?.Source is not { } source)
        {
            return Text(problem);
        }

        var isNamed = source.EndsWith(problem.Key.Replace('_', '-'), StringComparison.Ordinal)
            || source.Equals(problem.Key.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
        return $"{source}: {(isNamed ? problem.Value : Text(problem))}";
    }

    /// <summary>Everything that is wrong with the settings, by key and in their order.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Problems() =>
        CoreSettings.Problems(Core).Concat(CoreSettings.Refused(Host)).Concat(OfLabels()).Concat(OfPairs()).Concat(OfWeights()).Concat(OfTrunk()).Concat(OfImages()).Concat(OfDevice()).OrderBy(Place);

    private IEnumerable<KeyValuePair<string, string>> OfLabels()
    {
        if (Host.LabelMatch.Length == 0)
        {
            yield return new("label_match", "is empty; write label, any, all, jaccard, or the name of a column");
        }

        if (LabelPairs.ComparesSeveral(Host.LabelMatch) && Host.LabelColumnNames.Count == 0)
        {
            yield return new("label_match", $"'{Host.LabelMatch}' compares several columns of labels: name them in label_columns, as in label_columns = \"colour,shape\"");
        }
    }

    private IEnumerable<KeyValuePair<string, string>> OfPairs()
    {
        if (Host.LabelMatch == LabelPairs.None && Host.Pairs.Length == 0)
        {
            yield return new("label_match", $"'{LabelPairs.None}' leaves only pairs that a file lists: name it in pairs");
        }

        if (Core.Sampler.IsPairs && Host.Pairs.Length == 0)
        {
            yield return new("sampler", "'pairs' makes batches of the alike pairs that a file lists: name it in pairs");
        }
    }

    private IEnumerable<KeyValuePair<string, string>> OfWeights()
    {
        if (Host.Weights == ImageNet.Weights && !ImageNet.EncoderOf.Values.Contains(Core.Encoder))
        {
            yield return new("weights", $"'{ImageNet.Weights}' is for the encoders {string.Join(" and ", ImageNet.EncoderOf.Values.Select(name => $"'{name}'"))}, not '{Core.Encoder}': choose one of these, or name a file");
        }
    }

    private IEnumerable<KeyValuePair<string, string>> OfTrunk()
    {
        if (Host.TrunkCache.Length > 0 && CoreSettings.TrunkProblem(Core) is { } problem)
        {
            yield return new("trunk_cache", problem);
        }
    }

    /// <summary>Whether this machine has the device is known when torch is loaded.</summary>
    private IEnumerable<KeyValuePair<string, string>> OfDevice() => Device.problem(Host.Device) is { } problem ? [new("device", problem)] : [];

    /// <summary>What is wrong with how images are read, beyond each setting by itself.</summary>
    private IEnumerable<KeyValuePair<string, string>> OfImages()
    {
        if (Host.Resize > LargestResize)
        {
            yield return new("resize", $"is {Host.Resize}; at most {LargestResize} pixels are allowed");
        }

        if (Host.Resize > 0 && Host.Resize < Core.Size)
        {
            yield return new("resize", $"is {Host.Resize}, less than size {Core.Size}: the crop would reach outside");
        }

        if (!Colours.IsNone(Host.Background) && Colours.Parse(Host.Background) is null)
        {
            yield return new("background", $"'{Host.Background}' is not a colour. Write none, a name such as white, or #rrggbb.");
        }

        if (!(Host.ScaleMax >= Host.ScaleMin))
        {
            yield return new("scale_max", FormattableString.Invariant($"is {Host.ScaleMax}, less than scale_min {Host.ScaleMin}"));
        }

        if (Host.Augment is Augmentation.Crop && !(Host.ScaleMax <= 1))
        {
            yield return new("scale_max", FormattableString.Invariant($"is {Host.ScaleMax}, and a crop cannot be larger than the whole image: it must be at most 1"));
        }
    }
}
