namespace CondEmbed.Datasets;

/// <summary>
/// A comma, semicolon or tab separated table with a header: <c>path,label[,split][,role][,x,y,w,h]</c>. Paths are relative to the table's folder; their column
/// may also be called <c>file_name</c>, as in Hugging Face's metadata.csv, <c>filename</c>, <c>image_path</c> or <c>image</c>.
/// <c>split</c> or <c>role</c>: train, validation, test, query or gallery. The columns of open-metric-learning are understood as well:
/// <c>split</c> (train or validation), <c>is_query</c>, <c>is_gallery</c>, <c>category</c>, <c>x_1,y_1,x_2,y_2</c>. Other columns are ignored, including
/// <c>sequence</c>: no metric here excludes images of the same sequence.
/// </summary>
public static class TableDataset
{
    /// <summary>Opens a table.</summary>
    /// <param name="path">A <c>.csv</c> or <c>.tsv</c> file.</param>
    /// <param name="labels">Further columns of labels that it must have; a field of these may be empty.</param>
    /// <exception cref="InputException">The table cannot be read or contains errors: all of them are named, with their lines.</exception>
    public static FileDataset Open(string path, IReadOnlyCollection<string>? labels = null)
    {
        FileProblem.DemandFile(path);

        var records = DelimitedText.Read(path, TableColumns.PathNames);
        if (records.Count < 2)
        {
            throw new InputException($"{path}: needs a header and at least one line, such as 'path,label' and 'a/1.jpg,a'");
        }

        var problems = new ProblemList();
        var columns = TableColumns.Of(path, records[0], labels ?? [], problems);
        problems.ThrowIfAny();

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var items = new List<ImageItem>(records.Count - 1);
        var files = new List<string>(records.Count - 1);
        foreach (var record in records.Skip(1))
        {
            var where = $"{path}, line {record.Line}";
            if (record.Fields.Length != records[0].Fields.Length)
            {
                problems.Add($"{where}: {record.Fields.Length} fields, but the header has {records[0].Fields.Length}");
                continue;
            }

            var item = new TableRow(columns, record, where, problems).Item();
            var file = ListedPath.Find(folder, item.Path);
            if (item.Path.Length > 0 && file is null)
            {
                problems.Add($"{where}: no such file: {item.Path}");
            }

            items.Add(item);
            files.Add(file ?? "");
        }

        problems.ThrowIfAny();
        return new FileDataset(Path.GetFileNameWithoutExtension(path), items, files) { Kind = "table", Columns = records[0].Fields };
    }
}
