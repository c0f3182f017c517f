namespace CondEmbed.Sampling;

/// <summary>
/// Deals hands from a shuffled pack of the numbers 0 .. count-1, and continues with a freshly shuffled pack when one is used up. So after
/// any number of hands no number was dealt more than once more often than another.
/// A hand holds no number twice when the pack has enough of them.
/// </summary>
internal sealed class EvenDealer(int count, SeededRandom random)
{
    private readonly int[] pack = [.. Enumerable.Range(0, count)];
    private SeededRandom random = random;
    private int next = count;

    internal void Deal(Span<int> hand)
    {
        for (var dealt = 0; dealt < hand.Length; dealt++)
        {
            if (next == pack.Length)
            {
                Shuffle();
            }

            // Cards already in the hand, from the end of the last pack, wait for the next hand.
            var pick = next;
            while (pick < pack.Length && hand[..dealt].Contains(pack[pick]))
            {
                pick++;
            }

            pick = pick == pack.Length ? next : pick;
            hand[dealt] = pack[pick];
            (pack[next], pack[pick]) = (pack[pick], pack[next]);
            next++;
        }
    }

    private void Shuffle()
    {
        for (var i = pack.Length - 1; i > 0; i--)
        {
            var j = random.Next(i + 1);
            (pack[i], pack[j]) = (pack[j], pack[i]);
        }

        next = 0;
    }
}
