using CondEmbed.Extensions.AI;
using CondEmbed.Images;
using CondEmbed.Models;
using CondEmbed.Pairs;
using CondEmbed.Postgres;
using CondEmbed.Search;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace CondEmbed.Tests.CSharp;

/// <summary>Callers that give null, and callers of what was disposed of: what they are told, call by call.</summary>
public static class StrictUser
{
    /// <summary>What is thrown for null in place of arguments: the parameter that each call should name, and what it names.</summary>
    public static async Task<IReadOnlyList<(string Wanted, string Said)>> Nulls(VectorStore store, Embedder embedder, string image)
    {
        var shop = store.GetCollection<string, Article>("shop");
        var article = new Article { Number = "1", Photo = HostUser.Wide(1) };
        using var generator = embedder.AsIEmbeddingGenerator();
        using var index = new ImageIndex(embedder.Dimension);
        var said = new List<(string, string)>();
        await Say("record", () => shop.UpsertAsync((Article)null!));
        await Say("records", () => shop.UpsertAsync((IEnumerable<Article>)null!));
        await Say("records", () => shop.UpsertAsync([article, null!]));
        await Say("key", () => shop.GetAsync((string)null!));
        await Say("key", () => shop.DeleteAsync((string)null!));
        await Say("keys", () => shop.DeleteAsync((IEnumerable<string>)null!));
        await Say("keys", () => shop.DeleteAsync(["1", null!]));
        await Say("searchValue", async () => await shop.SearchAsync((float[])null!, 1).ToListAsync());
        await Say("values", () => generator.GenerateAsync(null!));
        await Say("values", () => generator.GenerateAsync([new DataContent(new byte[] { 1 }, "image/png"), null!]));
        await Say("path", () => embedder.EmbedAsync((string)null!));
        await Say("paths", () => embedder.EmbedAsync((IReadOnlyList<string>)null!));
        await Say("paths", () => embedder.EmbedAsync([image, null!]));
        await Say("image", () => embedder.EmbedAsync((Stream)null!));
        await Say("image", () => embedder.EmbedAsync((RgbImage)null!));
        await Say("source", () => embedder.EmbedAsync((IImageSource)null!));
        await Say("name", () => embedder.EmbedAsync(new byte[] { 1 }, null!));
        await Say("path", () => Task.FromResult(embedder.Embed((string)null!)));
        await Say("image", () => Task.FromResult(embedder.Embed((RgbImage)null!)));
        await Say("images", () => index.AddAsync(embedder, [new IndexImage("a", image), null!]));
        await Say("images", () => index.AddAsync(embedder, [new IndexImage("a", null!)]));
        await Say("images", () => ImageIndex.BuildAsync(embedder, (IReadOnlyList<IndexImage>)null!));
        await Say("embedder", () => ImageIndex.BuildAsync(null!, "folder"));
        await Say("id", () => Task.FromResult(index.Contains(null!)));
        await Say("id", () => Task.FromResult(index.EmbeddingOf(null!)));
        await Say("id", () => Task.FromResult(index.Remove(null!)));
        await Say("run", () => Task.FromResult(EmbeddingModel.Load(null!)));
        await Say("run", () => Task.FromResult(ConditionalModel.Load(null!)));
        await Say("path", () => Task.FromResult(IndexFileStore.Open(null!)));
        await Say("folder", () => Task.FromResult(Runs.Trainer.Resume(null!)));
        return said;

        async Task Say(string wanted, Func<Task> call) => said.Add((wanted, await NullSaid(call)));
    }

    /// <summary>What the stores of any place say to null: the call and the parameter that it should name, and what it names.</summary>
    /// <param name="place">The place.</param>
    /// <param name="store">A store of 128 numbers in it.</param>
    public static async Task<IReadOnlyList<(string Call, string Wanted, string Said)>> StoreNulls(IVectorStores place, IVectorStore store)
    {
        var said = new List<(string, string, string)>();
        var id = ImageId.Of([1]);
        await Say(place, "OpenAsync", "name", () => place.OpenAsync(null!));
        await Say(place, "OpenOrCreateAsync", "name", () => place.OpenOrCreateAsync(null!, store.Network));
        await Say(place, "OpenOrCreateAsync", "network", () => place.OpenOrCreateAsync("other", null!));
        await Say(place, "RemoveAsync", "name", () => place.RemoveAsync(null!));
        await Say(store, "KnownAsync", "ids", () => store.KnownAsync(null!));
        await Say(store, "KnownAsync", "ids", () => store.KnownAsync([id, null!]));
        await Say(store, "GetAsync", "ids", () => store.GetAsync(null!));
        await Say(store, "GetAsync", "ids", () => store.GetAsync([id, null!]));
        await Say(store, "UpsertAsync", "items", () => store.UpsertAsync(null!));
        await Say(store, "UpsertAsync", "items", () => store.UpsertAsync([new StoreItem(id, "a", "", HostUser.Wide(1)), null!]));
        await Say(store, "PlaceAsync", "places", () => store.PlaceAsync(null!));
        await Say(store, "PlaceAsync", "places", () => store.PlaceAsync([new StorePlace(id, "a", ""), null!]));
        await Say(store, "RemoveAsync", "ids", () => store.RemoveAsync(null!));
        await Say(store, "RemoveAsync", "ids", () => store.RemoveAsync([id, null!]));
        return said;

        async Task Say(object of, string method, string wanted, Func<Task> call) => said.Add(($"{of.GetType().Name}.{method}", wanted, await NullSaid(call)));
    }

