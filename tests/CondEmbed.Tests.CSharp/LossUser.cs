using CondEmbed.Interop;
using CondEmbed.Models;

namespace CondEmbed.Tests.CSharp;

/// <summary>Asks for losses as a C# program would.</summary>
public static class LossUser
{
    /// <summary>The value of a loss on two classes that lie well apart, and how many numbers its gradient has.</summary>
    public static (double Value, int Gradient) Value(string loss)
    {
        double[][] embeddings = [[1, 0], [0.8, 0.6], [-1, 0], [-0.6, -0.8]];
        var result = LossFunctions.Evaluate(loss, [], embeddings, [0, 0, 1, 1], null);
        return (result.Value, result.Gradients["embeddings"].Sum(row => row.Length));
    }

    /// <summary>The settings of a loss with their defaults: <c>margin=0.2</c>.</summary>
    public static IReadOnlyList<string> Defaults(string loss) =>
        [.. LossFunctions.All.Single(one => one.Name == loss).Settings.Select(setting => $"{setting.Key}={setting.Default}")];
}
