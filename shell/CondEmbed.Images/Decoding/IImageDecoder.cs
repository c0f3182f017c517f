namespace CondEmbed.Images;

/// <summary>Turns the bytes of an image file into pixels. Implementations may be called from several threads at once.</summary>
public interface IImageDecoder
{
    /// <summary>Decodes the first frame, upright, as 8-bit RGB.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">The image's name, for messages.</param>
    /// <exception cref="BadImageException">The bytes are not a complete image of a supported format, or the image is too large.</exception>
    RgbImage Decode(ReadOnlyMemory<byte> file, string name);
}
