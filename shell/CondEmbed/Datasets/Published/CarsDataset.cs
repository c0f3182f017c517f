namespace CondEmbed.Datasets;

/// <summary>
/// CARS196 (Krause et al., "3D Object Representations for Fine-Grained Categorization", 3dRR 2013) in the four forms in which it is
/// distributed: one list (<see cref="CarsLists"/>), a devkit, class folders, and class folders with tables (<see cref="CarsFolders"/>). Metric
/// learning trains on the classes 1-98 and tests on 99-196, of all images together; the folders and lists named train and test are a
/// split for classification, in which every class is on both sides.
/// </summary>
internal static class CarsDataset
{
    /// <summary>How many classes there are.</summary>
    internal const int Classes = 196;

    private const int LastTrained = 98;

    /// <summary>The set as published.</summary>
    internal static PublishedSet Published { get; } = new(
        "CARS196",
        "as usual for CARS196: classes 1-98 train, 99-196 test",
        new PublishedPart("train", Role.Train, 8054, 98),
        new PublishedPart("test", Role.Test, 8131, 98));

    private static readonly (Func<string, bool> Recognises, Func<string, DatasetOptions, FileDataset> Open)[] Forms =
    [
        (CarsLists.HoldsOneList, CarsLists.OpenOneList),
        (CarsLists.HoldsDevkit, CarsLists.OpenDevkit),
        (CarsFolders.HoldsTables, CarsFolders.OpenTables),
        (CarsFolders.HoldsClasses, CarsFolders.OpenClasses),
    ];

    internal static bool Recognises(string folder) => Forms.Any(form => form.Recognises(folder));

    internal static FileDataset Open(string root, DatasetOptions options) => Forms.First(form => form.Recognises(root)).Open(root, options);

    /// <summary>The role of a class.</summary>
    /// <param name="number">1 to 196.</param>
    internal static Role RoleOf(int number) => number <= LastTrained ? Role.Train : Role.Test;

    /// <summary>
    /// The role of a class, by its name: in the numbering of the set, those that begin with A to E (in capitals; AM General to Eagle) are
    /// the classes 1-98, and those from FIAT to smart the others.
    /// </summary>
    internal static Role RoleOf(string name) => string.CompareOrdinal(name, "F") < 0 ? Role.Train : Role.Test;

    /// <summary>The name of a class, or its number in three digits if the names are missing.</summary>
    internal static string NameOf(int number, IReadOnlyList<string> names) =>
        number >= 1 && number <= names.Count ? names[number - 1] : number.ToString("000", CultureInfo.InvariantCulture);
}
