using System.Globalization;
using System.Security.Cryptography;

namespace CondEmbed.Search;

/// <summary>Names images by their content, so that an image has the same name wherever it is stored.</summary>
public static class ImageId
{
    /// <summary>Characters of an id.</summary>
    public const int Length = 2 * SHA256.HashSizeInBytes;

    /// <summary>Whether a string is such an id.</summary>
    internal static bool IsOne(string? text) => text is { Length: Length } && text.All(char.IsAsciiHexDigit);

    /// <summary>SHA-256 of the encoded file, followed by the box as the text <c>#left,top,width,height</c> where only a part of the image is meant; in lower-case hexadecimal.</summary>
    public static string Of(ReadOnlySpan<byte> file, PixelBox? box = null)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sum.AppendData(file);
        if (box is { } part)
        {
            sum.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"#{part.Left},{part.Top},{part.Width},{part.Height}")));
        }

        return Convert.ToHexStringLower(sum.GetHashAndReset());
    }
}
