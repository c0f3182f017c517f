namespace CondEmbed.Datasets;

/// <summary>The emoji that scenes are made of, by class and by part, cut out on first use. Thread-safe.</summary>
internal sealed class EmojiAlbum
{
    private readonly EmojiDataset emoji = EmojiDataset.Open();
    private readonly IReadOnlyDictionary<string, Role> roles = EmojiSplit.ReadForScenes();
    private readonly Dictionary<string, int[]> images;
    private readonly EmojiCutOut?[] cutOuts;

    internal EmojiAlbum()
    {
        images = Enumerable.Range(0, emoji.Count)
            .GroupBy(at => emoji.Items[at].Label, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
        Meant = [.. ClassOrder.Sorted(images.Keys).Where(label => RoleOf(label) != Role.Unassigned)];
        StandingBy = [.. ClassOrder.Sorted(images.Keys).Where(label => RoleOf(label) == Role.Unassigned)];
        cutOuts = new EmojiCutOut?[emoji.Count];
    }

    /// <summary>The classes that scenes are labelled with, sorted.</summary>
    internal IReadOnlyList<string> Meant { get; }

    /// <summary>The classes that scenes use as distractors, sorted.</summary>
    internal IReadOnlyList<string> StandingBy { get; }

    /// <summary>Train, Validation or Test; Unassigned for distractors.</summary>
    internal Role RoleOf(string label) => roles[label];

    /// <summary>Numbers of the images of a class, one per maker.</summary>
    internal IReadOnlyList<int> ImagesOf(string label) => images[label];

    /// <summary>An image's path and label; its role here is <see cref="RoleOf"/>.</summary>
    internal ImageItem ItemOf(int image) => emoji.Items[image];

    /// <summary>The cut-out of an image. Two threads may both make it, with equal results.</summary>
    internal EmojiCutOut CutOut(int image) =>
        Volatile.Read(ref cutOuts[image]) ?? Made(image);

    private EmojiCutOut Made(int image)
    {
        var made = EmojiCutOut.Of(new SkiaDecoder().Decode(emoji.Read(image), emoji.NameOf(image)));
        Volatile.Write(ref cutOuts[image], made);
        return made;
    }
}