    /// <summary>The same of what is PostgreSQL's alone.</summary>
    public static async Task<IReadOnlyList<(string Call, string Wanted, string Said)>> PostgresNulls(PostgresAddress address)
    {
        var network = new StoreNetwork("means", 128);
        var said = new List<(string, string, string)>();
        await Say("PostgresAddress.Recognises", "text", () => Task.FromResult(PostgresAddress.Recognises(null!)));
        await Say("PostgresAddress.Parse", "uri", () => Task.FromResult(PostgresAddress.Parse(null!)));
        await Say("PostgresDatabase.new", "address", () => Task.FromResult(new PostgresDatabase(null!)));
        await Say("PostgresStore.OpenAsync", "address", () => PostgresStore.OpenAsync(null!));
        await Say("PostgresStore.OpenOrCreateAsync", "address", () => PostgresStore.OpenOrCreateAsync(null!, network));
        await Say("PostgresStore.OpenOrCreateAsync", "network", () => PostgresStore.OpenOrCreateAsync(address, null!));
        return said;

        async Task Say(string method, string wanted, Func<Task> call) => said.Add((method, wanted, await NullSaid(call)));
    }

    private static async Task<string> NullSaid(Func<Task> call)
    {
        try
        {
            await call();
            return "nothing";
        }
        catch (ArgumentNullException problem)
        {
            return problem.ParamName ?? "";
        }
        catch (Exception problem)
        {
            return problem.ToString();
        }
    }

    /// <summary>What the calls of a store say once it was disposed of: the name of what is gone, or what they say in its place.</summary>
    public static async Task<IReadOnlyList<string>> StoreThatIsGone(VectorStore store)
    {
        var shop = store.GetCollection<string, Article>("shop");
        await shop.UpsertAsync(new Article { Number = "1", Photo = HostUser.Wide(1) });
        store.Dispose();
        var said = new List<string>();
        await Say(() => shop.GetAsync("1"));
        await Say(() => shop.CollectionExistsAsync());
        await Say(() => shop.EnsureCollectionExistsAsync());
        await Say(() => shop.EnsureCollectionDeletedAsync());
        await Say(() => shop.DeleteAsync("1"));
        await Say(() => shop.UpsertAsync(new Article { Number = "2", Photo = HostUser.Wide(1) }));
        await Say(async () => await shop.SearchAsync(HostUser.Wide(1), 1).ToListAsync());
        await Say(() => store.CollectionExistsAsync("shop"));
        await Say(() => store.EnsureCollectionDeletedAsync("shop"));
        await Say(() => Task.FromResult(store.GetCollection<string, Article>("shop")));
        return said;

        async Task Say(Func<Task> call)
        {
            try
            {
                await call();
                said.Add("nothing");
            }
            catch (ObjectDisposedException problem)
            {
                said.Add(problem.ObjectName.Split('.')[^1]);
            }
            catch (Exception problem)
            {
                said.Add(problem.ToString());
            }
        }
    }

    /// <summary>Two stores of one place write in turns: what each has in the end.</summary>
    public static async Task<IReadOnlyList<string>> InTurns(VectorStore one, VectorStore other)
    {
        var (first, second) = (one.GetCollection<string, Article>("shop"), other.GetCollection<string, Article>("shop"));
        await first.EnsureCollectionExistsAsync();
        await first.UpsertAsync([new Article { Number = "1", Title = "red", Photo = HostUser.Wide(1) }, new Article { Number = "2", Title = "lost", Photo = HostUser.Wide(0, 1) }]);
        await second.EnsureCollectionExistsAsync();
        await second.UpsertAsync(new Article { Number = "3", Title = "blue", Photo = HostUser.Wide(0, 0, 1) });
        await second.DeleteAsync("2");
        await first.UpsertAsync(new Article { Number = "4", Title = "dark", Photo = HostUser.Wide(0, 0, 0, 1) });
        await Task.WhenAll(Enumerable.Range(5, 8).Select(number =>
            (number % 2 == 0 ? first : second).UpsertAsync(new Article { Number = $"{number}", Title = $"{number}", Photo = HostUser.Wide(0.1f, number) })));
        await second.UpsertAsync(new Article { Number = "13", Title = "13", Photo = HostUser.Wide(0.1f, 13) });
        return [.. await second.SearchAsync(HostUser.Wide(1), 20).Select(hit => hit.Record.Title).Order().ToListAsync()];
    }

    /// <summary>Asks for a collection that is there, and writes; what that says, or null.</summary>
    public static async Task<(bool IsThere, string? Said)> Beside(VectorStore store, CancellationToken stop)
    {
        var shop = store.GetCollection<string, Article>("shop");
        await shop.EnsureCollectionExistsAsync(stop);
        try
        {
            await shop.UpsertAsync(new Article { Number = "1", Photo = HostUser.Wide(1) }, stop);
            return (true, null);
        }
        catch (VectorStoreException problem)
        {
            return (true, problem.Message);
        }
    }
}
