using System.Buffers.Binary;

namespace CondEmbed.Datasets;

/// <summary>What a scene shows: emoji by number, each with its place, in drawing order.</summary>
internal sealed record EmojiScene(Rgb Background, IReadOnlyList<(int Image, PixelBox Box)> Emoji)
{
    /// <summary>Side of a scene in pixels.</summary>
    internal const int Side = 96;

    private const int FewestEmoji = 2;
    private const int MostEmoji = 3;
    private const int PalestChannel = 255;
    private const int StrongestChannel = 214;

    /// <summary>An image of the class and, in random places and order, one or two distractors.</summary>
    /// <param name="album">The emoji.</param>
    /// <param name="label">The class of the scene.</param>
    /// <param name="seed">Name and number of the scene: the scene depends only on these.</param>
    internal static EmojiScene Several(EmojiAlbum album, string label, (string Set, int Number) seed)
    {
        var random = RandomOf(label, seed);
        var background = Pastel(ref random);
        var boxes = SceneLayout.Boxes(Side, FewestEmoji + random.Next(MostEmoji - FewestEmoji + 1), ref random);
        var labels = Others(album.StandingBy, boxes.Count - 1, ref random);
        labels.Insert(random.Next(boxes.Count), label);
        var emoji = new List<(int, PixelBox)>();
        foreach (var (shown, box) in labels.Zip(boxes))
        {
            var images = album.ImagesOf(shown);
            emoji.Add((images[random.Next(images.Count)], box));
        }

        return new EmojiScene(background, emoji);
    }

    /// <summary>A single image in a random place.</summary>
    /// <param name="album">The emoji.</param>
    /// <param name="image">The image's number.</param>
    /// <param name="seed">Name and number of the scene: with the image's class all that it depends on.</param>
    internal static EmojiScene Single(EmojiAlbum album, int image, (string Set, int Number) seed)
    {
        var random = RandomOf(album.ItemOf(image).Label, seed);
        var background = Pastel(ref random);
        return new EmojiScene(background, [(image, SceneLayout.Boxes(Side, 1, ref random)[0])]);
    }

    /// <summary>Side Side 3.</summary>
    internal RgbImage Draw(EmojiAlbum album)
    {
        var canvas = new RgbImage(Side, Side, Background);
        foreach (var (image, box) in Emoji)
        {
            album.CutOut(image).Draw(canvas, box);
        }

        return canvas;
    }

    private static List<string> Others(IReadOnlyList<string> classes, int count, ref SeededRandom random)
    {
        var others = new List<string>();
        while (others.Count < count)
        {
            var drawn = classes[random.Next(classes.Count)];
            if (!others.Contains(drawn))
            {
                others.Add(drawn);
            }
        }

        return others;
    }

    private static Rgb Pastel(ref SeededRandom random) => new(Channel(ref random), Channel(ref random), Channel(ref random));

    private static byte Channel(ref SeededRandom random) => (byte)(StrongestChannel + random.Next(PalestChannel - StrongestChannel + 1));

    private static SeededRandom RandomOf(string label, (string Set, int Number) seed)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed.Set}:{label}"));
        return SeededRandom.For(BinaryPrimitives.ReadInt64LittleEndian(hash), seed.Number, 0);
    }
}
