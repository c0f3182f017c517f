using CondEmbed.Images;

namespace CondEmbed.Sampling;

/// <summary>
/// Deals classes, and images of each: the classes equally often, and so the images of a class. A class is dealt once in a hand, and an image once unless its class has
/// too few.
/// </summary>
internal sealed class ClassDealer
{
    private readonly int[][] itemsOfClass;
    private readonly EvenDealer classes;
    private readonly EvenDealer[] images;

    /// <summary>Deals from the beginning.</summary>
    /// <param name="itemsOfClass">The items of each class.</param>
    /// <param name="random">The stream of the classes, 0, and that of each one's images, from 1.</param>
    internal ClassDealer(int[][] itemsOfClass, Func<ulong, SeededRandom> random)
    {
        this.itemsOfClass = itemsOfClass;
        classes = new EvenDealer(itemsOfClass.Length, random(0));
        images = [.. itemsOfClass.Select((items, at) => new EvenDealer(items.Length, random((ulong)at + 1)))];
    }

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
