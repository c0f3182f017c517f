namespace CondEmbed.Datasets;

/// <summary>Random squares on a square canvas with little overlap.</summary>
internal static class SceneLayout
{
    /// <summary>The smallest side of a square.</summary>
    internal const int Smallest = 36;

    /// <summary>The largest side of a square.</summary>
    internal const int Greatest = 48;

    /// <summary>How much of the smaller of two squares the larger one may cover, in percent.</summary>
    internal const int MostCovered = 15;

    private const int Layouts = 400;
    private const int Places = 20;

    /// <summary>
    /// Squares of random sizes in random places, redrawn until they overlap little enough; after 400 attempts, the attempt
    /// with the least overlap.
    /// </summary>
    internal static IReadOnlyList<PixelBox> Boxes(int side, int count, ref SeededRandom random)
    {
        IReadOnlyList<PixelBox> best = [];
        var least = int.MaxValue;
        for (var i = 0; i < Layouts && least > MostCovered; i++)
        {
            var boxes = new List<PixelBox>();
            var most = 0;
            while (boxes.Count < count && most < least)
            {
                var (box, covered) = Next(side, boxes, ref random);
                boxes.Add(box);
                most = Math.Max(most, covered);
            }

            (best, least) = most < least ? (boxes, most) : (best, least);
        }

        return best;
    }

    /// <summary>How much of the smaller square both share, in percent, rounded up.</summary>
    internal static int Covered(PixelBox one, PixelBox other)
    {
        var width = Math.Min(one.Left + one.Width, other.Left + other.Width) - Math.Max(one.Left, other.Left);
        var height = Math.Min(one.Top + one.Height, other.Top + other.Height) - Math.Max(one.Top, other.Top);
        var smaller = Math.Min(one.Width * one.Height, other.Width * other.Height);
        return (Math.Max(0, width) * Math.Max(0, height) * 100 + smaller - 1) / smaller;
    }

    private static (PixelBox Box, int Covered) Next(int side, List<PixelBox> boxes, ref SeededRandom random)
    {
        var size = Smallest + random.Next(Greatest - Smallest + 1);
        var (best, least) = (default(PixelBox), int.MaxValue);
        for (var i = 0; i < Places && least > MostCovered; i++)
        {
            var box = new PixelBox(random.Next(side - size + 1), random.Next(side - size + 1), size, size);
            var most = 0;
            foreach (var other in boxes)
            {
                most = Math.Max(most, Covered(box, other));
            }

            (best, least) = most < least ? (box, most) : (best, least);
        }

        return (best, least);
    }
}
