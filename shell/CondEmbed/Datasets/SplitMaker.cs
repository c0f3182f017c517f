namespace CondEmbed.Datasets;

/// <summary>The rules behind <see cref="ClassSplit"/>.</summary>
internal static class SplitMaker
{
    internal static ClassSplit Make(IImageDataset dataset, SplitOptions options)
    {
        Check(options);
        return options.Rule == SplitRule.Auto && dataset.Items.Any(item => item.Role != Role.Unassigned)
            ? ByRoles(dataset, options)
            : ByClass(dataset, options);
    }

    /// <summary>What is held out for the test, or for validation if nothing is, or all images; nothing to train on.</summary>
    internal static ClassSplit ForEvaluation(IImageDataset dataset)
    {
        var (roleOf, source) = Roles(dataset);
        return dataset.Items.Any(item => IsTest(roleOf(item)))
            ? new ClassSplit(dataset, $"the test images, {source}", roleOf)
            : new ClassSplit(
                dataset, dataset.Items.Any(item => item.Role != Role.Unassigned) ? $"all images, since none is held out ({source})" : "all images", _ => Role.Test);
    }

    /// <summary>The role of each image, and where it comes from. If there are only train and validation, as in classification, validation serves as the test.</summary>
    private static (Func<ImageItem, Role> RoleOf, string Source) Roles(IImageDataset dataset) =>
        dataset.Items.Any(item => item.Role == Role.Validation) && !dataset.Items.Any(item => IsTest(item.Role))
            ? (item => item.Role == Role.Validation ? Role.Test : item.Role, $"{dataset.RoleSource}; its validation images serve as the test images, since it has no others")
            : (item => item.Role, dataset.RoleSource);

    private static bool IsTest(Role role) => role is Role.Test or Role.Query or Role.Gallery;

    private static void Check(SplitOptions options)
    {
        var problems = new ProblemList();
        if (!(options.TrainShare > 0 && options.TrainShare < 1))
        {
            problems.Add(Text($"the share of training classes must be between 0 and 1, but is {options.TrainShare}"));
        }

        if (!(options.ValidationShare >= 0 && options.ValidationShare < 1))
        {
            problems.Add(Text($"the share of validation classes must be at least 0 and less than 1, but is {options.ValidationShare}"));
        }

        problems.ThrowIfAny();
    }

    private static ClassSplit ByClass(IImageDataset dataset, SplitOptions options)
    {
        var labels = dataset.Items.Select(item => item.Label);
        var hashed = options.Rule != SplitRule.FirstHalf;
        var names = hashed ? ClassOrder.Hashed(labels, Text($"{options.Seed}:")) : ClassOrder.Sorted(labels);
        if (names.Count < 4)
        {
            throw new InputException(
                $"{dataset.Name}: {Number(names.Count)}; at least 4 are needed, 2 to train on and 2 others to test on, since a single class teaches nothing "
                + $"and is always found. Add classes, or divide the images yourself into train/ and test/ and allow both to share classes: "
                + Wording.Setting("shared_classes"));
        }

        var count = Math.Clamp((int)Math.Round(options.TrainShare * names.Count), 2, names.Count - 2);
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
        var (roleOf, source) = Roles(dataset);
        var shared = CheckRoles(dataset, options, roleOf);
        // Test classes are never among those to train on.
        var given = shared || dataset.Items.Any(item => roleOf(item) == Role.Validation);
        var train = dataset.Items.Where(item => item.Role == Role.Train).Select(item => item.Label);
        var validation = given ? [] : ValidationClasses([.. train.Distinct(StringComparer.Ordinal)], options);
        var split = new ClassSplit(
            dataset,
            shared ? $"{source}; training and test share classes" : source,
            item => item.Role == Role.Train && validation.Contains(item.Label) ? Role.Validation : roleOf(item));
        split.DemandClasses(forTraining: true);
        return split;
    }

    /// <summary>Whether training and test share classes.</summary>
    private static bool CheckRoles(IImageDataset dataset, SplitOptions options, Func<ImageItem, Role> roleOf)
    {
        var problems = new ProblemList();
        int Images(params Role[] roles) => dataset.Items.Count(item => roles.Contains(roleOf(item)));
        HashSet<string> Labels(params Role[] roles) =>
            dataset.Items.Where(item => roles.Contains(roleOf(item))).Select(item => item.Label).ToHashSet(StringComparer.Ordinal);

        var unassigned = Images(Role.Unassigned);
        if (unassigned > 0)
        {
            var first = dataset.Items.First(item => item.Role == Role.Unassigned).Path;
            problems.Add($"{dataset.Name}: {unassigned} of {dataset.Count} images have no role (first: {first}); give every image a role, or none");
        }

        // In a subset, one half may be missing entirely.
        var instead = dataset.Subset is null
            ? $"divide the data by class instead: {Wording.Setting("split", "hash")}"
            : $"divide the subset by class instead: {Wording.Setting("split", "first-half")}";
        if (Images(Role.Train) == 0)
        {
            problems.Add($"{dataset.Name}: none of the {dataset.Count} images is for training; {instead}");
        }

        if (Images(Role.Test, Role.Query) == 0 || Images(Role.Test, Role.Gallery) == 0)
        {
            problems.Add(
                $"{dataset.Name}: {Images(Role.Test)} test, {Images(Role.Query)} query and {Images(Role.Gallery)} gallery images; "
                + $"give either test images, or both query and gallery images; or {instead}");
        }

        var seen = Labels(Role.Train, Role.Validation);
        var shared = ClassOrder.Sorted(Labels(Role.Test, Role.Query, Role.Gallery).Where(seen.Contains));
        if (shared.Count > 0 && !options.SharedClasses)
        {
            problems.Add(
                $"{dataset.Name}: {Number(shared.Count)} {(shared.Count == 1 ? "is" : "are")} both for training and for test (first: {shared[0]}), as in a split for "
                + $"classification. To measure on unseen classes, {instead}. To measure on new images of the same classes: {Wording.Setting("shared_classes")}");
        }

        problems.ThrowIfAny();
        return shared.Count > 0;
    }

    // A single class would always score 1, whatever the network does: so two or none.
    internal static HashSet<string> ValidationClasses(List<string> train, SplitOptions options)
    {
        if (options.ValidationShare == 0 || train.Count < 4)
        {
            return [];
        }

        var count = Math.Clamp((int)Math.Round(options.ValidationShare * train.Count), 2, train.Count - 2);
        return ClassOrder.Hashed(train, Text($"validation {options.Seed}:")).Take(count).ToHashSet(StringComparer.Ordinal);
    }

    private static string Number(int classes) => classes == 1 ? "1 class" : Text($"{classes} classes");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
