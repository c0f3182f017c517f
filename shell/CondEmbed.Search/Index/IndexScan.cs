using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CondEmbed.Search;

/// <summary>
/// One search: reads the rows of an index once, for all queries. The result is always decided by the product of a row and a query from <see cref="DotProduct"/>; anything
/// faster only excludes rows that cannot be among the nearest.
/// </summary>
/// <param name="rows">Where to search.</param>
/// <param name="queries">D numbers each, of length 1.</param>
/// <param name="top">How many to find for each.</param>
/// <param name="takes">Whether a row may be found.</param>
internal sealed unsafe class IndexScan(IndexRows rows, float[][] queries, int top, Func<int, bool> takes)
{
    // Fewer queries are as fast one by one.
    private const int FewQueries = 4;

    private readonly float[][] packed = queries.Length > FewQueries && PanelProduct.IsSupported ? RowProduct.Packed(queries) : [];
    private readonly float doubt = DotProduct.Uncertainty<float>(rows.Dimension);

    // If nearly all rows are results, codes save nothing.
    private readonly CodeQueries? coded = rows.Codes is { } codes && CodeProduct.IsSupported && top < rows.Count / 8 ? new CodeQueries(queries, codes) : null;

    private readonly int block = IndexRows.PartRowsOf(rows.Dimension);

    /// <summary>The nearest of each query.</summary>
    internal Nearest[] Find(CancellationToken cancellationToken)
    {
        var parts = (int)(((long)rows.Count + block - 1) / block);
        var workers = new ConcurrentBag<Worker>();
        try
        {
            ParallelWork.Each(parts, Start, (worker, part) => Scan(part * block, Math.Min(rows.Count, (part + 1) * block), worker), cancellationToken: cancellationToken);
            Nearest[] all = [.. queries.Select(_ => new Nearest(top))];
            foreach (var worker in workers)
            {
                for (var query = 0; query < all.Length; query++)
                {
                    all[query].Add(worker.Found[query]);
                }
            }

            return all;
        }
        finally
        {
            GC.KeepAlive(rows);
            foreach (var worker in workers)
            {
                worker.Dispose();
            }
        }

        Worker Start()
        {
            var worker = new Worker([.. queries.Select(_ => new Nearest(top))], rows, block, coded is not null);
            workers.Add(worker);
            return worker;
        }
    }

    private void Scan(int first, int last, Worker worker)
    {
        if (coded is not null && first < rows.InFile)
        {
            var end = Math.Min(last, rows.InFile);
            ScanCodes(coded, first, end, worker);
            first = end;
        }

        while (first < last)
        {
            var some = rows.EmbeddingsFrom(first, last - first, worker.Numbers);
            var count = some.Length / rows.Dimension;
            ScanRows(some, first, count, worker.Found);
            first += count;
        }
    }

    // Consecutive rows.
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
                Consider(query, first + row, numbers.Slice(row * rows.Dimension, rows.Dimension), found[query]);
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
                    Consider(query, first + row, new ReadOnlySpan<float>(start + ((long)row * rows.Dimension), rows.Dimension), found[query]);
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

    private void ScanCodes(CodeQueries asked, int first, int last, Worker worker)
    {
        var codes = rows.Codes!;
        var products = stackalloc int[CodeProduct.Queries * RowCodes.Rows];
        var part = first / block;
        var blocks = rows.CodeBlocksOf(part);
        var read = rows.CodesOf(part, worker.Codes);
        for (var number = 0; number < blocks; number++)
        {
            var start = read + (number * codes.BlockLength);
            var scales = (float*)(read + (blocks * codes.BlockLength)) + (number * 2 * RowCodes.Rows);
            for (var query = 0; query < asked.Count; query += asked.Together)
            {
                fixed (int* group = asked.Group(query / asked.Together))
                {
                    if (asked.Together == 1)
                    {
                        CodeProduct.Of(start, codes.Pairs, group, products);
                    }
                    else
                    {
                        CodeProduct.OfEight(start, codes.Pairs, group, products);
                    }
                }

                for (var at = 0; at < Math.Min(asked.Together, asked.Count - query); at++)
                {
                    ConsiderBlock(asked, query + at, products + (at * RowCodes.Rows), scales, first + (number * RowCodes.Rows), last, worker);
                }
            }
        }
    }

    private void ConsiderBlock(CodeQueries asked, int query, int* products, float* scales, int first, int last, Worker worker)
    {
        var found = worker.Found[query];
        var product = Vector512.ConvertToSingle(Vector512.Load(products)) * (Vector512.Load(scales) * asked.Scales[query]);
        var most = product + Vector512.Load(scales + RowCodes.Rows) + Vector512.Create(asked.Slacks[query]);
        for (var near = Vector512.GreaterThanOrEqual(most, Vector512.Create(found.Least)).ExtractMostSignificantBits(); near != 0; near &= near - 1)
        {
            var lane = BitOperations.TrailingZeroCount(near);
            if (first + lane < last && most[lane] >= found.Least)
            {
                Consider(query, first + lane, rows.EmbeddingOf(first + lane, MemoryMarshal.Cast<byte, float>(worker.Numbers.Span)), found);
            }
        }
    }

    private void Consider(int query, int row, ReadOnlySpan<float> embedding, Nearest found)
    {
        var similarity = DotProduct.Of(queries[query].AsSpan(), embedding);
        if (found.Takes(similarity, row) && takes(row))
        {
            found.Add(similarity, row);
        }
    }

    /// <summary>The state of one thread: what it found, and a buffer for what it reads from the file.</summary>
    private sealed class Worker(Nearest[] found, IndexRows rows, int block, bool coded) : IDisposable
    {
        internal Nearest[] Found => found;

        internal AlignedRoom Numbers { get; } = new(Math.Min(coded ? 1 : block, rows.InFile) * rows.Dimension * sizeof(float));

        internal AlignedRoom Codes { get; } =
            new(coded ? Math.Min(block, rows.InFile + RowCodes.Rows) / RowCodes.Rows * (rows.Codes!.BlockLength + RowCodes.ScalesLength) : 0);

        public void Dispose()
        {
            Numbers.Dispose();
            Codes.Dispose();
        }
    }
}
