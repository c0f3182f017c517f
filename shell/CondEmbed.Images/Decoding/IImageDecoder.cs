namespace CondEmbed.Images;

/// <summary>Turns the bytes of a picture file into pixels. Implementations may be called from several threads at once.</summary>
public interface IImageDecoder
{
    /// <summary>Decodes the first frame, upright, as 8-bit RGB.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">The picture's name as people know it, for messages.</param>
    /// <exception cref="BadPictureException">The bytes are not a whole picture of a supported format, or it is too large.</exception>
    RgbImage Decode(ReadOnlyMemory<byte> file, string name);
}
