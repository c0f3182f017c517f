namespace CondEmbed.Sampling;

/// <summary>
/// Deals classes, and images of each: the classes equally often, and so the images of a class. A class is dealt once in a hand, and an image once unless its class has
/// too few.
/// </summary>
/// <param name="itemsOfClass">The items of each class.</param>
/// <param name="random">The stream of the classes, 0, and that of each one's images, from 1.</param>
internal sealed class ClassDealer(int[][] itemsOfClass, Func<ulong, SeededRandom> random)
{
    private readonly EvenDealer classes = new(itemsOfClass.Length, random(0));
    private readonly EvenDealer[] images = [.. itemsOfClass.Select((items, at) => new EvenDealer(items.Length, random((ulong)at + 1)))];

    /// <summary>Fills a hand with images, class after class.</summary>
    internal void Deal(int perClass, Span<int> hand)
    {
        var chosen = new int[hand.Length / perClass];
        classes.Deal(chosen);
        foreach (var one in chosen)
        {
            images[one].Deal(hand[..perClass]);
            foreach (ref var item in hand[..perClass])
            {
                item = itemsOfClass[one][item];
            }

            hand = hand[perClass..];
        }
    }
}
