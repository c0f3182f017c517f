namespace CondEmbed.Images;

/// <summary>A file of decoded pictures, so that only the first epoch, or the first run, has to decode them.</summary>
/// <param name="Folder">Where the file is, or is to be; made when missing. Several processes may use it at once.</param>
/// <param name="Side">The short side to which larger pictures are shrunk, in pixels.</param>
/// <param name="Filter">The interpolation.</param>
public sealed record PictureCacheOptions(string Folder, int Side = 256, ResampleFilter Filter = ResampleFilter.Bilinear)
{
    /// <summary>The picture as the cache keeps it: as it is, or shrunk as the evaluation's resize does.</summary>
    internal RgbImage Shrunk(RgbImage image)
    {
        if (Math.Min(image.Width, image.Height) <= Side)
            return image;
        var (width, height) = new EvalTransform(Side, Side, Filter).ResizedSize(image.Width, image.Height);
        return Resampler.Resize(image, width, height, Filter);
    }

    /// <summary>
    /// Whether a view is to be made from the shrunk picture: a random view for training, or one that comes out the same. What is measured must not depend on a
    /// cache.
    /// </summary>
    internal bool Serves(IImageTransform transform, int width, int height) => transform switch
    {
        TrainTransform { Geometry: not Geometry.CentreCrop } => true,
        TrainTransform train => Serves(train.View, width, height),
        EvalTransform view => (view.Resize == Side && view.Filter == Filter) || Math.Min(width, height) < Side,
        _ => false
    };
}
