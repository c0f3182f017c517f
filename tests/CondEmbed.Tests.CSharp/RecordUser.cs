using System.Text.Json.Serialization;
using Microsoft.Extensions.VectorData;

namespace CondEmbed.Tests.CSharp;

/// <summary>An article as a positional record.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Title">Its name.</param>
/// <param name="Kind">What searches can be filtered by.</param>
/// <param name="Price">Its price.</param>
/// <param name="Photo">Its photograph's embedding.</param>
public sealed record PositionalArticle(
    [property: VectorStoreKey] string Number,
    [property: VectorStoreData] string Title,
    [property: VectorStoreData(IsIndexed = true)] string? Kind,
    [property: VectorStoreData] decimal Price,
    [property: VectorStoreVector(128)] ReadOnlyMemory<float> Photo);

/// <summary>An article whose number and name have to be given.</summary>
public sealed record RequiredArticle
{
    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public required Guid Number { get; init; }

    /// <summary>Its name.</summary>
    [VectorStoreData]
    public required string Title { get; init; }

    /// <summary>Its price, if it has one.</summary>
    [VectorStoreData]
    public decimal? Price { get; init; } = 1;

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public required float[]? Photo { get; init; }
}

/// <summary>An article with a constructor for some of it, properties that only the constructor sets, and others.</summary>
public sealed class MixedArticle
{
    /// <summary>The constructor that is marked.</summary>
    [JsonConstructor]
    public MixedArticle(long number, string title, string shownAs = "nobody") => (Number, Title, ShownAs) = (number, title, shownAs);

    /// <summary>One that is not meant.</summary>
    public MixedArticle(long number)
        : this(number, "none")
    {
    }

    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public long Number { get; }

    /// <summary>Its name.</summary>
    [VectorStoreData]
    public string Title { get; }

    /// <summary>Not stored.</summary>
    public string ShownAs { get; }

    /// <summary>Its price.</summary>
    [VectorStoreData]
    public decimal Price { get; private set; }

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public ReadOnlyMemory<float>? Photo { get; set; }

    /// <summary>The same at a price.</summary>
    public MixedArticle At(decimal price) => new(Number, Title, "somebody") { Price = price, Photo = Photo };
}

/// <summary>A record that is also described elsewhere.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Tags">What is said of it.</param>
/// <param name="Photo">Its photograph's embedding.</param>
public sealed record DescribedArticle(int Number, IReadOnlyList<string> Tags, float[] Photo);

/// <summary>A record whose constructor refuses some values.</summary>
public sealed record CarefulArticle
{
    /// <summary>An article of a price above 0.</summary>
    public CarefulArticle(string number, decimal price) =>
        (Number, Price) = (number, price > 0 ? price : throw new ArgumentException("there is no price"));

    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public string Number { get; }

    /// <summary>Its price.</summary>
    [VectorStoreData]
    public decimal Price { get; init; }

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public float[]? Photo { get; init; }
}

/// <summary>Its name cannot be set.</summary>
public sealed class ClosedArticle
{
    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public string Number { get; set; } = "";

    /// <summary>Its name.</summary>
    [VectorStoreData]
    public string Title { get; } = "";

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public float[]? Photo { get; set; }
}

/// <summary>Its name is not stored.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Title">Its name.</param>
/// <param name="Photo">Its photograph's embedding.</param>
public sealed record PartlyStoredArticle([property: VectorStoreKey] string Number, string Title, [property: VectorStoreVector(128)] float[] Photo);

/// <summary>Its constructor takes another type than its property has.</summary>
public sealed class OtherwiseTypedArticle(string number, int price, float[] photo)
{
    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public string Number { get; } = number;

    /// <summary>Its price.</summary>
    [VectorStoreData]
    public decimal Price { get; } = price;

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public float[] Photo { get; } = photo;
}

/// <summary>Two constructors, of which none is marked.</summary>
public sealed class TwoWaysArticle
{
    /// <summary>One.</summary>
    public TwoWaysArticle(string number) => Number = number;

    /// <summary>And another.</summary>
    public TwoWaysArticle(string number, float[]? photo) => (Number, Photo) = (number, photo);

    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public string Number { get; }

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public float[]? Photo { get; }
}

/// <summary>Nobody else can make one.</summary>
public sealed class HiddenArticle
{
    private HiddenArticle()
    {
    }

    /// <summary>One of them.</summary>
    public static HiddenArticle Only { get; } = new();

    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public string Number { get; set; } = "";

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public float[]? Photo { get; set; }
}

/// <summary>What all articles have.</summary>
public abstract class AnyArticle
{
    /// <summary>Its number.</summary>
    [VectorStoreKey]
    public string Number { get; set; } = "";

