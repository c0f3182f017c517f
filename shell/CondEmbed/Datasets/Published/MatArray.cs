namespace CondEmbed.Datasets;

/// <summary>A value in a MAT-file. Elements are in MATLAB's order: the first dimension varies fastest.</summary>
/// <param name="Dimensions">At least two.</param>
internal abstract record MatArray(IReadOnlyList<int> Dimensions);

/// <summary>Numbers of any type as doubles: 64-bit integers above 2^53 lose their last digits, imaginary parts are left out.</summary>
internal sealed record MatNumbers(IReadOnlyList<int> Dimensions, IReadOnlyList<double> Values) : MatArray(Dimensions);

/// <summary>A string; a matrix of letters is read row after row.</summary>
internal sealed record MatText(IReadOnlyList<int> Dimensions, string Text) : MatArray(Dimensions);

/// <summary>A cell array.</summary>
internal sealed record MatCells(IReadOnlyList<int> Dimensions, IReadOnlyList<MatArray> Cells) : MatArray(Dimensions);

/// <summary>A kind that this program does not read: objects, sparse matrices, function handles, tables.</summary>
internal sealed record MatOther(IReadOnlyList<int> Dimensions) : MatArray(Dimensions)
{
    internal static MatOther Empty { get; } = new([0, 0]);
}

/// <summary>An array of structs that share their fields.</summary>
/// <param name="Dimensions">At least two.</param>
/// <param name="Fields">The names.</param>
/// <param name="Values">The fields of the first element, then those of the second, and so on.</param>
internal sealed record MatStructs(IReadOnlyList<int> Dimensions, IReadOnlyList<string> Fields, IReadOnlyList<MatArray> Values)
    : MatArray(Dimensions)
{
    /// <summary>How many structs there are.</summary>
    internal int Count => Fields.Count == 0 ? 0 : Values.Count / Fields.Count;

    /// <summary>A field of one element; null if there is no such field.</summary>
    internal MatArray? Field(int element, string name)
    {
        for (var at = 0; at < Fields.Count; at++)
        {
            if (Fields[at] == name)
            {
                return Values[(element * Fields.Count) + at];
            }
        }

        return null;
    }
}
