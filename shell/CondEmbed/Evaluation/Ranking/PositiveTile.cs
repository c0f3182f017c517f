using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// Counts, in a tile of 48 x 48 similarities, the items that come before each positive: those that are more similar, or as similar and of lower index. An item that
/// precedes no positive at some depth precedes none after it, so most tiles are finished after the worst ones.
/// </summary>
internal static unsafe class PositiveTile
{
    private const int Width = PanelRows.Width;
    private const int Wide = 16;

    /// <summary>Rows are queries, columns items.</summary>
    /// <param name="tile">48 48.</param>
    /// <param name="first">The index of the first item.</param>
    /// <param name="queries">How many queries there are.</param>
    /// <param name="depth">How many positives each query has.</param>
    /// <param name="positives">Depth 48: their similarities.</param>
    /// <param name="places">Depth 48: their indices.</param>
    /// <param name="counts">Depth 48: the counts to add to.</param>
    internal static void OfRows(float* tile, int first, int queries, int depth, float* positives, int* places, int* counts)
    {
        for (var query = 0; query < queries; query++, tile += Width)
        {
            for (var at = query; at < depth * Width; at += Width)
            {
                // The place of a positive among these items: before all, after all, or one of them.
                var before = Math.Clamp(places[at] - first, 0, Width);
                var threshold = Vector512.Create(positives[at]);
                var above = before switch
                {
                    0 => Above(tile, threshold),
                    Width => NotBelow(tile, threshold),
                    _ => Above(tile, threshold) | (NotBelow(tile, threshold) & ((1UL << before) - 1)),
                };
                if (above == 0)
                {
                    break;
                }

                counts[at] += BitOperations.PopCount(above);
            }
        }
    }

    /// <summary>Columns are queries, rows items.</summary>
    /// <param name="tile">48 48.</param>
    /// <param name="first">The index of the first item.</param>
    /// <param name="items">How many items there are.</param>
    /// <param name="depth">How many positives each query has.</param>
    /// <param name="positives">Depth 48: their similarities.</param>
    /// <param name="places">Depth 48: their indices.</param>
    /// <param name="counts">Depth 48: the counts to add to.</param>
    internal static void OfColumns(float* tile, int first, int items, int depth, float* positives, int* places, int* counts)
    {
        for (var at = 0; at < depth * Width; at += Width)
        {
            var any = Vector512<int>.Zero;
            for (var lane = 0; lane < Width; lane += Wide)
            {
                var place = Vector512.Load(places + at + lane);
                var threshold = Vector512.Load(positives + at + lane);
                var count = Count(tile + lane, first, items, threshold, place);
                (Vector512.Load(counts + at + lane) + count).Store(counts + at + lane);
                any |= count;
            }

            if (any == Vector512<int>.Zero)
            {
                break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Count(float* tile, int first, int items, Vector512<float> threshold, Vector512<int> place)
    {
        var count = Vector512<int>.Zero;
        var after = Vector512.GreaterThanOrEqual(place, Vector512.Create(first));
        if ((after & Vector512.LessThan(place, Vector512.Create(first + items))) != Vector512<int>.Zero)
        {
            for (var item = 0; item < items; item++, tile += Width)
            {
                var similarity = Vector512.Load(tile);
                var tied = Vector512.Equals(similarity, threshold).AsInt32() & Vector512.GreaterThan(place, Vector512.Create(first + item));
                count -= Vector512.GreaterThan(similarity, threshold).AsInt32() | tied;
            }

            return count;
        }

        // To come before a positive of higher index it is enough to be as similar: to be more similar than the next number below.
        var least = Vector512.ConditionalSelect(after.AsSingle(), NextBelow(threshold), threshold);
        for (var item = 0; item < items; item++, tile += Width)
        {
            count -= Vector512.GreaterThan(Vector512.Load(tile), least).AsInt32();
        }

        return count;
    }

    private static Vector512<float> NextBelow(Vector512<float> number)
    {
        var bits = number.AsInt32();
        var one = Vector512<int>.One;
        var moved = Vector512.ConditionalSelect(Vector512.GreaterThan(bits, Vector512<int>.Zero), bits - one, bits + one);
        var belowZero = Vector512.Create(float.BitDecrement(0f));
        return Vector512.ConditionalSelect(Vector512.Equals(number, Vector512<float>.Zero), belowZero, moved.AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Above(float* row, Vector512<float> threshold) =>
        Vector512.GreaterThan(Vector512.Load(row), threshold).ExtractMostSignificantBits()
        | (Vector512.GreaterThan(Vector512.Load(row + Wide), threshold).ExtractMostSignificantBits() << Wide)
        | (Vector512.GreaterThan(Vector512.Load(row + (2 * Wide)), threshold).ExtractMostSignificantBits() << (2 * Wide));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong NotBelow(float* row, Vector512<float> threshold) =>
        Vector512.GreaterThanOrEqual(Vector512.Load(row), threshold).ExtractMostSignificantBits()
        | (Vector512.GreaterThanOrEqual(Vector512.Load(row + Wide), threshold).ExtractMostSignificantBits() << Wide)
        | (Vector512.GreaterThanOrEqual(Vector512.Load(row + (2 * Wide)), threshold).ExtractMostSignificantBits() << (2 * Wide));
}
