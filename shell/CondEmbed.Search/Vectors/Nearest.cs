namespace CondEmbed.Search;

/// <summary>The most similar rows seen so far, most similar first; equally similar ones in index order.</summary>
internal sealed class Nearest(int most)
{
    private readonly float[] similarities = new float[most];
    private readonly int[] rows = new int[most];

    internal int Count { get; private set; }

    internal (int Row, float Similarity) this[int rank] => (rows[rank], similarities[rank]);

    /// <summary>A row that is less similar would not be kept.</summary>
    internal float Least => Count < most ? float.NegativeInfinity : similarities[Count - 1];

    /// <summary>Whether a row would be kept now.</summary>
    internal bool Takes(float similarity, int row) => Count < most || IsBefore(similarity, row, Count - 1);

    internal void Add(float similarity, int row)
    {
        if (!Takes(similarity, row))
        {
            return;
        }

        var place = Count < most ? Count++ : most - 1;
        for (; place > 0 && IsBefore(similarity, row, place - 1); place--)
        {
            (similarities[place], rows[place]) = (similarities[place - 1], rows[place - 1]);
        }

        (similarities[place], rows[place]) = (similarity, row);
    }

    internal void Add(Nearest others)
    {
        for (var rank = 0; rank < others.Count; rank++)
        {
            Add(others.similarities[rank], others.rows[rank]);
        }
    }

    private bool IsBefore(float similarity, int row, int rank) =>
        similarity > similarities[rank] || (similarity == similarities[rank] && row < rows[rank]);
}
