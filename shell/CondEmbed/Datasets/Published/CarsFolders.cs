using System.Text.RegularExpressions;

namespace CondEmbed.Datasets;

/// <summary>
/// CARS196 in folders named after the classes: <c>images/CLASS/</c>; or <c>car_data/car_data/train/CLASS/</c> and <c>.../test/CLASS/</c> with the
/// tables <c>anno_train.csv</c> and <c>anno_test.csv</c> (file, box, class; no header) and <c>names.csv</c> (one name per line, in order of number).
/// </summary>
internal static partial class CarsFolders
{
    private const string NameList = "names.csv";

    private static readonly string[] Parts = ["train", "test"];

    /// <summary>Every class is named after make, model and year, as in 'Acura RL Sedan 2012'; no other set's classes are.</summary>
    internal static bool HoldsClasses(string folder)
    {
        var images = Path.Combine(folder, "images");
        return Directory.Exists(images) && ImageFiles.FoldersOf(images) is { Count: > 0 } classes && classes.All(name => EndsWithYear().IsMatch(name));
    }

    /// <summary>Recognised by any table, so that a missing one can be reported. An incomplete set of tables counts only next to the set's folder.</summary>
    internal static bool HoldsTables(string folder)
    {
        var tables = Parts.Count(part => File.Exists(Table(folder, part)));
        return (tables == Parts.Length && File.Exists(Path.Combine(folder, NameList))) || (tables > 0 && Directory.Exists(Path.Combine(folder, "car_data")));
    }

    internal static FileDataset OpenClasses(string root, DatasetOptions options)
    {
        if (options.Boxes)
        {
            throw new InputException($"{root}: boxes were asked for, but class folders have none; use a copy of CARS196 with its lists, or boxes = false");
        }

        var items = ImageFiles.Below(Path.Combine(root, "images"))
            .Where(file => file.Contains('/', StringComparison.Ordinal))
            .Select(file => (File: file, Name: file[..file.IndexOf('/', StringComparison.Ordinal)]))
            .Select(image => new ImageItem("images/" + image.File, image.Name, CarsDataset.RoleOf(image.Name)))
            .ToList();
        return CarsDataset.Published.Open(root, items, options);
    }

    internal static FileDataset OpenTables(string root, DatasetOptions options)
    {
        // Without the class names the image folders are unknown; without one table the other half can still be read.
        if (!File.Exists(Path.Combine(root, NameList)))
        {
            throw CarsDataset.Published.Without(root, NameList);
        }

        var problems = new ProblemList();
        var (there, absent) = (Parts.Where(part => File.Exists(Table(root, part))), Parts.Where(part => !File.Exists(Table(root, part))));
        string[] names = [.. DelimitedText.Read(Path.Combine(root, NameList)).Select(record => string.Join(',', record.Fields))];
        var images = new[] { "car_data/car_data", "car_data" }.FirstOrDefault(inner => Directory.Exists(Path.Combine(root, inner, Parts[0]))) ?? "car_data/car_data";
        var numbers = new HashSet<int>();
        var items = new List<ImageItem>();
        foreach (var part in there)
        {
            var table = Table(root, part);
            foreach (var record in DelimitedText.Read(table))
            {
                if (record.Fields is not [var file, .. var rest] || Numbers(rest) is not [var left, var top, var right, var bottom, >= 1 and <= CarsDataset.Classes and var number])
                {
                    problems.Add($"{table}, line {record.Line}: expected a file, four corners and a class from 1 to {CarsDataset.Classes}: '{string.Join(',', record.Fields)}'");
                    continue;
                }

                var name = CarsDataset.NameOf(number, names);

                // A name with a slash ('Ram C/V Cargo Van') cannot be a folder's.
                var folder = name.Replace('/', '-');
                ListedPath.Check(file, $"{table}, line {record.Line}", problems);
                ListedPath.Check(folder, $"{Path.Combine(root, "names.csv")}, class {number}", problems);
                var box = options.Boxes ? CarsBox.Of(left, top, right, bottom) : null;
                if (options.Boxes && box is null)
                {
                    problems.Add($"{table}, line {record.Line}: the corners {left}, {top} and {right}, {bottom} do not form a box");
                }

                numbers.Add(number);
                items.Add(new ImageItem($"{images}/{part}/{folder}/{file}", name, CarsDataset.RoleOf(number)) { Box = box });
            }
        }

        problems.ThrowIfAny();
        string[] missing = [.. absent.Select(part => $"the list anno_{part}.csv is missing"), .. NumberedClasses.Missing(numbers, CarsDataset.Classes)];
        return CarsDataset.Published.Open(root, items, options, missing);
    }

    private static int[] Numbers(string[] texts) =>
        [.. texts.Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1)];

    private static string Table(string folder, string part) => Path.Combine(folder, $"anno_{part}.csv");

    [GeneratedRegex(@"[ _](19|20)\d\d$", RegexOptions.CultureInvariant)]
    private static partial Regex EndsWithYear();
}
