using System.Numerics;
using System.Runtime.Intrinsics;
using CondEmbed.Evaluation;

namespace CondEmbed.Serving;

/// <summary>
/// One search: reads the rows of an index once, for all queries. What decides is always the product of a row and a query by <see cref="DotProduct"/>; whatever
/// is faster only tells which rows cannot be among the nearest.
/// </summary>
/// <param name="rows">Where to search.</param>
/// <param name="queries">D numbers each, of length 1.</param>
/// <param name="top">How many to find for each.</param>
/// <param name="takes">Whether a row may be found.</param>
internal sealed unsafe class IndexScan(IndexRows rows, float[][] queries, int top, Func<int, bool> takes)
{
    // What a thread reads at a time for all queries: it should stay in the processor's cache.
    private const int BlockNumbers = 1 << 17;

    // Fewer queries are as fast one by one.
    private const int FewQueries = 4;

    private readonly float[][] packed = queries.Length > FewQueries && PanelProduct.IsSupported ? RowProduct.Packed(queries) : [];
    private readonly float doubt = DotProduct.Uncertainty<float>(rows.Dimension);

    // Where nearly all rows come out, codes save nothing.
    private readonly CodeQueries? coded = rows.Codes is { } codes && CodeProduct.IsSupported && top < rows.Count / 8 ? new CodeQueries(queries, codes) : null;

    /// <summary>The nearest of each query.</summary>
    internal Nearest[] Find(CancellationToken cancellation)
    {
        var block = Math.Clamp(BlockNumbers / rows.Dimension / RowCodes.Rows * RowCodes.Rows, RowCodes.Rows, IndexRows.BlockRows);
        var blocks = (int)(((long)rows.Count + block - 1) / block);
        var found = Parts.Do(blocks, Start, (own, part) => Scan(part * block, Math.Min(rows.Count, (part + 1) * block), own), cancellation);
        var all = Start();
        foreach (var own in found)
        {
            for (var query = 0; query < own.Length; query++)
            {
                all[query].Add(own[query]);
            }
        }

        return all;
    }

    private Nearest[] Start() => [.. queries.Select(_ => new Nearest(top))];

    private void Scan(int first, int last, Nearest[] found)
    {
        if (coded is not null && first < rows.Mapped)
        {
            var end = Math.Min(last, rows.Mapped);
            ScanCodes(coded, first, end, found);
            first = end;
        }

        while (first < last)
        {
            var some = rows.EmbeddingsFrom(first, last - first);
            var count = some.Length / rows.Dimension;
            ScanRows(some, first, count, found);
            first += count;
        }
    }

    // Rows that lie one after another.
    private void ScanRows(ReadOnlySpan<float> numbers, int first, int count, Nearest[] found)
    {
        var tiled = packed.Length == 0 ? 0 : count / RowProduct.Rows * RowProduct.Rows;
        fixed (float* start = numbers)
        {
            for (var row = 0; row < tiled; row += RowProduct.Rows)
            {
                ScanTile(start + ((long)row * rows.Dimension), first + row, found);
            }
        }

        for (var query = 0; query < queries.Length; query++)
        {
            for (var row = tiled; row < count; row++)
            {
                Consider(query, first + row, found[query]);
            }
        }
    }

    private void ScanTile(float* start, int first, Nearest[] found)
    {
        var tile = stackalloc float[RowProduct.Rows * RowProduct.Queries];
        for (var group = 0; group < packed.Length; group++)
        {
            fixed (float* asked = packed[group])
            {
                RowProduct.Tile(start, rows.Dimension, asked, tile);
            }

            var least = Least(group * RowProduct.Queries, found);
            for (var row = 0; row < RowProduct.Rows; row++)
            {
                var near = Vector512.GreaterThanOrEqual(Vector512.Load(tile + (row * RowProduct.Queries)), least).ExtractMostSignificantBits();
                for (; near != 0; near &= near - 1)
                {
                    var query = (group * RowProduct.Queries) + BitOperations.TrailingZeroCount(near);
                    Consider(query, first + row, found[query]);
                }
            }
        }
    }

    // What a product must come to so that its row can be among the nearest; for queries that are not there nothing does.
    private Vector512<float> Least(int query, Nearest[] found)
    {
        var least = stackalloc float[RowProduct.Queries];
        for (var at = 0; at < RowProduct.Queries; at++)
        {
            least[at] = query + at < found.Length ? found[query + at].Least - doubt : float.PositiveInfinity;
        }

        return Vector512.Load(least);
    }

    private void ScanCodes(CodeQueries asked, int first, int last, Nearest[] found)
    {
        var codes = rows.Codes!;
        var products = stackalloc int[CodeProduct.Queries * RowCodes.Rows];
        for (var block = first / RowCodes.Rows; block * RowCodes.Rows < last; block++)
        {
            var (start, scales) = rows.CodesOf(block);
            for (var query = 0; query < asked.Count; query += asked.Together)
            {
                fixed (int* group = asked.Group(query / asked.Together))
                {
                    if (asked.Together == 1)
                    {
                        CodeProduct.Of((byte*)start, codes.Pairs, group, products);
                    }
                    else
                    {
                        CodeProduct.OfEight((byte*)start, codes.Pairs, group, products);
                    }
                }

                for (var at = 0; at < Math.Min(asked.Together, asked.Count - query); at++)
                {
                    ConsiderBlock(asked, query + at, products + (at * RowCodes.Rows), (float*)scales, block * RowCodes.Rows, last, found[query + at]);
                }
            }
        }
    }

    private void ConsiderBlock(CodeQueries asked, int query, int* products, float* scales, int first, int last, Nearest found)
    {
        var product = Vector512.ConvertToSingle(Vector512.Load(products)) * (Vector512.Load(scales) * asked.Scales[query]);
        var most = product + Vector512.Load(scales + RowCodes.Rows) + Vector512.Create(asked.Slacks[query]);
        for (var near = Vector512.GreaterThanOrEqual(most, Vector512.Create(found.Least)).ExtractMostSignificantBits(); near != 0; near &= near - 1)
        {
            var lane = BitOperations.TrailingZeroCount(near);
            if (first + lane < last && most[lane] >= found.Least)
            {
                Consider(query, first + lane, found);
            }
        }
    }

    private void Consider(int query, int row, Nearest found)
    {
        var similarity = DotProduct.Of(queries[query].AsSpan(), rows.EmbeddingOf(row));
        if (found.Takes(similarity, row) && takes(row))
        {
            found.Add(similarity, row);
        }
    }
}