    /// <summary>Its photograph's embedding.</summary>
    [VectorStoreVector(128)]
    public float[]? Photo { get; set; }
}

/// <summary>Records of an application's own, as they write them who have no store in mind.</summary>
public static class RecordUser
{
    /// <summary>A record through a store and back: by its key, found, and found with its vector.</summary>
    public static async Task<(TRecord? Got, TRecord Found, TRecord Whole)> Through<TKey, TRecord>(
        VectorStore store, string name, TKey key, TRecord record, VectorStoreCollectionDefinition? definition = null)
        where TKey : notnull
        where TRecord : class
    {
        var shop = store.GetCollection<TKey, TRecord>(name, definition);
        await shop.UpsertAsync(record);
        var got = await shop.GetAsync(key);
        var found = await shop.SearchAsync(HostUser.Wide(1), 1).SingleAsync();
        var whole = await shop.SearchAsync(HostUser.Wide(1), 1, new() { IncludeVectors = true }).SingleAsync();
        return (got, found.Record, whole.Record);
    }

    /// <summary>Records of several kinds through a store and back; what is not as it was, or nothing.</summary>
    public static async Task<IReadOnlyList<(string Kind, string Problem)>> Kinds(VectorStore store)
    {
        var photo = HostUser.Wide(1);
        var positional = new PositionalArticle("1", "red mug", "mug", 3.5m, photo);
        var (got, found, whole) = await Through(store, "positional", "1", positional);
        var said = new List<(string, string)>
        {
            ("positional", got == positional with { Photo = default } && found == got ? "" : $"{got}, {found}"),
            ("positional, with its vector", whole == positional with { Photo = whole.Photo } && whole.Photo.Span.SequenceEqual(photo) ? "" : $"{whole}"),
        };
        var filtered = await store.GetCollection<string, PositionalArticle>("positional").SearchAsync(photo, 1, new() { Filter = article => article.Kind == "mug" }).CountAsync();
        said.Add(("positional, filtered", filtered == 1 ? "" : $"{filtered}"));
        var due = new RequiredArticle { Number = Guid.NewGuid(), Title = "red pot", Price = null, Photo = photo };
        var back = await Through(store, "required", due.Number, due);
        said.Add(("required, and null where the default is not", back.Got == due with { Photo = null } && back.Found == back.Got ? "" : $"{back}"));
        said.Add(("required, with its vector", back.Whole.Photo is { } numbers && numbers.AsSpan().SequenceEqual(photo) ? "" : $"{back}"));
        var mixed = new MixedArticle(7, "blue mug") { Photo = photo }.At(4);
        var (made, _, all) = await Through(store, "mixed", 7L, mixed);
        said.Add(("mixed", made is { Number: 7, Title: "blue mug", Price: 4, ShownAs: "nobody", Photo: null } && all.Photo is { Length: 128 } ? "" : $"{made?.Title} {made?.ShownAs} {made?.Price} {made?.Photo}"));
        var described = new DescribedArticle(9, ["red", "new"], photo);
        var definition = new VectorStoreCollectionDefinition
        {
            Properties =
            [
                new VectorStoreKeyProperty("Number", typeof(int)),
                new VectorStoreDataProperty("Tags", typeof(IReadOnlyList<string>)),
                new VectorStoreVectorProperty("Photo", typeof(float[]), 128),
            ],
        };
        var (one, _, _) = await Through(store, "described", 9, described, definition);
        said.Add(("described", one is { Number: 9, Tags: ["red", "new"], Photo: null } ? "" : $"{one}"));
        foreach (var name in new[] { "positional", "required", "mixed", "described" })
        {
            await store.EnsureCollectionDeletedAsync(name);
        }

        return said;
    }

    /// <summary>A record that its constructor refuses when it is read.</summary>
    public static async Task<CarefulArticle?> Careful(VectorStore store)
    {
        var shop = store.GetCollection<string, CarefulArticle>("careful");
        await shop.UpsertAsync(new CarefulArticle("1", 1) { Price = -1, Photo = HostUser.Wide(1) });
        return await shop.GetAsync("1");
    }

    /// <summary>What is said to classes of which no record can be made.</summary>
    public static IReadOnlyList<string> Refusals(VectorStore store)
    {
        var said = new List<string>();
        Note<ClosedArticle>();
        Note<PartlyStoredArticle>();
        Note<OtherwiseTypedArticle>();
        Note<TwoWaysArticle>();
        Note<HiddenArticle>();
        Note<AnyArticle>();
        return said;

        void Note<TRecord>()
            where TRecord : class
        {
            try
            {
                _ = store.GetCollection<string, TRecord>("none");
                said.Add("nothing");
            }
            catch (NotSupportedException problem)
            {
                said.Add(problem.Message);
            }
        }
    }
}
