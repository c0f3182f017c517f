using System.Buffers.Binary;

namespace CondEmbed.WeightFiles;

/// <summary>An array of a checkpoint: its elements row-major and little-endian.</summary>
public sealed class NamedArray
{
    /// <summary>Wraps bytes without copying them.</summary>
    /// <exception cref="ArgumentException">The bytes are not shape x element size.</exception>
    public NamedArray(string name, ElementType type, long[] shape, ReadOnlyMemory<byte> data)
    {
        if (ElementTypes.CountOf(shape) is not { } count || data.Length != (Int128)count * type.Size())
        {
            throw new ArgumentException($"{name}: {data.Length} bytes are not {type} [{string.Join(", ", shape)}]", nameof(data));
        }

        Name = name;
        Type = type;
        Shape = shape;
        Data = data;
    }

    /// <summary>The full dotted name.</summary>
    public string Name { get; }

    /// <summary>What an element is.</summary>
    public ElementType Type { get; }

    /// <summary>The sizes; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The elements.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>How many elements there are.</summary>
    public int Count => Data.Length / Type.Size();

    /// <summary>An array of floats.</summary>
    public static NamedArray Of(string name, long[] shape, ReadOnlySpan<float> values) =>
        new(name, ElementType.F32, shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>An array of doubles.</summary>
    public static NamedArray Of(string name, long[] shape, ReadOnlySpan<double> values) =>
        new(name, ElementType.F64, shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>An array of 64-bit integers.</summary>
    public static NamedArray Of(string name, long[] shape, ReadOnlySpan<long> values) =>
        new(name, ElementType.I64, shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>Whether no element is NaN or infinite.</summary>
    public bool IsFinite()
    {
        switch (Type)
        {
            case ElementType.F64:
                return AllFinite<double>(Data.Span);
            case ElementType.F32 or ElementType.F16 or ElementType.BF16:
                return AllFinite<float>(Widened().Data.Span);
            default:
                return true;
        }
    }

    /// <summary>Half precision becomes single precision, which represents every half exactly; any other array is returned unchanged.</summary>
    public NamedArray Widened()
    {
        if (Type is not (ElementType.F16 or ElementType.BF16))
        {
            return this;
        }

        var halves = Data.Span;
        var singles = new float[Count];
        for (var i = 0; i < singles.Length; i++)
        {
            var bits = BinaryPrimitives.ReadUInt16LittleEndian(halves[(2 * i)..]);
            singles[i] = Type == ElementType.F16
                ? (float)BitConverter.UInt16BitsToHalf(bits)
                : BitConverter.UInt32BitsToSingle((uint)bits << 16);
        }

        return Of(Name, [.. Shape], singles);
    }

    private static bool AllFinite<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged, System.Numerics.INumberBase<T>
    {
        foreach (var number in MemoryMarshal.Cast<byte, T>(bytes))
        {
            if (!T.IsFinite(number))
            {
                return false;
            }
        }

        return true;
    }
}
