using CondEmbed.Extensions.AI;
using CondEmbed.Images;
using CondEmbed.Models;
using CondEmbed.Pairs;
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

        async Task Say(string wanted, Func<Task> call)
        {
            try
            {
                await call();
                said.Add((wanted, "nothing"));
            }
            catch (ArgumentNullException problem)
            {
                said.Add((wanted, problem.ParamName ?? ""));
            }
            catch (Exception problem)
            {
                said.Add((wanted, problem.ToString()));
            }
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
