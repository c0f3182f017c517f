using CondEmbed.Search;

namespace CondEmbed.Evaluation;

/// <summary>
/// The similarity of every query to each of its positives, in panels of 48 queries like <see cref="PanelRows"/>: at [depth, query], the worst positive of each query at
/// depth 0, of equal ones that with the higher index. Where a query has no more positives the similarity is infinite.
/// </summary>
internal sealed class PositiveTable
{
    /// <summary>Replaces the index of a positive if ties are not to count, as if all items came after it.</summary>
    internal const int Strictly = -1;

    // With more positives per query, sorting is just as fast; and the threads' total memory has to stay small.
    private const int MostDepth = 96;
    private const long MostPlaces = 16 << 20;

    private readonly int[] starts;

    private PositiveTable(int[] starts)
    {
        this.starts = starts;
        Similarities = new float[starts[^1]];
        Items = new int[starts[^1]];
        Array.Fill(Similarities, float.PositiveInfinity);
    }

    internal float[] Similarities { get; }

    internal int[] Items { get; }

    /// <summary>The start of a panel.</summary>
    internal int Start(int panel) => starts[panel];

    /// <summary>How many places each query of a panel has.</summary>
    internal int Depth(int panel) => (starts[panel + 1] - starts[panel]) / PanelRows.Width;

    /// <summary>Where the places of a query begin; they are <see cref="PanelRows.Width"/> apart.</summary>
    internal int StartOf(int query) => starts[query / PanelRows.Width] + (query % PanelRows.Width);

    /// <summary>The positives of all queries; null if there are too many of them.</summary>
    /// <param name="search">Q D in G D.</param>
    /// <param name="strictly">Whether each query's best positive comes once more after all, marked <see cref="Strictly"/>.</param>
    internal static PositiveTable? Of(LabelledSearch<float> search, bool strictly)
    {
        var places = Enumerable.Range(0, search.Count).Select(query => Places(search.PositivesOf(query), strictly)).ToArray();
        var panels = places.Chunk(PanelRows.Width).Select(panel => panel.Max()).ToArray();
        if (panels.Any(depth => depth > MostDepth) || panels.Sum(depth => (long)depth) * PanelRows.Width > MostPlaces)
        {
            return null;
        }

        var starts = new int[panels.Length + 1];
        for (var panel = 0; panel < panels.Length; panel++)
        {
            starts[panel + 1] = starts[panel] + (panels[panel] * PanelRows.Width);
        }

        var table = new PositiveTable(starts);
        ParallelWork.Each(panels.Length, panel =>
        {
            for (var query = panel * PanelRows.Width; query < Math.Min(search.Count, (panel + 1) * PanelRows.Width); query++)
            {
                table.Put(query, search.Queries.Unit.Row(query), search.Gallery.Unit, search.Positives(query), strictly);
            }
        });
        return table;
    }

    private static int Places(int positives, bool strictly) => positives == 0 ? 0 : positives + (strictly ? 1 : 0);

    private void Put(int query, ReadOnlySpan<float> row, Embeddings<float> gallery, int[] positives, bool strictly)
    {
        var sorted = new (float Similarity, int Item)[positives.Length];
        for (var i = 0; i < positives.Length; i++)
        {
            sorted[i] = (PanelProduct.Of(row, gallery.Row(positives[i])), positives[i]);
        }

        Array.Sort(sorted, (a, b) => a.Similarity != b.Similarity ? a.Similarity.CompareTo(b.Similarity) : b.Item.CompareTo(a.Item));
        var place = StartOf(query);
        foreach (var (similarity, item) in sorted)
        {
            (Similarities[place], Items[place]) = (similarity, item);
            place += PanelRows.Width;
        }

        if (strictly && sorted.Length > 0)
        {
            (Similarities[place], Items[place]) = (sorted[^1].Similarity, Strictly);
        }
    }
}
