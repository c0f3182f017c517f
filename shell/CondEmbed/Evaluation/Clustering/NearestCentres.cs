using System.Runtime.Intrinsics;
using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// The nearest of many centres, by half the squared distance less half the square of the point: |c|^2 / 2 - x c. A point's number for a centre depends on the two
/// alone, to the last bit, so that what is known of centres that did not move holds on.
/// </summary>
internal static unsafe class NearestCentres
{
    private const int Width = PanelRows.Width;
    private const int Wide = 16;

    /// <summary>Adopts centres that are nearer than the known ones; among equally near ones, the one with the lower name.</summary>
    /// <param name="points">N D.</param>
    /// <param name="centres">K D.</param>
    /// <param name="halfSquares">K: half the square of each centre.</param>
    /// <param name="names">K: the name of each centre, ascending.</param>
    /// <param name="nearest">N: the names of the nearest; updated.</param>
    /// <param name="least">N: their values, infinite if unknown; updated.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    internal static void Take(PanelRows points, PanelRows centres, float[] halfSquares, int[] names, int[] nearest, float[] least, CancellationToken cancellationToken)
    {
        var squares = new float[centres.Panels * Width];
        Array.Fill(squares, float.PositiveInfinity);
        halfSquares.CopyTo(squares, 0);
        var near = Math.Clamp(points.Panels / (4 * ComputeThreads.Count), 1, points.Near);
        var blocks = (points.Panels + near - 1) / near;
        ParallelWork.Each(blocks, block =>
        {
            var rows = Math.Min(near, points.Panels - (block * near));
            using var room = new AlignedRoom((PanelProduct.TileLength + (rows * Width * 2 * Wide)) * sizeof(float));
            var tile = (float*)room.Start;
            var best = tile + PanelProduct.TileLength;
            var place = (int*)(best + (rows * Width * Wide));
            Scan(points, centres, squares, block * near, rows, tile, best, place);
            Settle(points, names, block * near * Width, rows * Width, best, place, nearest, least);
        }, cancellationToken: cancellationToken);
    }

    // The panels of points stay in cache while the centres stream by. Each point keeps the best of every sixteenth centre.
    private static void Scan(PanelRows points, PanelRows centres, float[] squares, int first, int count, float* tile, float* best, int* place)
    {
        new Span<float>(best, count * Width * Wide).Fill(float.PositiveInfinity);
        new Span<int>(place, count * Width * Wide).Clear();
        fixed (float* square = squares)
        {
            for (var panel = 0; panel < centres.Panels; panel++)
            {
                for (var row = 0; row < count; row++)
                {
                    PanelProduct.Tile(points[first + row], centres[panel], points.Dimension, tile);
                    Better(tile, square + (panel * Width), panel * Width, best + (row * Width * Wide), place + (row * Width * Wide));
                }
            }
        }
    }

    private static void Better(float* tile, float* squares, int first, float* best, int* place)
    {
        var numbers = Vector512<int>.Indices + Vector512.Create(first);
        for (var row = 0; row < Width; row++, tile += Width, best += Wide, place += Wide)
        {
            var (known, at) = (Vector512.Load(best), Vector512.Load(place));
            for (var lane = 0; lane < Width; lane += Wide)
            {
                var number = Vector512.Load(squares + lane) - Vector512.Load(tile + lane);
                var better = Vector512.LessThan(number, known);
                known = Vector512.ConditionalSelect(better, number, known);
                at = Vector512.ConditionalSelect(better.AsInt32(), numbers + Vector512.Create(lane), at);
            }

            known.Store(best);
            at.Store(place);
        }
    }

    private static void Settle(PanelRows points, int[] names, int first, int count, float* best, int* place, int[] nearest, float[] least)
    {
        for (var point = first; point < Math.Min(first + count, points.Count); point++, best += Wide, place += Wide)
        {
            for (var lane = 0; lane < Wide; lane++)
            {
                var name = names[place[lane]];
                if (best[lane] < least[point] || (best[lane] == least[point] && name < nearest[point]))
                {
                    (least[point], nearest[point]) = (best[lane], name);
                }
            }
        }
    }
}
