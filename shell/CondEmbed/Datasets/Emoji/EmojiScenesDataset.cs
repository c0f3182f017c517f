namespace CondEmbed.Datasets;

/// <summary>An emoji in a scene.</summary>
/// <param name="Path">Its image in the emoji set: <c>CLASS/MAKER.png</c>.</param>
/// <param name="Label">Its class.</param>
/// <param name="Box">Where it is drawn.</param>
public sealed record ShownEmoji(string Path, string Label, PixelBox Box);

/// <summary>
/// Images of 96 x 96 px made from <see cref="EmojiDataset"/>: the labelled emoji in a random place and size (36 to 48 px) beside one or two
/// others that are not labelled, on a pale background. A scene alone does not tell which emoji is meant; only comparing it with another scene of the
/// class does. The others come from distractor classes, which occur in every part and are never labels (<see cref="EmojiSplit.ReadForScenes"/>), so that a network can
/// learn to ignore them, and no scene shows a class of another part. A scene is drawn when it is read, and depends only on its class and number.
/// </summary>
public sealed class EmojiScenesDataset : ItemDataset, IImageDataset
{
    /// <summary>The name of the scenes.</summary>
    public const string Scenes = "emoji-scenes";

    /// <summary>The name of the set with one emoji per image.</summary>
    public const string Singles = "emoji-singles";

    private const int ForTraining = 24;
    private const int HeldBack = 12;

    private readonly EmojiAlbum album;
    private readonly IReadOnlyList<Func<EmojiScene>> scenes;

    private EmojiScenesDataset(string name, string kind, EmojiAlbum album, IReadOnlyList<(ImageItem Item, Func<EmojiScene> Scene)> scenes)
        : base(name, [.. scenes.Select(pair => pair.Item)])
    {
        Kind = kind;
        this.album = album;
        this.scenes = [.. scenes.Select(pair => pair.Scene)];
    }

    /// <inheritdoc/>
    public string Kind { get; }

    /// <summary>The scenes: 24 of each training class, 12 of each class for validation and test, as <c>CLASS/scene-NN.png</c>.</summary>
    public static EmojiScenesDataset Open()
    {
        var album = new EmojiAlbum();
        var scenes =
            from label in album.Meant
            let role = album.RoleOf(label)
            from number in Enumerable.Range(0, role == Role.Train ? ForTraining : HeldBack)
            let path = string.Create(CultureInfo.InvariantCulture, $"{label}/scene-{number:00}.png")
            select (new ImageItem(path, label, role), new Func<EmojiScene>(() => EmojiScene.Several(album, label, (Scenes, number))));
        return new EmojiScenesDataset(Scenes, "scenes of several bundled emoji, one of them labelled", album, [.. scenes]);
    }

    /// <summary>Every image of the classes that are meant in scenes, alone on such a canvas, with the same parts, as <c>CLASS/MAKER.png</c>.</summary>
    public static EmojiScenesDataset OpenSingles()
    {
        var album = new EmojiAlbum();
        var scenes =
            from label in album.Meant
            from image in album.ImagesOf(label).Index()
            let item = album.ItemOf(image.Item) with { Role = album.RoleOf(label) }
            select (item, new Func<EmojiScene>(() => EmojiScene.Single(album, image.Item, (Singles, image.Index))));
        return new EmojiScenesDataset(Singles, "scenes of one bundled emoji", album, [.. scenes]);
    }

    /// <summary>Bytes of the pixels, since the file size is known only once the scene is drawn.</summary>
    public long LengthOf(int index) => 3 * EmojiScene.Side * EmojiScene.Side;

    /// <inheritdoc/>
    public string? StampOf(int index) => EmbeddedFile.Program;

    /// <inheritdoc/>
    public byte[] Read(int index) => ImageEncoder.Png(scenes[index]().Draw(album));

    /// <summary>What a scene shows, in the order in which it is drawn; exactly one is of the scene's class.</summary>
    public IReadOnlyList<ShownEmoji> ShownIn(int index) => [.. scenes[index]().Emoji.Select(shown => Shown(shown.Image, shown.Box))];

    private ShownEmoji Shown(int image, PixelBox box)
    {
        var item = album.ItemOf(image);
        return new ShownEmoji(item.Path, item.Label, box);
    }
}
