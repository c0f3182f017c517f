using Microsoft.FSharp.Core;

namespace CondEmbed.Datasets;

/// <summary>
/// A data set divided into training, validation and test. Classes are disjoint, so that the test measures retrieval of unseen classes
/// (unless <see cref="SplitOptions.SharedClasses"/> lets the data's own roles say otherwise).
/// </summary>
[StructuredFormatDisplay("{Shown}")]
public sealed class ClassSplit
{
    private readonly IImageDataset dataset;
    private readonly IReadOnlyList<Role> roles;

    internal ClassSplit(IImageDataset dataset, string rule, Func<ImageItem, Role> roleOf)
        : this(dataset, rule, [.. dataset.Items.Select(roleOf)])
    {
    }

    private ClassSplit(IImageDataset dataset, string rule, IReadOnlyList<Role> roles)
    {
        this.dataset = dataset;
        this.roles = roles;
        Rule = rule;
        Train = Places(roles, role => role == Role.Train);
        Validation = Places(roles, role => role == Role.Validation);
        Test = Places(roles, role => role is Role.Test or Role.Query or Role.Gallery);
        Queries = Places(roles, role => role is Role.Test or Role.Query);
        Gallery = Places(roles, role => role is Role.Test or Role.Gallery);
    }

    /// <summary>Numbers of the images to train on.</summary>
    public IReadOnlyList<int> Train { get; }

    /// <summary>Numbers of the images for model selection; may be empty.</summary>
    public IReadOnlyList<int> Validation { get; }

    /// <summary>Numbers of all images held out for the test.</summary>
    public IReadOnlyList<int> Test { get; }

    /// <summary>The part of <see cref="Test"/> that searches.</summary>
    public IReadOnlyList<int> Queries { get; }

    /// <summary>The part of <see cref="Test"/> that is searched. An image that is in both never finds itself.</summary>
    public IReadOnlyList<int> Gallery { get; }

    /// <summary>How the data was divided, in one line.</summary>
    public string Rule { get; }

    /// <summary>Whether every test image is both query and gallery, so that the test is all against all.</summary>
    public bool AllAgainstAll => Queries.Count == Test.Count && Gallery.Count == Test.Count;

    /// <summary>The parts by their names; of a test that is not all against all, the queries and the gallery.</summary>
    internal IReadOnlyList<(string Name, IReadOnlyList<int> Images)> Parts => AllAgainstAll
        ? [("train", Train), ("validation", Validation), ("test", Test)]
        : [("train", Train), ("validation", Validation), ("query", Queries), ("gallery", Gallery)];

    /// <summary>The images of all parts, one part after the other.</summary>
    internal IReadOnlyList<int> Images => [.. Train, .. Validation, .. Test];

    /// <summary>Divides a data set for training and test.</summary>
    /// <exception cref="InputException">There are too few classes, or the roles of the data set do not form a split.</exception>
    public static ClassSplit Make(IImageDataset dataset, SplitOptions? options = null) =>
        SplitMaker.Make(dataset, options ?? new SplitOptions());

    /// <summary>
    /// Everything that the data set holds out for the test, or for validation if it has no test, or all images if it holds out none; nothing to train on.
    /// </summary>
    /// <exception cref="InputException">The test images have only one class, so whatever is found is right.</exception>
    public static ClassSplit ForEvaluation(IImageDataset dataset)
    {
        var split = SplitMaker.ForEvaluation(dataset);
        split.DemandClasses(forTraining: false);
        return split;
    }

    /// <summary>Classes and images of each part, one line per part.</summary>
    public string Describe()
    {
        string[] subset = dataset.Subset is { } present ? [$"subset: {present}"] : [];
        return string.Join('\n', [$"split: {Rule}", .. Parts.Select(part => Line(part.Name, part.Images)), .. subset]);
    }

    /// <summary>What F# Interactive prints.</summary>
    internal string Shown => ToString();

    /// <inheritdoc cref="Describe"/>
    public override string ToString() => Describe();

    /// <summary>The same split without some images: bad ones, for example.</summary>
    public ClassSplit Without(IReadOnlyCollection<int> images)
    {
        var left = new HashSet<int>(images);
        return new ClassSplit(dataset, Rule, [.. roles.Select((role, at) => left.Contains(at) ? Role.Unassigned : role)]);
    }

    /// <summary>
    /// One class has no negatives: it teaches nothing, and whatever is found in it is right. So every part that is used needs at least two.
    /// </summary>
    /// <param name="forTraining">Whether the parts for training and validation are used.</param>
    /// <exception cref="InputException">A part has fewer than two classes.</exception>
    internal void DemandClasses(bool forTraining)
    {
        var problems = new ProblemList();
        if (forTraining)
        {
            Demand(ClassesOf(Train), "to train on", "which teaches nothing, since there is no other class to tell it from");
            Demand(Validation.Count == 0 ? 2 : ClassesOf(Validation), "to validate with", Certain);
        }

        Demand(ClassesOf(Gallery), AllAgainstAll ? "to test with" : "in the gallery", Certain);
        problems.ThrowIfAny();

        void Demand(int classes, string use, string consequence)
        {
            if (classes < 2)
            {
                var found = classes == 0 ? "no class" : "only one class";
                problems.Add($"{dataset.Name}: there is {found} {use}{(classes == 0 ? "" : $", {consequence}")}. At least 2 are needed ({Rule})");
            }
        }
    }

    private const string Certain = "so every image found is right, whatever the network does";

    /// <summary>How many classes some images are of.</summary>
    internal int ClassesOf(IReadOnlyList<int> places) => places.Select(at => dataset.Items[at].Label).Distinct(StringComparer.Ordinal).Count();

    private static List<int> Places(IReadOnlyList<Role> roles, Func<Role, bool> wanted) =>
        [.. Enumerable.Range(0, roles.Count).Where(at => wanted(roles[at]))];

    /// <summary>Classes and images of a part, and, where images find others of the same part, the classes that have a single one.</summary>
    private string Line(string part, IReadOnlyList<int> places)
    {
        var ofSingle = part switch
        {
            "train" => "and no positive",
            "validation" or "test" => "and nothing to find",
            _ => null,
        };
        string[] single = ofSingle is null || dataset.Pairs is not null ? []
            : [.. places.CountBy(at => dataset.Items[at].Label).Where(count => count.Value == 1).Select(count => count.Key)];
        var names = string.Join(", ", single.Take(3)) + (single.Length > 3 ? ", ..." : "");
        var remark = single.Length == 0 ? "" : $"; {single.Length} of the classes {(single.Length == 1 ? "has" : "have")} a single image, {ofSingle}: {names}";
        return string.Create(CultureInfo.InvariantCulture, $"{part}: {ClassesOf(places)} classes, {places.Count} images{remark}");
    }
}
