namespace CondEmbed.Datasets;

/// <summary>Builds a value from the elements of a matrix: flags, dimensions, name, and what its class requires.</summary>
internal static class MatParser
{
    // Lists of data sets nest three deep; a file with endless nesting would overflow the stack.
    private const int Deepest = 16;

    private const int MostDimensions = 32;
    private const int Matrix = 14;

    /// <summary>The name and the value of the matrix whose elements are given.</summary>
    internal static (string Name, MatArray Value) Parse(MatElements elements, int depth = 0)
    {
        // MATLAB writes an empty cell or field as a matrix without any element.
        if (elements.Left == 0)
        {
            return ("", MatOther.Empty);
        }

        if (depth > Deepest)
        {
            throw elements.Wrong($"values are nested more than {Deepest} deep");
        }

        var flags = elements.Numbers(elements.Next());
        var kind = flags.Length == 2 ? (int)((long)flags[0] & 0xff) : throw elements.Wrong("a matrix begins without its flags");

        // An opaque object has no dimensions where all others have them.
        if (kind == 17)
        {
            return ("", MatOther.Empty);
        }

        var (dimensions, count) = Dimensions(elements);
        var name = elements.Text(elements.Next());
        return (name, kind switch
        {
            1 => new MatCells(dimensions, Matrices(elements, count, depth)),
            2 => Structs(elements, dimensions, count, depth),
            4 => Text(elements, dimensions, count),
            >= 6 and <= 15 => Numbers(elements, dimensions, count),
            _ => new MatOther(dimensions),
        });
    }

    private static (int[] Dimensions, int Count) Dimensions(MatElements elements)
    {
        var sizes = elements.Numbers(elements.Next());
        if (sizes.Length is < 2 or > MostDimensions || sizes.Any(size => size < 0 || size != Math.Floor(size)))
        {
            throw elements.Wrong($"a matrix has {sizes.Length} dimensions of [{string.Join(", ", sizes.Take(MostDimensions))}]");
        }

        var count = sizes.Aggregate(1.0, (product, size) => product * size);
        return count <= MatFile.MostBytes
            ? ([.. sizes.Select(size => (int)size)], (int)count)
            : throw elements.Wrong($"a matrix claims to have {count} elements");
    }

    private static MatNumbers Numbers(MatElements elements, int[] dimensions, int count)
    {
        var values = elements.Numbers(elements.Next());
        return values.Length == count
            ? new MatNumbers(dimensions, values)
            : throw elements.Wrong($"a matrix of {count} numbers holds {values.Length}");
    }

    private static MatText Text(MatElements elements, int[] dimensions, int count)
    {
        var text = count == 0 && elements.Left == 0 ? "" : elements.Text(elements.Next());
        if (dimensions[0] <= 1)
        {
            return new MatText(dimensions, text);
        }

        var rows = dimensions[0];
        return text.Length == count
            ? new MatText(dimensions, string.Create(count, text, (target, letters) =>
            {
                for (var i = 0; i < target.Length; i++)
                {
                    target[i] = letters[(i % (target.Length / rows) * rows) + (i / (target.Length / rows))];
                }
            }))
            : throw elements.Wrong($"a matrix of {count} letters holds {text.Length}");
    }

    private static MatStructs Structs(MatElements elements, int[] dimensions, int count, int depth)
    {
        var lengths = elements.Numbers(elements.Next());
        var names = elements.Next().Data;
        if (lengths is not [>= 1 and <= 1024 and var length] || names.Length % (int)length != 0)
        {
            throw elements.Wrong("the field names of a struct differ in length");
        }

        var fields = Enumerable.Range(0, names.Length / (int)length).Select(at => FieldName(names.Slice(at * (int)length, (int)length).Span)).ToArray();
        var values = (long)count * fields.Length;
        return values <= int.MaxValue
            ? new MatStructs(dimensions, fields, Matrices(elements, (int)values, depth))
            : throw elements.Wrong($"a struct claims to have {values} values");
    }

    private static MatArray[] Matrices(MatElements elements, int count, int depth)
    {
        // Each takes a tag of at least eight bytes, so no room is made for more than can be there.
        if (count > elements.Left / 8)
        {
            throw elements.Wrong($"{count} values do not fit into {elements.Left} bytes");
        }

        var values = new MatArray[count];
        for (var at = 0; at < count; at++)
        {
            var element = elements.Next();
            values[at] = element.Type == Matrix
                ? Parse(elements.Inside(element.Data), depth + 1).Value
                : throw elements.Wrong($"a cell or field is of type {element.Type}, not a matrix");
        }

        return values;
    }

    private static string FieldName(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return System.Text.Encoding.Latin1.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
