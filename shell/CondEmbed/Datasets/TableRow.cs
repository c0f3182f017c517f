namespace CondEmbed.Datasets;

/// <summary>Turns one line of a table into an image item; errors are added to the list of problems.</summary>
internal sealed class TableRow(TableColumns columns, DelimitedRecord record, string where, ProblemList problems)
{
    internal ImageItem Item() => new(Needed("path"), Needed("label"), RoleOf()) { Box = BoxOf(), Category = Category(), Labels = Labels() };

    private string Needed(string name)
    {
        var text = columns.Field(record, name)!;
        if (text.Length == 0)
        {
            problems.Add($"{where}: '{name}' is empty");
        }

        return text;
    }

    private Dictionary<string, string> Labels() =>
        columns.Labels
            .Select(name => (Name: name, Text: columns.Field(record, name) ?? ""))
            .Where(label => label.Text.Length > 0)
            .ToDictionary(label => label.Name, label => ClassLabel.Normal(label.Text), StringComparer.Ordinal);

    private string? Category() => columns.Field(record, "category") is { Length: > 0 } text ? text : null;

    // In open-metric-learning 'validation' means the images of the evaluation, and the flags say which side of it they are on.
    private Role RoleOf()
    {
        var named = Named("role") is var role && role != Role.Unassigned ? role : Named("split");
        if (!columns.HasFlags || named is Role.Train or Role.Unassigned)
        {
            return named;
        }

        return (Flag("is_query"), Flag("is_gallery")) switch
        {
            (true, true) => Role.Test,
            (true, false) => Role.Query,
            (false, true) => Role.Gallery,
            _ => named == Role.Validation ? Role.Test : named,
        };
    }

    private Role Named(string column)
    {
        var text = columns.Field(record, column) ?? "";
        var role = text.Length == 0 ? Role.Unassigned : Roles.Of(text);
        if (role is null)
        {
            problems.Add($"{where}: {column} '{text}' is not one of {Roles.Words}");
        }

        return role ?? Role.Unassigned;
    }

    private bool Flag(string column)
    {
        var text = columns.Field(record, column) ?? "";
        switch (text.ToLowerInvariant())
        {
            case "true" or "1" or "1.0" or "yes":
                return true;
            case "" or "false" or "0" or "0.0" or "no" or "nan":
                return false;
            default:
                problems.Add($"{where}: {column} '{text}' is neither true nor false");
                return false;
        }
    }

    private PixelBox? BoxOf()
    {
        if (columns.HasBox)
        {
            return Numbers(["x", "y", "w", "h"]) is [var x, var y, var w, var h] ? Checked(new PixelBox(x, y, w, h)) : null;
        }

        return columns.HasCorners && Numbers(["x_1", "y_1", "x_2", "y_2"]) is [var left, var top, var right, var bottom]
            ? Checked(new PixelBox(left, top, right - left, bottom - top))
            : null;
    }

    // Four empty fields mean the whole image; some tables write whole numbers as '12.0' and missing ones as 'nan'.
    private int[]? Numbers(string[] names)
    {
        var texts = names.Select(name => columns.Field(record, name) ?? "").ToList();
        if (texts.TrueForAll(text => text.Length == 0 || text.Equals("nan", StringComparison.OrdinalIgnoreCase)))
        {
            return null;
        }

        var numbers = new int[names.Length];
        var good = true;
        for (var i = 0; i < names.Length; i++)
        {
            good &= double.TryParse(texts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                && number >= 0
                && number <= int.MaxValue;
            numbers[i] = good ? (int)Math.Round(number) : 0;
        }

        if (!good)
        {
            problems.Add($"{where}: {string.Join(',', names)} = '{string.Join(',', texts)}' is not a box of four pixel numbers");
        }

        return good ? numbers : null;
    }

    private PixelBox? Checked(PixelBox box)
    {
        if (box.Width > 0 && box.Height > 0)
        {
            return box;
        }

        problems.Add($"{where}: the box is empty ({box.Width} x {box.Height} pixels)");
        return null;
    }
}
