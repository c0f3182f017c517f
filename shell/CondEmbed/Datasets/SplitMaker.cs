using System.Globalization;

namespace CondEmbed.Datasets;

/// <summary>The rules behind <see cref="ClassSplit"/>.</summary>
internal static class SplitMaker
{
    internal static ClassSplit Make(IImageDataset dataset, SplitOptions options)
    {
        Check(options);
        if (dataset.HasFixedSplit && options.Rule != SplitRule.Auto)
        {
            throw new InputException(
                $"{dataset.Name}: its pictures show other classes of their own part too, so that any other split would show test classes "
                + "in training; leave out split, or set it to auto");
        }

        return options.Rule == SplitRule.Auto && dataset.Items.Any(item => item.Role != Role.Unassigned)
            ? ByRoles(dataset, options)
            : ByClass(dataset, options);
    }

    private static void Check(SplitOptions options)
    {
        var problems = new ProblemList();
        if (!(options.TrainShare > 0 && options.TrainShare < 1))
        {
            problems.Add(Text($"the share of training classes must lie between 0 and 1, and is {options.TrainShare}"));
        }

        if (!(options.ValidationShare >= 0 && options.ValidationShare < 1))
        {
            problems.Add(Text($"the share of validation classes must be 0 or more and below 1, and is {options.ValidationShare}"));
        }

        problems.ThrowIfAny();
    }

    private static ClassSplit ByClass(IImageDataset dataset, SplitOptions options)
    {
        var labels = dataset.Items.Select(item => item.Label);
        var hashed = options.Rule != SplitRule.FirstHalf;
        var names = hashed ? ClassOrder.Hashed(labels, Text($"{options.Seed}:")) : ClassOrder.Sorted(labels);
        if (names.Count < 2)
        {
            throw new InputException($"{dataset.Name}: {names.Count} class(es); at least 2 are needed, one to train on and one to test");
        }

        var count = Math.Clamp((int)Math.Round(options.TrainShare * names.Count), 1, names.Count - 1);
        var train = names.Take(count).ToList();
        var validation = ValidationClasses(train, options);
        var trainSet = train.ToHashSet(StringComparer.Ordinal);
        var rule = hashed ? Text($"by class, seeded hash of the names (seed {options.Seed})") : "by class, first of the sorted names";
        return new ClassSplit(
            dataset,
            rule,
            item => validation.Contains(item.Label) ? Role.Validation : trainSet.Contains(item.Label) ? Role.Train : Role.Test);
    }

    private static ClassSplit ByRoles(IImageDataset dataset, SplitOptions options)
    {
        CheckRoles(dataset, options);
        var given = dataset.Items.Any(item => item.Role == Role.Validation);
        var train = dataset.Items.Where(item => item.Role == Role.Train).Select(item => item.Label);
        var validation = given ? [] : ValidationClasses([.. train.Distinct(StringComparer.Ordinal)], options);
        return new ClassSplit(
            dataset,
            dataset.RoleSource,
            item => item.Role == Role.Train && validation.Contains(item.Label) ? Role.Validation : item.Role);
    }

    private static void CheckRoles(IImageDataset dataset, SplitOptions options)
    {
        var problems = new ProblemList();
        int Images(params Role[] roles) => dataset.Items.Count(item => roles.Contains(item.Role));
        HashSet<string> Labels(params Role[] roles) =>
            dataset.Items.Where(item => roles.Contains(item.Role)).Select(item => item.Label).ToHashSet(StringComparer.Ordinal);

        var unassigned = Images(Role.Unassigned);
        if (unassigned > 0)
        {
            var first = dataset.Items.First(item => item.Role == Role.Unassigned).Path;
            problems.Add($"{dataset.Name}: {unassigned} of {dataset.Count} images have no role (first: {first}); give all of them one, or none");
        }

        // Of a subset one half may be missing altogether.
        var instead = dataset.Subset is null ? "" : "; divide the subset by class instead: split = first-half, or hash";
        if (Images(Role.Train) == 0)
        {
            problems.Add($"{dataset.Name}: none of {dataset.Count} images is for training{instead}");
        }

        if (Images(Role.Test, Role.Query) == 0 || Images(Role.Test, Role.Gallery) == 0)
        {
            problems.Add(
                $"{dataset.Name}: {Images(Role.Test)} test, {Images(Role.Query)} query and {Images(Role.Gallery)} gallery images; "
                + $"either test images, or query and gallery images are needed{instead}");
        }

        var seen = Labels(Role.Train, Role.Validation);
        var shared = ClassOrder.Sorted(Labels(Role.Test, Role.Query, Role.Gallery).Where(seen.Contains));
        if (shared.Count > 0 && !options.AllowSharedClasses)
        {
            problems.Add(
                $"{dataset.Name}: {shared.Count} classes are both for training and for test (first: {shared[0]}), as in a split for "
                + "classification; retrieval is measured on classes never seen: split by class instead (rule hash or first-half), "
                + "or allow shared classes");
        }

        problems.ThrowIfAny();
    }

    // One class alone would always score 1, whatever the network does: so two or none.
    internal static HashSet<string> ValidationClasses(List<string> train, SplitOptions options)
    {
        if (options.ValidationShare == 0 || train.Count < 4)
        {
            return [];
        }

        var count = Math.Clamp((int)Math.Round(options.ValidationShare * train.Count), 2, train.Count - 2);
        return ClassOrder.Hashed(train, Text($"validation {options.Seed}:")).Take(count).ToHashSet(StringComparer.Ordinal);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
