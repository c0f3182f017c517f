using CondEmbed.Search;
using Microsoft.Extensions.DependencyInjection;

namespace CondEmbed.Tests.CSharp;

/// <summary>What became of the services of an application.</summary>
/// <param name="MadeBefore">Networks made before anyone asked for one.</param>
/// <param name="Made">Networks made in all.</param>
/// <param name="IsOne">Whether every one who asks gets the same embedder and index.</param>
/// <param name="Count">Images in the index.</param>
/// <param name="IsIndexOpen">Whether the index can be used after the end of the application.</param>
public sealed record ServiceFacts(int MadeBefore, int Made, bool IsOne, int Count, bool IsIndexOpen);

/// <summary>Composes an application of services.</summary>
public static class ServiceUser
{
    /// <summary>An application from its beginning to its end.</summary>
    public static ServiceFacts Live(Func<IEmbeddingNetwork> network, string file)
    {
        var made = 0;
        var services = new ServiceCollection();
        services
            .AddCondEmbed(_ =>
            {
                made++;
                return network();
            })
            .AddCondEmbedIndex(file);

        ImageIndex index;
        int madeBefore, count;
        bool isOne;
        using (var provider = services.BuildServiceProvider())
        {
            madeBefore = made;
            index = provider.GetRequiredService<ImageIndex>();
            using var scope = provider.CreateScope();
            isOne = ReferenceEquals(index, scope.ServiceProvider.GetRequiredService<ImageIndex>())
                && ReferenceEquals(provider.GetRequiredService<Embedder>(), scope.ServiceProvider.GetRequiredService<Embedder>());
            count = index.Count;
        }

        return new ServiceFacts(madeBefore, made, isOne, count, IsOpen(index));
    }

    private static bool IsOpen(ImageIndex index)
    {
        try
        {
            return index.Count >= 0;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }
}
