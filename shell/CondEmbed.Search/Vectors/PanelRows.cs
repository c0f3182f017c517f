namespace CondEmbed.Search;

/// <summary>
/// Rows copied into the order in which <see cref="PanelProduct"/> reads them: 48 rows a panel, and in a panel the first numbers of its rows, then the second ones,
/// and so on. Rows that the last panel lacks are 0.
/// </summary>
internal sealed unsafe class PanelRows : IDisposable
{
    /// <summary>Rows in a panel.</summary>
    internal const int Width = 48;

    // The bytes of panels that a core revisits, sized for a second-level cache of 1 MB or more.
    private const int NearBytes = 480 << 10;

    private readonly AlignedRoom room;

    private PanelRows(int count, int dimension)
    {
        (Count, Dimension) = (count, dimension);
        Panels = (count + Width - 1) / Width;
        Near = Math.Max(1, NearBytes / (Width * dimension * sizeof(float)));
        room = new AlignedRoom((long)Math.Max(1, Panels) * Width * dimension * sizeof(float));
    }

    /// <summary>How many rows there are.</summary>
    internal int Count { get; }

    /// <summary>Numbers in a row.</summary>
    internal int Dimension { get; }

    /// <summary>How many panels they take.</summary>
    internal int Panels { get; }

    /// <summary>How many panels a core should go over again and again.</summary>
    internal int Near { get; }

    /// <summary>D 48: the numbers of a panel.</summary>
    internal float* this[int panel] => (float*)room.Start + ((long)panel * Width * Dimension);

    /// <summary>How many rows of a panel there are.</summary>
    internal int RowsIn(int panel) => Math.Min(Width, Count - (panel * Width));

    internal static PanelRows Of(Embeddings<float> rows)
    {
        var panels = new PanelRows(rows.Count, rows.Dimension);
        panels.Fill(rows);
        return panels;
    }

    /// <summary>Takes the numbers of other rows, as many.</summary>
    internal void Fill(Embeddings<float> rows) =>
        Parallel.For(0, Panels, ComputeThreads.Spread, panel => Fill(rows, panel));

    public void Dispose() => room.Dispose();

    private void Fill(Embeddings<float> rows, int panel)
    {
        var into = this[panel];
        var known = RowsIn(panel);
        for (var row = 0; row < Width; row++)
        {
            var from = row < known ? rows.Row((panel * Width) + row) : default;
            for (var at = 0; at < Dimension; at++)
            {
                into[((long)at * Width) + row] = row < known ? from[at] : 0;
            }
        }
    }
}
