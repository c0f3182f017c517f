namespace CondEmbed.WeightFiles;

/// <summary>Numbers of one type in an entry of a PyTorch archive, which several tensors may share.</summary>
/// <param name="Type">What an element is.</param>
/// <param name="Key">The entry: <c>data/Key</c>.</param>
/// <param name="Count">How many elements there are.</param>
internal sealed record TorchStorage(ElementType Type, string Key, long Count);

/// <summary>A view of a storage: element [i, j ...] is the storage's element offset + i * strides[0] + j * strides[1] + ... .</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>Why the view is invalid; null if it lies within its storage.</summary>
    internal string? Problem()
    {
        if (Shape.Length != Strides.Length || Shape.Length > 64)
        {
            return $"{Shape.Length} sizes and {Strides.Length} strides";
        }

        if (Shape.Any(size => size < 0) || Strides.Any(stride => stride < 0) || Offset < 0)
        {
            return "a negative size, stride or offset";
        }

        if (ElementTypes.CountOf(Shape) is not { } count)
        {
            return "too many elements";
        }

        Int128 last = Offset;
        for (var i = 0; i < Shape.Length; i++)
        {
            last += (Int128)(Shape[i] - 1) * Strides[i];
        }

        return count == 0 || last < Storage.Count ? null : $"element {last} of a storage that has {Storage.Count}";
    }

    /// <summary>Bytes of the tensor once it is copied to its own buffer.</summary>
    internal Int128 Bytes => (Int128)(ElementTypes.CountOf(Shape) ?? long.MaxValue) * Storage.Type.Size();

    /// <summary>Whether the elements are contiguous and row-major, so that no copy is needed.</summary>
    internal bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (var i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected)
                {
                    return false;
                }

                expected *= Shape[i];
            }

            return true;
        }
    }

    /// <summary>The elements row by row; the view must have no <see cref="Problem"/>.</summary>
    internal ReadOnlyMemory<byte> RowByRow(ReadOnlyMemory<byte> storage)
    {
        var size = Storage.Type.Size();
        if (Bytes == 0)
        {
            return ReadOnlyMemory<byte>.Empty;
        }

        if (IsContiguous)
        {
            return storage.Slice((int)(Offset * size), (int)Bytes);
        }

        var rows = new byte[(int)Bytes];
        switch (size)
        {
            case 1: Copy<byte>(storage.Span, rows); break;
            case 2: Copy<ushort>(storage.Span, rows); break;
            case 4: Copy<uint>(storage.Span, rows); break;
            default: Copy<ulong>(storage.Span, rows); break;
        }

        return rows;
    }

    private void Copy<T>(ReadOnlySpan<byte> from, Span<byte> into)
        where T : struct
    {
        var source = MemoryMarshal.Cast<byte, T>(from);
        var target = MemoryMarshal.Cast<byte, T>(into);
        // Dimensions of one element do not count: to step over dozens of them at every element would take long.
        int[] axes = [.. Enumerable.Range(0, Shape.Length).Where(axis => Shape[axis] != 1)];
        var index = new long[Shape.Length];
        var at = Offset;

        for (var i = 0; i < target.Length; i++)
        {
            target[i] = source[(int)at];
            for (var last = axes.Length - 1; last >= 0; last--)
            {
                var axis = axes[last];
                at += Strides[axis];
                if (++index[axis] < Shape[axis])
                {
                    break;
                }

                at -= index[axis] * Strides[axis];
                index[axis] = 0;
            }
        }
    }
}
