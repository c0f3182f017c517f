namespace CondEmbed.Evaluation;

/// <summary>Which items a query should find, where labels do not say it.</summary>
public interface IRelevance
{
    /// <summary>
    /// Marks every item of the gallery for a query: above 0 if it should be found, below 0 if not, 0 if it does not count, so that it has no place in the ranking. What the mark of the
    /// query itself is does not matter. Called from several threads.
    /// </summary>
    /// <param name="query">The number of the query.</param>
    /// <param name="marks">Receives one mark for each item.</param>
    void Mark(int query, Span<sbyte> marks);
}
