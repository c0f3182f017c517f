using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// The ranks of all positives of all queries, computed without ranking: similarities are computed a tile at a time, and the items before each positive are
/// counted while the tile is still in cache. A set searched against itself needs half of the products, since each serves both of its items.
/// </summary>
internal sealed unsafe class PositiveRanks
{
    private readonly LabelledSearch<float> search;
    private readonly PositiveTable positives;
    private readonly int[] counts;

    private PositiveRanks(LabelledSearch<float> search, PositiveTable positives, CancellationToken cancellationToken)
    {
        (this.search, this.positives) = (search, positives);
        counts = Counted(cancellationToken);
    }

    /// <summary>Counts the ranks; null if there are too many positives for that.</summary>
    /// <param name="search">Q D in G D.</param>
    /// <param name="strictly">Whether <see cref="StrictlyBetter"/> will be asked for.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    internal static PositiveRanks? Of(LabelledSearch<float> search, bool strictly, CancellationToken cancellationToken) =>
        PositiveTable.Of(search, strictly) is { } positives ? new PositiveRanks(search, positives, cancellationToken) : null;

    /// <summary>The ascending ranks of a query's positives.</summary>
    internal int[] Ranks(int query)
    {
        var ranks = new int[search.PositivesOf(query)];
        var place = positives.StartOf(query);
        for (var i = ranks.Length - 1; i >= 0; i--, place += PanelRows.Width)
        {
            ranks[i] = Before(query, place) + 1;
        }

        return ranks;
    }

    /// <summary>How many negatives are strictly more similar than the best positive.</summary>
    internal int StrictlyBetter(int query)
    {
        var count = search.PositivesOf(query);
        return count == 0 ? 0 : Before(query, positives.StartOf(query) + (count * PanelRows.Width));
    }

    // The query itself was counted like any other item.
    private int Before(int query, int place)
    {
        var self = search.Self[query];
        if (self < 0)
        {
            return counts[place];
        }

        var own = PanelProduct.Of(search.Queries.Unit.Row(query), search.Gallery.Unit.Row(self));
        var (least, item) = (positives.Similarities[place], positives.Items[place]);
        return counts[place] - (own > least || (own == least && self < item) ? 1 : 0);
    }

    private int[] Counted(CancellationToken cancellationToken)
    {
        using var items = PanelRows.Of(search.Gallery.Unit);
        using var asked = search.IsAmongItself ? null : PanelRows.Of(search.Queries.Unit);
        return Counted(asked ?? items, items, search.IsAmongItself, cancellationToken);
    }

    private int[] Counted(PanelRows asked, PanelRows items, bool same, CancellationToken cancellationToken)
    {
        var near = Math.Clamp(items.Panels / (4 * ComputeThreads.Count), 1, items.Near);
        var blocks = (items.Panels + near - 1) / near;

        // The last columns of a triangle are the longest: they come first, so that all threads finish together.
        var own = ParallelWork.Each(blocks, () => new int[positives.Items.Length], (into, part) => Count(asked, items, (blocks - 1 - part) * near, near, same, into, cancellationToken), cancellationToken: cancellationToken);
        var all = own.Count > 0 ? own[0] : [];
        foreach (var more in own.Skip(1))
        {
            for (var i = 0; i < all.Length; i++)
            {
                all[i] += more[i];
            }
        }

        return all;
    }

    // All queries against some panels of items.
    private void Count(PanelRows asked, PanelRows items, int first, int count, bool same, int[] counts, CancellationToken cancellationToken)
    {
        var last = Math.Min(first + count, items.Panels);
        using var room = new AlignedRoom(PanelProduct.TileLength * sizeof(float));
        var tile = (float*)room.Start;
        for (var row = 0; row < (same ? last : asked.Panels) && !cancellationToken.IsCancellationRequested; row++)
        {
            for (var column = same ? Math.Max(first, row) : first; column < last; column++)
            {
                PanelProduct.Tile(asked[row], items[column], items.Dimension, tile);
                Count(tile, asked, items, row, column, same && row != column, counts);
            }
        }
    }

    private void Count(float* tile, PanelRows asked, PanelRows items, int row, int column, bool both, int[] counts)
    {
        for (var missing = items.RowsIn(column); missing < PanelRows.Width; missing++)
        {
            for (var i = 0; i < PanelRows.Width; i++)
            {
                tile[(i * PanelRows.Width) + missing] = float.NegativeInfinity;
            }
        }

        fixed (float* similarities = positives.Similarities)
        fixed (int* places = positives.Items, into = counts)
        {
            var at = positives.Start(row);
            PositiveTile.OfRows(tile, column * PanelRows.Width, asked.RowsIn(row), positives.Depth(row), similarities + at, places + at, into + at);
            if (both)
            {
                at = positives.Start(column);
                PositiveTile.OfColumns(tile, row * PanelRows.Width, asked.RowsIn(row), positives.Depth(column), similarities + at, places + at, into + at);
            }
        }
    }
}
