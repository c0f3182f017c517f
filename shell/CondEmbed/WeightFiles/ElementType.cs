namespace CondEmbed.WeightFiles;

/// <summary>The element type of a stored array. All are little-endian in files.</summary>
public enum ElementType
{
    /// <summary>IEEE double precision.</summary>
    F64,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>The upper half of an IEEE single.</summary>
    BF16,

    /// <summary>64-bit signed integer.</summary>
    I64,

    /// <summary>32-bit signed integer.</summary>
    I32,

    /// <summary>16-bit signed integer.</summary>
    I16,

    /// <summary>8-bit signed integer.</summary>
    I8,

    /// <summary>8-bit unsigned integer.</summary>
    U8,

    /// <summary>0 or 1 in a byte.</summary>
    Bool,
}

/// <summary>Sizes and names of element types.</summary>
public static class ElementTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this ElementType type) =>
        type switch
        {
            ElementType.F64 or ElementType.I64 => 8,
            ElementType.F32 or ElementType.I32 => 4,
            ElementType.F16 or ElementType.BF16 or ElementType.I16 => 2,
            ElementType.I8 or ElementType.U8 or ElementType.Bool => 1,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such element type"),
        };

    private static readonly Dictionary<string, ElementType> Named = Enum.GetValues<ElementType>().ToDictionary(Name, StringComparer.Ordinal);

    /// <summary>The names of all types in safetensors files.</summary>
    internal static IReadOnlyCollection<string> Names => Named.Keys;

    /// <summary>A type's name in safetensors files.</summary>
    internal static string Name(this ElementType type) => type.ToString().ToUpperInvariant();

    /// <summary>The type of that name; null if there is none.</summary>
    internal static ElementType? Parse(string name) => Named.TryGetValue(name, out var type) ? type : null;

    /// <summary>Elements of an array of a shape; null if the number does not fit into 64 signed bits, or a size is negative.</summary>
    internal static long? CountOf(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (var size in shape)
        {
            var product = Math.BigMul(count, size);
            if (size < 0 || product > long.MaxValue)
            {
                return null;
            }

            count = (long)product;
        }

        return count;
    }
}
