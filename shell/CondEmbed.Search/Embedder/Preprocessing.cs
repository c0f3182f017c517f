using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CondEmbed.Search;

/// <summary>How an image becomes the input of an exported model, and what the model itself does with it first.</summary>
/// <param name="View">The view of an image.</param>
/// <param name="Mean">Of red, green and blue, of values in 0..1.</param>
/// <param name="Deviation">Of red, green and blue, of values in 0..1.</param>
internal sealed record Preprocessing(EvalTransform View, IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation)
{
    // Longer than any network's input, and the bytes of an image of that size can still be counted in an int.
    private const int LongestSide = 1 << 14;

    /// <summary>In words.</summary>
    internal string InWords() => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        Turn the image upright (EXIF) and make it 8-bit RGB{BehindInWords}. Resize its short side to {View.Resize} px, keeping the shape (the long side rounded down): {FilterName}, antialiased as Pillow's Image.resize. Cut out the middle {View.Crop} x {View.Crop} px. Give the bytes as they are, uint8 of shape ({OnnxNames.Batch}, {View.Crop}, {View.Crop}, 3), as '{OnnxNames.Input}': the model itself computes (x / 255 - mean) / std. '{OnnxNames.Output}' has length 1, so that dot products are cosines.
        """);

    internal string ToJson()
    {
        var all = new JsonObject
        {
            ["resize_short_side"] = View.Resize,
            ["centre_crop"] = View.Crop,
            ["interpolation"] = FilterName,
            ["antialias"] = "pillow",
            ["input"] = OnnxNames.Input,
            ["type"] = "uint8",
            ["layout"] = "NHWC",
            ["colours"] = "RGB",
            ["mean"] = Numbers(Mean),
            ["std"] = Numbers(Deviation),
            ["normalised_by"] = "model",
        };
        if (View.Background is { } colour)
            all["background"] = colour.ToHex();
        return all.ToJsonString();
    }

    /// <summary>What <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="FormatException">It is not that.</exception>
    internal static Preprocessing Parse(string json)
    {
        try
        {
            var all = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false })!.AsObject();
            var view = new EvalTransform(Whole(all, "resize_short_side"), Whole(all, "centre_crop"), FilterOf((string)all["interpolation"]!))
            {
                Background = all["background"] is { } colour ? ColourOf((string)colour!) : null,
            };
            return new Preprocessing(view, [.. all["mean"]!.AsArray().Select(number => (double)number!)], [.. all["std"]!.AsArray().Select(number => (double)number!)]);
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            throw new FormatException(problem.Message, problem);
        }
    }

    private string BehindInWords => View.Background is { } colour ? $", with {colour.ToHex()} behind transparent parts" : "";

    private static Rgb ColourOf(string hex) =>
        hex.Length == 7 && hex[0] == '#' && int.TryParse(hex.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            ? Rgb.Of(number)
            : throw new FormatException($"the background '{hex}' is not a colour such as #ffffff");

    private string FilterName => View.Filter == ResampleFilter.Bicubic ? "bicubic" : "bilinear";

    private static ResampleFilter FilterOf(string name) => name switch
    {
        "bicubic" => ResampleFilter.Bicubic,
        "bilinear" => ResampleFilter.Bilinear,
        _ => throw new FormatException($"unknown interpolation '{name}'"),
    };

    private static int Whole(JsonObject all, string name) =>
        (int)all[name]! is var number and > 0 and <= LongestSide ? number : throw new FormatException($"{name} must be between 1 and {LongestSide}");

    private static JsonArray Numbers(IEnumerable<double> numbers) => [.. numbers.Select(number => JsonValue.Create(number))];
}
