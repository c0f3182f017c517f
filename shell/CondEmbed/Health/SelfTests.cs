using CondEmbed.Reports;
using TorchSharp;

namespace CondEmbed.Health;

/// <summary>Tiny jobs whose results are known.</summary>
internal static class SelfTests
{
    // Two pixels, red and blue.
    private const string TwoPixelPng = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADUlEQVR4nGP4zwAE/wEHAAH/4iOeWQAAAABJRU5ErkJggg==";

    /// <summary>One product and one gradient for each device.</summary>
    public static IEnumerable<SelfTestResult> Torch(IEnumerable<string> devices)
    {
        foreach (var device in devices)
        {
            yield return Try($"matrix product on {device}", () => MatrixProduct(device));
            yield return Try($"gradient on {device}", () => Gradient(device));
        }
    }

    public static SelfTestResult ImageDecoding() => Try("decoding an image", () =>
    {
        var image = new SkiaDecoder().Decode(Convert.FromBase64String(TwoPixelPng), "the image of this test");
        Expect<byte>(image.Pixels, [255, 0, 0, 0, 0, 255]);
    });

    private static void MatrixProduct(string device)
    {
        var on = torch.device(device);
        using var left = torch.tensor([1f, 2f, 3f, 4f], [2, 2], device: on);
        using var right = torch.tensor([5f, 6f, 7f, 8f], [2, 2], device: on);
        using var product = left.mm(right);
        Expect(product, [19, 22, 43, 50]);
    }

    // d/dx sum(x^2) = 2x
    private static void Gradient(string device)
    {
        var on = torch.device(device);
        using var x = torch.tensor([1f, -2f, 3f], device: on, requires_grad: true);
        using var squares = x * x;
        using var sum = squares.sum();
        sum.backward();
        using var gradient = x.grad ?? throw new InvalidOperationException("there is no gradient");
        Expect(gradient, [2, -4, 6]);
    }

    private static void Expect(torch.Tensor found, float[] expected)
    {
        using var here = found.cpu();
        using var values = here.data<float>();
        Expect<float>(values.ToArray(), expected);
    }

    private static void Expect<T>(T[] found, T[] expected)
    {
        if (!found.AsSpan().SequenceEqual(expected))
            throw new InvalidOperationException($"the result is {string.Join(" ", found)}, not {string.Join(" ", expected)}");
    }

    private static string FirstLine(string text) => text.Split('\n')[0].TrimEnd();

    // Whatever happens in a test is its result: a broken native library may throw anything.
    private static SelfTestResult Try(string name, Action test)
    {
        try
        {
            test();
            return new SelfTestResult(name, true, "");
        }
        catch (Exception problem)
        {
            return new SelfTestResult(name, false, FirstLine(problem.GetBaseException().Message));
        }
    }
}
